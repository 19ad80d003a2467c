"""The timeline of a room: what happens is numbered and kept in the ledger first, and told through the bus once it stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import func as sql
from sqlalchemy import insert, select, update

from domain.foundation.database import AnyRow, Reader, Transaction
from domain.foundation.errors import NotFound
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EventKind, NewEvent, RoomEvent
from domain.live_rooms.tables import events, rooms

e = events.c
AT_ONCE = 500
"""Events read for one who is behind."""


async def append(
    tx: Transaction, bus: LiveBus, room_id: UUID, new: Sequence[NewEvent], *, now: datetime
) -> Sequence[RoomEvent]:
    """Number what happens now, in this order; whoever watches is told once the transaction has committed.

    Takes the room's row lock, if it is not taken: numbers follow commits, so nobody ever sees a later event before an
    earlier one. Raises NotFound.
    """
    counted = update(rooms).where(rooms.c.id == room_id).values(events=rooms.c.events + len(new))
    last: int | None = await tx.value(counted.returning(rooms.c.events))
    if last is None:
        raise NotFound.of("room", room_id)
    first = last - len(new) + 1
    happened = [RoomEvent(room_id, first + at, each.kind, each.facts, now) for at, each in enumerate(new)]
    await tx.execute(insert(events), [_row(event) for event in happened])
    tx.after_commit(partial(bus.publish, happened))
    return happened


async def since(reader: Reader, room_id: UUID, number: int, *, limit: int = AT_ONCE) -> Sequence[RoomEvent]:
    """What has happened after the event of this number, in order; no more than `limit`."""
    rows = await reader.rows(
        select(events).where(e.room_id == room_id, e.number > number).order_by(e.number).limit(limit)
    )
    return [_event(row) for row in rows]


async def lasts(reader: Reader, room_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """The number of each room's last event."""
    rows = await reader.rows(select(rooms.c.id, rooms.c.events).where(rooms.c.id == sql.any(list(room_ids))))
    return {row.id: row.events for row in rows}


def _row(event: RoomEvent) -> dict[str, object]:
    return {
        "room_id": event.room_id,
        "number": event.number,
        "kind": event.kind.value,
        "facts": dict(event.facts),
        "happened_at": event.happened_at,
    }


def _event(row: AnyRow) -> RoomEvent:
    return RoomEvent(row.room_id, row.number, EventKind(row.kind), row.facts, row.happened_at)
