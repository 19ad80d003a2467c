"""How screens read carts: two statements, however many lines there are. Never locks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from domain.carts.rules import Cart, CartLine, Holder, guest_hash
from domain.carts.tables import cart_lines, carts
from domain.foundation.database import Reader
from domain.foundation.money import Money
from domain.pricing import queries as pricing
from domain.pricing.rules import Wanted
from domain.products.rules import State
from domain.products.tables import products, skus
from domain.stock.tables import levels

_c, _l, _s, _p = carts.c, cart_lines.c, skus.c, products.c
_LINES = (
    select(
        _l.sku_id,
        _s.product_id,
        _p.title,
        _s.options,
        _s.image_url,
        _l.quantity,
        _l.is_chosen,
        _s.price_minor,
        _l.seen_price_minor,
        _l.added_at,
        func.coalesce(levels.c.free, 0).label("free"),
        _p.state,
        _p.currency,
    )
    .join_from(carts, cart_lines, _l.cart_id == _c.id)
    .join(skus, _s.id == _l.sku_id)
    .join(products, _p.id == _s.product_id)
    .outerjoin(levels, levels.c.sku_id == _l.sku_id)
    .order_by(_l.added_at.desc(), _l.sku_id)
)


async def cart_of(reader: Reader, holder: Holder, *, now: datetime) -> Cart:
    """The cart as it is now, every line with its free units and the price that the engine gives it by itself.

    An empty one where there is none.
    """
    is_theirs = _is_theirs(holder)
    rows = await reader.rows(_LINES.where(is_theirs)) if is_theirs is not None else ()
    prices = await _prices(reader, {row.sku_id: row.quantity for row in rows}, now=now)
    return Cart(tuple(_line_of(row, prices.get(row.sku_id, row.price_minor)) for row in rows))


async def chosen_by(reader: Reader, shopper_id: UUID) -> list[tuple[UUID, int]]:
    """What a shopper has chosen for checkout: SKU and units of each line, what was put in last first."""
    chosen = select(_l.sku_id, _l.quantity).join_from(carts, cart_lines, _l.cart_id == _c.id)
    rows = await reader.rows(
        chosen.where(_c.shopper_id == shopper_id, _l.is_chosen).order_by(_l.added_at.desc(), _l.sku_id)
    )
    return [(row.sku_id, row.quantity) for row in rows]


async def price_to_put_in(reader: Reader, sku_id: UUID, *, now: datetime) -> int | None:
    """What a unit of a SKU costs now, in minor units; None when it is not for sale."""
    return (await _prices(reader, {sku_id: 1}, now=now)).get(sku_id)


async def _prices(reader: Reader, units: Mapping[UUID, int], *, now: datetime) -> dict[UUID, int]:
    """What a unit costs, of each SKU that is for sale: before anything that depends on the shopper or on the store."""
    if not units:
        return {}
    wanted = [Wanted(sku_id, quantity) for sku_id, quantity in units.items()]
    quote = await pricing.quote(reader, wanted, fulfilment=None, region_code=None, store_id=None, now=now)
    return {line.sku_id: line.unit_price_minor for line in quote.lines}


def _line_of(row: Any, price_minor: int) -> CartLine:
    return CartLine(
        sku_id=row.sku_id,
        product_id=row.product_id,
        title=row.title,
        options=row.options,
        image_url=row.image_url,
        quantity=row.quantity,
        is_chosen=row.is_chosen,
        price=Money(price_minor, row.currency),
        seen_price=Money(row.seen_price_minor, row.currency),
        added_at=row.added_at,
        free=row.free,
        is_sold=row.state == State.PUBLISHED,
    )


def _is_theirs(holder: Holder) -> ColumnElement[bool] | None:
    if holder.shopper_id is not None:
        return _c.shopper_id == holder.shopper_id
    # of a merged cart no line is left
    return _c.guest_hash == guest_hash(holder.guest_token) if holder.guest_token is not None else None
