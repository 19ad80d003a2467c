"""Plans, purchases, memberships and their terms, activation codes, and the days whose fees were earned."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

plans = Table(
    "membership_plans",
    metadata,
    id_column(),
    Column("name", String(30), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    # how long a term is: months of the calendar, or days
    Column("months", SmallInteger),
    Column("days", SmallInteger),
    Column("benefits", JSONB, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("is_renewable", Boolean, nullable=False),
    moment("created_at"),
    id_column("created_by"),
    moment("stopped_at", nullable=True),
    Column("stopped_by", Uuid),
    CheckConstraint("kind IN ('yearly', 'monthly', 'trial')", name="kind"),
    CheckConstraint("price_minor > 0 OR (price_minor = 0 AND kind = 'trial')", name="price"),
    CheckConstraint("(months IS NULL) <> (days IS NULL)", name="period"),
    CheckConstraint("months BETWEEN 1 AND 36 OR days BETWEEN 1 AND 366", name="lengths"),
    CheckConstraint("rank BETWEEN 1 AND 100", name="rank"),
    CheckConstraint("kind <> 'trial' OR NOT is_renewable", name="renewable"),
    CheckConstraint("(stopped_at IS NULL) = (stopped_by IS NULL)", name="stopped"),
)

memberships = Table(
    "memberships",
    metadata,
    id_column(),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("plan_id", Uuid, ForeignKey("membership_plans.id"), nullable=False),
    moment("began_at"),
    # the end of its last term
    moment("ends_at"),
    moment("grace_until", nullable=True),
    moment("ended_at", nullable=True),
    Column("end_reason", String(10)),
    Column("upgraded_from", Uuid, ForeignKey("memberships.id"), unique=True),
    CheckConstraint("began_at < ends_at", name="period"),
    CheckConstraint("grace_until > ends_at", name="grace"),
    CheckConstraint("end_reason IN ('expired', 'refunded', 'upgraded')", name="end_reason"),
    CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL) AND ended_at >= began_at", name="ended"),
)
# One at a time, whatever races for it. One that is over stays in the way until it is ended; whoever begins the next does so.
Index("memberships_living_key", memberships.c.account_id, unique=True, postgresql_where=text("ended_at IS NULL"))
# The sweep's question: which are over?
Index(
    "memberships_over_idx",
    func.coalesce(memberships.c.grace_until, memberships.c.ends_at),
    postgresql_where=text("ended_at IS NULL"),
)
# What has somebody had? And the staff's: who has what, the newest first?
Index("memberships_account_idx", memberships.c.account_id, memberships.c.id.desc())
Index("memberships_plan_idx", memberships.c.plan_id, memberships.c.id.desc())

purchases = Table(
    "membership_purchases",
    metadata,
    id_column(),
    # who pays
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("plan_id", Uuid, ForeignKey("membership_plans.id"), nullable=False),
    Column("cause", String(10), nullable=False),
    Column("upgrades", Uuid, ForeignKey("memberships.id")),
    Column("price_minor", BigInteger, nullable=False),
    # of the price, what unused days of the plan before were worth
    Column("credit_minor", BigInteger, nullable=False, server_default="0"),
    Column("state", String(10), nullable=False),
    moment("made_at"),
    moment("pay_by"),
    moment("paid_at", nullable=True),
    # also of a declined one: the money that went back
    Column("paid_with", Uuid, unique=True),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    moment("refunded_at", nullable=True),
    CheckConstraint("cause IN ('bought', 'gift', 'upgrade', 'renewal')", name="cause"),
    CheckConstraint("(cause = 'upgrade') = (upgrades IS NOT NULL)", name="upgrades"),
    CheckConstraint(
        "credit_minor BETWEEN 0 AND price_minor AND (credit_minor = 0 OR cause = 'upgrade')", name="credit"
    ),
    CheckConstraint("state IN ('pending', 'paid', 'declined')", name="state"),
    CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="paid"),
    CheckConstraint(
        "CASE state WHEN 'pending' THEN paid_with IS NULL WHEN 'declined' THEN paid_with IS NOT NULL"
        " ELSE (paid_with IS NOT NULL) = (price_minor > credit_minor) END",
        name="paid_with",
    ),
    CheckConstraint("refunded_minor BETWEEN 0 AND price_minor - credit_minor", name="refunded"),
    CheckConstraint(
        "(refunded_at IS NOT NULL) = (refunded_minor > 0) AND (refunded_minor = 0 OR state = 'paid')",
        name="refunded_at",
    ),
)
# What has somebody bought, the newest first?
Index("membership_purchases_account_idx", purchases.c.account_id, purchases.c.id.desc())

code_batches = Table(
    "membership_code_batches",
    metadata,
    id_column(),
    Column("plan_id", Uuid, ForeignKey("membership_plans.id"), nullable=False),
    # for which campaign, with which partner
    Column("title", String(60), nullable=False),
    Column("pieces", Integer, nullable=False),
    moment("valid_until"),
    moment("created_at"),
    id_column("created_by"),
    CheckConstraint("pieces BETWEEN 1 AND 10000", name="pieces"),
    CheckConstraint("created_at < valid_until", name="valid"),
)

# A code stands here as its hash only; whoever may see it again has it made again of its id.
codes = Table(
    "membership_codes",
    metadata,
    id_column(),
    Column("plan_id", Uuid, ForeignKey("membership_plans.id"), nullable=False),
    Column("batch_id", Uuid, ForeignKey("membership_code_batches.id")),
    Column("purchase_id", Uuid, ForeignKey("membership_purchases.id"), unique=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    moment("valid_until"),
    moment("used_at", nullable=True),
    Column("used_by", Uuid, ForeignKey("accounts.id")),
    # a gift whose buyer has the money back
    moment("withdrawn_at", nullable=True),
    CheckConstraint("(batch_id IS NULL) <> (purchase_id IS NULL)", name="origin"),
    CheckConstraint("length(hash) = 32", name="hash"),
    CheckConstraint("(used_at IS NULL) = (used_by IS NULL)", name="used"),
    CheckConstraint("withdrawn_at IS NULL OR (used_at IS NULL AND purchase_id IS NOT NULL)", name="withdrawn"),
)
# The export's question: what is in a batch?
Index("membership_codes_batch_idx", codes.c.batch_id, codes.c.id, postgresql_where=text("batch_id IS NOT NULL"))

terms = Table(
    "membership_terms",
    metadata,
    id_column(),
    Column("membership_id", Uuid, ForeignKey("memberships.id"), nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    # what was paid for it, or the code that was activated; of a gift both
    Column("purchase_id", Uuid, ForeignKey("membership_purchases.id"), unique=True),
    Column("code_id", Uuid, ForeignKey("membership_codes.id"), unique=True),
    Column("is_trial", Boolean, nullable=False),
    # what its days bring in, and the part of it that its holder has paid
    Column("paid_minor", BigInteger, nullable=False),
    Column("refundable_minor", BigInteger, nullable=False),
    moment("starts_at"),
    moment("ends_at"),
    # the days that are paid for, in the shop's calendar
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    moment("made_at"),
    # refunded or upgraded: nothing more is earned of it day by day
    moment("closed_at", nullable=True),
    Column("carried_minor", BigInteger, nullable=False, server_default="0"),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("membership_id", "number"),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("purchase_id IS NOT NULL OR code_id IS NOT NULL", name="origin"),
    CheckConstraint("paid_minor >= 0 AND refundable_minor BETWEEN 0 AND paid_minor", name="paid"),
    CheckConstraint("starts_at < ends_at AND first_day <= last_day", name="period"),
    CheckConstraint(
        "carried_minor >= 0 AND refunded_minor BETWEEN 0 AND refundable_minor AND carried_minor + refunded_minor <= paid_minor",
        name="given_away",
    ),
    CheckConstraint("closed_at IS NOT NULL OR carried_minor + refunded_minor = 0", name="closed"),
)
# Once per person, ever.
Index("membership_terms_trial_key", terms.c.account_id, unique=True, postgresql_where=text("is_trial"))
# A day's fees, from the index alone: whose days run on it?
Index(
    "membership_terms_earning_idx",
    terms.c.last_day,
    terms.c.first_day,
    postgresql_include=["paid_minor"],
    postgresql_where=text("closed_at IS NULL AND paid_minor > 0"),
)
# By account, for what counts people's terms.
Index("membership_terms_account_idx", terms.c.account_id)

# The days of which the fees are in the ledger, in order and without a gap.
earnings = Table(
    "membership_earnings",
    metadata,
    id_column(),
    Column("day", Date, nullable=False, unique=True),
    Column("terms", Integer, nullable=False),
    Column("earned_minor", BigInteger, nullable=False),
    moment("recognised_at"),
    CheckConstraint("terms >= 0 AND earned_minor >= 0", name="earned"),
)
