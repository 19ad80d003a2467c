"""Many write in one room, and many watch it by two processes, come and go: everybody is told every event once, in order."""

import asyncio
import os
import random

import pytest

from domain.foundation.redis import connect
from domain.live_rooms import timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.watching import RoomWatch
from tests.live_rooms.hearing import SHELF, open_heard
from tests.live_rooms.viewing import Viewer, everybody_knows, write
from tests.statements import count_statements

VIEWERS = 1_000
WRITERS, EACH = (12, 25) if "FAULT_RUNS" in os.environ else (10, 12)


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

    writing = [asyncio.create_task(write(given, room_id, buses, each=EACH)) for _ in range(WRITERS)]
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
    writing = [asyncio.create_task(write(given, room_id, buses, each=EACH)) for _ in range(WRITERS)]
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
