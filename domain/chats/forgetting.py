"""What rooms have said is forgotten three years after they ended, a stretch of their timeline at a time."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy import func as sql

from domain.chats.rules import KEPT
from domain.chats.tables import comments, silences
from domain.foundation.database import Database, Reader
from domain.live_rooms import store as rooms
from domain.live_rooms.tables import events
from domain.live_rooms.tables import rooms as room_table

A_STRETCH = 5_000
"""Numbers of a timeline that one transaction forgets."""


async def rooms_to_forget(reader: Reader | Database, *, now: datetime, limit: int) -> Sequence[UUID]:
    """Rooms that ended, or were called off, three years ago, of which something is still kept."""
    r = room_table.c
    is_kept = select(events.c.number).where(events.c.room_id == r.id, events.c.number < r.events).exists()
    ended_before = sql.coalesce(r.ended_at, r.cancelled_at) < now - KEPT
    return await reader.column(select(r.id).where(ended_before, is_kept).limit(limit))


async def forget(db: Database, room_id: UUID) -> bool:
    """Forget the next stretch of such a room's events and comments; whether more is left.

    The room itself stays, and its last event: whoever reads on from a number that is gone goes on at what is there.
    """
    async with db.transaction() as tx:
        room = await rooms.lock(tx, room_id)
        first: int | None = await tx.value(select(sql.min(events.c.number)).where(events.c.room_id == room_id))
        last = min((first or 0) + A_STRETCH, room.events) - 1
        is_over = last == room.events - 1
        of_room = comments.c.room_id == room_id
        await tx.execute(delete(comments).where(of_room if is_over else of_room & (comments.c.number <= last)))
        await tx.execute(delete(events).where(events.c.room_id == room_id, events.c.number <= last))
        if is_over:
            await tx.execute(delete(silences).where(silences.c.room_id == room_id))
    return not is_over
