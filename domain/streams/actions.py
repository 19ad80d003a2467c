"""What becomes of a room when its stream begins, breaks and comes back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.database import Database
from domain.live_rooms import queries as live_rooms
from domain.live_rooms import running
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EARLY, Room, RoomState
from domain.live_rooms.tables import rooms
from domain.streams.rules import AWAY
from domain.streams.tables import streams

s = streams.c
OVER = frozenset({RoomState.ENDED, RoomState.CANCELLED})


async def begin(db: Database, bus: LiveBus, *, room_id: UUID, publisher: str, now: datetime) -> bool:
    """Somebody pushes the room's stream: it goes live, or on after a break. Whether they may; the same again changes nothing.

    More than two hours before the room's time it is a rehearsal, which nobody sees. A room that its crew has paused stays so.
    """
    room = (await live_rooms.by_ids(db, [room_id])).get(room_id)
    if room is None or room.state in OVER:
        return False
    async with db.transaction() as tx:
        pushed = insert(streams).values(room_id=room_id, publisher=publisher, began_at=now)
        begun = {"publisher": publisher, "began_at": now, "lost_at": None}
        pushed = pushed.on_conflict_do_update(index_elements=[s.room_id], set_=begun)
        has_paused = await tx.value(pushed.returning(s.has_paused))
    # asked anew: word of the connection before may have paused it meanwhile
    room = (await live_rooms.by_ids(db, [room_id]))[room_id]
    if _goes_live(room, has_paused=has_paused, now=now):
        await running.go_live(db, bus, room_id=room_id, by=None, now=now)
    if has_paused:
        await _forget_pause(db, room_id, publisher)
    return room.state not in OVER


async def lose(db: Database, bus: LiveBus, *, room_id: UUID, publisher: str, now: datetime) -> bool:
    """This publisher pushes no more: the room is paused. Whether it was the one who did; another's end is no news.

    Word of the old connection may come after the new one has begun.
    """
    async with db.transaction() as tx:
        is_live = exists().where(rooms.c.id == room_id, rooms.c.state == RoomState.LIVE)
        lost = update(streams).where(s.room_id == room_id, s.publisher == publisher)
        has_paused = await tx.value(
            lost.values(publisher=None, lost_at=now, has_paused=s.has_paused | is_live).returning(s.has_paused)
        )
    if has_paused:
        await running.pause(db, bus, room_id=room_id, by=None, now=now)
        if await is_pushed(db, room_id):  # it was back before the room was paused, and found it live
            await running.go_live(db, bus, room_id=room_id, by=None, now=now)
    return has_paused is not None


async def end_abandoned(db: Database, bus: LiveBus, *, now: datetime, limit: int) -> int:
    """End rooms that have been paused for five minutes because their stream is away; how many.

    A pause of the crew, and a room that goes on without its stream, are the crew's to end.
    """
    is_waiting = s.has_paused & (rooms.c.state == RoomState.PAUSED)
    away = select(s.room_id).join(rooms, rooms.c.id == s.room_id).where(s.lost_at <= now - AWAY, is_waiting)
    abandoned = await db.column(away.order_by(s.lost_at).limit(limit))
    for room_id in abandoned:
        await running.end(db, bus, room_id=room_id, by=None, now=now)
    return len(abandoned)


async def is_pushed(db: Database, room_id: UUID) -> bool:
    """Whether somebody pushes the room's stream now."""
    return await db.value(select(s.publisher).where(s.room_id == room_id)) is not None


async def _forget_pause(db: Database, room_id: UUID, publisher: str) -> None:
    """The stream is back: the next pause of its room is somebody else's, unless it is lost again."""
    async with db.transaction() as tx:
        mine = update(streams).where(s.room_id == room_id, s.publisher == publisher)
        await tx.execute(mine.values(has_paused=False))


def _goes_live(room: Room, *, has_paused: bool, now: datetime) -> bool:
    if room.state is RoomState.SCHEDULED:
        return now >= room.starts_at - EARLY
    return room.state is RoomState.PAUSED and has_paused
