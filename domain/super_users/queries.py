"""How screens and other features read super users, milestones and polls."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from domain.foundation.database import Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.super_users import store
from domain.super_users.rules import Criteria, Milestone, Move, Option, Poll, SuperUser
from domain.super_users.store import o, p, s, v
from domain.super_users.tables import moves, options, votes

_ids = bindparam("ids", type_=ARRAY(PG_UUID))
_ARE = select(s.account_id).where(s.account_id == func.any(_ids))
_POLLS = select(p.id, p.title, p.opens_at, p.closes_at)
_OPTIONS = (
    select(o.id, o.poll_id, o.product_id, func.count(v.account_id))
    .select_from(options.outerjoin(votes, v.option_id == o.id))
    .where(o.poll_id == func.any(_ids))
    .group_by(o.id)
    .order_by(o.poll_id, o.position)
)


async def are_super_users(reader: Database | Reader, account_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these people are super users."""
    return set(await reader.column(_ARE, {"ids": list(account_ids)}))


async def criteria(db: Database) -> Criteria:
    """Who is a super user."""
    async with db.reading() as reader:
        return await store.criteria(reader)


async def fans(db: Database) -> tuple[int, list[Milestone]]:
    """How many super users there are, and every milestone, the smallest first."""
    async with db.reading() as reader:
        return await store.count(reader), await store.known_milestones(reader)


async def newest(db: Database, *, first: int, after: str | None = None) -> Page[SuperUser]:
    """Super users, the newest first."""
    found = select(s.account_id, s.since, s.version)
    if after is not None:
        found = found.where(tuple_(s.since, s.account_id) < tuple_(*read_cursor(after, datetime, UUID)))
    found = found.order_by(s.since.desc(), s.account_id.desc()).limit(page_size(first) + 1)
    rows = [SuperUser(*row) for row in await db.rows(found)]
    return page_of(rows, first, lambda each: (each.since.isoformat(), str(each.account_id)))


async def moves_of(db: Database, account_id: UUID) -> list[Move]:
    """How somebody became a super user and left, the latest first, at most 100."""
    m = moves.c
    found = select(m.account_id, m.has_become, m.version, m.facts, m.moved_at).where(m.account_id == account_id)
    return [Move(*row) for row in await db.rows(found.order_by(m.position.desc()).limit(100))]


async def polls_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Poll]:
    """Polls that exist, by id."""
    return {row.id: Poll(*row) for row in await db.rows(_POLLS.where(p.id == func.any(_ids)), {"ids": list(ids)})}


async def open_polls(db: Database, *, now: datetime, first: int, after: str | None = None) -> Page[Poll]:
    """Polls that take votes now; those that close first come first."""
    found = _POLLS.where(p.opens_at <= now, p.closes_at > now)
    if after is not None:
        found = found.where(tuple_(p.closes_at, p.id) > tuple_(*read_cursor(after, datetime, UUID)))
    rows = [Poll(*row) for row in await db.rows(found.order_by(p.closes_at, p.id).limit(page_size(first) + 1))]
    return page_of(rows, first, _by_closing)


async def all_polls(db: Database, *, first: int, after: str | None = None) -> Page[Poll]:
    """Every poll, those that close last first."""
    found = _POLLS
    if after is not None:
        found = found.where(tuple_(p.closes_at, p.id) < tuple_(*read_cursor(after, datetime, UUID)))
    found = found.order_by(p.closes_at.desc(), p.id.desc()).limit(page_size(first) + 1)
    return page_of([Poll(*row) for row in await db.rows(found)], first, _by_closing)


async def options_by_poll_ids(db: Database, poll_ids: Sequence[UUID]) -> dict[UUID, list[Option]]:
    """The options of each poll in their order, with how many want each."""
    found: dict[UUID, list[Option]] = {}
    for row in await db.rows(_OPTIONS, {"ids": list(poll_ids)}):
        found.setdefault(row.poll_id, []).append(Option(*row))
    return found


async def votes_of(db: Database, account_id: UUID, poll_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Somebody's vote in each of these polls where they have given one: the option."""
    found = select(v.poll_id, v.option_id).where(v.account_id == account_id, v.poll_id == func.any(list(poll_ids)))
    return {row.poll_id: row.option_id for row in await db.rows(found)}


def _by_closing(poll: Poll) -> tuple[str, str]:
    return poll.closes_at.isoformat(), str(poll.id)
