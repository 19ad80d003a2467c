"""Sales, their items, the tickets that became orders, and what each shopper holds of an item."""

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
    Time,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

# The slots of a day, in the shop's calendar: 10:00, 14:00, 20:00 ...
slots = Table(
    "flash_sale_slots",
    metadata,
    id_column(),
    Column("name", String(60), nullable=False),
    Column("starts_at", Time, nullable=False, unique=True),
    Column("minutes", SmallInteger, nullable=False),
    CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
)

sales = Table(
    "flash_sales",
    metadata,
    id_column(),
    Column("title", String(120), nullable=False),
    Column("state", String(10), nullable=False),
    Column("slot_id", Uuid, ForeignKey("flash_sale_slots.id")),
    moment("opens_at"),
    moment("closes_at"),
    Column("pay_seconds", Integer, nullable=False),
    # shoppers let in to claim each second; null: all at once
    Column("admissions_per_second", Integer),
    # who may come, and who earlier; null: everybody when it opens
    Column("doors", JSONB(none_as_null=True)),
    moment("created_at"),
    id_column("created_by"),
    moment("scheduled_at", nullable=True),
    moment("warmed_at", nullable=True),
    moment("stopped_at", nullable=True),
    Column("stopped_by", Uuid),
    moment("cancelled_at", nullable=True),
    Column("cancelled_by", Uuid),
    moment("settled_at", nullable=True),
    CheckConstraint("state IN ('draft', 'scheduled', 'warm', 'stopped', 'cancelled', 'settled')", name="state"),
    CheckConstraint("opens_at < closes_at", name="window"),
    CheckConstraint("pay_seconds BETWEEN 1 AND 86400", name="pay_seconds"),
    CheckConstraint("admissions_per_second BETWEEN 1 AND 100000", name="admissions_per_second"),
    CheckConstraint("state <> 'warm' OR warmed_at IS NOT NULL", name="warm"),
    CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
    CheckConstraint("(state = 'settled') = (settled_at IS NOT NULL)", name="settled"),
)
# The storefront's and the timetable's question: which sales touch this moment?
Index("flash_sales_window_idx", sales.c.opens_at, sales.c.closes_at)
Index("flash_sales_living_idx", sales.c.state, postgresql_where=text("state IN ('scheduled', 'warm', 'stopped')"))

items = Table(
    "flash_sale_items",
    metadata,
    id_column(),
    # with the bucket it makes the lane that is written into ticket ids: 24 bits
    Column("number", Integer, Identity(always=True, minvalue=1, maxvalue=2**24 - 1), nullable=False, unique=True),
    Column("sale_id", Uuid, ForeignKey("flash_sales.id"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("sku_id", Uuid, ForeignKey("skus.id"), nullable=False),
    # as it is called on every order line
    Column("title", String(600), nullable=False),
    Column("sale_price_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("per_shopper", Integer, nullable=False),
    Column("waiting_places", Integer, nullable=False),
    Column("buckets", SmallInteger, nullable=False, server_default="1"),
    Column("allotment_id", Uuid, ForeignKey("stock_allotments.id"), unique=True),
    # the gate was last filled from the ledger under this number, on this Redis process
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("gate_run_id", String(64)),
    UniqueConstraint("sale_id", "sku_id"),
    CheckConstraint("sale_price_minor >= 1", name="price"),
    CheckConstraint("units >= 1 AND per_shopper >= 1 AND waiting_places >= 0", name="units"),
    CheckConstraint("buckets BETWEEN 1 AND 64", name="buckets"),
)

# A row exists once the ledger has decided; until then a ticket lives in the gate.
tickets = Table(
    "flash_sale_tickets",
    metadata,
    id_column(),
    Column("item_id", Uuid, ForeignKey("flash_sale_items.id"), nullable=False),
    id_column("shopper_id"),
    Column("request_id", String(64), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("order_id", Uuid, unique=True),
    Column("refusal", String(20)),
    moment("claimed_at"),
    moment("decided_at"),
    moment("paid_at", nullable=True),
    moment("lapsed_at", nullable=True),
    UniqueConstraint("item_id", "shopper_id", "request_id"),
    CheckConstraint("quantity >= 1", name="quantity"),
    CheckConstraint("state IN ('reserved', 'paid', 'lapsed', 'refused')", name="state"),
    CheckConstraint("(state = 'refused') = (order_id IS NULL)", name="order"),
    CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refusal"),
)
# Who has taken something in the last minutes?
Index("flash_sale_tickets_decided_idx", tickets.c.item_id, tickets.c.decided_at)

# The limit per shopper, as the ledger keeps it: units reserved or paid.
shoppers = Table(
    "flash_sale_shoppers",
    metadata,
    Column("item_id", Uuid, nullable=False),
    Column("shopper_id", Uuid, nullable=False),
    Column("units", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    PrimaryKeyConstraint("item_id", "shopper_id"),
    CheckConstraint("units BETWEEN 0 AND most", name="limit"),
)
