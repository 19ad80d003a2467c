"""Trust rules, evidence, tiers, their history and counts; complaints, tags and remarks; and the messages that were sent."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
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
from domain.trust.pacing_rules import MessagePurpose
from domain.trust.rules import EvidenceKind


def _one_of(column: str, values: type[EvidenceKind] | type[MessagePurpose]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


# Every set of rules there was, for each tier names the one that it came of; the newest is in force.
rules = Table(
    "trust_rules",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("terms", JSONB, nullable=False),
    moment("set_at"),
    Column("set_by", Uuid, nullable=False),
    CheckConstraint("version >= 1", name="version"),
)

# A piece stands once for each cause: an order, a visit, a reference, or a day at the shop of what is frequent.
evidence = Table(
    "trust_evidence",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("cause", String(64), nullable=False),
    Column("amount", SmallInteger, nullable=False),
    moment("at"),
    # an order that was refunded whole, a complaint that is resolved, an opt-out that was taken back
    moment("withdrawn_at", nullable=True),
    PrimaryKeyConstraint("account_id", "kind", "cause"),
    CheckConstraint(_one_of("kind", EvidenceKind), name="kind"),
    CheckConstraint("amount BETWEEN 1 AND 1000 AND (amount = 1 OR kind = 'chat')", name="amount"),
)
# What speaks for and against somebody, of each kind the newest first?
Index(
    "trust_evidence_counting_idx",
    evidence.c.account_id,
    evidence.c.kind,
    evidence.c.at.desc(),
    postgresql_where=evidence.c.withdrawn_at.is_(None),
)

# Where somebody stands. Whoever writes evidence makes the review due in the same transaction.
states = Table(
    "trust_states",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("tier", SmallInteger, nullable=False),
    moment("since"),
    Column("reasons", JSONB, nullable=False, server_default="[]"),
    Column("rule_version", Integer, nullable=False),
    # there is new evidence, or what there is gets too old at this moment
    moment("next_review_at", nullable=True),
    CheckConstraint("tier BETWEEN 0 AND 5", name="tier"),
)
# Who is of this tier? Whose review is due? Who was judged by earlier rules?
Index("trust_states_tier_idx", states.c.tier, states.c.account_id)
Index("trust_states_due_idx", states.c.next_review_at, postgresql_where=states.c.next_review_at.isnot(None))
Index("trust_states_rules_idx", states.c.rule_version)

moves = Table(
    "trust_moves",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    id_column("account_id"),
    Column("from_tier", SmallInteger, nullable=False),
    Column("to_tier", SmallInteger, nullable=False),
    Column("reasons", JSONB, nullable=False),
    Column("rule_version", Integer, nullable=False),
    moment("moved_at"),
    CheckConstraint("from_tier BETWEEN 0 AND 5 AND to_tier BETWEEN 0 AND 5 AND from_tier <> to_tier", name="tiers"),
)
Index("trust_moves_account_idx", moves.c.account_id, moves.c.position.desc())

# How many people were of each tier when the timetable last counted them.
tier_counts = Table(
    "trust_tier_counts",
    metadata,
    Column("tier", SmallInteger, primary_key=True, autoincrement=False),
    Column("people", BigInteger, nullable=False),
    moment("counted_at"),
    CheckConstraint("tier BETWEEN 0 AND 5", name="tier"),
)

# How far a sweep of what others have kept has come: everything up to this id was looked at.
sweeps = Table(
    "trust_sweeps",
    metadata,
    Column("source", String(20), primary_key=True),
    Column("swept_to", Uuid, nullable=False),
)

complaints = Table(
    "customer_complaints",
    metadata,
    id_column(),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("words", String(500), nullable=False),
    # what the desk or an integration calls it: recorded again, it is the same complaint
    Column("reference", String(64), nullable=False, unique=True),
    moment("opened_at"),
    Column("opened_by", Uuid, nullable=False),
    moment("resolved_at", nullable=True),
    Column("resolved_by", Uuid),
    Column("resolution", String(500)),
    CheckConstraint(
        "(resolved_at IS NULL) = (resolved_by IS NULL) AND (resolved_at IS NULL) = (resolution IS NULL)",
        name="resolved",
    ),
)
Index("customer_complaints_account_idx", complaints.c.account_id, complaints.c.id.desc())

tags = Table(
    "customer_tags",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("tag", String(30), nullable=False),
    moment("tagged_at"),
    Column("tagged_by", Uuid, nullable=False),
    PrimaryKeyConstraint("account_id", "tag"),
)
Index("customer_tags_tag_idx", tags.c.tag, tags.c.account_id)

remarks = Table(
    "customer_remarks",
    metadata,
    id_column(),
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("text", String(500), nullable=False),
    moment("made_at"),
    Column("made_by", Uuid, nullable=False),
)
Index("customer_remarks_account_idx", remarks.c.account_id, remarks.c.id.desc())

# Who takes one of somebody's cap has locked their state.
messages = Table(
    "customer_messages",
    metadata,
    id_column(),
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", String(10), nullable=False),
    Column("key", String(64), nullable=False),
    moment("sent_at"),
    # what it was counted against: so many within so many days; NULL of what is not counted
    Column("cap", SmallInteger),
    Column("cap_days", SmallInteger),
    Column("sent_by", Uuid, nullable=False),
    UniqueConstraint("account_id", "key"),
    CheckConstraint(_one_of("purpose", MessagePurpose), name="purpose"),
    CheckConstraint(
        "(cap IS NULL) = (purpose IN ('order', 'refund')) AND (cap IS NULL) = (cap_days IS NULL)", name="counted"
    ),
    CheckConstraint("cap BETWEEN 1 AND 100 AND cap_days BETWEEN 1 AND 3650", name="cap"),
)
Index(
    "customer_messages_counted_idx", messages.c.account_id, messages.c.sent_at, postgresql_where=text("cap IS NOT NULL")
)

TRIGGERS = (
    """
CREATE TRIGGER trust_moves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trust_moves
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
)
