"""Rooms that somebody watches in this process: heard once each, however many watch, and looked after in the ledger.

    feed = await watch.open(room_id)          # None: no such room
    leave = feed.listen(listener)             # told all that follows feed.last
    missed = await feed.since(number)         # and what came before, 500 at a time
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from uuid import UUID

import structlog

from domain.foundation.database import Database
from domain.foundation.redis import Gate
from domain.foundation.remembered import Remembered
from domain.foundation.reporting import note_failure
from domain.live_rooms import timeline
from domain.live_rooms.bus import COUNTERS, EVENTS, FAILURES, LiveBus, read_counters, read_events, read_personal
from domain.live_rooms.feeds import RoomFeed
from domain.live_rooms.listening import Ear
from domain.live_rooms.rules import RoomEvent

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks at all rooms that are watched: what the bus has lost comes no later than that."""


class RoomWatch:
    """Hears the rooms that are watched, and knows who watches them. One per process and event loop."""

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db, self._bus = db, LiveBus(gate)
        self._ear = Ear(gate, hear=self._hear, begin=self._look_soon)
        self._feeds: dict[UUID, RoomFeed] = {}
        self._found: Remembered[RoomFeed | None] = Remembered(seconds=1.0)
        self._looks: Remembered[None] = Remembered(seconds=0.0)
        self._look_now, self._hear_now = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_failing = False
        self._viewers: dict[UUID, dict[str, _Viewer]] = {}

    async def open(self, room_id: UUID) -> RoomFeed | None:
        """The room as it is heard here; None when there is no such room. Raises what the ledger raises."""
        feed = self._feeds.get(room_id)
        return feed or await self._found.get(room_id, partial(self._find, room_id))
