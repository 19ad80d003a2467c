"""A process that writes in a room until it is killed."""

import asyncio
import sys
from uuid import UUID

from domain.foundation import clock
from domain.foundation.database import Database
from domain.foundation.redis import connect
from domain.live_rooms import timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EventKind, NewEvent


async def write(database_url: str, redis_url: str, room_id: UUID) -> None:
    """As fast as it can."""
    db, bus = Database.connect(database_url, connections=4), LiveBus(connect(redis_url))

    async def one_after_the_other() -> None:
        while True:
            async with db.transaction() as tx:
                await timeline.append(tx, bus, room_id, [NewEvent(EventKind.SHELF_CHANGED)], now=clock.now())

    await asyncio.gather(*(one_after_the_other() for _ in range(4)))


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], sys.argv[2], UUID(sys.argv[3])))
