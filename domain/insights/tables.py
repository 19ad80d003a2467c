"""What each of the shop's days brought of members and of everybody else: sums that can be added up over any days."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Integer, Table

from domain.foundation.tables import metadata, moment

_COUNTS = ("members", "new_people", "new_members", "terms_due", "terms_renewed", "member_orders", "other_orders")

member_days = Table(
    "member_days",
    metadata,
    Column("day", Date, primary_key=True),
    *(Column(name, Integer, nullable=False) for name in _COUNTS),
    # paid on the day by those who were members when they paid, and by others, less what they had back on the day of orders
    # of any day
    Column("member_spend_minor", BigInteger, nullable=False),
    Column("other_spend_minor", BigInteger, nullable=False),
    moment("made_at"),
    CheckConstraint(" AND ".join(f"{name} >= 0" for name in _COUNTS), name="counts"),
    CheckConstraint("terms_renewed <= terms_due", name="renewed"),
)
