"""How a basket is filled with all that its price depends on, for quotes and for charges alike. Never locks.

One statement asks for the goods, one for what the way of fulfilment asks and gives, one for freight: three at most,
whatever the basket.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, String, and_, bindparam, exists, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from domain.addresses.rules import check_region_code
from domain.foundation.clock import shop_day
from domain.foundation.database import AnyRow, Reader
from domain.foundation.errors import Refusal
from domain.pricing.deals import DAYS_COMPARED, lowest_between
from domain.pricing.engine import Basket, Goods, SalePrice, price
from domain.pricing.freight import Template
from domain.pricing.rules import Fulfilment, NoPickupThere, NotForSale, Offers, Quote, UnknownSku, Wanted, merged
from domain.pricing.store import LADDER_COLUMNS, ladder_of, templates_by_ids
from domain.pricing.tables import (
    freight_of_products,
    freight_templates,
    ladder_skus,
    ladders,
    minimum_orders,
    sale_prices,
)
from domain.products.rules import State, title_of
from domain.products.tables import products, skus
from domain.stores.tables import stores

_NO_OFFERS = Offers()


async def quote(
    reader: Reader,
    wanted: Sequence[Wanted],
    *,
    fulfilment: Fulfilment | None,
    region_code: str | None,
    store_id: UUID | None,
    offers: Offers = _NO_OFFERS,
    now: datetime,
) -> Quote:
    """What these goods cost now. Asked again within the transaction that charges, it is the same function.

    The same SKU named twice is one line. The region counts for a delivery, the store for a pickup; with `fulfilment`
    None there is neither freight nor a minimum. Raises BadInput for quantities and region codes outside of what is
    allowed; whatever else keeps the basket from being ordered is among the quote's problems.
    """
    basket = await filled(
        reader, wanted, fulfilment=fulfilment, region_code=region_code, store_id=store_id, offers=offers, now=now
    )
    return price(basket, now=now)


async def filled(
    reader: Reader,
    wanted: Sequence[Wanted],
    *,
    fulfilment: Fulfilment | None,
    region_code: str | None,
    store_id: UUID | None,
    offers: Offers = _NO_OFFERS,
    now: datetime,
) -> Basket:
    """The basket that `quote` prices."""
    units = merged(wanted)
    store_id = store_id if fulfilment is Fulfilment.PICKUP else None
    region_code = region_code if fulfilment is Fulfilment.DELIVERY else None
    if region_code is not None:
        check_region_code(region_code)
    goods, problems = await _goods(reader, units, store_id=store_id, now=now)
    minimum_minor, ladder = 0, None
    if fulfilment is not None:
        terms = (await reader.rows(_TERMS, {"fulfilment": fulfilment.value, "store_id": store_id}))[0]
        minimum_minor, ladder = terms.minimum_minor or 0, ladder_of(terms)
        if store_id is not None and not terms.takes_pickups:
            problems.append(NoPickupThere(store_id=store_id))
    return Basket(
        goods=tuple(goods),
        fulfilment=fulfilment,
        region_code=region_code,
        store_id=store_id,
        ladder=ladder,
        templates=await _templates(reader, goods) if region_code is not None else {},
        minimum_minor=minimum_minor,
        offers=offers,
        problems=tuple(problems),
    )


async def _goods(
    reader: Reader, units: Sequence[Wanted], *, store_id: UUID | None, now: datetime
) -> tuple[list[Goods], list[Refusal]]:
    today = shop_day(now)
    asked = {
        "ids": [each.sku_id for each in units],
        "store_id": store_id,
        "now": now,
        "from_day": today - timedelta(days=DAYS_COMPARED),
        "to_day": today,
    }
    rows = {row.id: row for row in await reader.rows(_GOODS, asked)} if units else {}
    goods: list[Goods] = []
    problems: list[Refusal] = []
    for each in units:
        row = rows.get(each.sku_id)
        if row is None:
            problems.append(UnknownSku(sku_id=each.sku_id))
        elif row.state != State.PUBLISHED:
            problems.append(NotForSale(sku_id=each.sku_id))
        else:
            goods.append(_goods_of(row, each.quantity))
    return goods, problems


def _goods_of(row: AnyRow, quantity: int) -> Goods:
    sale = SalePrice(row.sale_id, row.sale_minor, row.sale_starts_at, row.sale_ends_at) if row.sale_id else None
    return Goods(
        sku_id=row.id,
        product_id=row.product_id,
        title=title_of(row.title, row.options),
        quantity=quantity,
        list_minor=row.price_minor,
        grams=row.grams,
        needs_parcel=row.requires_shipping,
        sale_prices=(sale,) if sale else (),
        is_on_ladder=row.is_on_ladder,
        template_id=row.template_id,
        lowest_deal_minor=row.lowest_deal_minor,
    )


async def _templates(reader: Reader, goods: Iterable[Goods]) -> dict[UUID, Template]:
    wanted = {each.template_id for each in goods if each.needs_parcel and each.template_id is not None}
    return await templates_by_ids(reader, list(wanted)) if wanted else {}


_p, _s, _sale, _l = products.c, skus.c, sale_prices.c, ladders.c
_now = bindparam("now", type_=DateTime(timezone=True))
_store_id = bindparam("store_id", type_=PG_UUID)

RUNNING_SALE = (
    select(_sale.id, _sale.price_minor, _sale.starts_at, _sale.ends_at)
    .where(_sale.sku_id == _s.id, _sale.ends_at > _now, _sale.starts_at <= _now, _sale.ended_at.is_(None))
    .order_by(_sale.price_minor, _sale.ends_at.desc())
    .limit(1)
    .lateral("running_sale")
)
_DEFAULT_TEMPLATE = select(freight_templates.c.id).where(freight_templates.c.is_default).scalar_subquery()
_GOODS = (
    select(
        _s.id, _s.product_id, _s.options, _s.price_minor, _s.grams, _s.requires_shipping, _p.title, _p.state,
        func.coalesce(freight_of_products.c.template_id, _DEFAULT_TEMPLATE).label("template_id"),
        exists().where(ladder_skus.c.store_id == _store_id, ladder_skus.c.sku_id == _s.id).label("is_on_ladder"),
        lowest_between(_s.id).label("lowest_deal_minor"),
        RUNNING_SALE.c.id.label("sale_id"), RUNNING_SALE.c.price_minor.label("sale_minor"),
        RUNNING_SALE.c.starts_at.label("sale_starts_at"), RUNNING_SALE.c.ends_at.label("sale_ends_at"),
    )
    .select_from(skus)
    .join(products, _p.id == _s.product_id)
    .outerjoin(freight_of_products, freight_of_products.c.product_id == _p.id)
    .outerjoin(RUNNING_SALE, true())
    .where(_s.id == func.any(bindparam("ids", type_=ARRAY(PG_UUID))))
)  # fmt: skip

_MINIMUM = (
    select(minimum_orders.c.minimum_minor)
    .where(minimum_orders.c.fulfilment == bindparam("fulfilment", type_=String))
    .scalar_subquery()
)
_ONCE = select(literal(1).label("one")).subquery("once")
_TERMS = (
    select(
        _MINIMUM.label("minimum_minor"), stores.c.takes_pickups, *LADDER_COLUMNS
    )
    .select_from(_ONCE)
    .outerjoin(stores, stores.c.id == _store_id)
    .outerjoin(ladders, and_(_l.store_id == stores.c.id))
)  # fmt: skip
