"""Customers as of the last refresh, what changed since, the ladder's counts, each day's standing, and the versions of the rules."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment


def _amount(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


# Whoever kept something of a paid order. Everything is worked out of orders, and could be at any time.
customers = Table(
    "customers",
    metadata,
    id_column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    # the days of the first purchases, up to the fourth
    Column("ladder", ARRAY(Date), nullable=False),
    _count("orders"),
    _count("purchases"),
    _amount("spend_minor"),
    _amount("refunded_minor"),
    _amount("goods_minor"),
    _amount("costed_minor"),
    _amount("margin_minor"),
    # the same, of the window of the rules
    _count("recent_orders"),
    _count("recent_purchases"),
    _amount("recent_spend_minor"),
    _amount("recent_goods_minor"),
    _amount("recent_costed_minor"),
    _amount("recent_margin_minor"),
    # whose share link the first order came of; and of how many others' this one's did, in the window
    Column("referred_by", Uuid),
    _count("referred"),
    _count("index_permille"),
    _amount("value_minor"),
    moment("refreshed_at"),
    CheckConstraint("orders >= 1 AND purchases BETWEEN 1 AND orders", name="orders"),
    CheckConstraint(
        "recent_orders BETWEEN 0 AND orders AND recent_purchases BETWEEN 0 AND purchases AND referred >= 0",
        name="recent",
    ),
    CheckConstraint("first_day = ladder[1] AND first_day <= last_day", name="ladder"),
)
# Who is worth most?
Index("customers_value_idx", customers.c.value_minor, customers.c.account_id)
# How many first orders came of somebody's links in the window; and whose were on the day that leaves it?
Index(
    "customers_referred_idx",
    customers.c.referred_by,
    customers.c.first_day,
    postgresql_where=customers.c.referred_by.isnot(None),
)
Index("customers_first_day_idx", customers.c.first_day, postgresql_where=customers.c.referred_by.isnot(None))

# Whose orders have changed since they were last worked out; a customer may stand here often. No key but the position:
# whoever notes a change never waits for a refresh that takes notes away.
changes = Table(
    "customer_changes",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("account_id", Uuid, nullable=False),
)

# Customers by the month of their first purchase: step 0 counts them all; step n those of them who had purchase n + 1,
# by the days between it and the one before.
ladder = Table(
    "customer_ladder",
    metadata,
    Column("cohort", Date, nullable=False),
    Column("step", SmallInteger, nullable=False),
    Column("days", Integer, nullable=False),
    _count("customers"),
    PrimaryKeyConstraint("cohort", "step", "days"),
    CheckConstraint("step BETWEEN 0 AND 3 AND (step = 0) = (days = 0)", name="step"),
    CheckConstraint("customers >= 0", name="customers"),
)

# The one row that says up to when customers are worked out; whoever changes one has it locked.
refresh = Table(
    "customer_refresh",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default="true"),
    Column("as_of_day", Date),
    Column("rules_version", Integer, nullable=False, server_default="0"),
    moment("refreshed_at", nullable=True),
    # when one last changed
    moment("changed_at", nullable=True),
    CheckConstraint("is_only", name="only"),
)

# All customers together, once for each day: totals, what the scores begin at, customers by scores, the curve of margin.
standings = Table(
    "customer_standings",
    metadata,
    Column("day", Date, primary_key=True),
    moment("made_at"),
    _count("customers"),
    *(
        _amount(name)
        for name in ("orders", "spend_minor", "refunded_minor", "goods_minor", "costed_minor", "margin_minor")
    ),
    Column("cuts", JSONB, nullable=False),
    Column("cells", JSONB, nullable=False),
    Column("pareto", JSONB, nullable=False),
)

# What user value means: the highest version counts.
value_rules = Table(
    "customer_value_rules",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    _count("window_days"),
    _count("referral_permille"),
    _count("most_referred"),
    moment("set_at"),
    Column("set_by", Uuid, nullable=False),
    CheckConstraint(
        "version >= 1 AND window_days BETWEEN 30 AND 1095 AND referral_permille BETWEEN 0 AND 10000"
        " AND most_referred BETWEEN 0 AND 1000",
        name="rules",
    ),
)
