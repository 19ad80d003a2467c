"""How screens read orders."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from domain.foundation.database import Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.orders.rules import Line, Order, OrderState
from domain.orders.store import COLUMNS, LINE_COLUMNS, line_of, o, order_of
from domain.orders.tables import lines, orders

_ids = bindparam("ids", type_=ARRAY(PG_UUID))
# made once: building a statement of so many columns takes longer than running it
_BY_IDS = select(*COLUMNS).where(o.id == func.any(_ids))


async def by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Order]:
    """Orders that exist, by id."""
    rows = await db.rows(_BY_IDS, {"ids": list(ids)})
    return {row.id: order_of(row) for row in rows}


async def of_shopper(
    db: Database, shopper_id: UUID, *, first: int, after: str | None = None, state: OrderState | None = None
) -> Page[Order]:
    """A shopper's orders, newest first; only those in one state when it is given."""
    newest_first = select(*COLUMNS).where(o.shopper_id == shopper_id).order_by(o.id.desc())
    if state is not None:
        newest_first = newest_first.where(o.state == state)
    if after is not None:
        newest_first = newest_first.where(o.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([order_of(row) for row in rows], first, lambda order: (str(order.id),))


async def lines_by_order_ids(db: Database, order_ids: Sequence[UUID]) -> dict[UUID, list[Line]]:
    """The lines of each order, in their order."""
    c = lines.c
    rows = await db.rows(
        select(*LINE_COLUMNS, o.currency)
        .join_from(lines, orders)
        .where(c.order_id == func.any(list(order_ids)))
        .order_by(c.order_id, c.position)
    )
    found: dict[UUID, list[Line]] = {}
    for row in rows:
        line = line_of(row)
        found.setdefault(line.order_id, []).append(line)
    return found


async def unconfirmed_units(reader: Reader, sku_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Units of these SKUs in paid orders that may still be called off, of which nobody is told to send anything yet."""
    # written out, not bound: a prepared plan uses a partial index only if it can see that its condition holds
    is_waiting = ~o.is_confirmed & (o.state == literal_column("'paid'"))
    c = lines.c
    found = select(c.sku_id, func.sum(c.quantity - c.unsent)).join_from(orders, lines)
    rows = await reader.rows(found.where(is_waiting, c.sku_id == func.any(list(sku_ids))).group_by(c.sku_id))
    return {sku_id: int(units) for sku_id, units in rows}
