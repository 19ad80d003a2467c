"""Choosing a segment's members by its rule: a look at everybody, a batch of accounts at a time.

Members of a refresh count once it has finished, all of them at once. A crash on the way loses a batch: the next goes on from
where the last one was kept.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, literal, select, text, update

from domain.accounts.tables import accounts
from domain.audiences import queries, segment_store
from domain.audiences.choosing import Stretch, chosen
from domain.audiences.segment_rules import Refresh, Segment, SegmentRule, check_rule
from domain.audiences.tables import segment_members, segment_refreshes, segment_versions, segments
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput

ACCOUNTS_AT_A_TIME = 5_000
MEMBERS_AT_A_TIME = 10_000
s, r, v = segments.c, segment_refreshes.c, segment_versions.c
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")
_FORGET = text("""
    DELETE FROM segment_members WHERE ctid = ANY(ARRAY(
      SELECT member.ctid FROM segment_members AS member JOIN segments AS segment ON segment.id = member.segment_id
      WHERE member.segment_id = :segment_id AND member.generation <> segment.generation
        AND NOT EXISTS (SELECT FROM segment_refreshes AS refresh
                        WHERE refresh.segment_id = member.segment_id AND refresh.generation = member.generation
                          AND refresh.finished_at IS NULL)
      LIMIT :limit))
""")


async def count(db: Database, rule: SegmentRule, *, now: datetime) -> int:
    """How many accounts a rule would choose now; nothing is kept. Raises BadInput."""
    check_rule(rule)
    async with db.transaction() as tx:
        await tx.execute(_PLAN_FOR_THESE_VALUES)
        found = await chosen(tx, rule, stretch=Stretch(), now=now)
        return int(await tx.value(select(func.count()).select_from(found.subquery())) or 0)


async def start(db: Database, *, segment_id: UUID, now: datetime, by: UUID | None = None) -> Segment:
    """Have the rule looked at again; one that is under way goes on. The trail tells of it where a person (`by`) asked for it.

    Raises NotFound, BadInput for a list.
    """
    async with db.transaction() as tx:
        segment = await segment_store.lock(tx, segment_id)
        if not segment.has_rule:
            raise BadInput(f"the segment {segment.name!r} is a list: it has no rule to look at")
        if await segment_store.begin_refresh(tx, segment, by=by, now=now) and by is not None:
            await segment_store.note(tx, "refresh_segment", segment, by=by, now=now)
        return segment


async def start_due(db: Database, *, now: datetime) -> int:
    """Begin the refreshes whose time has come; how many."""
    due = await db.column(select(s.id).where(s.refresh_due_at <= now))
    for segment_id in due:
        await start(db, segment_id=segment_id, now=now)
    return len(due)


async def under_way(db: Database) -> list[UUID]:
    """Segments that are being refreshed."""
    return list(await db.column(select(r.segment_id).where(r.finished_at.is_(None)).order_by(r.started_at)))


async def advance(db: Database, *, segment_id: UUID, now: datetime, limit: int = ACCOUNTS_AT_A_TIME) -> bool:
    """Look at the next accounts of a segment's refresh; whether there are more to look at.

    Safe to run twice and side by side: whoever finds another at it, or at its segment, leaves it alone.
    """
    async with db.transaction() as tx:
        refresh = await _lock(tx, segment_id)
        if refresh is None:
            return False
        await tx.execute(_PLAN_FOR_THESE_VALUES)
        stretch, accounts_in_it = await _next(tx, refresh, limit)
        if stretch is None:
            await _finish(tx, refresh, now=now)
            return False
        rule = SegmentRule.read(
            await tx.value(select(v.rule).where(v.segment_id == segment_id, v.number == refresh.version))
        )
        wanted = (await chosen(tx, rule, stretch=stretch, now=refresh.started_at)).subquery()
        row = select(literal(segment_id), literal(refresh.generation), wanted.c.id)
        found = await tx.execute(insert(segment_members).from_select(["segment_id", "generation", "account_id"], row))
        await _keep(
            tx, refresh, looked_up_to=stretch.up_to, looked_at=r.looked_at + accounts_in_it, found=r.found + found
        )
    return True


async def forget(db: Database, *, segment_id: UUID, limit: int = MEMBERS_AT_A_TIME) -> int:
    """Delete members of earlier refreshes, so many at most; how many. Safe to run twice and side by side."""
    async with db.transaction() as tx:
        return await tx.execute(_FORGET, {"segment_id": segment_id, "limit": limit})


async def _lock(tx: Transaction, segment_id: UUID) -> Refresh | None:
    """The refresh that is under way, its segment locked first, as by whoever changes the rule; None also where that is locked."""
    segment = select(s.id).where(s.id == segment_id).with_for_update(key_share=True, skip_locked=True)
    if await tx.value(segment) is None:
        return None
    is_open = (r.segment_id == segment_id) & r.finished_at.is_(None)
    row = await tx.one(select(*queries.REFRESH_COLUMNS).where(is_open))
    return Refresh(*row) if row else None


async def _next(tx: Transaction, refresh: Refresh, limit: int) -> tuple[Stretch | None, int]:
    """The next accounts by id, up to which one, and how many they are."""
    following = select(accounts.c.id).order_by(accounts.c.id).limit(limit)
    if refresh.looked_up_to is not None:
        following = following.where(accounts.c.id > refresh.looked_up_to)
    ids = following.subquery()
    last = select(ids.c.id).order_by(ids.c.id.desc()).limit(1).scalar_subquery()
    row = await tx.one(select(last.label("up_to"), func.count().label("accounts")).select_from(ids))
    if row is None or row.up_to is None:
        return None, 0
    return Stretch(refresh.looked_up_to, row.up_to), row.accounts


async def _finish(tx: Transaction, refresh: Refresh, *, now: datetime) -> None:
    await _keep(tx, refresh, finished_at=now)
    await tx.execute(
        update(segments)
        .where(s.id == refresh.segment_id, s.version == refresh.version)
        .values(
            generation=refresh.generation,
            members=refresh.found,
            refreshed_at=refresh.started_at,
            # null without minutes
            refresh_due_at=refresh.started_at + func.make_interval(0, 0, 0, 0, 0, s.refresh_minutes),
        )
    )


async def _keep(tx: Transaction, refresh: Refresh, **values: object) -> None:
    is_it = (r.segment_id == refresh.segment_id) & (r.generation == refresh.generation)
    await tx.execute(update(segment_refreshes).where(is_it).values(**values))
