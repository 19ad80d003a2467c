"""How screens read levels: one's own with what comes next, the history, and how many have which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select, text

from domain.foundation.database import AnyRow, Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.levels import store
from domain.levels.rules import FIRST_LADDER, Change, ChangeReason, Ladder, Level, Rung
from domain.levels.store import a
from domain.levels.tables import changes, growth_moves

c, m = changes.c, growth_moves.c
CHANGE_COLUMNS = (
    c.id, c.account_id, c.from_rank, c.to_rank, c.reason, c.ladder_version, c.threshold, c.growth, c.counted_from,
    c.last_move, c.guaranteed_until, c.holding_id, c.decided_at,
)  # fmt: skip
# Of whoever never had growth: the lowest level of the ladder in force.
_LEVELS = text("""
    SELECT asked.id, coalesce(held.rank, 1) AS rank,
           (SELECT levels -> (coalesce(held.rank, 1) - 1) ->> 'title' FROM level_ladders
            WHERE version = coalesce(held.ladder_version, (SELECT max(version) FROM level_ladders))) AS title
    FROM unnest(CAST(:ids AS uuid[])) AS asked (id) LEFT JOIN account_levels AS held ON held.account_id = asked.id
""")


@dataclass(frozen=True, slots=True)
class Expiry:
    """Growth that counts until this moment."""

    growth: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands on the ladder in force. `expiring`: the growth that counts, by when it does no more.

    `rung` is the level as it was when it was decided: the ladder may have changed a moment ago.
    """

    rank: int
    rung: Rung
    growth: int
    guaranteed_until: datetime | None
    expiring: tuple[Expiry, ...]
    ladder: Ladder

    @property
    def next_rung(self) -> Rung | None:
        """The level above; None on the highest."""
        return self.ladder.rungs[self.rank] if self.rank < len(self.ladder.rungs) else None

    @property
    def missing(self) -> int:
        """Growth to the level above; 0 on the highest."""
        return max(0, self.next_rung.threshold - self.growth) if self.next_rung else 0


@dataclass(frozen=True, slots=True)
class Count:
    """How many people have a level; of the lowest, those who ever had growth."""

    rank: int
    rung: Rung
    people: int


async def ladder(db: Database) -> Ladder:
    """The ladder in force."""
    return await store.ladder(db)


async def levels_of(reader: Database | Reader, account_ids: Sequence[UUID]) -> dict[UUID, Level]:
    """The level of each account, in one statement."""
    rows = await reader.rows(_LEVELS, {"ids": list(account_ids)})
    return {row.id: Level(row.rank, row.title or FIRST_LADDER.rung(row.rank).title) for row in rows}


async def standing_of(db: Database, account_id: UUID, *, now: datetime) -> Standing:
    """Where somebody stands."""
    async with db.reading() as reader:
        ladder = await store.ladder(reader)
        held = await reader.one(select(a.rank, a.guaranteed_until, a.ladder_version).where(a.account_id == account_id))
        by_month = (
            select(m.month, func.sum(m.growth).label("growth"))
            .where(m.account_id == account_id, m.month >= ladder.counted_from(now))
            .group_by(m.month)
            .order_by(m.month)
        )
        months = [(row.month, int(row.growth)) for row in await reader.rows(by_month)]
        earlier = ladder
        if held and held.ladder_version != ladder.version:
            earlier = (await store.ladders_of(reader, {held.ladder_version}))[held.ladder_version]
    rank = held.rank if held else 1
    return Standing(
        rank=rank,
        rung=earlier.rung(rank),
        growth=sum(growth for _, growth in months),
        guaranteed_until=held.guaranteed_until if held else None,
        expiring=_expiring(ladder, months),
        ladder=ladder,
    )


async def history_of(db: Database, account_id: UUID, *, first: int, after: str | None = None) -> Page[Change]:
    """What was decided about somebody's level, the newest first."""
    newest_first = select(c.position, *CHANGE_COLUMNS).where(c.account_id == account_id).order_by(c.position.desc())
    if after is not None:
        newest_first = newest_first.where(c.position < read_cursor(after, int)[0])
    page = page_of(await db.rows(newest_first.limit(page_size(first) + 1)), first, lambda row: (row.position,))
    return Page([_change_of(row) for row in page.rows], page.cursors, page.has_next)


async def counts(db: Database) -> tuple[Ladder, list[Count]]:
    """The ladder in force, and how many have each of its levels."""
    async with db.reading() as reader:
        ladder = await store.ladder(reader)
        rows = await reader.rows(select(a.rank, func.count().label("people")).group_by(a.rank))
    people = {row.rank: row.people for row in rows}
    return ladder, [Count(rank, rung, people.get(rank, 0)) for rank, rung in enumerate(ladder.rungs, 1)]


async def people_behind(db: Database, ladder: Ladder) -> int:
    """People whom the timetable has still to move to this ladder."""
    behind = select(func.count()).where(a.ladder_version < ladder.version)
    return int(await db.value(behind) or 0)


def _change_of(row: AnyRow) -> Change:
    kept = {column.name: row._mapping[column.name] for column in CHANGE_COLUMNS}
    return Change(**{**kept, "reason": ChangeReason(row.reason)})


def _expiring(ladder: Ladder, months: Sequence[tuple[date, int]]) -> tuple[Expiry, ...]:
    return tuple(Expiry(growth, ladder.counts_until(month)) for month, growth in months if growth)
