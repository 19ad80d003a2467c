"""What an idle socket holds and what a broadcast costs, on each server: `python -m benchmarks.sockets --sockets 1000`.

Memory is asked of the whole application: sockets that shook hands and then say nothing. The broadcast is one text of 250
bytes to every socket, again and again, through the queue that every socket has; its figure is the server's processor time.
"""

import argparse
import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from websockets.asyncio.client import ClientConnection, connect

from api import live
from api.socket_outgoing import Outgoing
from cli.house import House, answers, environment_of, free_port
from domain.foundation.processes import LEAVE_WITH_PARENT, leave_with_parent
from domain.foundation.settings import Settings

ROUNDS = 50
TEXT = b"x" * 250
SUBPROTOCOL: Any = "graphql-transport-ws"


class Broadcaster:
    """A bare application: every socket hears what any socket asks for."""

    def __init__(self) -> None:
        self._open: set[Outgoing] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket."""
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        outgoing = Outgoing(send, at_most=1_000_000, on_full=lambda: None, on_gone=lambda: None)
        self._open.add(outgoing)
        while (await receive())["type"] == "websocket.receive":
            for _ in range(ROUNDS):
                for each in self._open:
                    each.say(TEXT)
                await asyncio.sleep(0.05)
            outgoing.say(b"done")
        self._open.discard(outgoing)


def create() -> Broadcaster:
    leave_with_parent()
    return Broadcaster()


def serve_bare(kind: str, port: int) -> None:
    """The bare application on the server of that role, with the role's own settings."""
    if kind == "live":
        live.server_of(create(), Settings(live_port=port)).run()
        return
    Granian(
        "benchmarks.sockets:create",
        factory=True,
        port=port,
        interface=Interfaces.ASGI,
        backlog=2048,
        log_level=LogLevels.warning,
        log_access=False,
    ).serve()


async def open_sockets(stack: AsyncExitStack, port: int, count: int, *, greets: bool) -> list[ClientConnection]:
    """Sockets that are open, and have shaken hands where the application wants it."""

    async def one() -> ClientConnection:
        url = f"ws://127.0.0.1:{port}/graphql"
        options: dict[str, Any] = {"compression": None, "ping_interval": None, "proxy": None, "close_timeout": 0.1}
        socket = await stack.enter_async_context(connect(url, subprotocols=[SUBPROTOCOL], **options))
        if greets:
            await socket.send('{"type":"connection_init"}')
            await socket.recv()
        return socket

    opened: list[ClientConnection] = []
    while len(opened) < count:
        opened += await asyncio.gather(*(one() for _ in range(min(50, count - len(opened)))))
    return opened


def holder(process: psutil.Process) -> psutil.Process:
    """The process that holds the sockets: Granian's is the child with threads."""
    return next((child for child in process.children() if child.num_threads() > 1), process)


async def memory(process: psutil.Process, port: int, count: int) -> float:
    """What an idle socket of the whole application holds, in kB."""
    async with AsyncExitStack() as stack:
        await open_sockets(stack, port, 50, greets=True)  # what is made only once is made
        before = process.memory_info().rss
        await open_sockets(stack, port, count, greets=True)
        await asyncio.sleep(1)
        return (process.memory_info().rss - before) / count / 1000


async def broadcast(process: psutil.Process, port: int, count: int) -> float:
    """Microseconds of processor time for one message to one socket."""

    async def read(socket: ClientConnection) -> None:
        with suppress(Exception):
            while await socket.recv() != "done":
                pass

    async with AsyncExitStack() as stack:
        opened = await open_sockets(stack, port, count, greets=False)
        reading = [asyncio.create_task(read(socket)) for socket in opened]
        used = sum(process.cpu_times()[:2])
        await opened[0].send("go")
        await reading[0]
        await asyncio.sleep(0.5)
        cost = (sum(process.cpu_times()[:2]) - used) / (ROUNDS * count) * 1_000_000
        for task in reading:
            task.cancel()
    return cost


async def measure(house: House, count: int) -> None:
    python, environment = sys.executable, {**os.environ, LEAVE_WITH_PARENT: "1"}
    for kind in ("api", "live"):
        if kind == "api":
            port, process = house.settings.port, house.members["api"].process
        else:
            port = free_port("127.0.0.1", 0)
            settings = house.settings.model_copy(update={"live_port": port})
            process = subprocess.Popen([python, "-m", "cli.main", "live"], env=environment | environment_of(settings))
        while answers(f"http://127.0.0.1:{port}/readyz") != 200:
            time.sleep(0.05)
        assert process is not None
        held = await memory(holder(psutil.Process(process.pid)), port, count)
        bare_port = free_port("127.0.0.1", 0)
        bare = subprocess.Popen([python, "-m", "benchmarks.sockets", "--serve", kind, str(bare_port)], env=environment)
        while psutil.Process(bare.pid).is_running() and not _listens(bare_port):
            time.sleep(0.05)
        cost = await broadcast(holder(psutil.Process(bare.pid)), bare_port, count)
        bare.terminate()
        bare.wait(15)
        if kind == "live":
            process.terminate()
            process.wait(15)
        print(f"{kind:5} {count} sockets: {held:.0f} kB an idle socket, {cost:.0f} us a message of a broadcast")


def _listens(port: int) -> bool:
    return any(c.laddr.port == port and c.status == "LISTEN" for c in psutil.net_connections("tcp"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--serve", nargs=2, metavar=("KIND", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    if given.serve:
        return serve_bare(given.serve[0], int(given.serve[1]))
    data_dir = Path(tempfile.mkdtemp(prefix="nm-bench-"))
    data_dir.chmod(0o711)  # as root, the engines run as another user who must pass through
    try:
        limits: dict[str, Any] = {"sockets": 100_000, "sockets_per_address": 100_000}
        with House(Settings(data_dir=data_dir, port=0, log_level="WARNING", **limits), logs=data_dir) as house:
            asyncio.run(measure(house, given.sockets))
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
    return None


if __name__ == "__main__":
    main()
