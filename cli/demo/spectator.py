"""A viewer of a live room: a phone with one socket, on which everything that happens is heard, once and in order."""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter

import aiohttp
import orjson

from cli.demo import room_errands
from cli.demo.door import Answer, MarketFault, address_of

PROTOCOL = "graphql-transport-ws"
HELLO_SECONDS = 20.0


@dataclass
class Spectator:
    """Somebody who watches a room. `heard`: the number of each event, and when it came."""

    sockets: aiohttp.ClientSession
    url: str
    room_id: str
    name: str
    token: str
    heard: dict[int, float] = field(default_factory=dict)
    repeats: int = 0
    came_back: int = 0
    _listening: asyncio.Task[None] | None = None
    _socket: aiohttp.ClientWebSocketResponse | None = None

    @property
    def last(self) -> int | None:
        """The number of the last event that was heard; None before any."""
        return max(self.heard, default=None)

    @property
    def is_gapless(self) -> bool:
        """Whether everything between the first and the last event was heard, and nothing twice."""
        numbers = sorted(self.heard)
        return not self.repeats and (not numbers or numbers == list(range(numbers[0], numbers[-1] + 1)))

    async def come(self) -> None:
        """Watch from now on, or on from what was heard last. Raises MarketFault when the room cannot be watched."""
        self._socket = socket = await self.sockets.ws_connect(
            self.url, protocols=[PROTOCOL], headers={"X-Forwarded-For": address_of(self.name)}
        )
        await socket.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}})
        await self._expect(socket, "connection_ack")
        variables = {"id": self.room_id, "since": self.last}
        payload = {"query": room_errands.WATCH, "variables": variables}
        await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
        self._hear(await self._expect(socket, "next"))
        self._listening = asyncio.create_task(self._listen(socket))

    async def drop(self) -> None:
        """The phone loses the network."""
        await self.leave()
        self.came_back += 1

    async def leave(self) -> None:
        """Watch no more."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        if self._socket is not None:
            await self._socket.close()

    async def _expect(self, socket: aiohttp.ClientWebSocketResponse, kind: str) -> Answer:
        while True:
            message = await socket.receive(HELLO_SECONDS)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise MarketFault(f"{self.name} was to hear {kind}, but the socket says {message}")
            told: Answer = orjson.loads(message.data)
            if told["type"] == kind:
                return told
            if told["type"] == "error":
                raise MarketFault(f"{self.name} cannot watch the room: {told['payload']}")

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                told = orjson.loads(message.data)
                if told["type"] == "next":
                    self._hear(told)
                elif told["type"] == "ping":
                    await socket.send_json({"type": "pong"})

    def _hear(self, told: Answer) -> None:
        news = told["payload"]["data"]["roomEvents"]
        now = perf_counter()
        for event in news.get("events") or ():
            if event["number"] in self.heard:
                self.repeats += 1
            self.heard[event["number"]] = now
