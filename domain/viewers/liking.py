"""Likes: the taps of all who like a room in this process within a quarter of a second are one increment in the gate."""

import asyncio
from collections import Counter
from functools import partial
from uuid import UUID

from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.foundation.redis import Gate
from domain.foundation.remembered import Remembered
from domain.foundation.reporting import note_failure
from domain.live_rooms import queries
from domain.live_rooms.rules import Room
from domain.viewers import gate as gates
from domain.viewers.rules import check_taps

GATHER_SECONDS = 0.25
ROOM_SECONDS = 2.0
"""For which a room is believed to be on: nobody's like waits for the ledger while others like the same room."""


class LikeDesk:
    """Takes likes. One per process and event loop.

    Best effort: what this process holds when it is killed, and what the gate does not answer for, is lost, a quarter of a second
    of it. What the gate loses comes back from the ledger, but for the seconds since the last sample.
    """

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db, self._gate = db, gate
        self._rooms: Remembered[Room | None] = Remembered(seconds=ROOM_SECONDS)
        self._taps: Counter[UUID] = Counter()
        self._bringing: asyncio.Task[None] | None = None

    async def like(self, room_id: UUID, taps: int) -> None:
        """Count so many likes of a room. Raises BadInput unless they are 1 to 50, NotFound, RoomNotOn."""
        check_taps(taps)
        room = await self._rooms.get(room_id, partial(self._find, room_id))
        if room is None:
            raise NotFound.of("room", room_id)
        room.check_on()
        self._taps[room_id] += taps
        if self._bringing is None:
            self._bringing = asyncio.create_task(self._bring())

    async def close(self) -> None:
        """Bring what was gathered, at the end of the process."""
        if self._bringing is not None:
            await self._bringing

    async def _find(self, room_id: UUID) -> Room | None:
        return (await queries.by_ids(self._db, [room_id])).get(room_id)

    async def _bring(self) -> None:
        try:
            while self._taps:
                await asyncio.sleep(GATHER_SECONDS)
                gathered, self._taps = self._taps, Counter()
                for room_id, taps in gathered.items():
                    try:
                        await gates.add_taps(self._gate, room_id, taps)
                    except Exception as error:  # not tried again: what was counted unanswered would count twice
                        note_failure("likes_lost", error, taps=taps)
        finally:
            self._bringing = None
