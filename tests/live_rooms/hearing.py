"""What tests of the live bus share: a listener that remembers, and things that happen."""

import asyncio

from domain.foundation.ids import new_id
from domain.live_rooms import timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EventKind, NewEvent

NOTICE, SHELF, COMMENT = EventKind.NOTICE, EventKind.SHELF_CHANGED, EventKind.COMMENTED


class Heard:
    """A listener that remembers what it is told."""

    def __init__(self):
        self.calls, self.counters, self.personal = [], [], []

    def on_events(self, events):
        self.calls.append(events)

    def on_counters(self, counters):
        self.counters.append(dict(counters))

    def on_personal(self, shopper_id, kind, id):
        self.personal.append((shopper_id, kind, id))

    def on_deaf(self):
        pass

    @property
    def events(self):
        return [event for events in self.calls for event in events]

    @property
    def numbers(self):
        return [event.number for event in self.events]

    async def until(self, number, *, seconds=5.0):
        """Wait until the event of this number was told."""
        async with asyncio.timeout(seconds):
            while not self.calls or self.calls[-1][-1].number < number:
                await asyncio.sleep(0.005)


class Silent(LiveBus):
    """The bus of a process that dies between the commit and the telling."""

    async def publish(self, events):
        pass


async def happen(given, room_id, *kinds, bus=None):
    """Events of these kinds, in one transaction."""
    comment = {"comment_id": str(new_id()), "author": "小明", "badge": None, "text": "好看"}
    facts = {NOTICE: {"text": "大家好"}, COMMENT: comment}
    async with given.db.transaction() as tx:
        new = [NewEvent(kind, facts.get(kind, {})) for kind in kinds]
        return await timeline.append(tx, bus or given.bus, room_id, new, now=given.now)


async def open_heard(watch, room_id):
    """A room's feed, once the room is heard on the bus."""
    feed = await watch.open(room_id)
    async with asyncio.timeout(5):
        while not watch._ear.hears(room_id):
            await asyncio.sleep(0.005)
    return feed


async def told(seconds, condition):
    """Wait until the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
