"""Versions of the rewards, everybody's streak, their check-ins, and what days of a streak have brought."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

# Every version there was, for it decides what was given; the newest is in force.
reward_versions = Table(
    "check_in_reward_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("daily_points", Integer, nullable=False),
    Column("cycle_days", SmallInteger, nullable=False),
    # by day: points, or a batch of coupons and the points in its place
    Column("streak_rewards", JSONB, nullable=False),
    moment("set_at"),
    Column("set_by", Uuid, nullable=False),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("daily_points BETWEEN 0 AND 10000 AND cycle_days BETWEEN 1 AND 366", name="figures"),
)

# One row for whoever has ever come, locked by whoever comes: 20 at once are one after the other.
streaks = Table(
    "check_in_streaks",
    metadata,
    id_column("account_id", ForeignKey("accounts.id"), primary_key=True),
    # days of the shop
    Column("last_day", Date, nullable=False),
    Column("began_on", Date, nullable=False),
    Column("days", Integer, nullable=False),
    Column("longest", Integer, nullable=False),
    CheckConstraint("days >= 1 AND longest >= days", name="days"),
    CheckConstraint("last_day = began_on + days - 1", name="in_a_row"),
)

check_ins = Table(
    "check_ins",
    metadata,
    id_column(),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("day", Date, nullable=False),
    # which day in a row it is
    Column("streak", Integer, nullable=False),
    # the day's own, without those of a streak reward
    Column("points", Integer, nullable=False),
    Column("rewards_version", Integer, nullable=False),
    moment("checked_in_at"),
    # once a day; and the question: which days of this month?
    UniqueConstraint("account_id", "day"),
    CheckConstraint("streak >= 1 AND points >= 0", name="figures"),
)

rewards = Table(
    "check_in_rewards",
    metadata,
    id_column(),
    Column("check_in_id", Uuid, ForeignKey("check_ins.id"), nullable=False, unique=True),
    Column("batch_id", Uuid, ForeignKey("coupon_batches.id")),
    Column("coupon_id", Uuid, ForeignKey("coupons.id"), unique=True),
    Column("points", Integer, nullable=False),
    # the code of the refusal for which there was no coupon: points came in its place
    Column("missing", String(40)),
    CheckConstraint("(coupon_id IS NULL) = (points > 0) AND points >= 0", name="what"),
    CheckConstraint("coupon_id IS NULL OR batch_id IS NOT NULL", name="batch"),
    CheckConstraint("(missing IS NOT NULL) = (batch_id IS NOT NULL AND coupon_id IS NULL)", name="missing"),
)

TRIGGERS = tuple(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
    for table in ("check_ins", "check_in_rewards")
)
