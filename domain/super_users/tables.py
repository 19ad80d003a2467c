"""Super users, the rules that made them, how they came and went, milestones, and polls."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

# Every version there was; the newest is in force.
rules = Table(
    "super_user_rules",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("criteria", JSONB, nullable=False),
    moment("set_at"),
    id_column("set_by"),
    CheckConstraint("version >= 1", name="version"),
)

super_users = Table(
    "super_users",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    moment("since"),
    Column("version", Integer, nullable=False),
)
# The list of them, newest first.
Index("super_users_since_idx", super_users.c.since.desc(), super_users.c.account_id.desc())

# How they came and went; never changed.
moves = Table(
    "super_user_moves",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("has_become", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("facts", JSONB, nullable=False),
    moment("moved_at"),
)
# Somebody's history.
Index("super_user_moves_account_idx", moves.c.account_id, moves.c.position.desc())

milestones = Table(
    "core_fan_milestones",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    moment("reached_at"),
    CheckConstraint("size >= 1", name="size"),
)

polls = Table(
    "product_polls",
    metadata,
    id_column(),
    Column("title", String(60), nullable=False),
    moment("opens_at"),
    moment("closes_at"),
    moment("created_at"),
    id_column("created_by"),
    CheckConstraint("opens_at <= closes_at", name="window"),
)
Index("product_polls_closes_idx", polls.c.closes_at)

options = Table(
    "product_poll_options",
    metadata,
    id_column(),
    Column("poll_id", Uuid, ForeignKey("product_polls.id"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("product_id", Uuid, ForeignKey("products.id"), nullable=False),
    UniqueConstraint("poll_id", "position"),
    UniqueConstraint("poll_id", "product_id"),
    UniqueConstraint("poll_id", "id"),
)

votes = Table(
    "product_poll_votes",
    metadata,
    Column("poll_id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("option_id", Uuid, nullable=False),
    moment("voted_at"),
    # an option of this poll and no other
    ForeignKeyConstraint(["poll_id", "option_id"], ["product_poll_options.poll_id", "product_poll_options.id"]),
)
# How many want each?
Index("product_poll_votes_option_idx", votes.c.option_id)
