"""A client that speaks graphql-transport-ws frame by frame, so that a test may also speak it badly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 10.0


class Talk:
    """One socket, from the client's side."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, message: Any) -> None:
        """Send a message, or a text or bytes as they are."""
        await self.socket.send(message if isinstance(message, str | bytes) else orjson.dumps(message).decode())

    async def greet(self, token: str | None = None, **payload: Any) -> dict[str, Any]:
        """Shake hands; the payload of the server's ack."""
        if token is not None:
            payload["authorization"] = f"Bearer {token}"
        await self.say({"type": "connection_init", "payload": payload})
        ack = await self.hear()
        assert ack["type"] == "connection_ack"
        return ack["payload"]

    async def ask(self, query: str, variables: dict[str, Any] | None = None, *, id: str = "1", **more: Any) -> None:
        """Begin an operation."""
        await self.say({"type": "subscribe", "id": id, "payload": {"query": query, "variables": variables, **more}})

    async def hear(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next message but pings."""
        async with asyncio.timeout(seconds):
            while True:
                message = orjson.loads(await self.socket.recv())
                if message["type"] != "ping":
                    return message

    async def answer(self, query: str, variables: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """The one result of a query or mutation."""
        await self.ask(query, variables, **more)
        result, end = await self.hear(), await self.hear()
        assert (result["type"], end["type"]) == ("next", "complete")
        return result["payload"]

    async def ending(self, seconds: float = PATIENCE) -> int | None:
        """The code the server closes with, whatever it says before."""
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None


@asynccontextmanager
async def talk(url: str, **options: Any) -> AsyncIterator[Talk]:
    """An open socket; `options` are those of `websockets.connect`."""
    settled = {"subprotocols": ["graphql-transport-ws"], "compression": None, "ping_interval": None, "proxy": None}
    async with connect(url, **settled | {"close_timeout": 1} | options) as socket:
        yield Talk(socket)
