"""How live rooms change: the only SQL that writes rooms, crews, shelves, chapters and what was sold in a room.

Lock order: a room before everything that a transaction does to it; whatever changes in a room changes under its row's lock.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.database import AnyRow, Reader, Transaction
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.live_rooms.rules import (
    Channel,
    Chapter,
    Duty,
    LivePrice,
    NewRoom,
    PromotionKind,
    Room,
    RoomItem,
    RoomState,
    ShelfItem,
)
from domain.live_rooms.tables import chapters, crew, items, orders, prices, promotions, reservations, rooms
from domain.orders.tables import orders as all_orders
from domain.products.tables import products, skus
from domain.stores.tables import stores

r, i, p, h = rooms.c, items.c, prices.c, chapters.c
ROOM_COLUMNS = (
    r.id, r.title, r.cover_url, r.state, r.store_id, r.starts_at, r.grace_seconds, r.prize_budget_minor,
    r.is_chat_open, r.slow_seconds, r.events, r.live_at, r.paused_at, r.ended_at, r.cancelled_at,
)  # fmt: skip
ITEM_COLUMNS = (i.id, i.room_id, i.product_id, i.position, i.pitch, i.pinned_at, i.removed_at)
CHAPTER_COLUMNS = (h.id, h.room_id, h.item_id, h.began_at, h.ended_at, h.prices_until, h.live_prices)


async def lock(tx: Transaction, room_id: UUID) -> Room:
    """The room, locked until the transaction ends. Raises NotFound."""
    row = await tx.one(select(*ROOM_COLUMNS).where(r.id == room_id).with_for_update(key_share=True))
    if row is None:
        raise NotFound.of("room", room_id)
    return room_of(row)


_ROOM_OF_SOURCE = {
    "flash_sale": text("""
        SELECT promotion.room_id FROM flash_sale_tickets AS ticket
        JOIN flash_sale_items AS item ON item.id = ticket.item_id
        JOIN live_room_promotions AS promotion ON promotion.target_id = item.sale_id
        WHERE ticket.id = :source_id
    """),
    "group_buy": text("""
        SELECT promotion.room_id FROM group_buy_seats AS seat
        JOIN group_buys AS this ON this.id = seat.group_id
        JOIN live_room_promotions AS promotion ON promotion.target_id = this.campaign_id
        WHERE seat.id = :source_id
    """),
}


async def get(reader: Reader, room_id: UUID) -> Room:
    """The room as it stands. Raises NotFound."""
    row = await reader.one(select(*ROOM_COLUMNS).where(r.id == room_id))
    if row is None:
        raise NotFound.of("room", room_id)
    return room_of(row)


async def add(tx: Transaction, room: Room, *, by: UUID, now: datetime) -> None:
    """Keep a new room."""
    kept = {column.name: getattr(room, column.name) for column in ROOM_COLUMNS}
    await tx.execute(insert(rooms).values(**kept, created_at=now, created_by=by))


async def describe(tx: Transaction, room_id: UUID, wish: NewRoom) -> None:
    """What a locked room that is still to come is to be."""
    await tx.execute(
        update(rooms)
        .where(r.id == room_id)
        .values(
            title=wish.title.strip(),
            cover_url=wish.cover_url,
            store_id=wish.store_id,
            starts_at=wish.starts_at,
            grace_seconds=wish.grace_seconds,
            prize_budget_minor=wish.prize_budget_minor,
        )
    )


async def move(tx: Transaction, room: Room, **moments: datetime | None) -> None:
    """A locked room is in its new state from now on."""
    await tx.execute(update(rooms).where(r.id == room.id).values(state=room.state.value, **moments))


async def set_chat(tx: Transaction, room_id: UUID, *, is_open: bool, slow_seconds: int) -> None:
    """Whether viewers of a locked room may write, and how often."""
    await tx.execute(update(rooms).where(r.id == room_id).values(is_chat_open=is_open, slow_seconds=slow_seconds))


async def check_store(tx: Transaction, store_id: UUID) -> None:
    """Raises NotFound unless there is such a store."""
    if await tx.value(select(stores.c.id).where(stores.c.id == store_id)) is None:
        raise NotFound.of("store", store_id)


async def set_crew(tx: Transaction, room_id: UUID, duties: Mapping[UUID, Duty]) -> None:
    """These run a locked room, and nobody else."""
    await tx.execute(delete(crew).where(crew.c.room_id == room_id))
    await tx.execute(
        insert(crew),
        [{"room_id": room_id, "account_id": account_id, "duty": duty.value} for account_id, duty in duties.items()],
    )


async def crew_of(reader: Reader, room_id: UUID) -> Mapping[UUID, Duty]:
    """Who runs the room, and what they do."""
    found = await reader.rows(select(crew.c.account_id, crew.c.duty).where(crew.c.room_id == room_id))
    return {row.account_id: Duty(row.duty) for row in found}


async def duty_of(reader: Reader, room_id: UUID, account_id: UUID) -> Duty | None:
    """What somebody does in the room; None for whoever is not of its crew."""
    found = await reader.value(select(crew.c.duty).where(crew.c.room_id == room_id, crew.c.account_id == account_id))
    return Duty(found) if found else None


async def missing_goods(tx: Transaction, shelf: Sequence[ShelfItem]) -> tuple[str, UUID] | None:
    """The first product that does not exist, or SKU that is none of its product's: its kind and id."""
    wanted = {item.product_id for item in shelf}
    known = set(await tx.column(select(products.c.id).where(products.c.id == func.any(list(wanted)))))
    found = await tx.rows(select(skus.c.id, skus.c.product_id).where(skus.c.product_id == func.any(list(wanted))))
    product_of = {row.id: row.product_id for row in found}
    for item in shelf:
        if item.product_id not in known:
            return "product", item.product_id
        for price in item.prices:
            if product_of.get(price.sku_id) != item.product_id:
                return "sku", price.sku_id
    return None


async def set_shelf(tx: Transaction, room_id: UUID, shelf: Sequence[ShelfItem], *, now: datetime) -> None:
    """Give a locked room this shelf. What is not on it any more is kept as removed, and is pinned no more."""
    kept = [item.product_id for item in shelf]
    gone = update(items).where(i.room_id == room_id, i.removed_at.is_(None), i.product_id != func.all(kept))
    await tx.execute(gone.values(removed_at=now, pinned_at=None))
    await tx.execute(delete(prices).where(p.item_id.in_(select(i.id).where(i.room_id == room_id))))
    if not shelf:
        return
    written = insert(items).values(
        [
            {"id": new_id(), "room_id": room_id, "product_id": item.product_id, "position": at, "pitch": item.pitch}
            for at, item in enumerate(shelf, 1)
        ]
    )
    written = written.on_conflict_do_update(
        index_elements=[i.room_id, i.product_id],
        set_={"position": written.excluded.position, "pitch": written.excluded.pitch, "removed_at": None},
    )
    item_ids = {row.product_id: row.id for row in await tx.rows(written.returning(i.product_id, i.id))}
    asked = [
        {
            "item_id": item_ids[item.product_id],
            "sku_id": price.sku_id,
            "live_minor": price.live_minor,
            "floor_minor": price.floor_minor,
        }
        for item in shelf
        for price in item.prices
    ]
    if asked:
        await tx.execute(insert(prices), asked)


async def items_of_rooms(reader: Reader, room_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[RoomItem]]:
    """What stands on the shelves of these rooms, each in its order; two statements."""
    standing = (i.room_id == func.any(list(room_ids))) & i.removed_at.is_(None)
    rows = await reader.rows(select(*ITEM_COLUMNS).where(standing).order_by(i.room_id, i.position))
    found: dict[UUID, list[RoomItem]] = defaultdict(list)
    for item in await with_prices(reader, rows):
        found[item.room_id].append(item)
    return found


async def with_prices(reader: Reader, rows: Sequence[AnyRow]) -> Sequence[RoomItem]:
    """The items of rows with ITEM_COLUMNS, with their prices; one statement."""
    found: dict[UUID, list[LivePrice]] = defaultdict(list)
    wanted = [row.id for row in rows]
    for row in await reader.rows(select(prices).where(p.item_id == func.any(wanted)).order_by(p.sku_id)):
        found[row.item_id].append(LivePrice(row.sku_id, row.live_minor, row.floor_minor))
    return [RoomItem(**row._mapping, prices=tuple(found[row.id])) for row in rows]


async def item_on_shelf(tx: Transaction, room_id: UUID, item_id: UUID) -> RoomItem | None:
    """An item that stands on the shelf of a locked room."""
    row = await tx.one(select(*ITEM_COLUMNS).where(i.id == item_id, i.room_id == room_id, i.removed_at.is_(None)))
    return (await with_prices(tx, [row]))[0] if row else None


async def pin(tx: Transaction, room_id: UUID, item_id: UUID | None, *, now: datetime) -> None:
    """Pin this item of a locked room, and no other one; None: none at all."""
    await tx.execute(update(items).where(i.room_id == room_id, i.pinned_at.is_not(None)).values(pinned_at=None))
    if item_id is not None:
        await tx.execute(update(items).where(i.id == item_id).values(pinned_at=now))


async def on_air(reader: Reader, room_id: UUID) -> Chapter | None:
    """What is on air in the room."""
    row = await reader.one(select(*CHAPTER_COLUMNS).where(h.room_id == room_id, h.ended_at.is_(None)))
    return chapter_of(row) if row else None


async def begin_chapter(tx: Transaction, chapter: Chapter) -> None:
    """An item of a locked room is on air from now on."""
    kept = {str(sku_id): minor for sku_id, minor in chapter.live_prices.items()}
    await tx.execute(
        insert(chapters).values(
            id=chapter.id,
            room_id=chapter.room_id,
            item_id=chapter.item_id,
            began_at=chapter.began_at,
            live_prices=kept,
        )
    )


async def end_chapter(tx: Transaction, chapter: Chapter, *, ended_at: datetime, prices_until: datetime) -> None:
    """An item of a locked room has left the air; its live prices hold a little longer."""
    ended = update(chapters).where(h.id == chapter.id)
    await tx.execute(ended.values(ended_at=ended_at, prices_until=prices_until))


async def withdraw_prices(tx: Transaction, room_id: UUID, *, now: datetime) -> None:
    """The live prices of what has left the air in a locked room hold no longer."""
    holding = update(chapters).where(h.room_id == room_id, h.prices_until > now)
    await tx.execute(holding.values(prices_until=func.greatest(h.ended_at, now)))


async def note_promotion(
    tx: Transaction,
    room_id: UUID,
    kind: PromotionKind,
    target_id: UUID,
    item_id: UUID | None,
    *,
    by: UUID,
    now: datetime,
    is_told: bool = False,
) -> bool:
    """A sale, a draw or coupons belong to the room from now on; False when they do already.

    `is_told`: the room hears of it in this very transaction.
    """
    row = {
        "target_id": target_id,
        "room_id": room_id,
        "kind": kind.value,
        "item_id": item_id,
        "started_at": now,
        "started_by": by,
        "told_at": now if is_told else None,
    }
    return bool(await tx.execute(insert(promotions).values(row).on_conflict_do_nothing()))


async def is_told_first(tx: Transaction, target_id: UUID, *, now: datetime) -> bool:
    """Whether the room has not been told of it before; from now on it has."""
    c = promotions.c
    untold = update(promotions).where(c.target_id == target_id, c.told_at.is_(None))
    return bool(await tx.execute(untold.values(told_at=now)))


async def room_of_promotion(reader: Reader, target_id: UUID) -> UUID | None:
    """The room in which something was started."""
    found: UUID | None = await reader.value(select(promotions.c.room_id).where(promotions.c.target_id == target_id))
    return found


async def room_of_order(reader: Reader, source: str | None, source_id: UUID | None) -> UUID | None:
    """The room in which the sale of a promotion's order was started: of a ticket of a flash sale, of a seat in a group."""
    asked = _ROOM_OF_SOURCE.get(source or "")
    found: UUID | None = await reader.value(asked, {"source_id": source_id}) if asked is not None else None
    return found


async def add_order(
    tx: Transaction, *, order_id: UUID, room_id: UUID, shopper_id: UUID, channel: Channel, placed_at: datetime
) -> None:
    """An order was placed in the room. Noted already: no change."""
    row = {
        "order_id": order_id,
        "room_id": room_id,
        "shopper_id": shopper_id,
        "channel": channel.value,
        "placed_at": placed_at,
    }
    await tx.execute(insert(orders).values(row).on_conflict_do_nothing())


async def note_sold(tx: Transaction, order_id: UUID, room_id: UUID, channel: Channel) -> None:
    """An order of a sale that was started in the room belongs to it. Noted already: no change."""
    o = all_orders.c
    order = select(o.id, literal(room_id), o.shopper_id, literal(channel.value), o.placed_at).where(o.id == order_id)
    columns = ("order_id", "room_id", "shopper_id", "channel", "placed_at")
    await tx.execute(insert(orders).from_select(columns, order).on_conflict_do_nothing())


async def reserve(tx: Transaction, room_id: UUID, shopper_id: UUID, *, now: datetime) -> None:
    """The shopper wants to be reminded. Reserved already: no change."""
    row = {"room_id": room_id, "shopper_id": shopper_id, "reserved_at": now}
    await tx.execute(insert(reservations).values(row).on_conflict_do_nothing())


async def cancel_reservation(tx: Transaction, room_id: UUID, shopper_id: UUID) -> None:
    """The shopper wants to be reminded no more."""
    c = reservations.c
    await tx.execute(delete(reservations).where(c.room_id == room_id, c.shopper_id == shopper_id))


async def on_since_before(reader: Reader, before: datetime, *, limit: int) -> Sequence[UUID]:
    """Rooms that are on, and went live before this moment."""
    is_on = r.state.in_(("live", "paused"))
    return await reader.column(select(r.id).where(is_on, r.live_at < before).order_by(r.live_at).limit(limit))


def room_of(row: AnyRow) -> Room:
    """The room of a row with ROOM_COLUMNS."""
    return Room(**{**row._mapping, "state": RoomState(row.state)})


def chapter_of(row: AnyRow) -> Chapter:
    """The chapter of a row with CHAPTER_COLUMNS."""
    kept: Mapping[str, Any] = row.live_prices
    return Chapter(**{**row._mapping, "live_prices": {UUID(sku_id): minor for sku_id, minor in kept.items()}})
