"""How screens and workers read flash sales."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, join, select

from domain.flash_sales.rules import Item, Sale, SaleState, TicketState, slot_window
from domain.flash_sales.store import ITEM_COLUMNS, SALE_COLUMNS, sale_of
from domain.flash_sales.tables import items, sales, slots, tickets
from domain.foundation.clock import shop_day
from domain.foundation.database import AnyRow, Database
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.orders.tables import orders
from domain.suppliers.tables import supplied_skus, suppliers


@dataclass(frozen=True)
class Ticket:
    """A ticket that the ledger has decided."""

    id: UUID
    item_id: UUID
    shopper_id: UUID
    quantity: int
    state: TicketState
    order_id: UUID | None
    refusal: str | None
    pay_by: datetime | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an item is ordered: within how many seconds it is paid, and who sends it at what cost, if not we."""

    item: Item
    pay_seconds: int
    supplier_id: UUID | None
    cost_minor: int | None


@dataclass(frozen=True)
class Second:
    """What the ledger decided in one second."""

    at: datetime
    reserved: int
    paid: int
    lapsed: int


@dataclass(frozen=True)
class Slot:
    """A daily slot on one day, with the sales in it."""

    id: UUID
    name: str
    opens_at: datetime
    closes_at: datetime
    sales: tuple[Sale, ...]


async def sales_by_ids(db: Database, sale_ids: Sequence[UUID]) -> dict[UUID, Sale]:
    """Sales with their items, by id; two statements."""
    rows = await db.rows(select(*SALE_COLUMNS).where(sales.c.id == func.any(list(sale_ids))))
    return await _with_items(db, rows)


async def sale_of_item(db: Database, item_id: UUID) -> tuple[Sale, Item] | None:
    """The sale an item belongs to, and the item."""
    sale_id = await db.value(select(items.c.sale_id).where(items.c.id == item_id))
    if sale_id is None:
        return None
    sale = (await sales_by_ids(db, [sale_id]))[sale_id]
    return sale, next(item for item in sale.items if item.id == item_id)


async def living(db: Database) -> list[Sale]:
    """Sales that are scheduled, warm or stopped: those the workers look after."""
    rows = await db.rows(select(*SALE_COLUMNS).where(sales.c.state.in_(("scheduled", "warm", "stopped"))))
    return list((await _with_items(db, rows)).values())


async def storefront(db: Database, *, now: datetime, first: int, after: str | None) -> Page[Sale]:
    """Sales that are open or still to come, next to open first."""
    c = sales.c
    query = (
        select(*SALE_COLUMNS)
        .where(c.state.in_((SaleState.SCHEDULED, SaleState.WARM)), c.closes_at > now)
        .order_by(c.opens_at, c.id)
    )
    if after:
        query = query.where(func.row(c.opens_at, c.id) > func.row(*_place(after)))
    rows = await db.rows(query.limit(page_size(first) + 1))
    with_items = await _with_items(db, rows)
    return page_of([with_items[row.id] for row in rows], first, _key)


async def everything(db: Database, *, first: int, after: str | None) -> Page[Sale]:
    """Every sale, newest first; for merchandisers."""
    query = select(*SALE_COLUMNS).order_by(sales.c.id.desc())
    if after:
        query = query.where(sales.c.id < _place(after)[1])
    rows = await db.rows(query.limit(page_size(first) + 1))
    with_items = await _with_items(db, rows)
    return page_of([with_items[row.id] for row in rows], first, _key)


def _key(sale: Sale) -> tuple[str, str]:
    return sale.opens_at.isoformat(), str(sale.id)


def _place(after: str) -> tuple[datetime, UUID]:
    """The place that a cursor of either list stands for. Raises BadInput for anything else."""
    opens_at, sale_id = read_cursor(after, datetime, UUID)
    return opens_at, sale_id


async def _with_items(db: Database, rows: Sequence[AnyRow]) -> dict[UUID, Sale]:
    if not rows:
        return {}
    by_sale: dict[UUID, list[AnyRow]] = defaultdict(list)
    found = await db.rows(
        select(*ITEM_COLUMNS)
        .where(items.c.sale_id == func.any([row.id for row in rows]))
        .order_by(items.c.sale_id, items.c.position)
    )
    for item in found:
        by_sale[item.sale_id].append(item)
    return {row.id: sale_of(row, by_sale[row.id]) for row in rows}


async def terms_by_number(db: Database, number: int) -> Terms:
    """The terms of the item with this number. Raises KeyError when there is none."""
    s = supplied_skus.c
    row = await db.one(
        select(*ITEM_COLUMNS, sales.c.pay_seconds, s.supplier_id, s.cost_minor)
        .join_from(items, sales)
        .outerjoin(join(supplied_skus, suppliers), (s.sku_id == items.c.sku_id) & suppliers.c.ended_at.is_(None))
        .where(items.c.number == number)
    )
    if row is None:
        raise KeyError(number)
    return Terms(Item(*row[:-3]), *row[-3:])


async def item_ids_by_numbers(db: Database, numbers: Sequence[int]) -> dict[int, UUID]:
    """The ids of the items with these numbers."""
    rows = await db.rows(select(items.c.number, items.c.id).where(items.c.number == func.any(list(numbers))))
    return {row.number: row.id for row in rows}


async def tickets_by_ids(db: Database, ticket_ids: Sequence[UUID]) -> dict[UUID, Ticket]:
    """Decided tickets by id; one that is only in the gate is not among them."""
    t = tickets.c
    rows = await db.rows(
        select(t.id, t.item_id, t.shopper_id, t.quantity, t.state, t.order_id, t.refusal, orders.c.pay_by, t.decided_at)
        .outerjoin_from(tickets, orders, orders.c.id == t.order_id)
        .where(t.id == func.any(list(ticket_ids)))
    )
    return {
        row.id: Ticket(
            row.id,
            row.item_id,
            row.shopper_id,
            row.quantity,
            TicketState(row.state),
            row.order_id,
            row.refusal,
            row.pay_by,
            row.decided_at,
        )
        for row in rows
    }


async def ticket(db: Database, ticket_id: UUID) -> Ticket | None:
    """A decided ticket; None while it is only in the gate."""
    return (await tickets_by_ids(db, [ticket_id])).get(ticket_id)


async def per_second(db: Database, *, item_ids: Sequence[UUID], since: datetime, until: datetime) -> list[Second]:
    """Tickets reserved, paid and lapsed in each second of `since <= t < until` in which anything happened."""
    counted: dict[datetime, dict[str, int]] = defaultdict(lambda: {"reserved": 0, "paid": 0, "lapsed": 0})
    t = tickets.c
    for name, column in (("reserved", t.decided_at), ("paid", t.paid_at), ("lapsed", t.lapsed_at)):
        second = func.date_trunc("second", column)
        query = (
            select(second, func.count())
            .where(t.item_id == func.any(list(item_ids)), column >= since, column < until, t.state != "refused")
            .group_by(second)
        )
        for at, count in await db.rows(query):
            counted[at][name] = count
    return [Second(at, **counts) for at, counts in sorted(counted.items())]


async def slots_of_day(db: Database, *, day: date | None, now: datetime) -> list[Slot]:
    """The slots of a day of the shop's calendar (None: today) with the public sales that were put into them."""
    day = day or shop_day(now)
    rows = await db.rows(
        select(slots.c.id, slots.c.name, slots.c.starts_at, slots.c.minutes).order_by(slots.c.starts_at)
    )
    windows = {row.id: slot_window(day, row.starts_at, row.minutes) for row in rows}
    if not windows:
        return []
    found = await db.rows(
        select(*SALE_COLUMNS).where(
            sales.c.slot_id.isnot(None),
            sales.c.state.notin_((SaleState.DRAFT, SaleState.CANCELLED)),
            sales.c.opens_at >= min(opens_at for opens_at, _ in windows.values()),
            sales.c.opens_at <= max(opens_at for opens_at, _ in windows.values()),
        )
    )
    in_slots = (await _with_items(db, found)).values()
    return [
        Slot(row.id, row.name, *windows[row.id], tuple(sale for sale in in_slots if sale.slot_id == row.id))
        for row in rows
    ]


async def slot_window_on(db: Database, slot_id: UUID, day: date) -> tuple[datetime, datetime] | None:
    """The window of a slot on a day; None when there is no such slot."""
    row = await db.one(select(slots.c.starts_at, slots.c.minutes).where(slots.c.id == slot_id))
    return slot_window(day, row.starts_at, row.minutes) if row else None
