"""The live bus: what has happened in rooms goes through Redis to every process, and the last of it is kept in a stream.

One hash tag for each room, `{room:<id>}`, so that it runs unchanged on Redis Cluster. Whatever the bus loses is found in the
ledger by whoever listens: nothing here is the truth.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from redis.exceptions import RedisError

from domain.foundation.redis import Gate, Script
from domain.foundation.reporting import note_failure
from domain.live_rooms.rules import EventKind, RoomEvent

_publish = Script(Path(__file__).parent / "publish.lua")

KEPT_EVENTS = 1_000
"""The last events of a room, kept in its stream: at least so many."""
KEPT_SECONDS = 3 * 86_400
TELL_SECONDS = 0.5
"""For Redis to take what is told: whoever has done something waits for no more than that."""
READ_SECONDS = 0.2
"""For Redis to give back what it has kept: the ledger has it as well."""
MOST_AT_ONCE = 500
"""Personal messages that go out as one."""

EVENTS, COUNTERS, PERSONAL = b"e", b"c", b"p"
"""What a message is: its first byte. JSON follows."""
FAILURES = (RedisError, OSError, TimeoutError)

Personal = tuple[UUID, str, UUID]
"""Whom it is for, the kind of thing that has changed, and its id."""


def channel_of(room_id: UUID) -> str:
    """Where a room's messages are heard."""
    return f"{{room:{room_id}}}"


def stream_of(room_id: UUID) -> str:
    """The key of a room's last events."""
    return f"{{room:{room_id}}}:events"


def _counters_of(room_id: UUID) -> str:
    return f"{{room:{room_id}}}:counters"


class LiveBus:
    """Says what has happened, to whoever listens now. One per process.

    Best effort: what Redis does not take within half a second is not told by it, which is logged, and no more.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def publish(self, events: Sequence[RoomEvent]) -> None:
        """Tell these events of one room, in order, once they stand in the ledger."""
        if not events:
            return
        texts = [_text(event) for event in events]
        numbered = [part for event, text in zip(events, texts, strict=True) for part in (event.number, text)]
        await self._say(events[0].room_id, EVENTS + b"[" + b",".join(texts) + b"]", numbered)

    async def publish_counters(self, room_id: UUID, counters: Mapping[str, Any]) -> None:
        """Tell how many watch, like and buy; only the newest counts, and is kept for those who come later."""
        await self._say(room_id, COUNTERS + orjson.dumps(dict(counters)))

    async def tell(self, room_id: UUID, shopper_id: UUID, kind: str, id: UUID) -> None:
        """Tell one shopper, wherever they watch the room, that something of theirs has changed."""
        await self.tell_many(room_id, [(shopper_id, kind, id)])

    async def tell_many(self, room_id: UUID, personal: Sequence[Personal]) -> None:
        """Tell several shoppers of one room, in few messages."""
        for start in range(0, len(personal), MOST_AT_ONCE):
            await self._say(room_id, PERSONAL + orjson.dumps(personal[start : start + MOST_AT_ONCE], default=str))

    async def _say(self, room_id: UUID, message: bytes, numbered: Sequence[Any] = ()) -> None:
        arguments = (channel_of(room_id), message, KEPT_EVENTS, KEPT_SECONDS, *numbered)
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await _publish(self._gate, (stream_of(room_id), _counters_of(room_id)), arguments)
        except FAILURES as error:
            note_failure("live_bus_silent", error)

    async def counters(self, room_id: UUID) -> Mapping[str, Any] | None:
        """The counters that were told last; None when there are none, or Redis does not answer."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                kept: Any = await self._gate.get(_counters_of(room_id))
        except FAILURES:
            return None
        return read_counters(kept) if kept else None

    async def history(self, room_id: UUID, *, after: int, last: int) -> Sequence[RoomEvent] | None:
        """The events after that number, up to and with `last`, in order; None unless the stream has all of them.

        Raises one of FAILURES when Redis does not answer in time.
        """
        async with asyncio.timeout(READ_SECONDS):
            kept: Any = await self._gate.xrange(
                stream_of(room_id), min=f"{after + 1}-0", max=f"{last}-0", count=last - after
            )
        if len(kept) < last - after:
            return None
        return [_event(room_id, orjson.loads(fields[b"e"])) for _, fields in kept]


def read_events(room_id: UUID, text: bytes) -> Sequence[RoomEvent]:
    """The events of a message, without its first byte."""
    return [_event(room_id, each) for each in orjson.loads(text)]


def read_counters(text: bytes) -> Mapping[str, Any]:
    """The counters of a message, likewise."""
    counters: dict[str, Any] = orjson.loads(text)
    return counters


def read_personal(text: bytes) -> Sequence[Personal]:
    """What a message tells several shoppers, likewise."""
    return [(UUID(shopper_id), kind, UUID(id)) for shopper_id, kind, id in orjson.loads(text)]


def _text(event: RoomEvent) -> bytes:
    return orjson.dumps((event.number, event.kind, dict(event.facts), event.happened_at))


def _event(room_id: UUID, parts: Sequence[Any]) -> RoomEvent:
    number, kind, facts, happened_at = parts
    return RoomEvent(room_id, number, EventKind(kind), facts, datetime.fromisoformat(happened_at))
