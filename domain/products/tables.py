"""Products, their SKUs, images and categories."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from domain.foundation.tables import id_column, metadata, moment

categories = Table(
    "categories",
    metadata,
    id_column(),
    Column("parent_id", Uuid, ForeignKey("categories.id")),
    Column("name", String(120), nullable=False),
    # the whole way from the root, "家居 > 床品": what an import names a category by
    Column("path", String(500), nullable=False, unique=True),
)

products = Table(
    "products",
    metadata,
    id_column(),
    Column("handle", String(255), nullable=False, unique=True),
    Column("title", String(255), nullable=False),
    Column("body_html", Text, nullable=False, server_default=""),
    Column("vendor", String(255), nullable=False, server_default=""),
    Column("category_id", Uuid, ForeignKey("categories.id")),
    Column("tags", ARRAY(String(255)), nullable=False, server_default="{}"),
    Column("option_names", ARRAY(String(255)), nullable=False, server_default="{}"),
    Column("state", String(10), nullable=False),
    # kept beside the SKUs they are taken from, in the same transaction: lists filter and sort by them
    Column("lowest_price_minor", BigInteger, nullable=False),
    Column("highest_price_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    # what a search finds the product by; made by words.document, never by the server's dictionaries
    Column("words", TSVECTOR, nullable=False),
    moment("created_at"),
    moment("updated_at"),
    moment("published_at", nullable=True),
    Column("published_by", Uuid),
    CheckConstraint("state IN ('draft', 'published')", name="state"),
    CheckConstraint("(state = 'published') = (published_at IS NOT NULL)", name="published_at"),
    CheckConstraint("cardinality(option_names) <= 3", name="option_names"),
    CheckConstraint("0 <= lowest_price_minor AND lowest_price_minor <= highest_price_minor", name="prices"),
)
# The two orders of every list, walked from either end: newest first, cheapest or dearest first.
Index("products_newest_idx", products.c.state, products.c.id)
Index("products_cheapest_idx", products.c.state, products.c.lowest_price_minor, products.c.id)
# What a list is narrowed by, for the narrowings that such a walk would rarely meet.
Index("products_words_idx", products.c.words, postgresql_using="gin")
Index("products_tags_idx", products.c.tags, postgresql_using="gin")
Index("products_category_idx", products.c.category_id, products.c.id)
Index("products_vendor_idx", products.c.vendor, products.c.id)

skus = Table(
    "skus",
    metadata,
    id_column(),
    Column("product_id", Uuid, ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("code", String(255)),
    Column("options", ARRAY(String(255)), nullable=False, server_default="{}"),
    Column("price_minor", BigInteger, nullable=False),
    Column("compare_at_minor", BigInteger),
    Column("cost_minor", BigInteger),
    Column("barcode", String(64)),
    Column("grams", Integer, nullable=False, server_default="0"),
    Column("requires_shipping", Boolean, nullable=False, server_default="true"),
    Column("image_url", Text),
    moment("created_at"),
    moment("updated_at"),
    # deferrable: checked when the statement ends, so that one statement may swap the codes or options of two SKUs
    UniqueConstraint("code", deferrable=True, initially="IMMEDIATE"),
    UniqueConstraint("product_id", "options", deferrable=True, initially="IMMEDIATE"),
    CheckConstraint("price_minor >= 0 AND compare_at_minor >= 0 AND cost_minor >= 0", name="prices"),
    CheckConstraint("grams >= 0", name="grams"),
)

# What a unit of a SKU costs from then on, as far as the shop knows; a row for each change of `skus.cost_minor`.
sku_costs = Table(
    "sku_costs",
    metadata,
    Column("sku_id", Uuid, ForeignKey("skus.id", ondelete="CASCADE"), nullable=False),
    moment("since"),
    Column("cost_minor", BigInteger),
    PrimaryKeyConstraint("sku_id", "since"),
    CheckConstraint("cost_minor >= 0", name="cost"),
)

images = Table(
    "product_images",
    metadata,
    Column("product_id", Uuid, ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("url", Text, nullable=False),
    Column("alt_text", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("product_id", "position"),
)
