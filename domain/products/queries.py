"""How screens read products by their ids, many at once. Lists and searches are in `search`. Never locks."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from domain.foundation.database import Database
from domain.products.rules import Category, Image, Product, Sku, State
from domain.products.tables import categories, images, products, skus

MOST_CATEGORIES = 1_000

_p, _c, _s = products.c, categories.c, skus.c
PRODUCT_COLUMNS = (
    _p.id, _p.handle, _p.title, _p.vendor, _p.tags, _p.option_names, _p.state, _p.lowest_price_minor,
    _p.highest_price_minor, _p.currency, _p.created_at, _p.published_at,
    _c.id.label("category_id"), _c.parent_id.label("category_parent_id"), _c.name.label("category_name"),
    _c.path.label("category_path"),
)  # fmt: skip
SKU_COLUMNS = (
    _s.id, _s.product_id, _s.code, _s.options, _s.price_minor, _s.compare_at_minor, _s.cost_minor, _s.image_url,
)  # fmt: skip

_ids = bindparam("ids", type_=ARRAY(PG_UUID))
_WHOLE_PRODUCTS = select(*PRODUCT_COLUMNS, _p.body_html).outerjoin_from(products, categories)
_PRODUCTS = _WHOLE_PRODUCTS.where(_p.id == func.any(_ids))
_PRODUCT_BY_HANDLE = _WHOLE_PRODUCTS.where(_p.handle == bindparam("handle"))
_IMAGES = select(images).where(images.c.product_id == func.any(_ids)).order_by(images.c.product_id, images.c.position)
_CATEGORIES = select(_c.id, _c.parent_id, _c.name, _c.path)


async def by_ids(db: Database, product_ids: Sequence[UUID]) -> dict[UUID, Product]:
    """Products that exist, by id; drafts too."""
    rows = await db.rows(_PRODUCTS, {"ids": list(product_ids)})
    return {row.id: product_of(row) for row in rows}


async def by_handle(db: Database, handle: str) -> Product | None:
    """The product of a handle, a draft too."""
    # a name with a NUL in it PostgreSQL cannot even be asked for
    row = await db.one(_PRODUCT_BY_HANDLE, {"handle": handle}) if "\0" not in handle else None
    return product_of(row) if row else None


async def images_by_product_ids(db: Database, product_ids: Sequence[UUID]) -> dict[UUID, list[Image]]:
    """The images of these products, in their order; an empty list for one without."""
    found: dict[UUID, list[Image]] = {product_id: [] for product_id in product_ids}
    for row in await db.rows(_IMAGES, {"ids": list(product_ids)}):
        found[row.product_id].append(Image(row.url, row.alt_text))
    return found


async def categories_by_ids(db: Database, category_ids: Sequence[UUID]) -> dict[UUID, Category]:
    """Categories that exist, by id."""
    rows = await db.rows(_CATEGORIES.where(_c.id == func.any(_ids)), {"ids": list(category_ids)})
    return {row.id: Category(*row) for row in rows}


async def all_categories(db: Database) -> list[Category]:
    """Every category by its path, the first thousand at most."""
    return [Category(*row) for row in await db.rows(_CATEGORIES.order_by(_c.path).limit(MOST_CATEGORIES))]


def product_of(row: Row[Any]) -> Product:
    """The product of a row of PRODUCT_COLUMNS and `body_html`."""
    category_id = row.category_id
    category = (
        Category(category_id, row.category_parent_id, row.category_name, row.category_path) if category_id else None
    )
    return Product(
        row.id,
        row.handle,
        row.title,
        row.body_html,
        row.vendor,
        row.tags,
        row.option_names,
        State(row.state),
        row.lowest_price_minor,
        row.highest_price_minor,
        row.currency,
        row.created_at,
        row.published_at,
        category,
    )


def sku_of(row: Row[Any]) -> Sku:
    """The SKU of a row that begins with SKU_COLUMNS."""
    return Sku(*row[: len(SKU_COLUMNS)])
