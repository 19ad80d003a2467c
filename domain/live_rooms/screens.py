"""The lists that screens show of live rooms: keyset pages, each served by an index, however many rows stand behind it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, union_all

from domain.foundation.database import Database
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.live_rooms.rules import Room, RoomState
from domain.live_rooms.store import ROOM_COLUMNS, room_of
from domain.live_rooms.tables import crew, rooms

r = rooms.c
STILL_COMING = timedelta(hours=2)
"""How long after its planned beginning a room that nobody has opened is listed as coming."""


async def on_and_coming(db: Database, *, now: datetime, first: int, after: str | None = None) -> Page[Room]:
    """Rooms that are on, then those to come, each by their planned beginnings."""
    is_coming, *last = (0, None, None) if after is None else read_cursor(after, int, datetime, UUID)
    size = page_size(first) + 1

    def part(state: RoomState) -> Select[Any]:
        found = select(*ROOM_COLUMNS).where(r.state == state.value).order_by(r.starts_at, r.id).limit(size)
        if state is RoomState.SCHEDULED:
            found = found.where(r.starts_at > now - STILL_COMING)
        if after is not None and is_coming == (state is RoomState.SCHEDULED):
            found = found.where(func.row(r.starts_at, r.id) > func.row(*last))
        return found

    states = [RoomState.SCHEDULED] if is_coming else [RoomState.LIVE, RoomState.PAUSED, RoomState.SCHEDULED]
    found = union_all(*(part(state).subquery().select() for state in states)).subquery()
    in_order = found.select().order_by(found.c.state == RoomState.SCHEDULED.value, found.c.starts_at, found.c.id)
    rows = await db.rows(in_order.limit(size))
    return page_of([room_of(row) for row in rows], first, _place)


async def everything(db: Database, *, first: int, after: str | None = None) -> Page[Room]:
    """Every room in any state, newest first; for merchandisers."""
    return await _newest(db, select(*ROOM_COLUMNS).order_by(r.id.desc()), first=first, after=after)


async def run_by(db: Database, account_id: UUID, *, first: int, after: str | None = None) -> Page[Room]:
    """The rooms that somebody runs as host or assistant, newest first, in any state."""
    theirs = select(*ROOM_COLUMNS).join(crew, crew.c.room_id == r.id).where(crew.c.account_id == account_id)
    return await _newest(db, theirs.order_by(crew.c.room_id.desc()), first=first, after=after)


async def _newest(db: Database, query: Select[Any], *, first: int, after: str | None) -> Page[Room]:
    if after is not None:
        query = query.where(r.id < read_cursor(after, UUID)[0])
    rows = await db.rows(query.limit(page_size(first) + 1))
    return page_of([room_of(row) for row in rows], first, lambda room: (str(room.id),))


def _place(room: Room) -> tuple[int, str, str]:
    return int(room.state is RoomState.SCHEDULED), room.starts_at.isoformat(), str(room.id)
