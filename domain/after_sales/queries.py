"""How screens read after-sales."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_

from domain.after_sales.rules import AfterSale, AfterSaleLine, AfterSaleState
from domain.after_sales.store import COLUMNS, LINE_COLUMNS, a, after_sale_of, line_of, ln
from domain.foundation.database import Database
from domain.foundation.pages import Page, page_of, page_size, read_cursor


async def by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, AfterSale]:
    """After-sales that exist, by id."""
    rows = await db.rows(select(*COLUMNS).where(a.id == func.any(list(ids))))
    return {row.id: after_sale_of(row) for row in rows}


async def by_order_ids(db: Database, order_ids: Sequence[UUID]) -> dict[UUID, list[AfterSale]]:
    """The after-sales of each order, oldest first."""
    found: dict[UUID, list[AfterSale]] = {}
    for row in await db.rows(select(*COLUMNS).where(a.order_id == func.any(list(order_ids))).order_by(a.id)):
        found.setdefault(row.order_id, []).append(after_sale_of(row))
    return found


async def lines_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, list[AfterSaleLine]]:
    """The lines of each after-sale, in the order of the order's."""
    statement = select(*LINE_COLUMNS, ln.after_sale_id).where(ln.after_sale_id == func.any(list(ids)))
    found: dict[UUID, list[AfterSaleLine]] = {}
    for row in await db.rows(statement.order_by(ln.after_sale_id, ln.position)):
        found.setdefault(row.after_sale_id, []).append(line_of(row))
    return found


async def of_shopper(
    db: Database, shopper_id: UUID, *, first: int, after: str | None = None, state: AfterSaleState | None = None
) -> Page[AfterSale]:
    """A shopper's after-sales, newest first; only those in one state when it is given."""
    newest_first = select(*COLUMNS).where(a.shopper_id == shopper_id).order_by(a.id.desc())
    if state is not None:
        newest_first = newest_first.where(a.state == state)
    if after is not None:
        newest_first = newest_first.where(a.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([after_sale_of(row) for row in rows], first, lambda one: (str(one.id),))


async def for_staff(
    db: Database, *, first: int, after: str | None = None, state: AfterSaleState | None = None
) -> Page[AfterSale]:
    """Everybody's after-sales, the oldest first: who has waited longest is at the top. Of one state when it is given."""
    oldest_first = select(*COLUMNS).order_by(a.id)
    if state is not None:
        oldest_first = oldest_first.where(a.state == state)
    if after is not None:
        oldest_first = oldest_first.where(a.id > read_cursor(after, UUID)[0])
    rows = await db.rows(oldest_first.limit(page_size(first) + 1))
    return page_of([after_sale_of(row) for row in rows], first, lambda one: (str(one.id),))


async def due(
    db: Database, *, now: datetime, after: tuple[datetime, UUID] | None, limit: int
) -> list[tuple[datetime, UUID]]:
    """Deadlines that are over, the oldest first, behind the one named: moment and after-sale."""
    over = select(a.due_at, a.id).where(a.due_at <= now)
    if after is not None:
        over = over.where(tuple_(a.due_at, a.id) > after)
    return [(row.due_at, row.id) for row in await db.rows(over.order_by(a.due_at, a.id).limit(limit))]
