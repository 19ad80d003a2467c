"""Watching rooms: every event once, in order, whatever the bus does."""

import asyncio
from functools import partial

import pytest

from domain.foundation.ids import new_id
from domain.live_rooms import timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EventKind, NewEvent
from domain.live_rooms.watching import RoomWatch


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.events, self.calls, self.counters, self.personal = [], [], [], []

    def on_events(self, events):
        self.calls.append(events)
        self.events.extend(events)

    def on_counters(self, counters):
        self.counters.append(dict(counters))

    def on_personal(self, shopper_id, kind, id):
        self.personal.append((shopper_id, kind, id))

    @property
    def numbers(self):
        return [event.number for event in self.events]

    async def until(self, number):
        async with asyncio.timeout(5):
            while not self.events or self.events[-1].number < number:
                await asyncio.sleep(0.005)


@pytest.fixture
async def watch(market, clean):
    watch = RoomWatch(market.db, market.gate)
    yield watch
    await watch.close()


async def happen(given, room, *kinds, bus=None):
    facts = {EventKind.NOTICE: {"text": "大家好"}, EventKind.COMMENTED: {"comment_id": str(new_id()), "author": "小明", "badge": None, "text": "好"}}
    new = [NewEvent(kind, facts.get(kind, {})) for kind in kinds]
    async with given.db.transaction() as tx:
        return await timeline.append(tx, bus or given.bus, room.id, new, now=given.now)


async def heard_on_the_bus(watch, feed):
    async with asyncio.timeout(5):
        while not watch._ear.hears(feed.room_id):
            await asyncio.sleep(0.005)


async def test_a_listener_is_told_what_happens_in_order_and_as_it_stands_in_the_ledger(watch, given):
    room = await given.live_room()
    feed, heard = await watch.open(room.id), Heard()
    feed.listen(heard)
    await heard_on_the_bus(watch, feed)
    import time
    t=time.perf_counter()
    happened = await happen(given, room, EventKind.NOTICE, EventKind.SHELF_CHANGED)
    t1=time.perf_counter()
    await heard.until(happened[-1].number)
    print(t1-t, time.perf_counter()-t1)
    assert heard.events == list(happened)
    assert heard.events == await timeline.since(given.db, room.id, happened[0].number - 1)
