"""The rules' versions, shoppers' accounts of points, their lots and moves, and what orders have spent and earned."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from domain.foundation.tables import id_column, metadata, moment

# The newest is in force; before the first it is what the code says.
rules = Table(
    "point_rules",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    # for each yuan that was paid for goods
    Column("earned_per_yuan", Integer, nullable=False),
    # so many take one yuan off, up to a percentage of a basket's goods
    Column("spent_per_yuan", Integer, nullable=False),
    Column("most_percent", SmallInteger, nullable=False),
    # how long they count
    Column("months", SmallInteger, nullable=False),
    moment("set_at"),
    id_column("set_by"),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("earned_per_yuan >= 0 AND spent_per_yuan >= 1", name="rates"),
    CheckConstraint("most_percent BETWEEN 0 AND 100", name="most_percent"),
    CheckConstraint("months >= 1", name="months"),
)

# Whoever changes anything of a shopper's points has locked this row.
accounts = Table(
    "point_accounts",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    # as much as the lots have unused
    Column("balance", BigInteger, nullable=False, server_default="0"),
    Column("owed", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("balance >= 0 AND owed >= 0 AND (balance = 0 OR owed = 0)", name="balance"),
)

moves = Table(
    "point_moves",
    metadata,
    id_column(),
    # given out under the account's lock: the order in which its moves happened
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("account_id", Uuid, ForeignKey("point_accounts.account_id"), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("cause", String(12), nullable=False),
    id_column("cause_id"),
    # the order that it is about; written before the order itself, in one transaction with it
    Column("order_id", Uuid),
    Column("points", BigInteger, nullable=False),
    # after it
    Column("balance", BigInteger, nullable=False),
    Column("owed", BigInteger, nullable=False),
    Column("note", String(200), nullable=False, server_default=""),
    moment("moved_at"),
    UniqueConstraint("kind", "cause", "cause_id"),
    CheckConstraint("kind IN ('given', 'taken_back', 'spent', 'returned', 'expired')", name="kind"),
    CheckConstraint("points > 0", name="points"),
    CheckConstraint("balance >= 0 AND owed >= 0", name="balance"),
)
Index("point_moves_account_idx", moves.c.account_id, moves.c.position.desc())

lots = Table(
    "point_lots",
    metadata,
    id_column(),
    Column("account_id", Uuid, ForeignKey("point_accounts.account_id"), nullable=False),
    # the one that brought them
    Column("move_id", Uuid, ForeignKey("point_moves.id"), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("unused", BigInteger, nullable=False),
    # of them, those that nobody used in time
    Column("expired", BigInteger, nullable=False, server_default="0"),
    # a midnight at the shop
    moment("expires_at"),
    CheckConstraint("points > 0 AND unused >= 0 AND expired >= 0 AND unused + expired <= points", name="points"),
)
# What of somebody's points is to be used next? And whose time is over?
Index("point_lots_account_idx", lots.c.account_id, lots.c.expires_at, lots.c.id, postgresql_where=text("unused > 0"))
Index("point_lots_due_idx", lots.c.expires_at, postgresql_where=text("unused > 0"))

# The points that orders have now, by the lot from which they came; without a lot: they were owed.
uses = Table(
    "point_uses",
    metadata,
    # written before the order, in one transaction with it
    id_column("order_id"),
    Column("lot_id", Uuid, ForeignKey("point_lots.id")),
    Column("points", BigInteger, nullable=False),
    UniqueConstraint("order_id", "lot_id", postgresql_nulls_not_distinct=True),
    CheckConstraint("points >= 0", name="points"),
)

# What an order has earned once it was received, by which rates, and how much of it went back.
earnings = Table(
    "point_earnings",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id"), primary_key=True),
    Column("earned_per_yuan", Integer, nullable=False),
    # of what others earn
    Column("points_percent", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("taken_back", BigInteger, nullable=False, server_default="0"),
    # NULL where they paid what was owed
    Column("lot_id", Uuid, ForeignKey("point_lots.id")),
    CheckConstraint("points >= 0 AND taken_back BETWEEN 0 AND points", name="points"),
    CheckConstraint("earned_per_yuan >= 0 AND points_percent >= 0", name="rates"),
)

TRIGGERS = (
    """
CREATE TRIGGER point_moves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON point_moves
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TRIGGER point_rules_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON point_rules
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
)
