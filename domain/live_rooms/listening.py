"""The process's ear on the live bus: one connection for all rooms; on a cluster, one to each node that holds some of them."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from domain.foundation.redis import Gate
from domain.foundation.reporting import note_failure
from domain.live_rooms.bus import FAILURES, channel_of, stream_of

QUIET_SECONDS = 5.0
"""A connection that has brought nothing for so long is asked whether it lives, and given up if it says nothing again."""

Hear = Callable[[UUID, bytes], None]
Begin = Callable[[UUID], None]


class Ear:
    """Hears rooms: `hear` is called with every message, `begin` whenever a room begins to be heard.

    A connection that breaks is forgotten, with its rooms; the next `tend` makes another.
    """

    def __init__(self, gate: Gate, *, hear: Hear, begin: Begin) -> None:
        self._gate, self._hear, self._begin = gate, hear, begin
        self._lines: dict[str, _Line] = {}

    def hears(self, room_id: UUID) -> bool:
        """Whether what is told in the room comes here now."""
        return any(room_id in line.heard for line in self._lines.values())

    async def tend(self, rooms: Collection[UUID]) -> None:
        """Hear these rooms and no others; the same again changes nothing.

        Raises what one of those that cannot be heard now has met; the others are heard.
        """
        for name, line in [*self._lines.items()]:
            await line.leave_all_but(rooms)
            if line.is_broken or not line.rooms:
                del self._lines[name]
                await line.close()
        missing = {*rooms}.difference(*(line.rooms.values() for line in self._lines.values()))
        for failed in await asyncio.gather(*map(self._join, missing), return_exceptions=True):
            if failed is not None:
                raise failed

    async def close(self) -> None:
        """Hear nothing any more."""
        await self.tend(())

    async def _join(self, room_id: UUID) -> None:
        name, server = await self._server_of(room_id)
        if name not in self._lines:
            self._lines[name] = _Line(server, hear=self._hear, begin=self._begin)
        await self._lines[name].join(room_id)

    async def _server_of(self, room_id: UUID) -> tuple[str, Any]:
        """The name of the server that holds the room, and whatever knows how to connect to it."""
        if not isinstance(self._gate, RedisCluster):
            return "", self._gate.connection_pool
        await self._gate.exists(stream_of(room_id))  # so the client learns where the room has moved to, if it has
        node = self._gate.get_node_from_key(stream_of(room_id))
        if node is None:
            raise RedisConnectionError("no node of the cluster holds the room")
        return node.name, node


class _Line:
    """One connection, and the rooms that are heard on it. Once broken it stays so."""

    def __init__(self, server: Any, *, hear: Hear, begin: Begin) -> None:
        # as all others, but without notifications of maintenance, which want protocol 3
        options = {name: kept for name, kept in server.connection_kwargs.items() if "maint_notifications" not in name}
        options |= {"protocol": 2, "retry": Retry(NoBackoff(), 0)}
        self._client = Redis.from_pool(ConnectionPool(server.connection_class, **options))
        self._pubsub = self._client.pubsub()
        self._hear, self._begin = hear, begin
        self._joining = asyncio.Lock()
        self._is_sharded: bool | None = None
        self._reading: asyncio.Task[None] | None = None
        self.rooms: dict[bytes, UUID] = {}
        self.heard: set[UUID] = set()
        self.is_broken = False

    async def join(self, room_id: UUID) -> None:
        """Begin to hear the room. Raises ConnectionError, TimeoutError or another RedisError, and is broken then."""
        channel = channel_of(room_id).encode()
        try:
            async with self._joining:
                if self.is_broken:
                    raise RedisConnectionError("the live bus is not heard")
                self.rooms[channel] = room_id
                await (self._pubsub.ssubscribe if await self._shards() else self._pubsub.subscribe)(channel)
                if self._reading is None:
                    self._reading = asyncio.create_task(self._read())
        except BaseException:
            self._break()
            raise

    async def leave_all_but(self, rooms: Collection[UUID]) -> None:
        """Hear no other rooms any more."""
        for channel in [channel for channel, room_id in self.rooms.items() if room_id not in rooms]:
            self.heard.discard(self.rooms.pop(channel))
            try:
                await (self._pubsub.sunsubscribe if self._is_sharded else self._pubsub.unsubscribe)(channel)
            except FAILURES:
                self._break()

    async def close(self) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._pubsub.aclose()
        await self._client.aclose()

    async def _shards(self) -> bool:
        """Whether the server has sharded channels: Redis 7 and Valkey have."""
        if self._is_sharded is None:
            [known] = await self._client.execute_command("COMMAND INFO", "SSUBSCRIBE")
            self._is_sharded = known is not None
        return self._is_sharded

    async def _read(self) -> None:
        is_asked = False
        try:
            while True:
                message = await self._pubsub.get_message(timeout=QUIET_SECONDS)
                if message is not None:
                    is_asked = False
                    self._take(message["type"], message["channel"], message["data"])
                elif is_asked:
                    raise RedisTimeoutError("the live bus says nothing any more")
                else:
                    await self._pubsub.ping()
                    is_asked = True
        except FAILURES as error:
            note_failure("live_bus_lost", error)
        finally:
            self._break()

    def _take(self, kind: str, channel: bytes, text: bytes) -> None:
        room_id = self.rooms.get(channel)
        if room_id is None:
            return
        if kind in ("smessage", "message"):
            self._hear(room_id, text)
        elif kind in ("ssubscribe", "subscribe"):
            self.heard.add(room_id)
            self._begin(room_id)
        else:
            raise RedisConnectionError("the room has moved to another node")

    def _break(self) -> None:
        self.is_broken = True
        self.rooms.clear()
        self.heard.clear()
