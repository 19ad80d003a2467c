"""Orders and their lines."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment


def _units(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


orders = Table(
    "orders",
    metadata,
    id_column(),
    Column("number", BigInteger, Identity(always=True, start=100_001), nullable=False, unique=True),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("state", String(12), nullable=False),
    # what the goods cost by themselves, less what was taken off, with the freight: what is to be paid
    Column("goods_minor", BigInteger, nullable=False),
    Column("discount_minor", BigInteger, nullable=False, server_default="0"),
    Column("freight_minor", BigInteger, nullable=False, server_default="0"),
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    # the promotion that placed it ("flash_sale" and its ticket), which hears what becomes of it
    Column("source", String(20)),
    Column("source_id", Uuid),
    # false while that promotion may still call it off: nothing of it leaves, and nobody returns it
    Column("is_confirmed", Boolean, nullable=False, server_default="true"),
    # how the goods come to the shopper; NULL until the buyer of a promotion has said so
    Column("fulfilment", String(10)),
    # delivery: to whom and where, as it was when it was ordered
    Column("destination", JSONB),
    # when the buyer of a promotion last said so; NULL where it was said when the order was placed
    moment("destination_set_at", nullable=True),
    Column("store_id", Uuid, ForeignKey("stores.id")),
    Column("pickup_code", String(8)),
    Column("remark", String(200), nullable=False, server_default=""),
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
    # everything that is to be sent has left
    moment("shipped_at", nullable=True),
    # the shopper has it, by whose word: "shopper", "time" or "store"; from `receive_by` on by the clock's
    moment("receive_by", nullable=True),
    moment("received_at", nullable=True),
    Column("received_by", String(10)),
    # the last unit's money was agreed to go back
    moment("refunded_at", nullable=True),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("source", "source_id"),
    CheckConstraint(
        "state IN ('placed', 'paid', 'shipped', 'received', 'refunded', 'lapsed', 'cancelled')", name="state"
    ),
    CheckConstraint(
        "total_minor = goods_minor - discount_minor + freight_minor AND total_minor >= 0 AND discount_minor >= 0"
        " AND freight_minor >= 0",
        name="total",
    ),
    CheckConstraint("refunded_minor BETWEEN 0 AND total_minor", name="refunded"),
    CheckConstraint("fulfilment IS NULL OR fulfilment IN ('delivery', 'pickup')", name="fulfilment"),
    CheckConstraint("(fulfilment IS NOT DISTINCT FROM 'delivery') = (destination IS NOT NULL)", name="destination"),
    CheckConstraint("destination_set_at IS NULL OR destination IS NOT NULL", name="destination_set"),
    CheckConstraint("(fulfilment IS NOT DISTINCT FROM 'pickup') = (store_id IS NOT NULL)", name="store"),
    CheckConstraint("(source IS NULL) = (source_id IS NULL)", name="source"),
    CheckConstraint("is_confirmed OR source IS NOT NULL", name="confirmed"),
    CheckConstraint("is_confirmed OR state NOT IN ('shipped', 'received')", name="unconfirmed"),
    CheckConstraint("(state IN ('paid', 'shipped', 'received', 'refunded')) = (paid_at IS NOT NULL)", name="paid"),
    CheckConstraint("paid_at IS NULL OR paid_with IS NOT NULL OR total_minor = 0", name="paid_with"),
    CheckConstraint("state <> 'shipped' OR shipped_at IS NOT NULL", name="shipped"),
    CheckConstraint(
        "(received_at IS NULL) = (received_by IS NULL) AND (state <> 'received' OR received_at IS NOT NULL)",
        name="received",
    ),
    CheckConstraint("(state = 'refunded') = (refunded_at IS NOT NULL)", name="refunded_at"),
    CheckConstraint("state <> 'lapsed' OR lapsed_at IS NOT NULL", name="lapsed"),
    CheckConstraint("state <> 'cancelled' OR cancelled_at IS NOT NULL", name="cancelled"),
    CheckConstraint("late_outcome IN ('revived', 'refunded')", name="late_outcome"),
    CheckConstraint("late_outcome IS NULL OR (paid_late_at IS NOT NULL AND paid_with IS NOT NULL)", name="paid_late"),
)


def _of_destination(part: str) -> ColumnElement[str]:
    """A part of the destination, as an index is made of it: by the column, as an index of mere text belongs to no table."""
    return orders.c.destination.op("->>")(literal_column(f"'{part}'"))


Index("orders_shopper_idx", orders.c.shopper_id, orders.c.id.desc())
# The sweep's question: whose time to pay is over?
Index("orders_due_idx", orders.c.pay_by, postgresql_where=text("state = 'placed'"))
# The other sweep's: who has had the goods for so long that they count as received?
Index(
    "orders_receive_idx", orders.c.receive_by, postgresql_where=text("receive_by IS NOT NULL AND received_at IS NULL")
)
# The back office's list and its export, a stretch of days, newest first: of all orders, in some states, of a store, of
# late money; and by the phone or the name on the parcel.
Index("orders_newest_idx", orders.c.placed_at, orders.c.id)
Index("orders_state_idx", orders.c.state, orders.c.placed_at, orders.c.id)
Index(
    "orders_store_newest_idx",
    orders.c.store_id,
    orders.c.placed_at,
    orders.c.id,
    postgresql_where=text("store_id IS NOT NULL"),
)
Index(
    "orders_late_newest_idx",
    orders.c.late_outcome,
    orders.c.placed_at,
    orders.c.id,
    postgresql_where=text("late_outcome IS NOT NULL"),
)
Index("orders_phone_idx", _of_destination("phone"), postgresql_where=text("destination IS NOT NULL"))
Index("orders_recipient_idx", _of_destination("recipient"), postgresql_where=text("destination IS NOT NULL"))
# What a supplier's word of its stock leaves out: which units were paid for that it has not heard of?
Index("orders_unconfirmed_idx", orders.c.id, postgresql_where=text("NOT is_confirmed AND state = 'paid'"))
# A day's takings: what was paid on it?
Index("orders_paid_idx", orders.c.paid_at, postgresql_where=text("paid_at IS NOT NULL"))

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
    # the line's share of what was taken off the order, and of its freight
    Column("discount_minor", BigInteger, nullable=False, server_default="0"),
    Column("freight_minor", BigInteger, nullable=False, server_default="0"),
    # the goods of the line, without freight
    Column("total_minor", BigInteger, nullable=False),
    # why it costs that: a list of steps, as the quote showed them
    Column("explanation", JSONB, nullable=False, server_default="[]"),
    # who sends it, and what that costs a unit; NULL: ourselves
    Column("supplier_id", Uuid, ForeignKey("suppliers.id")),
    Column("cost_minor", BigInteger),
    # units that left in parcels or were handed over; units whose money was agreed to go back, and of these the ones that
    # never left; units that are in stock again; and the money that went back
    _units("shipped"),
    _units("refunded"),
    _units("unsent"),
    _units("restocked"),
    Column("refunded_goods_minor", BigInteger, nullable=False, server_default="0"),
    Column("refunded_freight_minor", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("order_id", "position"),
    # what comes back must know from which line it was sold
    UniqueConstraint("order_id", "sku_id", "allotment_id", postgresql_nulls_not_distinct=True),
    CheckConstraint(
        "quantity > 0 AND unit_price_minor >= 0 AND discount_minor >= 0 AND freight_minor >= 0 AND total_minor >= 0",
        name="amounts",
    ),
    CheckConstraint("total_minor = unit_price_minor * quantity - discount_minor", name="total"),
    CheckConstraint(
        "shipped >= 0 AND unsent >= 0 AND shipped + unsent <= quantity AND unsent <= refunded AND refunded <= quantity"
        " AND restocked BETWEEN 0 AND refunded",
        name="units",
    ),
    CheckConstraint(
        "refunded_goods_minor BETWEEN 0 AND total_minor AND refunded_freight_minor BETWEEN 0 AND freight_minor",
        name="refunded",
    ),
    CheckConstraint("(supplier_id IS NULL) = (cost_minor IS NULL)", name="supplier"),
)
# Who bought this SKU? And what does this supplier have to send?
Index("order_lines_sku_idx", lines.c.sku_id, lines.c.order_id)
Index(
    "order_lines_supplier_idx", lines.c.supplier_id, lines.c.order_id, postgresql_where=lines.c.supplier_id.isnot(None)
)
