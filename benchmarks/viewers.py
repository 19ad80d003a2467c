"""Viewers of a room, thousands in one process: the least that a client of graphql-transport-ws can be, with a clock.

Only loopback addresses are meant. Nothing of a message is understood but its number, so that the clients cost less than the
server that is measured.
"""

import asyncio
import base64
import os
import socket
import struct
from array import array
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import orjson

AT_ONCE = 100
"""Sockets that are opened at a time."""
TEXT = 0x1


class Crowd:
    """All viewers. What they hear is timed when it has the text that `expect` names; `messages` counts all of it."""

    def __init__(self) -> None:
        self.viewers: list[Viewer] = []
        self.received_at = array("d")
        self.lost = 0
        self.messages = 0
        self.last_text = b""
        self._marker, self._wanted = b"\0", 0
        self._all_heard: asyncio.Event = asyncio.Event()

    async def open(
        self,
        port: int,
        count: int,
        *,
        first: Callable[[int], Sequence[dict[str, Any]]] = lambda number: (),
        until: bytes = b"",
        reads: bool = True,
    ) -> list["Viewer"]:
        """So many more sockets, each of which says `first(number)` and has heard `until` when this returns."""
        loop, opened = asyncio.get_running_loop(), []
        while len(opened) < count:
            some = [
                Viewer(self, port, [orjson.dumps(each) for each in first(len(opened) + at)], until)
                for at in range(min(AT_ONCE, count - len(opened)))
            ]
            for viewer in some:
                way = socket.socket()
                way.setblocking(False)
                if not reads:  # what the system would read for them
                    way.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                await loop.sock_connect(way, ("127.0.0.1", port))
                await loop.create_connection(lambda viewer=viewer: viewer, sock=way)  # type: ignore[misc]
            await asyncio.wait_for(asyncio.gather(*(viewer.ready for viewer in some)), 30)
            opened += some
        if not reads:
            for viewer in opened:
                viewer.transport.pause_reading()
        else:
            self.viewers += opened
        return opened

    def expect(self, marker: bytes, *, wanted: int | None = None) -> None:
        """From now on what matters are messages with this text: one for each viewer, or `wanted` in all."""
        self.received_at = array("d")
        self._marker, self._wanted = marker, len(self.viewers) if wanted is None else wanted
        self._all_heard.clear()

    async def all_heard(self, seconds: float = 30.0) -> None:
        """Until they have all come. Raises TimeoutError."""
        await asyncio.wait_for(self._all_heard.wait(), seconds)

    def heard(self, text: bytes) -> None:
        """A message has come."""
        self.messages += 1
        if self._marker in text:
            self.received_at.append(perf_counter())
            self.last_text = text
            if len(self.received_at) == self._wanted:
                self._all_heard.set()

    def close(self) -> None:
        """Nobody watches any more."""
        for viewer in self.viewers:
            viewer.is_leaving = True
            viewer.transport.abort()
        self.viewers.clear()


class Viewer(asyncio.Protocol):
    """One socket."""

    transport: asyncio.Transport

    def __init__(self, crowd: Crowd, port: int, first: list[bytes], until: bytes) -> None:
        self._crowd, self._port, self._first, self._until = crowd, port, first, until
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._received, self._is_upgraded = b"", False
        self.is_leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self.transport = transport  # type: ignore[assignment]  # a TCP transport reads and writes
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def say(self, text: bytes) -> None:
        """Send a message; the mask, which a client must use, is zero."""
        size = len(text)
        head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x81, 0xFE, size)
        self.transport.write(head + b"\0\0\0\0" + text)

    def data_received(self, data: bytes) -> None:
        """Take frames as they come."""
        if self._received:
            data = self._received + data
        if not self._is_upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._received = head
                return
            assert b" 101 " in head[:20], head
            self._is_upgraded = True
            for text in self._first:
                self.say(text)
            self._first = []
            if not self._until:
                self.ready.set_result(None)
        while (frame := _frame(data)) is not None:
            opcode, text, data = frame
            if opcode == TEXT:
                self._hear(text)
        self._received = data

    def _hear(self, text: bytes) -> None:
        if not self.ready.done():
            if self._until in text:
                self.ready.set_result(None)
        elif text == b'{"type":"ping"}':
            self.say(b'{"type":"pong"}')
        else:
            self._crowd.heard(text)

    def connection_lost(self, error: Exception | None) -> None:
        """The server has let go."""
        if not self.is_leaving:
            self._crowd.lost += 1
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("the server has let go"))


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first frame's opcode and payload, and what follows; None before it is whole. Servers do not mask."""
    if len(data) < 2:
        return None
    start, size = 2, data[1]
    if size == 126:
        start, size = 4, int.from_bytes(data[2:4], "big")
    elif size == 127:
        start, size = 10, int.from_bytes(data[2:10], "big")
    if len(data) < start + size:
        return None
    return data[0] & 0x0F, data[start : start + size], data[start + size :]
