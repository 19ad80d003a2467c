"""How tiers, and what is kept about customers, are read. Never locks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from domain.accounts.tables import accounts
from domain.foundation.database import Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.trust import store
from domain.trust.caring import COMPLAINT_COLUMNS, Complaint, Remark, Tag
from domain.trust.rules import Evidence, Reason, Tier
from domain.trust.tables import complaints, moves, remarks, states, tags, tier_counts

_s, _m, _t, _r = states.c, moves.c, tags.c, remarks.c


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands, and why."""

    account_id: UUID
    tier: Tier
    since: datetime
    reasons: tuple[Reason, ...]
    rule_version: int


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody came from a tier to another, for reasons, by rules of a version."""

    position: int
    account_id: UUID
    from_tier: Tier
    to_tier: Tier
    reasons: tuple[Reason, ...]
    rule_version: int
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class TierCount:
    """So many people were of a tier at a moment."""

    tier: Tier
    people: int
    counted_at: datetime


async def tiers_of(reader: Database | Reader, account_ids: Sequence[UUID]) -> dict[UUID, Tier]:
    """The tiers of these people; whoever is not known yet is a stranger."""
    found = select(_s.account_id, _s.tier).where(_s.account_id == func.any(list(account_ids)))
    known = {row.account_id: Tier(row.tier) for row in await reader.rows(found)}
    return {account_id: known.get(account_id, Tier.STRANGER) for account_id in account_ids}


async def standings_by_ids(reader: Database | Reader, account_ids: Sequence[UUID]) -> dict[UUID, Standing]:
    """Where these people stand; whoever has no account is left out. A stranger of whom nothing is known is one since ever."""
    a = accounts.c
    found = (
        select(a.id, a.created_at, _s.tier, _s.since, _s.reasons, _s.rule_version)
        .outerjoin(states, _s.account_id == a.id)
        .where(a.id == func.any(list(account_ids)))
    )
    return {
        row.id: Standing(
            row.id, Tier(row.tier or 0), row.since or row.created_at, _reasons(row.reasons or ()), row.rule_version or 0
        )
        for row in await reader.rows(found)
    }


async def evidence_by_ids(reader: Database | Reader, account_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Evidence]]:
    """What counts for and against these people now."""
    return await store.evidence_of(reader, account_ids)


async def history(db: Database, account_id: UUID, *, first: int, after: str | None = None) -> Page[Move]:
    """How somebody moved, the newest first."""
    newest_first = select(*moves.c).where(_m.account_id == account_id).order_by(_m.position.desc())
    if after is not None:
        newest_first = newest_first.where(_m.position < read_cursor(after, int)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    found = [
        Move(
            row.position,
            row.account_id,
            Tier(row.from_tier),
            Tier(row.to_tier),
            _reasons(row.reasons),
            row.rule_version,
            row.moved_at,
        )
        for row in rows
    ]
    return page_of(found, first, lambda move: (move.position,))


async def of_tier(
    db: Database, tier: Tier, *, tag: str | None = None, first: int, after: str | None = None
) -> Page[UUID]:
    """Who is of a tier, tagged so if a tag is given, by their ids: who came first to the shop comes first."""
    found = select(_s.account_id).where(_s.tier == tier).order_by(_s.account_id)
    if tag is not None:
        found = found.join(tags, (_t.account_id == _s.account_id) & (_t.tag == tag))
    if after is not None:
        found = found.where(_s.account_id > read_cursor(after, UUID)[0])
    ids = await db.column(found.limit(page_size(first) + 1))
    return page_of(ids, first, lambda account_id: (str(account_id),))


async def counts(db: Database) -> list[TierCount]:
    """How many people are of each tier, of all who have ever signed in, as they were last counted; none before that."""
    c = tier_counts.c
    rows = await db.rows(select(c.tier, c.people, c.counted_at).order_by(c.tier))
    return [TierCount(Tier(row.tier), row.people, row.counted_at) for row in rows]


async def tags_by_account_ids(db: Database, account_ids: Sequence[UUID]) -> dict[UUID, list[Tag]]:
    """The tags of these people, in the order of the words; whoever has none is left out."""
    found = select(_t.account_id, _t.tag, _t.tagged_at, _t.tagged_by).where(
        _t.account_id == func.any(list(account_ids))
    )
    by_account: dict[UUID, list[Tag]] = {}
    for row in await db.rows(found.order_by(_t.account_id, _t.tag)):
        by_account.setdefault(row.account_id, []).append(Tag(*row))
    return by_account


async def all_tags(db: Database, *, first: int, after: str | None = None) -> Page[tuple[str, int]]:
    """Every tag with how many people have it, in the order of the words."""
    counted = select(_t.tag, func.count().label("people")).group_by(_t.tag).order_by(_t.tag)
    if after is not None:
        counted = counted.where(_t.tag > read_cursor(after, str)[0])
    rows = await db.rows(counted.limit(page_size(first) + 1))
    return page_of([(row.tag, row.people) for row in rows], first, lambda each: (each[0],))


async def remarks_on(db: Database, account_id: UUID, *, first: int, after: str | None = None) -> Page[Remark]:
    """What staff have remarked on somebody, the newest first."""
    newest_first = select(_r.id, _r.account_id, _r.text, _r.made_at, _r.made_by).where(_r.account_id == account_id)
    if after is not None:
        newest_first = newest_first.where(_r.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.order_by(_r.id.desc()).limit(page_size(first) + 1))
    return page_of([Remark(*row) for row in rows], first, lambda remark: (str(remark.id),))


async def complaints_of(db: Database, account_id: UUID, *, first: int, after: str | None = None) -> Page[Complaint]:
    """What somebody has complained of, the newest first."""
    c = complaints.c
    newest_first = select(*COMPLAINT_COLUMNS).where(c.account_id == account_id).order_by(c.id.desc())
    if after is not None:
        newest_first = newest_first.where(c.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([Complaint(*row) for row in rows], first, lambda complaint: (str(complaint.id),))


def _reasons(kept: Sequence[Mapping[str, object]]) -> tuple[Reason, ...]:
    return tuple(Reason.read(each) for each in kept)
