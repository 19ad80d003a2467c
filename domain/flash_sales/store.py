"""The ledger's side of flash sales: the only SQL that changes sales, items, tickets and what shoppers hold."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, update

from domain.audiences.rules import Doors
from domain.flash_sales.gate import Entry, Known
from domain.flash_sales.rules import Item, Sale, SaleState
from domain.flash_sales.tables import items, sales, shoppers, tickets
from domain.foundation.database import AnyRow, Reader, Transaction
from domain.orders.tables import orders

ITEM_COLUMNS = (
    items.c.id,
    items.c.number,
    items.c.sale_id,
    items.c.sku_id,
    items.c.title,
    items.c.sale_price_minor,
    items.c.currency,
    items.c.units,
    items.c.per_shopper,
    items.c.waiting_places,
    items.c.buckets,
    items.c.allotment_id,
    items.c.epoch,
    items.c.gate_run_id,
)
SALE_COLUMNS = (
    sales.c.id,
    sales.c.title,
    sales.c.state,
    sales.c.slot_id,
    sales.c.opens_at,
    sales.c.closes_at,
    sales.c.pay_seconds,
    sales.c.warmed_at,
    sales.c.stopped_at,
    sales.c.settled_at,
    sales.c.admissions_per_second,
    sales.c.doors,
)

# one statement per batch, whatever its size
_DECIDED = text("""
    SELECT id FROM flash_sale_tickets WHERE id = ANY(CAST(:ids AS uuid[]))
    UNION
    SELECT wanted.id
    FROM unnest(CAST(:ids AS uuid[]), CAST(:shopper_ids AS uuid[]), CAST(:request_ids AS text[]))
      AS wanted (id, shopper_id, request_id)
    JOIN flash_sale_tickets AS earlier
      ON earlier.item_id = :item_id AND earlier.shopper_id = wanted.shopper_id
     AND earlier.request_id = wanted.request_id AND earlier.id <> wanted.id
""")
_TAKE_LIMIT = text("""
    INSERT INTO flash_sale_shoppers AS held (item_id, shopper_id, units, most)
    SELECT :item_id, shopper_id, units, :most
    FROM unnest(CAST(:shopper_ids AS uuid[]), CAST(:units AS int[])) AS wanted (shopper_id, units)
    ORDER BY shopper_id
    ON CONFLICT (item_id, shopper_id) DO UPDATE SET units = held.units + excluded.units
    WHERE held.units + excluded.units <= held.most
    RETURNING shopper_id
""")
_INSERT_TICKETS = text("""
    INSERT INTO flash_sale_tickets
      (id, item_id, shopper_id, request_id, quantity, state, order_id, refusal, claimed_at, decided_at)
    SELECT id, :item_id, shopper_id, request_id, quantity,
           CASE WHEN refusal IS NULL THEN 'reserved' ELSE 'refused' END, order_id, refusal, claimed_at, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:shopper_ids AS uuid[]), CAST(:request_ids AS text[]),
                CAST(:quantities AS int[]), CAST(:order_ids AS uuid[]), CAST(:refusals AS text[]),
                CAST(:claimed_at AS timestamptz[]))
      AS decided (id, shopper_id, request_id, quantity, order_id, refusal, claimed_at)
""")


def sale_of(row: AnyRow, rows: Sequence[AnyRow]) -> Sale:
    """A sale out of its row and its items' rows."""
    return Sale(
        id=row.id,
        title=row.title,
        state=SaleState(row.state),
        slot_id=row.slot_id,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        pay_seconds=row.pay_seconds,
        warmed_at=row.warmed_at,
        stopped_at=row.stopped_at,
        settled_at=row.settled_at,
        admissions_per_second=row.admissions_per_second,
        doors=Doors.read(row.doors),
        items=tuple(Item(*item) for item in rows),
    )


async def add(tx: Transaction, sale: Sale, *, created_by: UUID, now: datetime) -> None:
    """Write a new draft with its items, in the order given; their numbers are the database's to choose."""
    await tx.execute(
        insert(sales).values(
            id=sale.id,
            title=sale.title,
            state=sale.state,
            slot_id=sale.slot_id,
            opens_at=sale.opens_at,
            closes_at=sale.closes_at,
            pay_seconds=sale.pay_seconds,
            admissions_per_second=sale.admissions_per_second,
            created_at=now,
            created_by=created_by,
        )
    )
    await tx.execute(
        insert(items),
        [
            {
                "id": item.id,
                "sale_id": sale.id,
                "position": position,
                "sku_id": item.sku_id,
                "title": item.title,
                "sale_price_minor": item.sale_price_minor,
                "currency": item.currency,
                "units": item.units,
                "per_shopper": item.per_shopper,
                "waiting_places": item.waiting_places,
                "buckets": item.buckets,
            }
            for position, item in enumerate(sale.items, 1)
        ],
    )


async def lock(tx: Transaction, sale_id: UUID) -> Sale | None:
    """A sale with its items, the sale's row locked until the transaction ends."""
    row = await tx.one(select(*SALE_COLUMNS).where(sales.c.id == sale_id).with_for_update())
    if row is None:
        return None
    return sale_of(
        row, await tx.rows(select(*ITEM_COLUMNS).where(items.c.sale_id == sale_id).order_by(items.c.position))
    )


async def move(tx: Transaction, sale: Sale, **moments: Any) -> None:
    """Write a sale's new state with the moments (and authors) that belong to it."""
    await tx.execute(update(sales).where(sales.c.id == sale.id).values(state=sale.state, **moments))


async def set_doors(tx: Transaction, sale_id: UUID, doors: Doors | None) -> None:
    """Write who may come to a sale, and who earlier."""
    await tx.execute(update(sales).where(sales.c.id == sale_id).values(doors=doors.kept() if doors else None))


async def set_allotment(tx: Transaction, item_id: UUID, allotment_id: UUID) -> None:
    """Note where an item's units lie."""
    await tx.execute(update(items).where(items.c.id == item_id).values(allotment_id=allotment_id))


async def lock_item(tx: Transaction, item_id: UUID) -> Item:
    """An item, locked against a second rebuild but not against tickets that refer to it."""
    row = await tx.one(select(*ITEM_COLUMNS).where(items.c.id == item_id).with_for_update(key_share=True))
    assert row is not None, f"no flash sale item {item_id}"
    return Item(*row)


async def set_epoch(tx: Transaction, item_id: UUID, *, epoch: int, run_id: str) -> None:
    """Note which filling of the gate is the valid one, and on which run of Redis it stands."""
    await tx.execute(update(items).where(items.c.id == item_id).values(epoch=epoch, gate_run_id=run_id))


async def decided_among(reader: Reader, item_id: UUID, entries: Sequence[Entry]) -> set[UUID]:
    """Tickets that need no decision: decided before, or repeating a request that has another ticket."""
    parameters = {
        "item_id": item_id,
        "ids": [entry.ticket_id for entry in entries],
        "shopper_ids": [entry.shopper_id for entry in entries],
        "request_ids": [entry.request_id for entry in entries],
    }
    return set(await reader.column(_DECIDED, parameters))


async def take_limits(tx: Transaction, item: Item, units: dict[UUID, int]) -> set[UUID]:
    """Count units against each shopper's limit; gives back the shoppers for whom all of theirs fit."""
    within = {shopper_id: count for shopper_id, count in units.items() if count <= item.per_shopper}
    parameters = {
        "item_id": item.id,
        "most": item.per_shopper,
        "shopper_ids": list(within),
        "units": list(within.values()),
    }
    return set(await tx.column(_TAKE_LIMIT, parameters))


async def give_limit_back(tx: Transaction, item_id: UUID, shopper_id: UUID, units: int) -> None:
    """The shopper may have so many units again."""
    await tx.execute(
        update(shoppers)
        .where(shoppers.c.item_id == item_id, shoppers.c.shopper_id == shopper_id)
        .values(units=shoppers.c.units - units)
    )


async def add_tickets(
    tx: Transaction,
    item: Item,
    decided: Sequence[tuple[Entry, UUID | None, str | None]],
    *,
    claimed_at: Sequence[datetime],
    now: datetime,
) -> None:
    """Write decisions: entry, order (if reserved), refusal (if refused)."""
    await tx.execute(
        _INSERT_TICKETS,
        {
            "item_id": item.id,
            "ids": [entry.ticket_id for entry, _, _ in decided],
            "shopper_ids": [entry.shopper_id for entry, _, _ in decided],
            "request_ids": [entry.request_id for entry, _, _ in decided],
            "quantities": [entry.quantity for entry, _, _ in decided],
            "order_ids": [order_id for _, order_id, _ in decided],
            "refusals": [refusal for _, _, refusal in decided],
            "claimed_at": list(claimed_at),
            "now": now,
        },
    )


async def lock_ticket(tx: Transaction, ticket_id: UUID) -> AnyRow | None:
    """A decided ticket, locked: item_id, shopper_id, quantity, state, order_id."""
    t = tickets.c
    return await tx.one(
        select(t.id, t.item_id, t.shopper_id, t.quantity, t.state, t.order_id)
        .where(t.id == ticket_id)
        .with_for_update()
    )


async def move_ticket(tx: Transaction, ticket_id: UUID, *, state: str, **moments: Any) -> None:
    """Write a ticket's new state with its moment."""
    await tx.execute(update(tickets).where(tickets.c.id == ticket_id).values(state=state, **moments))


async def known_tickets(tx: Transaction, item_id: UUID) -> list[Known]:
    """Every decided ticket of an item. Live is what the order says: a lapse that the ticket has not heard of counts."""
    t = tickets.c
    rows = await tx.rows(
        select(
            t.id,
            t.shopper_id,
            t.request_id,
            t.quantity,
            func.coalesce(orders.c.state.in_(("placed", "paid")), False).label("is_live"),
        )
        .outerjoin_from(tickets, orders, orders.c.id == t.order_id)
        .where(t.item_id == item_id)
    )
    return [Known(*row) for row in rows]


async def take_limit_again(tx: Transaction, item_id: UUID, shopper_id: UUID, units: int) -> bool:
    """Count units of a revived order against the shopper's limit; whether they fit."""
    s = shoppers.c
    return bool(
        await tx.execute(
            update(shoppers)
            .where(s.item_id == item_id, s.shopper_id == shopper_id, s.units + units <= s.most)
            .values(units=s.units + units)
        )
    )
