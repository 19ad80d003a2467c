"""How screens and doors read segments."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from domain.audiences.segment_rules import Refresh, Segment, SegmentRule
from domain.audiences.tables import segment_members, segment_refreshes, segment_versions, segments
from domain.foundation.database import AnyRow, Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor

s, v, r, m = segments.c, segment_versions.c, segment_refreshes.c, segment_members.c
_COLUMNS = (
    s.id, s.name, s.has_rule, s.version, s.refresh_minutes, s.generation, s.members, s.refreshed_at, s.created_at, v.rule
)  # fmt: skip
FOUND = select(*_COLUMNS).select_from(
    segments.outerjoin(segment_versions, (v.segment_id == s.id) & (v.number == s.version))
)
REFRESH_COLUMNS = (
    r.segment_id, r.generation, r.version, r.started_at, r.looked_up_to, r.looked_at, r.found, r.finished_at
)  # fmt: skip
_ids, _segment_ids = bindparam("ids", type_=ARRAY(PG_UUID)), bindparam("segment_ids", type_=ARRAY(PG_UUID))
_HELD_BY = (
    select(m.account_id, m.segment_id)
    .select_from(segment_members.join(segments, (s.id == m.segment_id) & (s.generation == m.generation)))
    .where(m.account_id == func.any(_ids), m.segment_id == func.any(_segment_ids))
)


async def segments_by_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, Segment]:
    """Segments that exist, by id."""
    rows = await reader.rows(FOUND.where(s.id == func.any(_ids)), {"ids": list(ids)})
    return {row.id: segment_of(row) for row in rows}


async def all_segments(db: Database, *, first: int, after: str | None = None) -> Page[Segment]:
    """Every segment, newest first."""
    newest_first = FOUND.order_by(s.id.desc()).limit(page_size(first) + 1)
    if after is not None:
        newest_first = newest_first.where(s.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first)
    return page_of([segment_of(row) for row in rows], first, lambda segment: (str(segment.id),))


async def segments_of(
    reader: Database | Reader, account_ids: Sequence[UUID], segment_ids: Collection[UUID]
) -> dict[UUID, frozenset[UUID]]:
    """Which of these segments hold each of these accounts; who is in none is left out."""
    held: dict[UUID, set[UUID]] = defaultdict(set)
    for row in await reader.rows(_HELD_BY, {"ids": list(account_ids), "segment_ids": list(segment_ids)}):
        held[row.account_id].add(row.segment_id)
    return {account_id: frozenset(found) for account_id, found in held.items()}


async def members(db: Database, segment: Segment, *, first: int, after: str | None = None) -> Page[UUID]:
    """Whom a segment holds, by account."""
    held = select(m.account_id).where(m.segment_id == segment.id, m.generation == segment.generation)
    if after is not None:
        held = held.where(m.account_id > read_cursor(after, UUID)[0])
    ids = await db.column(held.order_by(m.account_id).limit(page_size(first) + 1))
    return page_of(list(ids), first, lambda account_id: (str(account_id),))


async def refreshes_under_way(db: Database, segment_ids: Sequence[UUID]) -> dict[UUID, Refresh]:
    """The refresh of each of these segments that has not finished."""
    wanted = select(*REFRESH_COLUMNS).where(r.segment_id == func.any(_segment_ids), r.finished_at.is_(None))
    return {row.segment_id: Refresh(*row) for row in await db.rows(wanted, {"segment_ids": list(segment_ids)})}


def segment_of(row: AnyRow) -> Segment:
    """A segment out of its row, the last of which is its rule."""
    about = dict(row._mapping)
    return Segment(**about | {"rule": None if row.rule is None else SegmentRule.read(row.rule)})
