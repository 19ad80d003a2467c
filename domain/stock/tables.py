"""Levels, allotments, holds and the ledger of movements."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    String,
    Table,
    Uuid,
    func,
)

from domain.foundation.tables import id_column, metadata, moment

_adds_up = "total = free + held + sold AND free >= 0 AND held >= 0 AND sold >= 0"


def _units(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


levels = Table(
    "stock_levels",
    metadata,
    id_column("sku_id", ForeignKey("skus.id", ondelete="RESTRICT"), primary_key=True),
    _units("total"),
    _units("free"),
    _units("held"),
    _units("sold"),
    CheckConstraint(_adds_up, name="adds_up"),
)

allotments = Table(
    "stock_allotments",
    metadata,
    id_column(),
    Column("sku_id", Uuid, ForeignKey("skus.id"), nullable=False, index=True),
    Column("purpose", String(20), nullable=False),
    _units("total"),
    _units("free"),
    _units("held"),
    _units("sold"),
    moment("opened_at"),
    moment("closed_at", nullable=True),
    CheckConstraint(_adds_up, name="adds_up"),
    CheckConstraint("closed_at IS NULL OR free = 0", name="closed"),
)

# Who holds which units, and how the hold ended: exactly once, sold or released.
holds = Table(
    "stock_holds",
    metadata,
    id_column(),
    id_column("order_id"),
    id_column("sku_id"),
    Column("allotment_id", Uuid),
    Column("quantity", BigInteger, nullable=False),
    # of those that were sold: how many came back
    _units("returned"),
    moment("held_at"),
    moment("ended_at", nullable=True),
    Column("outcome", String(10)),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
    CheckConstraint("outcome IN ('sold', 'released')", name="outcome"),
    CheckConstraint("returned BETWEEN 0 AND quantity AND (returned = 0 OR outcome = 'sold')", name="returned"),
)
Index("stock_holds_order_idx", holds.c.order_id)

movements = Table(
    "stock_movements",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    id_column("sku_id"),
    Column("allotment_id", Uuid),
    Column("movement", String(12), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("cause", String(40), nullable=False),
    id_column("cause_id"),
    Column("reason", String(500), nullable=False, server_default=""),
    Column("by", Uuid),
    Column("moved_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    CheckConstraint("quantity <> 0 AND (quantity > 0 OR movement = 'adjusted')", name="quantity"),
)
Index("stock_movements_sku_idx", movements.c.sku_id, movements.c.position)

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""
MOVEMENTS_ARE_APPEND_ONLY = """
CREATE TRIGGER stock_movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_movements
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
