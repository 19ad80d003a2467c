"""What races in rooms share: viewers who come and go, somebody who writes, and whether everybody was told everything once."""

import asyncio
import random

from domain.live_rooms import timeline
from tests.live_rooms.hearing import COMMENT, NOTICE, SHELF, Silent, happen, told


class Viewer:
    """A viewer as a client is one: it knows the last event it was told, and asks for what followed when it comes back."""

    def __init__(self, last):
        self.began_at = self.last = last
        self.kinds = []
        self.stop = None

    def on_events(self, events):
        for event in events:
            assert event.number == self.last + 1, f"event {event.number} after {self.last}"
            self.last = event.number
            self.kinds.append(event.kind)

    def on_counters(self, counters):
        pass

    def on_personal(self, shopper_id, kind, id):
        pass

    def on_deaf(self):
        pass

    async def come(self, watch, room_id):
        feed = await watch.open(room_id)
        while missed := await feed.since(self.last):
            self.on_events(missed)
        self.stop = feed.listen(self)

    def drop(self):
        if self.stop is not None:
            self.stop()
        self.stop = None


async def write(given, room_id, buses, *, each):
    """Somebody who does this and that, now by one process and now by the other; one telling in ten never happens."""
    for _ in range(each):
        kinds = random.choices((COMMENT, NOTICE, SHELF), weights=(6, 1, 1), k=random.randint(1, 3))
        bus = Silent(given.market.gate) if random.random() < 0.1 else random.choice(buses)
        await happen(given, room_id, *kinds, bus=bus)
        await asyncio.sleep(random.choice((0, 0, 0.01, 0.03)))


async def in_the_ledger(given, room_id, after):
    async with given.db.reading() as reader:
        return [event.kind for event in await timeline.since(reader, room_id, after, limit=10_000)]


async def everybody_knows(given, room_id, viewers):
    async with given.db.reading() as reader:
        last = (await timeline.lasts(reader, [room_id]))[room_id]
    await told(15, lambda: all(viewer.last == last for viewer in viewers))
    kinds = await in_the_ledger(given, room_id, 0)
    for viewer in viewers:
        assert viewer.kinds == kinds[viewer.began_at :]
