"""How screens read stock."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from domain.foundation.database import Database
from domain.stock.rules import Level
from domain.stock.tables import allotments, levels


async def levels_by_sku_ids(db: Database, sku_ids: Sequence[UUID]) -> list[Level]:
    """Levels in the order asked; zeros for a SKU that never had any units."""
    c = levels.c
    rows = await db.rows(select(c.sku_id, c.free, c.held, c.sold).where(c.sku_id == func.any(list(sku_ids))))
    found = {row.sku_id: Level(*row) for row in rows}
    return [found.get(sku_id) or Level(sku_id, 0, 0, 0) for sku_id in sku_ids]


async def allotments_by_ids(db: Database, allotment_ids: Sequence[UUID]) -> dict[UUID, Level]:
    """Allotments that exist, by id."""
    c = allotments.c
    rows = await db.rows(select(c.id, c.free, c.held, c.sold).where(c.id == func.any(list(allotment_ids))))
    return {row.id: Level(*row) for row in rows}
