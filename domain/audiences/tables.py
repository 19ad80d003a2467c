"""Segments with the versions of their rules, whom they hold, and who was let in to a sale with doors."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

segments = Table(
    "segments",
    metadata,
    id_column(),
    Column("name", String(60), nullable=False, unique=True),
    # chosen by a rule, or else named one by one
    Column("has_rule", Boolean, nullable=False),
    # of the rule; a list has none
    Column("version", Integer, nullable=False),
    # the rule is looked at again so many minutes after it was last; null: when somebody asks
    Column("refresh_minutes", Integer),
    moment("refresh_due_at", nullable=True),
    # members are those of this refresh; a list's are those of 0
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("members", BigInteger, nullable=False, server_default="0"),
    moment("refreshed_at", nullable=True),
    moment("created_at"),
    id_column("created_by"),
    CheckConstraint("has_rule OR (version = 0 AND generation = 0 AND refresh_minutes IS NULL)", name="list"),
    CheckConstraint("NOT has_rule OR version >= 1", name="version"),
    CheckConstraint("refresh_minutes BETWEEN 5 AND 43200", name="refresh_minutes"),
    CheckConstraint("members >= 0 AND generation >= 0", name="members"),
)
# The timetable's question: whose rule is to be looked at again?
Index("segments_due_idx", segments.c.refresh_due_at, postgresql_where=segments.c.refresh_due_at.isnot(None))

# What a rule said from when on: a version never changes.
segment_versions = Table(
    "segment_versions",
    metadata,
    Column("segment_id", Uuid, ForeignKey("segments.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("rule", JSONB, nullable=False),
    moment("set_at"),
    id_column("set_by"),
    PrimaryKeyConstraint("segment_id", "number"),
    CheckConstraint("number >= 1", name="number"),
)

# Each look at everybody, in batches by account: its members count once it has finished.
segment_refreshes = Table(
    "segment_refreshes",
    metadata,
    Column("segment_id", Uuid, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    # what the rule's moments and days are counted back from
    moment("started_at"),
    # null: the timetable
    Column("started_by", Uuid),
    # accounts up to this one have been looked at
    Column("looked_up_to", Uuid),
    Column("looked_at", BigInteger, nullable=False, server_default="0"),
    Column("found", BigInteger, nullable=False, server_default="0"),
    moment("finished_at", nullable=True),
    PrimaryKeyConstraint("segment_id", "generation"),
    ForeignKeyConstraint(["segment_id", "version"], ["segment_versions.segment_id", "segment_versions.number"]),
    CheckConstraint("generation >= 1 AND found BETWEEN 0 AND looked_at", name="found"),
)
# One at a time for each segment; and the worker's question: which are under way?
Index(
    "segment_refreshes_open_key",
    segment_refreshes.c.segment_id,
    unique=True,
    postgresql_where=text("finished_at IS NULL"),
)

segment_members = Table(
    "segment_members",
    metadata,
    Column("segment_id", Uuid, ForeignKey("segments.id"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    PrimaryKeyConstraint("segment_id", "generation", "account_id"),
)

# Who was let in to a flash sale or a campaign by one of its doors, by which, and when first and last.
entrances = Table(
    "sale_entrances",
    metadata,
    # of a flash sale or of a campaign
    Column("sale_id", Uuid, nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("door", JSONB, nullable=False),
    # when the door opened for them
    moment("opened_at"),
    moment("first_at"),
    moment("last_at"),
    PrimaryKeyConstraint("sale_id", "account_id"),
    CheckConstraint("opened_at <= first_at AND first_at <= last_at", name="moments"),
)
