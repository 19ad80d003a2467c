"""How screens read batches and coupons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from domain.coupons.rules import GRANTED, Batch, ClaimPlace, Coupon, CouponState
from domain.coupons.store import BATCH_COLUMNS, COUPON_COLUMNS, b, batch_of, c, g, u
from domain.coupons.tables import coupons, uses
from domain.foundation.database import AnyRow, Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor

_ids = bindparam("ids", type_=ARRAY(PG_UUID))
_BATCHES = select(*BATCH_COLUMNS).where(b.id == func.any(_ids))
_COUPONS = select(*COUPON_COLUMNS, u.order_id, u.used_at).select_from(
    coupons.outerjoin(uses, (u.coupon_id == c.id) & u.given_back_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class ForGoods:
    """What a batch is for: all SKUs of these products, and these SKUs."""

    product_ids: tuple[UUID, ...]
    sku_ids: tuple[UUID, ...]


async def batches_by_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, Batch]:
    """Batches that exist, by id."""
    return {row.id: batch_of(row) for row in await reader.rows(_BATCHES, {"ids": list(ids)})}


async def goods_by_batch_ids(db: Database, batch_ids: Sequence[UUID]) -> dict[UUID, ForGoods]:
    """What each batch is for; a batch that is for everything is left out."""
    found = select(g.batch_id, g.product_id, g.sku_id).where(g.batch_id == func.any(list(batch_ids)))
    named: dict[UUID, list[AnyRow]] = {}
    for row in await db.rows(found.order_by(g.batch_id, g.product_id, g.sku_id)):
        named.setdefault(row.batch_id, []).append(row)
    return {
        batch_id: ForGoods(
            tuple(row.product_id for row in rows if row.sku_id is None),
            tuple(row.sku_id for row in rows if row.sku_id is not None),
        )
        for batch_id, rows in named.items()
    }


async def all_batches(db: Database, *, first: int, after: str | None = None) -> Page[Batch]:
    """Every batch, newest first."""
    return await _page(db, select(*BATCH_COLUMNS), first, after)


async def claimable_batches(reader: Reader, *, now: datetime, first: int, after: str | None = None) -> Page[Batch]:
    """Batches of which pieces can be claimed now, newest first."""
    in_window = (b.claimable_from <= now) & (b.claimable_until > now)
    is_claimed = b.claimable_in != ClaimPlace.NOWHERE
    newest_first = select(*BATCH_COLUMNS).where(in_window, b.stopped_at.is_(None), b.claimed < b.pieces, is_claimed)
    return await _page(reader, newest_first, first, after)


async def coupons_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Coupon]:
    """Coupons that exist, by id, with the orders that have them."""
    return {row.id: Coupon(*row) for row in await db.rows(_COUPONS.where(c.id == func.any(_ids)), {"ids": list(ids)})}


async def claimed_by(db: Database, shopper_id: UUID, batch_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many coupons of these batches a shopper has claimed; batches without any are left out."""
    counted = select(c.batch_id, func.count().label("claimed")).group_by(c.batch_id)
    is_claimed = ~c.claim_key.startswith(GRANTED, autoescape=True)
    mine = counted.where(c.shopper_id == shopper_id, c.batch_id == func.any(list(batch_ids)), is_claimed)
    return {row.batch_id: row.claimed for row in await db.rows(mine)}


async def of_shopper(
    db: Database, shopper_id: UUID, *, state: CouponState | None, now: datetime, first: int, after: str | None = None
) -> Page[Coupon]:
    """A shopper's coupons, newest first; only those in one state when it is given."""
    newest_first = _COUPONS.where(c.shopper_id == shopper_id).order_by(c.id.desc())
    if state is not None:
        newest_first = newest_first.where(_is_in(state, now))
    if after is not None:
        newest_first = newest_first.where(c.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([Coupon(*row) for row in rows], first, lambda coupon: (str(coupon.id),))


async def _page(reader: Database | Reader, found: Select[Any], first: int, after: str | None) -> Page[Batch]:
    newest_first = found.order_by(b.id.desc()).limit(page_size(first) + 1)
    if after is not None:
        newest_first = newest_first.where(b.id < read_cursor(after, UUID)[0])
    rows = await reader.rows(newest_first)
    return page_of([batch_of(row) for row in rows], first, lambda batch: (str(batch.id),))


def _is_in(state: CouponState, now: datetime) -> ColumnElement[bool]:
    """The condition of `Coupon.state`."""
    if state is CouponState.USED:
        return u.order_id.isnot(None)
    return u.order_id.is_(None) & (c.usable_until > now if state is CouponState.USABLE else c.usable_until <= now)
