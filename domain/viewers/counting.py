"""Counting rooms: twice a second from the gate and the ledger, told when something changed, and kept every five seconds."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.foundation.database import Database
from domain.foundation.redis import Gate
from domain.live_rooms.bus import LiveBus
from domain.viewers import gate as gates
from domain.viewers import store
from domain.viewers.rules import SAMPLE_EVERY, Counters
from domain.viewers.store import Standing


class Tally:
    """Counts the rooms that are on. One on the timetable's leader; two side by side tell and keep no less than one."""

    def __init__(self) -> None:
        self._last: dict[UUID, Counters] = {}

    async def count(self, db: Database, gate: Gate, bus: LiveBus, *, now: datetime) -> None:
        """Tell the counters of each room that have changed, and keep those that are due.

        A room is sampled every five seconds, when more watch than ever before, and once after its end.
        """
        async with db.reading() as reader:
            rooms = await store.standing(reader, now=now)
        counted = dict(zip([room.room_id for room in rooms], await self._counters(gate, rooms), strict=True))
        changed = {id: counters for id, counters in counted.items() if counters != self._last.get(id)}
        due = {room.room_id for room in rooms if _is_due(room, counted[room.room_id], now)}
        if due:
            await store.add_samples(db, [(id, counted[id]) for id in due], now=now)
        for room_id in changed.keys() | due:  # with each sample also what has not changed: somebody may have missed it
            await bus.publish_counters(room_id, counted[room_id].as_facts())
        self._last = counted

    async def _counters(self, gate: Gate, rooms: Sequence[Standing]) -> list[Counters]:
        return list(await asyncio.gather(*(self._counters_of(gate, room) for room in rooms)))

    async def _counters_of(self, gate: Gate, room: Standing) -> Counters:
        last = self._last.get(room.room_id, Counters())
        viewers, likes = await gates.count(gate, room.room_id, known_likes=max(room.likes, last.likes))
        return Counters(
            viewers=viewers,
            peak=max(viewers, room.peak),
            distinct=room.distinct,
            likes=likes,
            buying=room.buying,
        )


def _is_due(room: Standing, counters: Counters, now: datetime) -> bool:
    is_time = room.sampled_at is None or now >= room.sampled_at + SAMPLE_EVERY
    return room.is_over or is_time or counters.viewers > room.peak
