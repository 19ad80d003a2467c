"""Who holds which benefits, what the timetable has given for them, what they saved on orders, and the prices of members."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

holdings = Table(
    "benefit_holdings",
    metadata,
    id_column(),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    # who has granted it, and which term, level or grant of theirs it is
    Column("source", String(10), nullable=False),
    Column("source_id", Uuid, nullable=False),
    # a list of kinds with their terms; it never changes
    Column("benefits", JSONB, nullable=False),
    moment("starts_at"),
    moment("ends_at", nullable=True),
    moment("granted_at"),
    # when the timetable has to look at it again
    moment("next_grant_at", nullable=True),
    # its price was paid back: not even a checkout that began before finds it
    moment("withdrawn_at", nullable=True),
    UniqueConstraint("source", "source_id"),
    CheckConstraint("source IN ('membership', 'level', 'staff')", name="source"),
    CheckConstraint("ends_at >= starts_at", name="ends_at"),
    CheckConstraint("jsonb_typeof(benefits) = 'array'", name="benefits"),
)
# What does this account hold now?
Index("benefit_holdings_account_idx", holdings.c.account_id, holdings.c.ends_at)
# The timetable's question: for which is something due?
Index(
    "benefit_holdings_due_idx",
    holdings.c.next_grant_at,
    holdings.c.id,
    postgresql_where=text("next_grant_at IS NOT NULL"),
)

# One row for each period of a benefit: what was given, or why it could not be.
grants = Table(
    "benefit_grants",
    metadata,
    id_column(),
    Column("holding_id", Uuid, ForeignKey("benefit_holdings.id"), nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    # which of the holding's benefits, and for which month of it or birthday of which year
    Column("position", SmallInteger, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("period", SmallInteger, nullable=False),
    moment("due_at"),
    # pieces of a batch, or points
    Column("batch_id", Uuid),
    Column("pieces", SmallInteger),
    Column("points", BigInteger),
    moment("granted_at", nullable=True),
    # of one that could not be given: the code of the refusal, and when it will be tried again
    Column("failed_with", String(40)),
    moment("retry_at", nullable=True),
    UniqueConstraint("holding_id", "position", "period"),
    CheckConstraint("kind IN ('coupons', 'birthday_gift')", name="kind"),
    CheckConstraint("(batch_id IS NULL) = (pieces IS NULL) AND (batch_id IS NULL) <> (points IS NULL)", name="what"),
    CheckConstraint("pieces >= 1 AND points >= 1", name="amounts"),
    CheckConstraint("(granted_at IS NULL) = (failed_with IS NOT NULL)", name="failed_with"),
    CheckConstraint("retry_at IS NULL OR granted_at IS NULL", name="retry_at"),
)
# One birthday gift a year, whatever somebody holds.
Index(
    "benefit_grants_birthday_key",
    grants.c.account_id,
    grants.c.period,
    unique=True,
    postgresql_where=text("kind = 'birthday_gift'"),
)
# What was this account given, the newest first? What could not be given? And which of that is to be tried again?
Index("benefit_grants_account_idx", grants.c.account_id, grants.c.id.desc())
Index("benefit_grants_failed_idx", grants.c.id.desc(), postgresql_where=text("granted_at IS NULL"))
Index("benefit_grants_retry_idx", grants.c.retry_at, grants.c.id, postgresql_where=text("retry_at IS NOT NULL"))

# The coupons of a grant.
granted_coupons = Table(
    "benefit_coupons",
    metadata,
    id_column("coupon_id", ForeignKey("coupons.id"), primary_key=True),
    Column("grant_id", Uuid, ForeignKey("benefit_grants.id"), nullable=False, index=True),
)

# What a holding took off an order when it was placed: the whole order's, whatever became of it.
uses = Table(
    "benefit_uses",
    metadata,
    # written before the order, in one transaction with it
    Column("order_id", Uuid, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("holding_id", Uuid, ForeignKey("benefit_holdings.id"), nullable=False),
    Column("minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("order_id", "kind"),
    CheckConstraint("kind IN ('member_price', 'free_delivery')", name="kind"),
    CheckConstraint("minor >= 1", name="minor"),
)
# What was a holding worth to its holder?
Index("benefit_uses_holding_idx", uses.c.holding_id)

member_prices = Table(
    "member_prices",
    metadata,
    Column("sku_id", Uuid, ForeignKey("skus.id"), primary_key=True),
    Column("price_minor", BigInteger, nullable=False),
    moment("set_at"),
    Column("set_by", Uuid, nullable=False),
    CheckConstraint("price_minor BETWEEN 0 AND 1000000000000000", name="price_minor"),
)

# Products that are sold to members only, all their SKUs.
member_only_goods = Table(
    "member_only_goods",
    metadata,
    Column("product_id", Uuid, ForeignKey("products.id"), primary_key=True),
    moment("set_at"),
    Column("set_by", Uuid, nullable=False),
)

birthdays = Table(
    "birthdays",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("month", SmallInteger, nullable=False),
    Column("day", SmallInteger, nullable=False),
    moment("set_at"),
    CheckConstraint("month BETWEEN 1 AND 12 AND day BETWEEN 1 AND 31", name="day"),
)
