"""Orders and their lines."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from domain.foundation.tables import id_column, metadata, moment

orders = Table(
    "orders",
    metadata,
    id_column(),
    Column("number", BigInteger, Identity(always=True, start=100_001), nullable=False, unique=True),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("state", String(12), nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    # the promotion that placed it ("flash_sale" and its ticket), which hears what becomes of it
    Column("source", String(20)),
    Column("source_id", Uuid),
    moment("placed_at"),
    moment("pay_by"),
    moment("paid_at", nullable=True),
    moment("lapsed_at", nullable=True),
    moment("cancelled_at", nullable=True),
    Column("cancelled_by", Uuid),
    # money that came too late: when, and how it was decided ("revived" or "refunded")
    moment("paid_late_at", nullable=True),
    Column("late_outcome", String(12)),
    # the payment whose money was kept, or came too late: no other one is ever taken
    Column("paid_with", Uuid),
    UniqueConstraint("source", "source_id"),
    CheckConstraint("state IN ('placed', 'paid', 'lapsed', 'cancelled')", name="state"),
    CheckConstraint("total_minor > 0", name="total"),
    CheckConstraint("(source IS NULL) = (source_id IS NULL)", name="source"),
    CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL AND paid_with IS NOT NULL)", name="paid"),
    CheckConstraint("state <> 'lapsed' OR lapsed_at IS NOT NULL", name="lapsed"),
    CheckConstraint("state <> 'cancelled' OR cancelled_at IS NOT NULL", name="cancelled"),
    CheckConstraint("late_outcome IN ('revived', 'refunded')", name="late_outcome"),
    CheckConstraint("late_outcome IS NULL OR (paid_late_at IS NOT NULL AND paid_with IS NOT NULL)", name="paid_late"),
)
Index("orders_shopper_idx", orders.c.shopper_id, orders.c.id.desc())
# The sweep's question: whose time to pay is over?
Index("orders_due_idx", orders.c.pay_by, postgresql_where=text("state = 'placed'"))

lines = Table(
    "order_lines",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("sku_id", Uuid, ForeignKey("skus.id"), nullable=False),
    # as it was called when it was bought
    Column("title", String(600), nullable=False),
    Column("allotment_id", Uuid),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("order_id", "position"),
    CheckConstraint("quantity > 0 AND unit_price_minor >= 0", name="amounts"),
    CheckConstraint("total_minor = unit_price_minor * quantity", name="total"),
)
