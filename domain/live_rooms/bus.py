"""The live bus: what has happened in rooms goes through Redis to every process, and the last of it is kept in a stream.

One hash tag for each room, `{room:<id>}`, so that it runs unchanged on Redis Cluster.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.foundation.redis import Gate
from domain.live_rooms.rules import RoomEvent


class LiveBus:
    """Says what has happened, to whoever listens now. One per process."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def publish(self, events: Sequence[RoomEvent]) -> None:
        """Tell these events of one room, in order, once they stand in the ledger."""

    async def publish_counters(self, room_id: UUID, counters: Mapping[str, Any]) -> None:
        """Tell how many watch, like and buy; only the newest counts."""

    async def tell(self, room_id: UUID, shopper_id: UUID, kind: str, id: UUID) -> None:
        """Tell one shopper, wherever they watch the room, that something of theirs has changed."""
