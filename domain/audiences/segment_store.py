"""The only SQL that writes segments, their versions, their refreshes, and lists of people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.accounts.tables import accounts
from domain.audiences import queries
from domain.audiences.segment_rules import Segment, SegmentRule
from domain.audiences.tables import segment_members, segment_refreshes, segment_versions, segments
from domain.foundation.database import Transaction
from domain.foundation.errors import NotFound
from domain.trail import store as trail

s, r, m = segments.c, segment_refreshes.c, segment_members.c


async def lock(tx: Transaction, segment_id: UUID) -> Segment:
    """A segment, locked until the transaction ends. Raises NotFound."""
    row = await tx.one(queries.FOUND.where(s.id == segment_id).with_for_update(of=segments))
    if row is None:
        raise NotFound.of("segment", segment_id)
    return queries.segment_of(row)


async def add(tx: Transaction, segment: Segment, *, by: UUID) -> bool:
    """Write a new segment; whether its name was free."""
    row = {
        "id": segment.id,
        "name": segment.name,
        "has_rule": segment.has_rule,
        "version": segment.version,
        "refresh_minutes": segment.refresh_minutes,
        "created_at": segment.created_at,
        "created_by": by,
    }
    return bool(await tx.execute(upsert(segments).values(row).on_conflict_do_nothing(index_elements=["name"])))


async def write(tx: Transaction, segment_id: UUID, **values: Any) -> None:
    """Write what has changed of a locked segment."""
    await tx.execute(update(segments).where(s.id == segment_id).values(**values))


async def add_version(
    tx: Transaction, segment_id: UUID, number: int, rule: SegmentRule, *, by: UUID, now: datetime
) -> None:
    """Write a version of a rule, which never changes."""
    row = {"segment_id": segment_id, "number": number, "rule": rule.kept(), "set_at": now, "set_by": by}
    await tx.execute(insert(segment_versions).values(row))


async def begin_refresh(tx: Transaction, segment: Segment, *, by: UUID | None, now: datetime) -> bool:
    """Have a locked segment's rule looked at from the first account on; False where that is under way already."""
    is_open = (r.segment_id == segment.id) & r.finished_at.is_(None)
    if await tx.value(select(r.generation).where(is_open)) is not None:
        await write(tx, segment.id, refresh_due_at=None)
        return False
    latest = await tx.value(select(func.max(r.generation)).where(r.segment_id == segment.id)) or 0
    row = {"segment_id": segment.id, "generation": latest + 1, "version": segment.version, "started_at": now}
    await tx.execute(insert(segment_refreshes).values(row | {"started_by": by}))
    await write(tx, segment.id, refresh_due_at=None)
    return True


async def abandon_refresh(tx: Transaction, segment_id: UUID, *, now: datetime) -> None:
    """A look by an earlier version of the rule counts for nothing any more."""
    is_open = (r.segment_id == segment_id) & r.finished_at.is_(None)
    await tx.execute(update(segment_refreshes).where(is_open).values(finished_at=now))


async def strangers_among(tx: Transaction, account_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these ids that are nobody's."""
    known = set(await tx.column(select(accounts.c.id).where(accounts.c.id == func.any(list(account_ids)))))
    return [account_id for account_id in account_ids if account_id not in known]


async def name_people(tx: Transaction, segment_id: UUID, account_ids: Sequence[UUID]) -> int:
    """Put people on a locked list; how many were not on it."""
    row = select(literal(segment_id), literal(0), accounts.c.id).where(accounts.c.id == func.any(list(account_ids)))
    named = upsert(segment_members).from_select(["segment_id", "generation", "account_id"], row)
    return await tx.execute(named.on_conflict_do_nothing())


async def strike_people(tx: Transaction, segment_id: UUID, account_ids: Sequence[UUID]) -> int:
    """Take people off a locked list; how many were on it."""
    on_it = (m.segment_id == segment_id) & (m.account_id == func.any(list(account_ids)))
    return await tx.execute(delete(segment_members).where(on_it))


async def note(tx: Transaction, deed: str, segment: Segment, *, by: UUID, now: datetime, **facts: object) -> None:
    """The trail of what somebody did to a segment."""
    await trail.note(
        tx, by=by, deed=deed, subject="segment", subject_id=segment.id, now=now, name=segment.name, **facts
    )
