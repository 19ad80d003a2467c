"""One room and many sockets, on real servers: in order, without gap or repeat, whatever becomes of sockets and processes."""

import asyncio
import socket as narrow_sockets
from contextlib import AsyncExitStack
from time import monotonic

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from api.app import Api
from api.audiences import Audience
from api.socket_messages import Closing
from benchmarks.viewers import Crowd
from domain.foundation.ids import encode
from domain.live_rooms import running, timeline
from domain.live_rooms.rules import EventKind, NewEvent
from tests.sockets.conftest import served
from tests.sockets.talking import talk

EVENTS = """subscription ($room: ID!, $since: Long) { roomEvents(roomId: $room, since: $since) {
  ... on RoomNews { lastEvent events { number notice } } ... on UserError { code } } }"""
FIRST = 2
"""The number of a room's last event when it has just gone live."""


class Ear:
    """A viewer who notes every number that they are told, and comes back from there."""

    def __init__(self, url: str, room_id) -> None:
        self.url, self.room = url, encode("room", room_id)
        self.numbers: list[int] = []
        self.last = FIRST
        self.messages = self.sockets = 0

    async def watch(self, *, until: int) -> None:
        """Watch until the event of this number, however often the socket drops."""
        while self.last < until:
            try:
                async with talk(self.url, open_timeout=30, close_timeout=0.1) as socket:
                    await socket.greet()
                    self.sockets += 1
                    await socket.ask(EVENTS, {"room": self.room, "since": self.last})
                    while self.last < until:
                        self.take(await socket.hear(60))
            except (OSError, EOFError, ConnectionClosed, InvalidHandshake):
                await asyncio.sleep(0.05)

    def take(self, message) -> None:
        """Note what is told."""
        news = message["payload"]["data"]["roomEvents"]
        self.messages += 1
        self.numbers += [event["number"] for event in news["events"]]
        assert news["lastEvent"] == (self.numbers[-1] if news["events"] else self.last)
        self.last = news["lastEvent"]


async def say(given, room, count: int, *, pause: float = 0.0, size: int = 10) -> int:
    """As many events, one after the other; the number of the last."""
    for number in range(count):
        async with given.db.transaction() as tx:
            text = f"{number}".ljust(size, "。")
            [event] = await timeline.append(
                tx, given.bus, room.id, [NewEvent(EventKind.NOTICE, {"text": text})], now=given.now
            )
        await asyncio.sleep(pause)
    return event.number


@pytest.fixture
def counted(monkeypatch):
    """What audiences have executed, in this process."""
    shown: list[object] = []
    run = Audience._run

    async def count(self, event, context):
        shown.append(event)
        return await run(self, event, context)

    monkeypatch.setattr(Audience, "_run", count)
    return shown


@pytest.mark.parametrize("viewers", [100, pytest.param(1_000, marks=pytest.mark.faults)])
async def test_all_who_drop_and_come_back_at_once_miss_nothing_for_few_executions(settings, given, counted, viewers):
    room = await given.live_room()
    api = Api(settings.model_copy(update={"sockets_per_address": 10_000}))
    async with served(api.app, settings) as port:
        ears = [Ear(f"ws://127.0.0.1:{port}/graphql", room.id) for _ in range(viewers)]
        watching = asyncio.gather(*(ear.watch(until=FIRST + 40) for ear in ears))
        while any(not ear.messages for ear in ears):
            await asyncio.sleep(0.05)
        counted.clear()
        await say(given, room, 10, pause=0.01)
        while any(ear.last < FIRST + 10 for ear in ears):
            await asyncio.sleep(0.01)
        for connection in api.sockets._open:
            connection.end(Closing.RESTART, "")
        await say(given, room, 20)  # while nobody is there, or some are
        while any(ear.last < FIRST + 30 for ear in ears):
            await asyncio.sleep(0.01)
        executions = len(counted)
        await say(given, room, 10)
        async with asyncio.timeout(20):
            await watching

    assert all(ear.numbers == list(range(FIRST + 1, FIRST + 41)) for ear in ears)
    assert all(ear.sockets == 2 for ear in ears)
    assert executions < viewers / 2


async def test_one_of_two_processes_is_killed_its_viewers_come_back_and_the_others_notice_nothing(servers, given):
    room = await given.live_room()
    one, other = servers["live"], servers["api"]
    here, there = ([Ear(server.url, room.id) for _ in range(5)] for server in (one, other))
    watching = asyncio.gather(*(ear.watch(until=FIRST + 40) for ear in (*here, *there)))
    while any(not ear.messages for ear in (*here, *there)):
        await asyncio.sleep(0.01)
    await say(given, room, 10, pause=0.01)
    other.member.kill()
    await say(given, room, 20, pause=0.01)
    other.member.start()
    await say(given, room, 10, pause=0.01)
    async with asyncio.timeout(30):
        await watching

    assert all(ear.numbers == list(range(FIRST + 1, FIRST + 41)) for ear in (*here, *there))
    assert ({ear.sockets for ear in here}, {ear.sockets for ear in there}) == ({1}, {2})


async def test_300_viewers_hear_of_an_item_on_air_and_hold_40_kb_each_at_most(servers, given):
    room = await given.live_room()
    server, crowd = servers["live"], Crowd()
    process, port = psutil.Process(server.member.process.pid), int(server.home.rpartition(":")[2])
    asked = {"query": EVENTS, "variables": {"room": encode("room", room.id), "since": None}}
    hello = [{"type": "connection_init"}, {"type": "subscribe", "id": "1", "payload": asked}]
    await crowd.open(port, 50, first=lambda _: hello, until=b'"lastEvent"')  # what is made only once is made
    before = process.memory_info().rss
    await crowd.open(port, 300, first=lambda _: hello, until=b'"lastEvent"')
    held = (process.memory_info().rss - before) / 300
    crowd.expect(b'"number":3,')
    await running.put_on_air(given.db, given.bus, room_id=room.id, item_id=room.item.id, by=room.host, now=given.now)
    await crowd.all_heard()
    crowd.close()

    assert crowd.lost == 0
    assert held < 40_000


async def test_who_does_not_read_is_dropped_and_holds_up_nobody(server, given):
    room = await given.live_room()
    document = EVENTS.replace("notice", " ".join(f"n{number}: notice" for number in range(20)))
    async with AsyncExitStack() as stack:
        lazy = []
        for _ in range(20):
            narrow = narrow_sockets.socket()
            narrow.setsockopt(narrow_sockets.SOL_SOCKET, narrow_sockets.SO_RCVBUF, 4096)
            narrow.setblocking(False)
            host, port = server.url.split("/")[2].split(":")
            await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
            each = await stack.enter_async_context(talk(server.url, sock=narrow, max_queue=1, close_timeout=0.1))
            await each.greet()
            await each.ask(document, {"room": encode("room", room.id), "since": None})
            lazy.append(each)
        reader = Ear(server.url, room.id)
        watching = asyncio.create_task(reader.watch(until=FIRST + 60))
        slowest = 0.0
        for number in range(60):
            started = monotonic()
            await say(given, room, 1, size=2_000)
            while reader.last < FIRST + number + 1:
                await asyncio.sleep(0.005)
            slowest = max(slowest, monotonic() - started)
        await watching
        endings = [await each.ending(15) for each in lazy]

    assert reader.numbers == list(range(FIRST + 1, FIRST + 61))
    assert slowest < 3
    assert set(endings) <= {1013, None}  # whoever is cut has no close frame
