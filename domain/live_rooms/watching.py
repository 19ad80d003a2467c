"""Rooms that are watched in this process: each is heard once, however many watch it, and looked after in the ledger.

feed = await watch.open(room_id)       # None: no such room
stop = feed.listen(listener)           # told all that follows feed.last
missed = await feed.since(number)      # and what was before, 500 at a time
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from uuid import UUID

import structlog

from domain.foundation.database import Database
from domain.foundation.redis import Gate
from domain.foundation.remembered import Remembered
from domain.foundation.reporting import note_failure
from domain.foundation.together import Together
from domain.live_rooms import timeline
from domain.live_rooms.bus import COUNTERS, EVENTS, FAILURES, LiveBus, read_counters, read_events, read_personal
from domain.live_rooms.feeds import RoomFeed
from domain.live_rooms.listening import Ear
from domain.live_rooms.rules import RoomEvent

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks at all rooms that are watched: what the bus has lost is no later than that."""
FOUND_SECONDS = 0.1
"""Those who open a room at once look it up once."""
MOST_AT_ONCE = 10_000
"""Who wait for one look."""


class RoomWatch:
    """Hears rooms, and knows who watches them here. One per process and event loop."""

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db, self._bus = db, LiveBus(gate)
        self._ear = Ear(gate, hear=self._hear, begin=self._begin_to_hear)
        self._feeds: dict[UUID, RoomFeed] = {}
        self._found: Remembered[RoomFeed | None] = Remembered(seconds=FOUND_SECONDS)
        self._looks: Together[str, None, None] = Together(self._look_for, at_most=MOST_AT_ONCE, in_flight=1)
        self._look_now, self._tend_now = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._viewers: dict[UUID, dict[str, UUID | None]] = {}
        self._sockets: Counter[tuple[UUID, str]] = Counter()

    async def open(self, room_id: UUID) -> RoomFeed | None:
        """The room as it is heard here; None when there is no such room. Raises what the ledger raises."""
        feed = self._feeds.get(room_id) or await self._found.get(room_id, partial(self._find, room_id))
        if feed is not None:
            feed.keep()
        return feed

    def note_viewer(self, room_id: UUID, viewer_key: str, shopper_id: UUID | None) -> None:
        """Somebody watches the room on one more socket of this process; `forget_viewer` as often."""
        self._sockets[room_id, viewer_key] += 1
        self._viewers.setdefault(room_id, {})[viewer_key] = shopper_id

    def forget_viewer(self, room_id: UUID, viewer_key: str) -> None:
        """They do no more, on one of their sockets."""
        self._sockets[room_id, viewer_key] -= 1
        if self._sockets[room_id, viewer_key] <= 0:
            del self._sockets[room_id, viewer_key]
            viewers = self._viewers.get(room_id, {})
            viewers.pop(viewer_key, None)
            if not viewers:
                self._viewers.pop(room_id, None)

    def viewers(self, room_id: UUID) -> Mapping[str, UUID | None]:
        """Who watches the room on sockets of this process, each once, and which shopper that is where one is signed in."""
        return self._viewers.get(room_id, {})

    def rooms(self) -> Collection[UUID]:
        """The rooms that somebody watches on a socket of this process."""
        return self._viewers.keys()

    async def close(self) -> None:
        """Hear nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for feed in self._feeds.values():
            feed.close()
        self._feeds.clear()
        await self._ear.close()

    async def _find(self, room_id: UUID) -> RoomFeed | None:
        counters = await self._bus.counters(room_id)
        last = (await self._lasts([room_id])).get(room_id)
        if last is None:
            return None
        feed = RoomFeed(
            room_id, last=last, counters=counters, read=partial(self._read, room_id), catch_up=self._catch_up
        )
        feed = self._feeds.setdefault(room_id, feed)  # a slow look-up may have been overtaken
        self._tend_now.set()
        if not self._tasks:
            work = (("rooms_not_seen", self._look_now, self._look), ("rooms_not_heard", self._tend_now, self._tend))
            self._tasks = [asyncio.create_task(_again_and_again(*each)) for each in work]
        return feed

    def _begin_to_hear(self, room_id: UUID) -> None:
        self._look_now.set()
        if (feed := self._feeds.get(room_id)) is not None:
            feed.heard_anew()

    def _hear(self, room_id: UUID, message: bytes) -> None:
        feed, kind, text = self._feeds.get(room_id), message[:1], message[1:]
        if feed is None:
            return
        try:
            if kind == EVENTS:
                feed.take(read_events(room_id, text))
            elif kind == COUNTERS:
                feed.count(read_counters(text))
            else:
                feed.poke(read_personal(text))
        except (ValueError, TypeError) as error:  # what is missed by it the next look finds
            note_failure("room_message_not_read", error)

    async def _tend(self) -> None:
        await self._ear.tend(self._feeds.keys())

    async def _look(self) -> None:
        for feed in [feed for feed in self._feeds.values() if feed.is_idle]:
            feed.close()
            del self._feeds[feed.room_id]
            self._tend_now.set()
        if self._feeds:
            for room_id, last in (await self._lasts([*self._feeds])).items():
                if (seen := self._feeds.get(room_id)) is not None:
                    seen.expect(last)

    async def _look_for(self, _: str, asked: list[None]) -> Sequence[None]:
        await self._look()
        return asked

    async def _catch_up(self) -> None:
        await self._looks.ask("look", None)  # one that begins from now on: who is ahead knows of what has just happened

    async def _lasts(self, room_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        async with self._db.reading() as reader:
            return await timeline.lasts(reader, room_ids)

    async def _read(self, room_id: UUID, after: int, last: int) -> Sequence[RoomEvent]:
        """From the stream, or from the ledger where the stream has not all of it, or may not answer at all."""
        if self._ear.hears(room_id):
            try:
                if kept := await self._bus.history(room_id, after=after, last=last):
                    return kept
            except FAILURES as error:
                note_failure("room_stream_not_read", error)
        async with self._db.reading() as reader:
            return await timeline.since(reader, room_id, after, limit=last - after)


async def _again_and_again(failure: str, now: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work each second, and whenever it is asked for; of failures in a row the first is logged."""
    is_failing = False
    while True:
        now.clear()
        try:
            await work()
        except Exception as error:  # whatever it is, those who watch go on watching
            if not is_failing:
                log.error(failure, exc_info=error)
            is_failing = True
        else:
            is_failing = False
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await now.wait()
        except TimeoutError:
            pass
