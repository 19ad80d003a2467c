"""Many write in one room, and many watch it by two processes, come and go: everybody is told every event once, in order."""

import asyncio
import os
import random
import signal
import sys

import pytest

from domain.foundation.redis import connect
from domain.live_rooms import timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.watching import RoomWatch
from tests.live_rooms.hearing import COMMENT, NOTICE, SHELF, Silent, happen, open_heard, told
from tests.statements import count_statements

IS_LONG = "FAULT_RUNS" in os.environ
VIEWERS = 1_000
WRITERS, EACH = (12, 25) if IS_LONG else (10, 12)


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

    async def come(self, watch, room_id):
        feed = await watch.open(room_id)
        while missed := await feed.since(self.last):
            self.on_events(missed)
        self.stop = feed.listen(self)

    def drop(self):
        if self.stop is not None:
            self.stop()
        self.stop = None


@pytest.fixture
async def processes(market, clean):
    """Two processes that serve one room: each has connections to Redis, and a watch, of its own."""
    gates = [connect(market.settings.redis_url.get_secret_value()) for _ in range(2)]
    watches = [RoomWatch(market.db, gate) for gate in gates]
    yield watches, [LiveBus(gate) for gate in gates]
    for watch in watches:
        await watch.close()
    for gate in gates:
        await gate.aclose()


async def write(given, room_id, buses, *, each=EACH):
    """Somebody who does this and that, now by one process and now by the other; one telling in ten never happens."""
    for _ in range(each):
        kinds = random.choices((COMMENT, NOTICE, SHELF), weights=(6, 1, 1), k=random.randint(1, 3))
        bus = random.choices((*buses, Silent(given.market.gate)), weights=(9, 9, 2))[0]
        await happen(given, room_id, *kinds, bus=bus)
        await asyncio.sleep(random.choice((0, 0, 0.01, 0.03)))


async def in_the_ledger(given, room_id, after):
    async with given.db.reading() as reader:
        return [event.kind for event in await timeline.since(reader, room_id, after, limit=10_000)]


async def everybody_knows(given, room_id, viewers):
    async with given.db.reading() as reader:
        last = (await timeline.lasts(reader, [room_id]))[room_id]
    await told(5, lambda: all(viewer.last == last for viewer in viewers))
    kinds = await in_the_ledger(given, room_id, 0)
    for viewer in viewers:
        assert viewer.kinds == kinds[viewer.began_at :]


async def test_many_writers_and_viewers_who_come_and_go_at_two_processes(given, processes):
    watches, buses = processes
    room_id = (await given.live_room()).id
    viewers = [Viewer((await open_heard(watches[n % 2], room_id)).last) for n in range(40)]

    async def watch_on_and_off(viewer):
        while writing:
            await viewer.come(random.choice(watches), room_id)
            await asyncio.sleep(random.uniform(0, 0.2))
            viewer.drop()
            await asyncio.sleep(random.uniform(0, 0.05))
        await viewer.come(random.choice(watches), room_id)

    writing = [asyncio.create_task(write(given, room_id, buses)) for _ in range(WRITERS)]
    watching = [asyncio.create_task(watch_on_and_off(viewer)) for viewer in viewers]
    await asyncio.gather(*writing)
    writing.clear()
    await asyncio.gather(*watching)

    await everybody_knows(given, room_id, viewers)


async def test_a_thousand_viewers_are_dropped_and_resume_at_once_at_a_process_that_has_just_begun(given, processes, db):
    (here, there), buses = processes
    room_id = (await given.live_room()).id
    feed = await open_heard(here, room_id)
    viewers = [Viewer(feed.last) for _ in range(VIEWERS)]
    await asyncio.gather(*(viewer.come(here, room_id) for viewer in viewers))
    writing = [asyncio.create_task(write(given, room_id, buses)) for _ in range(WRITERS)]
    await asyncio.sleep(0.2)

    for viewer in viewers:  # each at another moment of the story
        viewer.drop()
        if random.random() < 0.1:
            await asyncio.sleep(0.002)
    await here.close()
    with count_statements(db) as sent:
        await asyncio.gather(*(viewer.come(there, room_id) for viewer in viewers))
    asked = [statement for statement in sent if statement.startswith("SELECT live_room_events")]

    await asyncio.gather(*writing)
    await everybody_knows(given, room_id, viewers)
    assert len(asked) <= 10  # a thousand resumed, and the ledger was asked for what the stream did not have


async def test_events_are_numbered_without_gaps_whoever_writes_and_whatever_is_rolled_back(given, processes):
    _, buses = processes
    room_id = (await given.live_room()).id

    async def fail():
        with pytest.raises(RuntimeError):
            async with given.db.transaction() as tx:
                await timeline.append(tx, buses[0], room_id, [timeline.NewEvent(SHELF)], now=given.now)
                raise RuntimeError

    await asyncio.gather(*(write(given, room_id, buses, each=3) for _ in range(10)), *(fail() for _ in range(20)))

    async with given.db.reading() as reader:
        events = await timeline.since(reader, room_id, 0)
    assert [event.number for event in events] == list(range(1, len(events) + 1))


@pytest.mark.faults
async def test_processes_that_are_killed_while_they_write_leave_nothing_untold(given, processes, settings):
    watches, _ = processes
    room_id = (await given.live_room()).id
    viewers = [Viewer((await open_heard(watch, room_id)).last) for watch in watches]
    for viewer, watch in zip(viewers, watches, strict=True):
        await viewer.come(watch, room_id)

    urls = (settings.database_url.get_secret_value(), settings.redis_url.get_secret_value())
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.races.writing", *urls, str(room_id))
        for _ in range(3)
    ]
    await told(20, lambda: viewers[0].last > 200)
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        await asyncio.sleep(random.uniform(0, 0.1))
    await asyncio.gather(*(writer.wait() for writer in writers))

    await everybody_knows(given, room_id, viewers)
