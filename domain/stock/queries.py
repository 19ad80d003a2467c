"""How screens read stock."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from domain.foundation.database import Database
from domain.products.queries import SKU_COLUMNS, sku_of
from domain.products.rules import Sku
from domain.products.tables import skus
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


async def skus_by_product_ids(db: Database, product_ids: Sequence[UUID]) -> dict[UUID, list[tuple[Sku, Level]]]:
    """The SKUs of these products with their units, in the products' own order; an empty list for an unknown product."""
    found: dict[UUID, list[tuple[Sku, Level]]] = {product_id: [] for product_id in product_ids}
    for row in await db.rows(_SKUS_OF_PRODUCTS, {"ids": list(product_ids)}):
        found[row.product_id].append((sku_of(row), Level(row.id, row.free, row.held, row.sold)))
    return found


async def skus_by_ids(db: Database, sku_ids: Sequence[UUID]) -> dict[UUID, tuple[Sku, Level]]:
    """The SKUs that exist, by id, with their units."""
    rows = await db.rows(_SKUS, {"ids": list(sku_ids)})
    return {row.id: (sku_of(row), Level(row.id, row.free, row.held, row.sold)) for row in rows}


def in_stock(product_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """For a list of products: units of at least one SKU are free."""
    # a scalar subquery, which the planner does not turn into a join with every SKU there is
    most = select(func.max(levels.c.free)).join_from(skus, levels).where(skus.c.product_id == product_id)
    return most.scalar_subquery() > 0


_c = levels.c
_ids = bindparam("ids", type_=ARRAY(PG_UUID))
_SKUS_WITH_LEVELS = select(
    *SKU_COLUMNS,
    func.coalesce(_c.free, 0).label("free"),
    func.coalesce(_c.held, 0).label("held"),
    func.coalesce(_c.sold, 0).label("sold"),
).outerjoin_from(skus, levels)
_SKUS = _SKUS_WITH_LEVELS.where(skus.c.id == func.any(_ids))
_SKUS_OF_PRODUCTS = _SKUS_WITH_LEVELS.where(skus.c.product_id == func.any(_ids)).order_by(
    skus.c.product_id, skus.c.position
)
