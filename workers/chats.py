"""Room chat in the background: what rooms have said is forgotten three years after they ended."""

from domain.chats import forgetting
from workers.context import WorkerContext
from workers.timetable import every

A_ROUND = 100
"""Rooms looked after at once."""


@every(seconds=3600.0)
async def forget_rooms(context: WorkerContext) -> None:
    """Drop the events and comments of rooms of long ago. Safe to run twice: what is gone is gone."""
    db, now = context.market.db, context.now()
    for room_id in await forgetting.rooms_to_forget(db, now=now, limit=A_ROUND):
        while await forgetting.forget(db, room_id):
            pass
