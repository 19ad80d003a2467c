"""Who watches by this process, told to the gate and kept in the ledger: counted from sockets and polls, never estimated."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from time import monotonic
from uuid import UUID

from domain.foundation import clock
from domain.foundation.database import Database
from domain.foundation.redis import Gate
from domain.foundation.reporting import note_failure
from domain.live_rooms.watching import RoomWatch
from domain.viewers import gate as gates
from domain.viewers import store
from domain.viewers.rules import BEAT_SECONDS, PRESENT_SECONDS, Viewer

Watched = Callable[[], Mapping[UUID, Collection[Viewer]]]
"""Who has a socket on which room; somebody with two of them may stand there once or twice."""
LOOK_SECONDS = 1.0
"""Between two tellings of who has come and who has left."""
ADDED_AT_ONCE = 1_000
"""Viewers kept in one transaction."""


def on_sockets(watch: RoomWatch) -> Watched:
    """Who has a socket on a room in this process."""
    return lambda: {
        room_id: [Viewer.of_mark(mark, shopper_id) for mark, shopper_id in watch.viewers(room_id).items()]
        for room_id in watch.rooms()
    }


class Presence:
    """Tells who watches. One per process and event loop.

    Whoever comes or leaves is told of within a second, and everybody again every five: who is not told of for 25 seconds,
    because the process is gone, does not watch any more.
    """

    def __init__(self, db: Database, gate: Gate, watched: Watched) -> None:
        self._db, self._gate, self._watched = db, gate, watched
        self._polled: dict[tuple[UUID, Viewer], float] = {}
        self._kept: dict[UUID, set[Viewer]] = {}
        self._told: dict[UUID, dict[str, int]] = {}
        self._all_told_at = float("-inf")

    def note_poll(self, room_id: UUID, viewer: Viewer) -> None:
        """Somebody has asked for the room's news without a socket: they watch for 25 seconds from now."""
        self._polled[room_id, viewer] = monotonic() + PRESENT_SECONDS

    async def run(self) -> None:
        """Tell again and again. Runs until cancelled; a failure is logged, and made up for by the next telling."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.tell(now=clock.now())
            except Exception as error:
                note_failure("viewers_not_told", error)

    async def tell(self, *, now: datetime) -> None:
        """Keep whoever is new, and say who has come and who has left; everybody, when that was long ago."""
        watching = self._watching()
        try:
            await self._keep(watching, now=now)
        finally:  # the gate is told also where the ledger does not answer
            await self._say(watching)

    def _watching(self) -> dict[UUID, set[Viewer]]:
        now = monotonic()
        self._polled = {asked: until for asked, until in self._polled.items() if until > now}
        watching: dict[UUID, set[Viewer]] = defaultdict(set)
        for room_id, viewers in self._watched().items():
            watching[room_id].update(viewers)
        for room_id, viewer in self._polled:
            watching[room_id].add(viewer)
        return watching

    async def _keep(self, watching: Mapping[UUID, set[Viewer]], *, now: datetime) -> None:
        self._kept = {room_id: kept & watching[room_id] for room_id, kept in self._kept.items() if room_id in watching}
        new = [
            (room_id, viewer)
            for room_id, viewers in watching.items()
            for viewer in viewers - self._kept.get(room_id, set())
        ]
        for start in range(0, len(new), ADDED_AT_ONCE):
            some = new[start : start + ADDED_AT_ONCE]
            await store.add(self._db, some, now=now)
            for room_id, viewer in some:
                self._kept.setdefault(room_id, set()).add(viewer)

    async def _say(self, watching: Mapping[UUID, set[Viewer]]) -> None:
        is_everybody_due = monotonic() >= self._all_told_at + BEAT_SECONDS
        for room_id in watching.keys() | self._told.keys():
            told = self._told.get(room_id, {})
            present = {viewer.key for viewer in watching.get(room_id, ())}
            left = {key: told_ms for key, told_ms in told.items() if key not in present}
            to_tell = list(present if is_everybody_due else present - told.keys())
            if to_tell or left:
                said = await gates.tell(self._gate, room_id, to_tell, left)
                self._told[room_id] = {key: told_ms for key, told_ms in told.items() if key in present} | said
            if not present:
                self._told.pop(room_id, None)
        if is_everybody_due:
            self._all_told_at = monotonic()
