"""How screens read what prices are made of: price tags, sale prices, ladders, freight templates, minimums. Never locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from domain.foundation.clock import shop_day
from domain.foundation.database import AnyRow, Database
from domain.foundation.errors import BadInput
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.pricing.deals import DAYS_COMPARED, DealDay, lowest_between
from domain.pricing.engine import SalePrice, struck_through
from domain.pricing.freight import Template
from domain.pricing.ladders import Ladder
from domain.pricing.queries import RUNNING_SALE
from domain.pricing.rules import Fulfilment
from domain.pricing.store import LADDER_COLUMNS, SALE_COLUMNS, ladder_of, sale_price_of, templates_by_ids
from domain.pricing.tables import (
    deal_days,
    freight_of_products,
    freight_templates,
    ladder_skus,
    ladders,
    minimum_orders,
    sale_prices,
)
from domain.products.tables import skus

_s, _sale, _t = skus.c, sale_prices.c, freight_templates.c
_TAGS = (
    select(
        _s.id, _s.price_minor, RUNNING_SALE.c.price_minor.label("sale_minor"), RUNNING_SALE.c.ends_at,
        lowest_between(_s.id).label("lowest_deal_minor"),
    )
    .select_from(skus)
    .outerjoin(RUNNING_SALE, true())
    .where(_s.id == func.any(bindparam("ids", type_=ARRAY(PG_UUID))))
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tag:
    """What a shopper may read beside a SKU: the sale price of now and when it ends, and what is struck through.

    `lowest_deal_minor`: what may be struck through where another price, above which it must be, is asked: a group's.
    """

    sale_minor: int | None
    sale_ends_at: datetime | None
    struck_through_minor: int | None
    lowest_deal_minor: int | None


@dataclass(frozen=True, slots=True)
class StaffSalePrice:
    """A sale price as staff see it: of which SKU, who made it, and who ended it early."""

    sku_id: UUID
    price: SalePrice
    created_by: UUID
    ended_by: UUID | None


async def tags_by_sku_ids(db: Database, sku_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, Tag]:
    """The price tags of SKUs that exist, in one statement."""
    today = shop_day(now)
    asked = {
        "ids": list(sku_ids),
        "now": now,
        "from_day": today - timedelta(days=DAYS_COMPARED),
        "to_day": today,
    }
    return {row.id: _tag_of(row) for row in await db.rows(_TAGS, asked)}


async def sale_prices_by_ids(db: Database, sale_price_ids: Sequence[UUID]) -> dict[UUID, StaffSalePrice]:
    """Sale prices that exist, by id."""
    rows = await db.rows(select(*SALE_COLUMNS).where(_sale.id == func.any(list(sale_price_ids))))
    return {row.id: _staff_sale_price(row) for row in rows}


async def sale_prices_page(
    db: Database, *, first: int, after: str | None = None, sku_id: UUID | None = None
) -> Page[StaffSalePrice]:
    """Sale prices, past and ended ones too, newest first; only those of one SKU when it is given."""
    newest_first = select(*SALE_COLUMNS).order_by(_sale.id.desc())
    if sku_id is not None:
        newest_first = newest_first.where(_sale.sku_id == sku_id)
    if after is not None:
        newest_first = newest_first.where(_sale.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([_staff_sale_price(row) for row in rows], first, lambda each: (str(each.price.id),))


async def ladders_by_store_ids(db: Database, store_ids: Sequence[UUID]) -> dict[UUID, Ladder]:
    """The ladders of those stores that have one."""
    rows = await db.rows(select(*LADDER_COLUMNS).where(ladders.c.store_id == func.any(list(store_ids))))
    return {row.store_id: ladder for row in rows if (ladder := ladder_of(row))}


async def ladder_skus_by_store_ids(db: Database, store_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The SKUs on the ladders of these stores."""
    c = ladder_skus.c
    rows = await db.rows(
        select(c.store_id, c.sku_id).where(c.store_id == func.any(list(store_ids))).order_by(c.store_id, c.sku_id)
    )
    found: dict[UUID, list[UUID]] = {}
    for row in rows:
        found.setdefault(row.store_id, []).append(row.sku_id)
    return found


async def freight_templates_by_ids(db: Database, template_ids: Sequence[UUID]) -> dict[UUID, Template]:
    """Freight templates that exist, by id, with their zones."""
    async with db.reading() as reader:
        return await templates_by_ids(reader, template_ids)


async def freight_templates_page(db: Database, *, first: int, after: str | None = None) -> Page[Template]:
    """Freight templates with their zones, newest first."""
    newest_first = select(_t.id).order_by(_t.id.desc())
    if after is not None:
        newest_first = newest_first.where(_t.id < read_cursor(after, UUID)[0])
    template_ids = await db.column(newest_first.limit(page_size(first) + 1))
    found = await freight_templates_by_ids(db, template_ids)
    return page_of([found[id] for id in template_ids], first, lambda template: (str(template.id),))


async def template_of_product(db: Database, product_id: UUID) -> Template | None:
    """The template by which a product's freight is reckoned, the default one where it names none; None: it is free."""
    own = select(freight_of_products.c.template_id).where(freight_of_products.c.product_id == product_id)
    default = select(_t.id).where(_t.is_default)
    template_id = await db.value(select(func.coalesce(own.scalar_subquery(), default.scalar_subquery())))
    return (await freight_templates_by_ids(db, [template_id])).get(template_id) if template_id else None


async def minimums(db: Database) -> dict[Fulfilment, int]:
    """From how much on orders are taken, where there is a minimum: minor units."""
    rows = await db.rows(select(minimum_orders.c.fulfilment, minimum_orders.c.minimum_minor))
    return {Fulfilment(row.fulfilment): row.minimum_minor for row in rows}


async def deal_days_page(db: Database, sku_id: UUID, *, first: int, after: str | None = None) -> Page[DealDay]:
    """On which days a SKU was sold and for how much at least, newest first: the proof of what was struck through."""
    d = deal_days.c
    newest_first = (
        select(d.sku_id, d.day, d.lowest_minor, d.units).where(d.sku_id == sku_id).order_by(d.sku_id, d.day.desc())
    )
    if after is not None:
        newest_first = newest_first.where(d.day < _day(after))
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([DealDay(*row) for row in rows], first, lambda each: (each.day.isoformat(),))


def _day(after: str) -> date:
    (text,) = read_cursor(after, str)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{after[:64]!r} is not a cursor of this list; pass an `endCursor` as it was given") from None


def _tag_of(row: AnyRow) -> Tag:
    is_lower = row.sale_minor is not None and row.sale_minor < row.price_minor
    current = row.sale_minor if is_lower else row.price_minor
    return Tag(
        sale_minor=row.sale_minor if is_lower else None,
        sale_ends_at=row.ends_at if is_lower else None,
        struck_through_minor=struck_through(row.lowest_deal_minor, above=current),
        lowest_deal_minor=row.lowest_deal_minor,
    )


def _staff_sale_price(row: AnyRow) -> StaffSalePrice:
    return StaffSalePrice(row.sku_id, sale_price_of(row), row.created_by, row.ended_by)
