"""Payments and the gateway's notices about them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
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
    Column("gateway_reference", String(64)),
    Column("state", String(12), nullable=False),
    moment("asked_at"),
    # the gateway takes no money from this moment on
    moment("expires_at"),
    # while pending: when the gateway is asked next how it stands, in case its notice was lost
    moment("look_at"),
    moment("captured_at", nullable=True),
    moment("closed_at", nullable=True),
    moment("refund_due_at", nullable=True),
    Column("refund_reason", String(40)),
    moment("refunded_at", nullable=True),
    Column("refund_reference", String(64)),
    Column("refund_attempts", Integer, nullable=False, server_default="0"),
    moment("refund_retry_at", nullable=True),
    Column("refund_error", Text),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("state IN ('pending', 'closed', 'captured', 'refund_due', 'refunded')", name="state"),
    CheckConstraint("state <> 'closed' OR closed_at IS NOT NULL", name="closed"),
    CheckConstraint("(state IN ('captured', 'refund_due', 'refunded')) = (captured_at IS NOT NULL)", name="captured"),
    CheckConstraint(
        "(state IN ('refund_due', 'refunded')) = (refund_due_at IS NOT NULL AND refund_reason IS NOT NULL)",
        name="refund_due",
    ),
    CheckConstraint("state <> 'refund_due' OR refund_retry_at IS NOT NULL", name="refund_retry"),
    CheckConstraint("(state = 'refunded') = (refunded_at IS NOT NULL)", name="refunded"),
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
# The sweeps' questions: about which payment must the gateway be asked, which refund is to be tried?
Index("payments_look_idx", payments.c.look_at, postgresql_where=text("state = 'pending'"))
Index("payments_refund_due_idx", payments.c.refund_retry_at, postgresql_where=text("state = 'refund_due'"))

# A notice that has been acted on; the same one again changes nothing.
notices = Table(
    "payment_notices",
    metadata,
    Column("gateway", String(20), nullable=False),
    Column("notice_id", String(64), nullable=False),
    Column("payment_id", Uuid, ForeignKey("payments.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    moment("received_at"),
    PrimaryKeyConstraint("gateway", "notice_id"),
)
