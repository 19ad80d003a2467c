"""What prices are made of: sale prices, price ladders, freight templates, minimum orders, and the deals that were made."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Time,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

from domain.foundation.tables import id_column, metadata, moment

sale_prices = Table(
    "sale_prices",
    metadata,
    id_column(),
    Column("sku_id", Uuid, ForeignKey("skus.id"), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    moment("starts_at"),
    moment("ends_at"),
    moment("created_at"),
    id_column("created_by"),
    moment("ended_at", nullable=True),
    Column("ended_by", Uuid),
    CheckConstraint("price_minor >= 0", name="price"),
    CheckConstraint("starts_at < ends_at", name="window"),
)
# The engine's question: which sale prices of these SKUs hold now?
Index("sale_prices_sku_idx", sale_prices.c.sku_id, sale_prices.c.ends_at)

# 阶梯降价: from `starts_at` on so many percent off, as many more every step, free from `free_at` to the end of the day.
ladders = Table(
    "price_ladders",
    metadata,
    Column("store_id", Uuid, ForeignKey("stores.id"), primary_key=True),
    Column("starts_at", Time, nullable=False),
    Column("step_minutes", SmallInteger, nullable=False),
    Column("step_percent", SmallInteger, nullable=False),
    Column("free_at", Time, nullable=False),
    moment("updated_at"),
    CheckConstraint("starts_at < free_at", name="window"),
    CheckConstraint("step_minutes BETWEEN 1 AND 720 AND step_percent BETWEEN 1 AND 100", name="steps"),
)
ladder_skus = Table(
    "price_ladder_skus",
    metadata,
    Column("store_id", Uuid, ForeignKey("price_ladders.store_id", ondelete="CASCADE"), nullable=False),
    Column("sku_id", Uuid, ForeignKey("skus.id"), nullable=False),
    PrimaryKeyConstraint("store_id", "sku_id"),
)

freight_templates = Table(
    "freight_templates",
    metadata,
    id_column(),
    Column("name", String(60), nullable=False, unique=True),
    # "weight": grams, "piece": units
    Column("measure", String(10), nullable=False),
    # where no other is named, this one counts
    Column("is_default", Boolean, nullable=False, server_default="false"),
    moment("updated_at"),
    CheckConstraint("measure IN ('weight', 'piece')", name="measure"),
)
Index(
    "freight_templates_default_idx",
    freight_templates.c.is_default,
    unique=True,
    postgresql_where=freight_templates.c.is_default,
)
freight_zones = Table(
    "freight_zones",
    metadata,
    Column("template_id", Uuid, ForeignKey("freight_templates.id", ondelete="CASCADE"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    # beginnings of region codes: "31" is all of Shanghai; empty: everywhere else. The longest that fits counts.
    Column("regions", ARRAY(String(6)), nullable=False),
    Column("first_measure", Integer, nullable=False),
    Column("first_minor", BigInteger, nullable=False),
    Column("more_measure", Integer, nullable=False),
    Column("more_minor", BigInteger, nullable=False),
    # goods worth as much travel free; NULL: never
    Column("free_from_minor", BigInteger),
    # whether parcels go there at all
    Column("is_served", Boolean, nullable=False, server_default="true"),
    PrimaryKeyConstraint("template_id", "position"),
    CheckConstraint("first_measure >= 1 AND more_measure >= 1", name="measures"),
    CheckConstraint("first_minor >= 0 AND more_minor >= 0 AND free_from_minor >= 0", name="amounts"),
)
freight_of_products = Table(
    "freight_of_products",
    metadata,
    Column("product_id", Uuid, ForeignKey("products.id", ondelete="CASCADE"), primary_key=True),
    Column("template_id", Uuid, ForeignKey("freight_templates.id"), nullable=False),
)

# From how much on an order is taken, for each way of fulfilling it; no row: from the first fen.
minimum_orders = Table(
    "minimum_orders",
    metadata,
    Column("fulfilment", String(10), primary_key=True),
    Column("minimum_minor", BigInteger, nullable=False),
    moment("updated_at"),
    CheckConstraint("fulfilment IN ('delivery', 'pickup')", name="fulfilment"),
    CheckConstraint("minimum_minor >= 0", name="minimum"),
)

# The lowest price at which a SKU was really sold on a day of the shop: what may be shown struck through.
deal_days = Table(
    "deal_days",
    metadata,
    Column("sku_id", Uuid, ForeignKey("skus.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("lowest_minor", BigInteger, nullable=False),
    Column("units", BigInteger, nullable=False),
    PrimaryKeyConstraint("sku_id", "day"),
    CheckConstraint("lowest_minor >= 0 AND units > 0", name="amounts"),
)
# An order whose deals are counted already: its event may be heard twice.
counted_deals = Table("counted_deals", metadata, id_column("order_id", primary_key=True), moment("counted_at"))
