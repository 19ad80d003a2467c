"""Viewers of a process that is killed: they age out, those of another stay, and who comes back is not counted twice."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from domain.foundation.ids import encode, new_id
from domain.viewers import gate as gates
from domain.viewers.rules import PRESENT_SECONDS
from tests.sockets.conftest import Server
from tests.sockets.talking import talk

pytestmark = pytest.mark.faults
WATCH = "subscription ($room: ID!) { roomEvents(roomId: $room) { ... on RoomNews { lastEvent } } }"


@pytest.fixture
def servers(settings, clean, tmp_path):
    """Two servers of live sockets, each a process of its own."""
    servers = [Server("live", settings, tmp_path / name) for name in "ab"]
    for name, server in zip("ab", servers, strict=True):
        (tmp_path / name).mkdir()
        server.member.start()
    for server in servers:
        server.wait()
    yield servers
    for server in servers:
        if server.member.is_running:
            server.member.kill()


async def test_viewers_of_a_killed_process_age_out_and_come_back_once(servers, given, gate):
    room = await given.live_room()
    devices = [f"device-{new_id().hex}" for _ in range(30)]

    async def watches(stack, server, device):
        socket = await stack.enter_async_context(talk(server.url))
        await socket.greet(device=device)
        await socket.ask(WATCH, {"room": encode("room", room.id)})
        await socket.hear()

    async def watching(wanted, seconds):
        async with asyncio.timeout(seconds):
            while (await gates.count(gate, room.id, known_likes=0))[0] != wanted:
                await asyncio.sleep(0.2)

    killed, stays = servers
    async with AsyncExitStack() as stack:
        for number, device in enumerate(devices):
            await watches(stack, servers[number % 2], device)
        await watching(30, seconds=5)

        killed.member.kill()
        for device in devices[:10:2]:  # five of its fifteen come back by the other one
            await watches(stack, stays, device)
        await asyncio.sleep(2)
        assert (await gates.count(gate, room.id, known_likes=0))[0] == 30
        await watching(20, seconds=PRESENT_SECONDS + 3)
