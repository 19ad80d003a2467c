"""Payments and the gateway's notices about them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from domain.foundation.tables import id_column, metadata, moment

payments = Table(
    "payments",
    metadata,
    id_column(),
    Column("payable", String(20), nullable=False),
    id_column("payable_id"),
    Column("payer_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("gateway", String(20), nullable=False),
    # as long as a company may make it: Stripe's have 66 characters and may have 255
    Column("gateway_reference", String(255)),
    Column("state", String(12), nullable=False),
    moment("asked_at"),
    # the gateway takes no money from this moment on
    moment("expires_at"),
    # while pending: when the gateway is asked next how it stands, in case its notice was lost
    moment("look_at"),
    moment("captured_at", nullable=True),
    moment("closed_at", nullable=True),
    # what was asked to go back, and what has: of a payment that nobody keeps, all of it
    Column("refund_asked_minor", BigInteger, nullable=False, server_default="0"),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("state IN ('pending', 'closed', 'captured', 'refund_due', 'refunded')", name="state"),
    CheckConstraint("state <> 'closed' OR closed_at IS NOT NULL", name="closed"),
    CheckConstraint("(state IN ('captured', 'refund_due', 'refunded')) = (captured_at IS NOT NULL)", name="captured"),
    # whatever races for it: never more goes back than came in
    CheckConstraint("refund_asked_minor BETWEEN 0 AND amount_minor", name="refund_asked"),
    CheckConstraint("refunded_minor BETWEEN 0 AND refund_asked_minor", name="refunded_within"),
    CheckConstraint("refund_asked_minor = 0 OR captured_at IS NOT NULL", name="refund_of_captured"),
    CheckConstraint("state NOT IN ('refund_due', 'refunded') OR refund_asked_minor = amount_minor", name="refund_due"),
    CheckConstraint("state <> 'refunded' OR refunded_minor = amount_minor", name="refunded"),
)
# Nobody pays twice for one thing: a second capture can only be on its way back.
Index(
    "payments_captured_once_idx",
    payments.c.payable,
    payments.c.payable_id,
    unique=True,
    postgresql_where=text("state = 'captured'"),
)
# Nobody is asked twice at once for one thing: two taps on "pay" meet in one payment.
Index(
    "payments_pending_once_idx",
    payments.c.payable,
    payments.c.payable_id,
    unique=True,
    postgresql_where=text("state = 'pending'"),
)
Index("payments_payable_idx", payments.c.payable, payments.c.payable_id)
Index(
    "payments_reference_idx",
    payments.c.gateway,
    payments.c.gateway_reference,
    unique=True,
    postgresql_where=text("gateway_reference IS NOT NULL"),
)
# The sweep's question: about which payment must the gateway be asked? And below: which refund is to be tried?
Index("payments_look_idx", payments.c.look_at, postgresql_where=text("state = 'pending'"))
# A day's takings: what came in on it? And below: what went back?
Index("payments_captured_at_idx", payments.c.captured_at, postgresql_where=text("captured_at IS NOT NULL"))

# Money on its way back: all of a payment that nobody keeps, or a part of one for an after-sale.
refunds = Table(
    "refunds",
    metadata,
    id_column(),
    Column("payment_id", Uuid, ForeignKey("payments.id"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reason", String(40), nullable=False),
    # what asked for it, an after-sale: it asks once
    Column("cause_id", Uuid, unique=True),
    Column("state", String(12), nullable=False),
    moment("asked_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    moment("retry_at", nullable=True),
    Column("error", Text),
    moment("refunded_at", nullable=True),
    Column("reference", String(64)),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("state IN ('due', 'refunded')", name="state"),
    CheckConstraint("(state = 'due') = (retry_at IS NOT NULL)", name="due"),
    CheckConstraint("(state = 'refunded') = (refunded_at IS NOT NULL)", name="refunded"),
)
Index("refunds_due_idx", refunds.c.retry_at, postgresql_where=text("state = 'due'"))
Index("refunds_refunded_at_idx", refunds.c.refunded_at, postgresql_where=text("refunded_at IS NOT NULL"))

# A notice that has been acted on; the same one again changes nothing.
notices = Table(
    "payment_notices",
    metadata,
    Column("gateway", String(20), nullable=False),
    Column("notice_id", String(64), nullable=False),
    Column("payment_id", Uuid, ForeignKey("payments.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    # which of the payment's refunds it tells of; NULL where it tells of none, or was heard when a payment had only one
    Column("refund_id", Uuid, ForeignKey("refunds.id")),
    moment("received_at"),
    PrimaryKeyConstraint("gateway", "notice_id"),
)

# A day's bill of a gateway, compared with our books.
bills = Table(
    "gateway_bills",
    metadata,
    id_column(),
    Column("gateway", String(20), nullable=False),
    # the gateway's day, in the shop's calendar
    Column("day", Date, nullable=False),
    Column("payments", Integer, nullable=False),
    Column("captured_minor", BigInteger, nullable=False),
    Column("refunds", Integer, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False),
    Column("fees_minor", BigInteger, nullable=False),
    Column("differences", Integer, nullable=False),
    moment("compared_at"),
    UniqueConstraint("gateway", "day"),
)
bill_differences = Table(
    "gateway_bill_differences",
    metadata,
    id_column(),
    Column("bill_id", Uuid, ForeignKey("gateway_bills.id"), nullable=False, index=True),
    # "not_in_books", "not_in_bill", "amount", "state"
    Column("kind", String(20), nullable=False),
    # of "payment" or "refund"
    Column("subject", String(10), nullable=False),
    Column("subject_id", Uuid),
    Column("reference", String(255), nullable=False),
    Column("ours_minor", BigInteger),
    Column("theirs_minor", BigInteger),
    moment("settled_at", nullable=True),
    Column("settled_by", Uuid),
    Column("words", String(500), nullable=False, server_default=""),
)
# Finance's question, and the alarm's: about which has nobody said yet what it was?
Index(
    "gateway_bill_differences_open_idx",
    bill_differences.c.bill_id,
    postgresql_where=bill_differences.c.settled_at.is_(None),
)
