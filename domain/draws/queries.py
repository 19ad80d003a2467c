"""How screens read draws: by id, a room's, entries and winners by page, and what is one's own. Never locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, select

from domain.accounts.tables import accounts
from domain.draws.rules import Draw, Entry, Won
from domain.draws.store import DRAW_COLUMNS, WON, draw_of, prizes_of, won_of
from domain.draws.tables import draws, entries, winners
from domain.foundation.database import Database
from domain.foundation.pages import Page, page_of, page_size, read_cursor

d, e, w = draws.c, entries.c, winners.c


@dataclass(frozen=True, slots=True)
class Winner:
    """Who has won, as everybody may see it; `prize` is the position of the draw's prize, from 1."""

    rank: int
    entry: Entry
    prize: int
    name: str


async def by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Draw]:
    """Draws that exist."""
    return {draw.id: draw for draw in await _draws(db, select(*DRAW_COLUMNS).where(d.id == func.any(list(ids))))}


async def of_room(db: Database, room_id: UUID, *, first: int, after: str | None = None) -> Page[Draw]:
    """A room's draws, newest first."""
    query = select(*DRAW_COLUMNS).where(d.room_id == room_id).order_by(d.id.desc()).limit(page_size(first) + 1)
    if after is not None:
        query = query.where(d.id < read_cursor(after, UUID)[0])
    return page_of(await _draws(db, query), first, lambda draw: (str(draw.id),))


async def entries_of(db: Database, draw_id: UUID, *, first: int, after: str | None = None) -> Page[Entry]:
    """A draw's entries by number."""
    query = select(e.draw_id, e.number, e.id).where(e.draw_id == draw_id).order_by(e.number)
    if after is not None:
        query = query.where(e.number > read_cursor(after, int)[0])
    rows = await db.rows(query.limit(page_size(first) + 1))
    return page_of([Entry(*row) for row in rows], first, lambda entry: (entry.number,))


async def winners_of(db: Database, draw_id: UUID, *, first: int, after: str | None = None) -> Page[Winner]:
    """A draw's winners by rank."""
    query = (
        select(w.rank, w.number, e.id, w.prize, accounts.c.display_name)
        .join_from(winners, entries, (e.draw_id == w.draw_id) & (e.number == w.number))
        .join(accounts, accounts.c.id == w.shopper_id)
        .where(w.draw_id == draw_id)
        .order_by(w.rank)
    )
    if after is not None:
        query = query.where(w.rank > read_cursor(after, int)[0])
    found = [
        Winner(row.rank, Entry(draw_id, row.number, row.id), row.prize, row.display_name)
        for row in await db.rows(query.limit(page_size(first) + 1))
    ]
    return page_of(found, first, lambda winner: (winner.rank,))


async def own_entries(db: Database, shopper_id: UUID, draw_ids: Sequence[UUID]) -> dict[UUID, Entry]:
    """Somebody's entries, by draw."""
    of_them = (e.draw_id == func.any(list(draw_ids))) & (e.shopper_id == shopper_id)
    return {row.draw_id: Entry(*row) for row in await db.rows(select(e.draw_id, e.number, e.id).where(of_them))}


async def own_prizes(db: Database, shopper_id: UUID, draw_ids: Sequence[UUID]) -> dict[UUID, Won]:
    """What somebody has won, by draw."""
    of_them = (w.draw_id == func.any(list(draw_ids))) & (w.shopper_id == shopper_id)
    return {row.draw_id: won_of(row) for row in await db.rows(WON.where(of_them))}


async def won_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Won]:
    """Prizes that were won, by their own ids."""
    return {row.id: won_of(row) for row in await db.rows(WON.where(w.id == func.any(list(ids))))}


async def won_by(db: Database, shopper_id: UUID, *, first: int, after: str | None = None) -> Page[Won]:
    """All that somebody has won, newest first."""
    query = WON.where(w.shopper_id == shopper_id).order_by(w.id.desc()).limit(page_size(first) + 1)
    if after is not None:
        query = query.where(w.id < read_cursor(after, UUID)[0])
    return page_of([won_of(row) for row in await db.rows(query)], first, lambda won: (str(won.id),))


async def _draws(db: Database, query: Select[tuple[object, ...]]) -> list[Draw]:
    async with db.reading() as reader:
        rows = await reader.rows(query)
        prizes = await prizes_of(reader, [row.id for row in rows]) if rows else {}
    return [draw_of(row, prizes[row.id]) for row in rows]
