"""Ladders of levels, moves of growth, the level that each person has, and how it came to be theirs."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
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
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

# Every ladder there was, for it decides what was decided; the newest is in force.
ladders = Table(
    "level_ladders",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    # from the lowest to the highest: title, threshold, benefits
    Column("levels", JSONB, nullable=False),
    Column("growth_per_yuan", SmallInteger, nullable=False),
    Column("counting_months", SmallInteger, nullable=False),
    Column("guarantee_months", SmallInteger, nullable=False),
    moment("set_at"),
    Column("set_by", Uuid, nullable=False),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("jsonb_array_length(levels) BETWEEN 2 AND 10", name="levels"),
    CheckConstraint(
        "growth_per_yuan BETWEEN 1 AND 100 AND counting_months BETWEEN 1 AND 36 AND guarantee_months BETWEEN 1 AND 36",
        name="figures",
    ),
)

growth_moves = Table(
    "growth_moves",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("order_id", Uuid, ForeignKey("orders.id"), nullable=False),
    # the order itself, or the refund
    Column("cause_id", Uuid, nullable=False),
    Column("growth", BigInteger, nullable=False),
    # of the order's goods: what is paid and stays paid, after this move
    Column("settled_minor", BigInteger, nullable=False),
    Column("per_yuan", SmallInteger, nullable=False),
    # the first of the month in which the order was received: all growth of an order counts, and decays, together
    Column("month", Date, nullable=False),
    # the shop's day on which it moved
    Column("day", Date, nullable=False),
    moment("moved_at"),
    UniqueConstraint("order_id", "cause_id"),
    CheckConstraint("growth <> 0 AND settled_minor >= 0", name="growth"),
    CheckConstraint("per_yuan BETWEEN 1 AND 100", name="per_yuan"),
    CheckConstraint("EXTRACT(day FROM month) = 1 AND month <= day", name="month"),
)
# An order brings growth once, however often one hears that it was received.
Index("growth_moves_earned_key", growth_moves.c.order_id, unique=True, postgresql_where=text("growth > 0"))
# How much growth of these months has somebody?
Index("growth_moves_account_idx", growth_moves.c.account_id, growth_moves.c.month)

# Whoever has ever had growth; locked by whoever moves it.
account_levels = Table(
    "account_levels",
    metadata,
    id_column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("rank", SmallInteger, nullable=False, server_default="1"),
    # decided anew from this moment on; nobody is guaranteed the lowest level
    moment("guaranteed_until", nullable=True),
    Column("ladder_version", Integer, nullable=False),
    # names the benefits that are held now: source_id of their holding
    Column("holding_id", Uuid),
    CheckConstraint("rank BETWEEN 1 AND 10", name="rank"),
    CheckConstraint("(rank = 1) = (guaranteed_until IS NULL)", name="guarantee"),
    CheckConstraint("rank > 1 OR holding_id IS NULL", name="holding"),
)
# The timetable's questions: whose guarantee is over, and who still stands on an earlier ladder?
Index(
    "account_levels_due_idx",
    account_levels.c.guaranteed_until,
    postgresql_where=text("guaranteed_until IS NOT NULL"),
)
Index("account_levels_ladder_idx", account_levels.c.ladder_version, account_levels.c.account_id)
# How many have each level, and who?
Index("account_levels_rank_idx", account_levels.c.rank, account_levels.c.account_id)

changes = Table(
    "level_changes",
    metadata,
    id_column(),
    # given out under the lock of the account's level: the order in which its changes happened
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("from_rank", SmallInteger, nullable=False),
    Column("to_rank", SmallInteger, nullable=False),
    Column("reason", String(10), nullable=False),
    Column("ladder_version", Integer, nullable=False),
    # what the level needed, and what there was: growth since `counted_from`, summed up to the move `last_move`
    Column("threshold", BigInteger, nullable=False),
    Column("growth", BigInteger, nullable=False),
    Column("counted_from", Date, nullable=False),
    Column("last_move", BigInteger, nullable=False),
    moment("guaranteed_until", nullable=True),
    # names the benefits that are held from then on
    Column("holding_id", Uuid),
    moment("decided_at"),
    CheckConstraint("reason IN ('reached', 'kept', 'decayed', 'refunded', 'ladder')", name="reason"),
    CheckConstraint("from_rank BETWEEN 1 AND 10 AND to_rank BETWEEN 1 AND 10", name="ranks"),
    CheckConstraint(
        "reason = 'ladder' OR CASE reason WHEN 'reached' THEN to_rank > from_rank WHEN 'kept' THEN to_rank = from_rank"
        " ELSE to_rank < from_rank END",
        name="direction",
    ),
    CheckConstraint("(to_rank = 1) = (guaranteed_until IS NULL)", name="guarantee"),
    CheckConstraint("guaranteed_until > decided_at", name="guaranteed_until"),
    CheckConstraint("to_rank > 1 OR holding_id IS NULL", name="holding"),
)
# Somebody's history, the newest first.
Index("level_changes_account_idx", changes.c.account_id, changes.c.position.desc())

TRIGGERS = tuple(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
    for table in ("growth_moves", "level_changes")
)
