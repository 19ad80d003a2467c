"""Shipments, what is in them, where they were seen, what WeChat was told, and what happened at receipt."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from domain.foundation.tables import id_column, metadata, moment

shipments = Table(
    "shipments",
    metadata,
    id_column(),
    Column("order_id", Uuid, ForeignKey("orders.id"), nullable=False),
    # who sent it: NULL is ourselves
    Column("supplier_id", Uuid, ForeignKey("suppliers.id")),
    Column("carrier", String(20), nullable=False),
    Column("tracking_number", String(40), nullable=False),
    Column("state", String(12), nullable=False),
    moment("shipped_at"),
    id_column("shipped_by"),
    moment("delivered_at", nullable=True),
    # since when the tracking company tells us of it by itself; when it is asked or asked to, next; NULL: no more
    moment("followed_at", nullable=True),
    moment("look_at", nullable=True),
    UniqueConstraint("carrier", "tracking_number", "order_id"),
    CheckConstraint("state IN ('shipped', 'moving', 'delivered', 'troubled')", name="state"),
    CheckConstraint("(state = 'delivered') = (delivered_at IS NOT NULL)", name="delivered"),
)
Index("shipments_order_idx", shipments.c.order_id)
Index("shipments_tracking_idx", shipments.c.tracking_number)
Index("shipments_look_idx", shipments.c.look_at, postgresql_where=text("look_at IS NOT NULL"))

shipment_lines = Table(
    "shipment_lines",
    metadata,
    Column("shipment_id", Uuid, ForeignKey("shipments.id"), nullable=False),
    Column("order_id", Uuid, nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("quantity", Integer, nullable=False),
    PrimaryKeyConstraint("shipment_id", "position"),
    ForeignKeyConstraint(["order_id", "position"], ["order_lines.order_id", "order_lines.position"]),
    CheckConstraint("quantity > 0", name="quantity"),
)

tracking_events = Table(
    "tracking_events",
    metadata,
    Column("shipment_id", Uuid, ForeignKey("shipments.id"), nullable=False),
    moment("happened_at"),
    Column("state", String(12), nullable=False),
    Column("words", String(500), nullable=False),
    Column("place", String(120), nullable=False, server_default=""),
    moment("told_at"),
    # the same one again changes nothing
    PrimaryKeyConstraint("shipment_id", "happened_at", "words"),
)

# One for each order that WeChat Pay paid: told again whenever another parcel leaves.
uploads = Table(
    "shipping_uploads",
    metadata,
    id_column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("state", String(12), nullable=False),
    # how many parcels WeChat knows of, and whether it knows that these are all
    Column("told", Integer, nullable=False, server_default="0"),
    Column("is_all_told", Boolean, nullable=False, server_default="false"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    moment("retry_at", nullable=True),
    Column("error", Text),
    moment("due_since"),
    moment("uploaded_at", nullable=True),
    CheckConstraint("state IN ('due', 'uploaded', 'refused')", name="state"),
    CheckConstraint("(state = 'due') = (retry_at IS NOT NULL)", name="due"),
)
Index("shipping_uploads_due_idx", uploads.c.retry_at, postgresql_where=text("state = 'due'"))
# The counter's list: what is in this state, the longest first?
Index("shipping_uploads_state_idx", uploads.c.state, uploads.c.due_since, uploads.c.order_id)

# Wrong codes at a store's counter, one after the other: eight digits are not to be found by trying.
wrong_codes = Table(
    "pickup_wrong_codes",
    metadata,
    id_column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("tries", Integer, nullable=False),
    moment("last_at"),
    CheckConstraint("tries > 0", name="tries"),
)

# A shopper has more time once.
extensions = Table(
    "receipt_extensions",
    metadata,
    id_column("order_id", ForeignKey("orders.id"), primary_key=True),
    moment("extended_at"),
)
