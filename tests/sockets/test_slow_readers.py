"""A client that never reads while big messages flow: dropped, its memory given back, nobody else the worse for it."""

import asyncio
import socket as sockets
from contextlib import AsyncExitStack
from time import monotonic

import orjson
import psutil
from websockets.exceptions import ConnectionClosed

from tests.sockets.talking import Talk, talk

SERVER_TIME = "{ serverTime }"
NON_READERS = 10
BIG = orjson.dumps({"type": "ping", "payload": {"a": "x" * 60_000}}).decode()


def process_of(server) -> psutil.Process:
    """The one that holds the sockets: Granian's is a child."""
    process = psutil.Process(server.member.process.pid)
    return next((child for child in process.children() if child.num_threads() > 1), process)


def connections(process: psutil.Process, port: int) -> int:
    """How many clients are connected."""
    return sum(each.status == "ESTABLISHED" and each.laddr.port == port for each in process.net_connections("tcp"))


async def not_reading(stack: AsyncExitStack, url: str) -> Talk:
    """A client that reads nothing more once it has shaken hands."""
    narrow = sockets.socket()
    narrow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    host, port = url.split("/")[2].split(":")
    await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
    client = await stack.enter_async_context(talk(url, sock=narrow, max_queue=1, close_timeout=0.1))
    await client.greet()
    return client


async def ask_without_reading(client: Talk) -> None:
    """As many big answers as the protocol lets anybody ask for at once."""
    try:
        for _ in range(99):
            await client.say(BIG)
    except ConnectionClosed:
        pass


async def test_a_client_that_does_not_read_is_dropped_and_nobody_else_notices(server):
    process, port = process_of(server), int(server.home.rpartition(":")[2])
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(talk(server.url))
        await reader.greet()
        before, held_before = connections(process, port), process.memory_info().rss
        clients = [await not_reading(stack, server.url) for _ in range(NON_READERS)]
        started = monotonic()
        asking = asyncio.gather(*(ask_without_reading(client) for client in clients))

        slowest, held = 0.0, 0
        while connections(process, port) > before and monotonic() < started + 15:
            asked = monotonic()
            await reader.answer(SERVER_TIME)
            slowest = max(slowest, monotonic() - asked)
            held = max(held, process.memory_info().rss - held_before)
            await asyncio.sleep(0.1)
        took = monotonic() - started
        await asking

    assert connections(process, port) <= before
    assert took < 12
    assert slowest < 3
    assert held < NON_READERS * 2_000_000
