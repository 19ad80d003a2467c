"""The live bus: what is told, what is kept, and what it does when Redis is away, old, or a cluster."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.foundation import embedded
from domain.foundation.embedded.valkey import Valkey
from domain.foundation.ids import new_id
from domain.foundation.redis import connect
from domain.live_rooms import watching
from domain.live_rooms.bus import KEPT_SECONDS, LiveBus, stream_of
from domain.live_rooms.rules import EventKind, RoomEvent
from domain.live_rooms.watching import RoomWatch
from tests.conftest import NOON
from tests.live_rooms.hearing import NOTICE, Heard, happen, open_heard

ROOM = new_id()


def event(number, room_id=ROOM):
    facts = {"text": f"第 {number} 条", "of": None}
    return RoomEvent(room_id, number, EventKind.NOTICE, facts, NOON + timedelta(microseconds=number))


def events(first, last):
    return [event(number) for number in range(first, last + 1)]


@pytest.fixture
def bus(gate):
    return LiveBus(gate)


async def test_what_was_published_is_kept_as_it_was(bus, gate):
    await bus.publish(events(1, 3))
    await bus.publish(events(4, 4))

    assert await bus.history(ROOM, after=0, last=4) == events(1, 4)
    assert await bus.history(ROOM, after=2, last=3) == events(3, 3)
    assert KEPT_SECONDS - 5 < await gate.ttl(stream_of(ROOM)) <= KEPT_SECONDS


async def test_a_stream_that_does_not_have_all_of_it_has_nothing(bus):
    await bus.publish(events(5, 6))

    assert await bus.history(ROOM, after=3, last=6) is None
    assert await bus.history(ROOM, after=4, last=7) is None
    assert await bus.history(new_id(), after=0, last=1) is None


async def test_an_event_that_was_overtaken_is_told_and_leaves_a_hole_in_the_stream(bus):
    await bus.publish(events(1, 1))
    await bus.publish(events(3, 3))
    await bus.publish(events(2, 2))
    await bus.publish(events(4, 4))

    assert await bus.history(ROOM, after=0, last=3) is None
    assert await bus.history(ROOM, after=2, last=4) == events(3, 4)


async def test_the_same_events_published_again_are_kept_once(bus):
    await bus.publish(events(1, 2))
    await bus.publish(events(1, 2))

    assert await bus.history(ROOM, after=0, last=2) == events(1, 2)


async def test_a_ledger_that_was_restored_to_an_earlier_moment_begins_the_stream_anew(bus):
    await bus.publish(events(1, 9))
    others = [replace(event, facts={"text": "另一条", "of": None}) for event in events(6, 8)]

    await bus.publish(others[:1])
    await bus.publish(others[1:])

    assert await bus.history(ROOM, after=5, last=8) == others
    assert await bus.history(ROOM, after=4, last=8) is None
    assert await bus.history(ROOM, after=5, last=9) is None


async def test_about_a_thousand_events_are_kept(bus, gate):
    for first in range(1, 2_500, 250):
        await bus.publish(events(first, first + 249))

    assert 1_000 <= await gate.xlen(stream_of(ROOM)) < 1_250
    assert await bus.history(ROOM, after=1_500, last=2_500) == events(1_501, 2_500)


async def test_the_newest_counters_are_kept(bus):
    assert await bus.counters(ROOM) is None

    await bus.publish_counters(ROOM, {"viewers": 1, "likes": 0})
    await bus.publish_counters(ROOM, {"viewers": 2, "likes": 7})

    assert await bus.counters(ROOM) == {"viewers": 2, "likes": 7}


async def test_nobody_is_held_up_by_a_bus_that_does_not_answer(tmp_path):
    gate = connect(f"unix://{tmp_path}/nobody?db=0")
    bus = LiveBus(gate)

    async with asyncio.timeout(1):
        await bus.publish(events(1, 1))
        await bus.publish_counters(ROOM, {"viewers": 1})
        await bus.tell(ROOM, new_id(), "ticket", new_id())
        assert await bus.counters(ROOM) is None
    await gate.aclose()


class OldServer(Valkey):
    """A server as before Redis 7: it knows no sharded channels."""

    def arguments(self):
        return [*super().arguments(), "--rename-command", "SSUBSCRIBE", "", "--rename-command", "SPUBLISH", ""]


@pytest.fixture
def only_the_bus(monkeypatch):
    """Whatever is told has come by the bus: nobody looks in the ledger meanwhile."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 60)


async def test_a_server_without_sharded_channels_is_heard_all_the_same(tmp_path, given, db, only_the_bus):
    server = OldServer(tmp_path / "old", instead_of="REDIS_URL")
    server.start()
    gate = connect(server.url)
    watch, heard, room = RoomWatch(db, gate), Heard(), await given.live_room()
    feed = await open_heard(watch, room.id)
    feed.listen(heard)

    happened = await happen(given, room.id, NOTICE, bus=LiveBus(gate))
    await heard.until(happened[-1].number)

    assert heard.events == list(happened)
    await watch.close()
    await gate.aclose()
    server.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with embedded.start_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def on_cluster(cluster):
    gate = connect(cluster.url, cluster=True)
    await gate.flushall(target_nodes="primaries")
    yield gate
    await gate.aclose()


async def test_on_a_cluster_rooms_of_all_nodes_are_heard_at_once(on_cluster, given, db, only_the_bus):
    bus, watch = LiveBus(on_cluster), RoomWatch(db, on_cluster)
    nodes, listeners = set(), {}
    while len(nodes) < 3:
        room_id = (await given.live_room()).id
        nodes.add(on_cluster.get_node_from_key(stream_of(room_id)).name)
        listeners[room_id] = Heard()
        (await open_heard(watch, room_id)).listen(listeners[room_id])

    for _ in range(3):
        for room_id in listeners:
            happened = await happen(given, room_id, NOTICE, bus=bus)
    for heard in listeners.values():
        await heard.until(happened[-1].number)

    assert len(watch._ear._lines) == 3
    for room_id, heard in listeners.items():
        assert heard.numbers == [3, 4, 5]
        assert await bus.history(room_id, after=2, last=5) == heard.events
    await watch.close()
