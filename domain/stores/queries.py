"""How screens read stores. Never locks."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from domain.foundation.database import Database
from domain.foundation.errors import BadInput
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.stores.rules import Store
from domain.stores.store import COLUMNS, store_of
from domain.stores.tables import stores

_s = stores.c


async def by_ids(db: Database, store_ids: Sequence[UUID]) -> dict[UUID, Store]:
    """Stores that exist, by id."""
    rows = await db.rows(select(*COLUMNS).where(_s.id == func.any(list(store_ids))))
    return {row.id: store_of(row) for row in rows}


async def page(
    db: Database, *, first: int, after: str | None = None, region: str = "", for_pickup: bool = False
) -> Page[Store]:
    """Stores by their codes; only those whose region code begins with `region`, only those that hand out orders."""
    if not (len(region) <= 6 and (region == "" or (region.isascii() and region.isdigit()))):
        raise BadInput(f"region is {region[:20]!r}; allowed: up to six digits, like 31 or 310106")
    by_code = select(*COLUMNS).order_by(_s.code)
    if region:
        by_code = by_code.where(_s.region_code.startswith(region))
    if for_pickup:
        by_code = by_code.where(_s.takes_pickups)
    if after is not None:
        by_code = by_code.where(_s.code > read_cursor(after, str)[0])
    rows = await db.rows(by_code.limit(page_size(first) + 1))
    return page_of([store_of(row) for row in rows], first, lambda store: (store.code,))
