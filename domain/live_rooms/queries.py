"""How screens read live rooms, by id. Never locks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, select

from domain.foundation.database import Database
from domain.live_rooms.rules import Chapter, Duty, PromotionKind, Room, RoomItem
from domain.live_rooms.store import (
    CHAPTER_COLUMNS,
    ITEM_COLUMNS,
    ROOM_COLUMNS,
    chapter_of,
    items_of_rooms,
    room_of,
    with_prices,
)
from domain.live_rooms.tables import chapters, crew, items, promotions, reservations, rooms


async def by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Room]:
    """Rooms that exist."""
    return {
        row.id: room_of(row) for row in await db.rows(select(*ROOM_COLUMNS).where(rooms.c.id == func.any(list(ids))))
    }


async def items_by_room_ids(db: Database, room_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[RoomItem]]:
    """What stands on the shelf of each room, in its order; two statements."""
    async with db.reading() as reader:
        found = await items_of_rooms(reader, room_ids)
    return {room_id: found.get(room_id, ()) for room_id in room_ids}


async def items_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, RoomItem]:
    """Items that exist, also those that were taken off their shelves; two statements."""
    async with db.reading() as reader:
        rows = await reader.rows(select(*ITEM_COLUMNS).where(items.c.id == func.any(list(ids))))
        return {item.id: item for item in await with_prices(reader, rows)}


async def chapters_by_room_ids(db: Database, room_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Chapter]]:
    """The times on air of each room, in order; the last one may have no end yet."""
    of_room: dict[UUID, list[Chapter]] = {room_id: [] for room_id in room_ids}
    found = select(*CHAPTER_COLUMNS).where(chapters.c.room_id == func.any(list(room_ids)))
    for row in await db.rows(found.order_by(chapters.c.room_id, chapters.c.began_at, chapters.c.id)):
        of_room[row.room_id].append(chapter_of(row))
    return of_room


async def crew_by_room_ids(db: Database, room_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[UUID, Duty]]:
    """Who runs each room, and what they do."""
    of_room: dict[UUID, dict[UUID, Duty]] = {room_id: {} for room_id in room_ids}
    for row in await db.rows(select(crew).where(crew.c.room_id == func.any(list(room_ids)))):
        of_room[row.room_id][row.account_id] = Duty(row.duty)
    return of_room


async def reserved_by(db: Database, shopper_id: UUID, room_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the rooms that the shopper is to be reminded of."""
    c = reservations.c
    found = select(c.room_id).where(c.room_id == func.any(list(room_ids)), c.shopper_id == shopper_id)
    return set(await db.column(found))


async def reservations_by_room_ids(db: Database, room_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many are to be reminded of each room."""
    c = reservations.c
    counted = select(c.room_id, func.count().label("shoppers")).where(c.room_id == func.any(list(room_ids)))
    found = {row.room_id: row.shoppers for row in await db.rows(counted.group_by(c.room_id))}
    return {room_id: found.get(room_id, 0) for room_id in room_ids}


async def promotions_by_room_ids(
    db: Database, room_ids: Sequence[UUID]
) -> Mapping[UUID, Sequence[tuple[PromotionKind, UUID]]]:
    """What was started in each room and told to it, in order."""
    of_room: dict[UUID, list[tuple[PromotionKind, UUID]]] = defaultdict(list)
    c = promotions.c
    found = select(c.room_id, c.kind, c.target_id).where(c.room_id == func.any(list(room_ids)), c.told_at.is_not(None))
    for row in await db.rows(found.order_by(c.room_id, c.started_at, c.target_id)):
        of_room[row.room_id].append((PromotionKind(row.kind), row.target_id))
    return of_room
