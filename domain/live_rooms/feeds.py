"""What happens in one room, handed on within this process: in order, each event once, to however many listen."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from domain.foundation.remembered import Remembered
from domain.foundation.reporting import note_failure
from domain.live_rooms.bus import Personal
from domain.live_rooms.rules import MAY_WAIT, RoomEvent
from domain.live_rooms.timeline import AT_ONCE

KEPT_EVENTS = 1_000
"""The last events of a room, in memory: those who come back are told from here what they have missed."""
KEPT_PAGES = 10
"""Of what happened before those, 500 events each, for some seconds: a page takes half a megabyte."""
TOGETHER_SECONDS = 0.25
"""Between two tellings of what may wait: comments, and counters."""
HOLE_SECONDS = 0.05
"""For an event that a later one has overtaken to come by itself, before it is looked up."""
IDLE_SECONDS = 10.0
"""A room that nobody has listened to for so long is heard no more."""

Counters = Mapping[str, Any]
Read = Callable[[int, int], Awaitable[Sequence[RoomEvent]]]
"""`read(after, last)`: the room's events after a number, up to and with another, in order; perhaps only the first of them."""
CatchUp = Callable[[], Awaitable[None]]
"""Look what the number of the room's last event is, and `expect` it."""


class Listener(Protocol):
    """Whoever is told. Called on the event loop, one after the other: return at once. Must be hashable."""

    def on_events(self, events: Sequence[RoomEvent]) -> None:
        """These have happened, after all that was told before: no gap, no repeat. The same object for every listener."""

    def on_counters(self, counters: Counters) -> None:
        """So many watch, like and buy by now."""

    def on_personal(self, shopper_id: UUID, kind: str, id: UUID) -> None:
        """Something of this shopper's has changed: each listener is told of everybody's."""

    def on_deaf(self) -> None:
        """The room is heard again, or for the first time: what was told to single shoppers until now may not have come."""


class RoomFeed:
    """A room as this process hears it. `RoomWatch.open` gives it; belongs to one event loop.

    `last` is the number of the last event that was handed on: whoever begins to listen is told all that follow it, and
    asks `since` for those before. `counters` are the newest; None when nobody has counted yet.
    """

    def __init__(self, room_id: UUID, *, last: int, counters: Counters | None, read: Read, catch_up: CatchUp) -> None:
        self.room_id = room_id
        self.last = last
        self.counters = self._told_counters = counters
        self._read, self._catch_up = read, catch_up
        self._taken = self._known = last  # all events up to the first are here; those up to the second exist
        self._kept: list[RoomEvent] = []
        self._early: dict[int, RoomEvent] = {}
        self._is_urgent = False
        self._listeners: dict[Listener, None] = {}
        self._older: Remembered[Sequence[RoomEvent]] = Remembered(seconds=5.0, capacity=KEPT_PAGES)
        self._loop = asyncio.get_running_loop()
        self._used_at = self._together_at = self._loop.time()
        self._together: asyncio.TimerHandle | None = None
        self._filling: asyncio.Task[None] | None = None
        self.is_closed = False

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell the listener what happens from now on; gives back how to stop that, which may be called again.

        Raises RuntimeError for a feed that was closed because nobody has used it for some seconds.
        """
        if self.is_closed:
            raise RuntimeError(f"the feed of room {self.room_id} is closed: open it again")
        self._listeners[listener] = None
        return partial(self._leave, listener)

    def _leave(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)
        self.keep()

    def keep(self) -> None:
        """Hear the room for some more seconds: somebody is about to listen."""
        self._used_at = self._loop.time()

    @property
    def is_idle(self) -> bool:
        """Whether nobody listens, nor has for some seconds."""
        return not self._listeners and self._loop.time() - self._used_at > IDLE_SECONDS

    async def since(self, number: int) -> Sequence[RoomEvent]:
        """What has happened after the event of this number, in order, up to `last`; 500 or fewer: ask again for the rest.

        Nothing when that is the last, or a number that the room has not reached. Of a thousand who ask at once for what
        was missed in a drop, all but one are answered from memory. Raises what the ledger raises.
        """
        self.keep()
        if number > self.last:  # heard from another process, before it was heard here
            await self._catch_up()
            if self._filling is not None:
                await asyncio.shield(self._filling)
            self._hand_on_events()
        if number >= self.last:
            return ()
        if number < self._first - 1 and number >= self.last - KEPT_EVENTS:
            await self._older.get("kept", self._recall)
        if number < self._first - 1:
            # in pages: whoever begins at whichever number reads, and has kept here, what the others do
            page = number - number % AT_ONCE
            end = min(page + AT_ONCE, self.last)
            older = await self._older.get((page, end), partial(self._read, page, end))
            return [event for event in older if number < event.number <= self.last]
        start = number + 1 - self._first
        return self._kept[start : min(start + AT_ONCE, self.last + 1 - self._first)]

    @property
    def _first(self) -> int:
        return self._taken - len(self._kept) + 1

    async def _recall(self) -> Sequence[RoomEvent]:
        """Keep what had happened before this process began to hear the room."""
        first = self._first
        earlier: list[RoomEvent] = []
        while (after := earlier[-1].number if earlier else max(0, first - 1 - KEPT_EVENTS)) < first - 1:
            found = await self._read(after, first - 1)
            if not found:
                break
            earlier.extend(found)
        if earlier and earlier[-1].number == self._first - 1:
            self._kept[:0] = earlier
        return ()

    def take(self, events: Sequence[RoomEvent]) -> None:
        """Hear of events, in whatever order, again or for the first time."""
        was_early = bool(self._early)
        for event in events:
            if event.number == self._taken + 1:
                self._accept(event)
            elif event.number > self._taken:
                self._early[event.number] = event
        while self._taken + 1 in self._early:
            self._accept(self._early[self._taken + 1])
        if self._early and not was_early:
            self._loop.call_later(HOLE_SECONDS, self._look_up_what_is_missing)
        if self._taken == self.last:
            return
        if self._is_urgent:
            self._hand_on_events()
        else:
            self._hand_on_soon()

    def _accept(self, event: RoomEvent) -> None:
        self._early.pop(event.number, None)
        self._kept.append(event)
        self._taken = event.number
        self._is_urgent = self._is_urgent or event.kind not in MAY_WAIT

    def _look_up_what_is_missing(self) -> None:
        self.expect(max(self._early, default=0))

    def expect(self, last: int) -> None:
        """Know that events up to this number have happened; those that were not heard of are looked up."""
        self._known = max(self._known, last)
        if self._known > self._taken and self._filling is None and not self.is_closed:
            self._filling = self._loop.create_task(self._fill())

    async def _fill(self) -> None:
        try:
            while (taken := self._taken) < self._known:
                self.take(await self._read(taken, min(self._known, taken + AT_ONCE)))
                if self._taken == taken:  # the number was none of the ledger's: the next look says what is true
                    self._known = taken
        except Exception as error:  # the next look tries again
            note_failure("room_events_not_read", error)
        finally:
            self._filling = None

    def count(self, counters: Counters) -> None:
        """Hear how many watch, like and buy by now."""
        self.counters = counters
        self._hand_on_soon()

    def _hand_on_soon(self) -> None:
        if self._together is None and not self.is_closed:
            self._together = self._loop.call_at(self._together_at, self._hand_on_together)

    def _hand_on_together(self) -> None:
        self._together = None
        self._together_at = self._loop.time() + TOGETHER_SECONDS
        self._hand_on_events()
        counters = self.counters
        if counters is not None and counters != self._told_counters:
            self._told_counters = counters
            for listener in tuple(self._listeners):
                try:
                    listener.on_counters(counters)
                except Exception as error:
                    note_failure("room_listener_failed", error)

    def _hand_on_events(self) -> None:
        events = tuple(self._kept[len(self._kept) - (self._taken - self.last) :])
        if not events:
            return
        self.last, self._is_urgent = self._taken, False
        if len(self._kept) > 2 * KEPT_EVENTS:
            del self._kept[:-KEPT_EVENTS]
        for listener in tuple(self._listeners):
            try:
                listener.on_events(events)
            except Exception as error:  # one listener's trouble is not the others'
                note_failure("room_listener_failed", error)

    def heard_anew(self) -> None:
        """The bus is heard from now on; events that were missed are numbered and found, what was personal is not."""
        for listener in tuple(self._listeners):
            try:
                listener.on_deaf()
            except Exception as error:
                note_failure("room_listener_failed", error)

    def poke(self, personal: Sequence[Personal]) -> None:
        """Hand on what is somebody's own."""
        for shopper_id, kind, id in personal:
            for listener in tuple(self._listeners):
                try:
                    listener.on_personal(shopper_id, kind, id)
                except Exception as error:
                    note_failure("room_listener_failed", error)

    def close(self) -> None:
        """Hand on nothing any more."""
        self.is_closed = True
        if self._together is not None:
            self._together.cancel()
        if self._filling is not None:
            self._filling.cancel()
