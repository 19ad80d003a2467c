"""Live rooms under attack: processes, servers and nodes are killed while many write; viewers lose and repeat nothing."""

import asyncio
import os
import random
import signal
import sys

import pytest

from domain.foundation import embedded
from domain.foundation.embedded.valkey import Valkey
from domain.foundation.redis import connect
from domain.live_rooms.bus import LiveBus, channel_of, stream_of
from domain.live_rooms.watching import RoomWatch
from tests.live_rooms.hearing import NOTICE, Heard, happen, open_heard, told
from tests.live_rooms.viewing import Viewer, everybody_knows, write

pytestmark = pytest.mark.faults


async def test_processes_that_are_killed_while_they_write_leave_nothing_untold(given, market, db, settings):
    watches, room_id = [RoomWatch(db, market.gate) for _ in range(2)], (await given.live_room()).id
    viewers = [Viewer((await open_heard(watch, room_id)).last) for watch in watches]
    for viewer, watch in zip(viewers, watches, strict=True):
        await viewer.come(watch, room_id)
    urls = (settings.database_url.get_secret_value(), settings.redis_url.get_secret_value())

    for _ in range(3):
        seen = viewers[0].last
        command = (sys.executable, "-m", "tests.faults.writing", *urls, str(room_id))
        writers = [await asyncio.create_subprocess_exec(*command) for _ in range(2)]
        await told(30, lambda: viewers[0].last > seen + 100)  # noqa: B023
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            await asyncio.sleep(random.uniform(0, 0.1))
        await asyncio.gather(*(writer.wait() for writer in writers))
        await everybody_knows(given, room_id, viewers)

    for watch in watches:
        await watch.close()


async def test_redis_is_killed_again_and_again_while_many_write_and_viewers_come_and_go(given, db, tmp_path):
    server = Valkey(tmp_path / "gate", instead_of="REDIS_URL")
    server.start()
    gate = connect(server.url)
    watches, room_id = [RoomWatch(db, gate) for _ in range(2)], (await given.live_room()).id
    viewers = [Viewer((await watches[0].open(room_id)).last) for _ in range(50)]

    async def watch_on_and_off(viewer):
        while writing:
            await viewer.come(random.choice(watches), room_id)
            await asyncio.sleep(random.uniform(0, 1))
            viewer.drop()
        await viewer.come(random.choice(watches), room_id)

    writing = [asyncio.create_task(write(given, room_id, [LiveBus(gate)], each=60)) for _ in range(4)]
    watching = [asyncio.create_task(watch_on_and_off(viewer)) for viewer in viewers]
    while not all(task.done() for task in writing):
        await asyncio.sleep(random.uniform(0, 0.5))
        random.choice((server.restart_empty, lambda: (server.crash(), server.restart())))()
    await asyncio.gather(*writing)
    writing.clear()
    await asyncio.gather(*watching)

    await everybody_knows(given, room_id, viewers)
    for watch in watches:
        await watch.close()
    await gate.aclose()
    server.stop()


async def test_while_a_node_of_a_cluster_is_away_its_rooms_are_told_from_the_ledger(given, db, tmp_path):
    cluster = embedded.start_cluster(tmp_path)
    gate = connect(cluster.url, cluster=True)
    bus, watch = LiveBus(gate), RoomWatch(db, gate)
    listeners, ports = {}, set()
    while len(ports) < 2:
        room_id = (await given.live_room()).id
        listeners[room_id] = Heard()
        (await open_heard(watch, room_id)).listen(listeners[room_id])
        ports.add(gate.get_node_from_key(stream_of(room_id)).port)

    async def notice_everywhere():
        for room_id in listeners:
            happened = await happen(given, room_id, NOTICE, bus=bus)
        for heard in listeners.values():
            await heard.until(happened[-1].number)

    await notice_everywhere()
    node = next(node for node in cluster.nodes if node.port in ports)
    node.crash()
    for _ in range(3):
        await notice_everywhere()
    node.restart()
    await told(20, lambda: all(map(watch._ear.hears, listeners)))
    await notice_everywhere()

    for heard in listeners.values():
        assert heard.numbers == [3, 4, 5, 6, 7]
    await watch.close()
    await gate.aclose()
    cluster.stop()


async def test_a_redis_that_stands_still_delays_events_by_the_next_look_and_its_waking_repeats_none(
    given, db, tmp_path
):
    server = Valkey(tmp_path / "gate", instead_of="REDIS_URL")
    server.start()
    gate = connect(server.url)
    watch, bus, heard = RoomWatch(db, gate), LiveBus(gate), Heard()
    room_id = (await given.live_room()).id
    (await open_heard(watch, room_id)).listen(heard)

    os.kill(server.pid, signal.SIGSTOP)
    for _ in range(2):
        happened = await happen(given, room_id, NOTICE, bus=bus)
        await heard.until(happened[-1].number, seconds=3)
    os.kill(server.pid, signal.SIGCONT)
    for _ in range(2):
        happened = await happen(given, room_id, NOTICE, bus=bus)
        await heard.until(happened[-1].number)

    assert heard.numbers == [3, 4, 5, 6]
    await watch.close()
    await gate.aclose()
    server.stop()


async def test_a_room_that_moves_to_another_node_of_the_cluster_is_heard_there(given, db, tmp_path):
    cluster = embedded.start_cluster(tmp_path)
    gate = connect(cluster.url, cluster=True)
    watch, bus, heard = RoomWatch(db, gate), LiveBus(gate), Heard()
    room_id = (await given.live_room()).id
    (await open_heard(watch, room_id)).listen(heard)
    slot = gate.keyslot(stream_of(room_id))
    source = gate.get_node_from_key(stream_of(room_id)).port
    target = next(node for node in cluster.nodes if node.port != source)

    for node in cluster.nodes:  # the slot has no keys yet
        node.say("CLUSTER SETSLOT", slot, "NODE", target.say("CLUSTER MYID"))
    happened = await happen(given, room_id, NOTICE, bus=bus)
    await heard.until(happened[-1].number)
    await told(5, lambda: target.say("PUBSUB SHARDNUMSUB", channel_of(room_id)) == [(channel_of(room_id), 1)])
    happened = await happen(given, room_id, NOTICE, bus=bus)
    await heard.until(happened[-1].number)

    assert heard.numbers == [3, 4]
    await watch.close()
    await gate.aclose()
    cluster.stop()
