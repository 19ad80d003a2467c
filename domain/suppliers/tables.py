"""Suppliers, what they supply, and the stock feeds they sent."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from domain.foundation.tables import id_column, metadata, moment

suppliers = Table(
    "suppliers",
    metadata,
    id_column(),
    Column("code", String(40), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    # signs what it sends us; the key itself, as HMAC needs it on both sides
    Column("feed_key", LargeBinary, nullable=False),
    moment("created_at"),
    moment("ended_at", nullable=True),
)

# A SKU is sent by one supplier or by ourselves.
supplied_skus = Table(
    "supplied_skus",
    metadata,
    Column("sku_id", Uuid, ForeignKey("skus.id"), primary_key=True),
    Column("supplier_id", Uuid, ForeignKey("suppliers.id"), nullable=False),
    # what the supplier calls it
    Column("supplier_code", String(80), nullable=False),
    Column("cost_minor", BigInteger, nullable=False),
    UniqueConstraint("supplier_id", "supplier_code"),
    CheckConstraint("cost_minor >= 0", name="cost"),
)

feeds = Table(
    "supplier_feeds",
    metadata,
    id_column(),
    Column("supplier_id", Uuid, ForeignKey("suppliers.id"), nullable=False),
    # the supplier's own name for this feed: the same one again changes nothing
    Column("reference", String(64), nullable=False),
    # of its content: another feed under the same name is refused
    Column("fingerprint", LargeBinary, nullable=False),
    moment("as_of"),
    moment("received_at"),
    Column("rows", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    UniqueConstraint("supplier_id", "reference"),
)
Index("supplier_feeds_newest_idx", feeds.c.supplier_id, feeds.c.as_of.desc())
