"""Likes: the taps of all who like a room in this process within a quarter of a second are one increment in the gate."""

import asyncio
from collections import Counter
from uuid import UUID

from domain.foundation.redis import Gate
from domain.foundation.reporting import note_failure
from domain.viewers import gate as gates
from domain.viewers.rules import check_taps

GATHER_SECONDS = 0.25


class LikeDesk:
    """Takes likes. One per process and event loop.

    Best effort: what this process holds when it dies, and what the gate does not answer for, is lost, a quarter of a second
    of it. What the gate loses comes back from the ledger, but for the seconds since the last sample.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._taps: Counter[UUID] = Counter()
        self._bringing: asyncio.Task[None] | None = None

    def like(self, room_id: UUID, taps: int) -> None:
        """Count so many likes of a room. Raises BadInput unless they are 1 to 50."""
        check_taps(taps)
        self._taps[room_id] += taps
        if self._bringing is None:
            self._bringing = asyncio.create_task(self._bring())

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
