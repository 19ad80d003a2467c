"""What a merchandiser can do with segments: set one by a rule, or name people one by one."""

import csv
from dataclasses import replace
from datetime import datetime
from io import StringIO
from uuid import UUID

from domain.audiences import segment_store as store
from domain.audiences.segment_rules import (
    Segment,
    SegmentNameTaken,
    SegmentRule,
    check_name,
    check_refresh_minutes,
    check_rule,
)
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import decode, new_id

MOST_NAMED = 2_000
"""People of one list of names; a longer one comes in parts."""


async def create(
    db: Database,
    *,
    name: str,
    rule: SegmentRule | None,
    by: UUID,
    idempotency_key: str,
    now: datetime,
    refresh_minutes: int | None = None,
) -> Segment:
    """A segment; one with a rule is refreshed at once, one without (None) is a list on which nobody stands.

    The same key with the same wish gives the same segment again. Raises BadInput, SegmentNameTaken, IdempotencyConflict.
    """
    name = check_name(name)
    _check(rule, refresh_minutes)
    segment_id = new_id()
    request = {"name": name, "rule": rule.kept() if rule else None, "refresh_minutes": refresh_minutes}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="create_segment", request=request, answer=str(segment_id)
        )
        if replay:
            return await store.lock(tx, UUID(replay.answer))
        segment = Segment(
            id=segment_id,
            name=name,
            has_rule=rule is not None,
            version=1 if rule else 0,
            refresh_minutes=refresh_minutes,
            generation=0,
            members=0,
            refreshed_at=None,
            created_at=now,
            rule=rule,
        )
        if not await store.add(tx, segment, by=by):
            raise SegmentNameTaken(name=name)
        if rule is not None:
            await store.add_version(tx, segment.id, 1, rule, by=by, now=now)
            await store.begin_refresh(tx, segment, by=by, now=now)
        await store.note(tx, "set_segment", segment, by=by, now=now, rule=request["rule"])
        return segment


async def change(
    db: Database, *, segment_id: UUID, rule: SegmentRule, refresh_minutes: int | None, by: UUID, now: datetime
) -> Segment:
    """Another rule for a segment: a new version, by which it is refreshed at once; until then it holds whom it held.

    The same again changes nothing. Raises NotFound, BadInput, also for a list.
    """
    _check(rule, refresh_minutes)
    async with db.transaction() as tx:
        before = await store.lock(tx, segment_id)
        if not before.has_rule:
            raise BadInput(f"the segment {before.name!r} is a list: it cannot be given a rule")
        if (before.rule, before.refresh_minutes) == (rule, refresh_minutes):
            return before
        after = replace(before, rule=rule, refresh_minutes=refresh_minutes)
        if rule != before.rule:
            after = replace(after, version=before.version + 1)
            await store.add_version(tx, segment_id, after.version, rule, by=by, now=now)
            await store.abandon_refresh(tx, segment_id, now=now)
        await store.write(tx, segment_id, version=after.version, refresh_minutes=refresh_minutes)
        await store.begin_refresh(tx, after, by=by, now=now)
        await store.note(tx, "set_segment", after, by=by, now=now, rule=rule.kept(), version=after.version)
        return after


async def name_people(db: Database, *, segment_id: UUID, people: str, by: UUID, now: datetime) -> Segment:
    """Put people on a list, as CSV: an account's id stands first in each row; who is on it already stays there.

    Raises NotFound (segment, account), BadInput naming the row, also for a segment that has a rule.
    """
    account_ids = read_people(people)
    async with db.transaction() as tx:
        segment = await _list(tx, segment_id)
        for stranger in (await store.strangers_among(tx, account_ids))[:1]:
            raise NotFound.of("account", stranger)
        return await _count(
            tx, "name_in_segment", segment, await store.name_people(tx, segment_id, account_ids), by, now
        )


async def strike_people(db: Database, *, segment_id: UUID, people: str, by: UUID, now: datetime) -> Segment:
    """Take people off a list, as CSV; who is not on it is passed over. Raises NotFound, BadInput as `name_people`."""
    account_ids = read_people(people)
    async with db.transaction() as tx:
        segment = await _list(tx, segment_id)
        struck = await store.strike_people(tx, segment_id, account_ids)
        return await _count(tx, "strike_from_segment", segment, -struck, by, now)


def read_people(people: str) -> list[UUID]:
    """The accounts of a CSV file, each once: typed ids in its first column, with or without a heading. Raises BadInput."""
    found: dict[UUID, None] = {}
    for number, said in enumerate(_first_cells(people), 1):
        if not said:
            continue
        try:
            found[decode("account", said)] = None
        except ValueError:
            if number > 1 or said.startswith("account_"):  # no heading, but an id with a slip in it
                raise BadInput(f"row {number} begins with {said[:40]!r}; allowed: the id of an account") from None
    if not 1 <= len(found) <= MOST_NAMED:
        raise BadInput(f"{len(found)} accounts; allowed: 1 to {MOST_NAMED} at a time")
    return list(found)


def _first_cells(people: str) -> list[str]:
    """Raises BadInput."""
    try:
        rows = csv.reader(StringIO(people.removeprefix("\ufeff"), newline=None))  # whatever ends its lines
        return [row[0].strip() if row else "" for row in rows]
    except csv.Error as error:
        raise BadInput(f"people cannot be read as CSV: {error}") from None


async def _list(tx: Transaction, segment_id: UUID) -> Segment:
    segment = await store.lock(tx, segment_id)
    if segment.has_rule:
        raise BadInput(f"the segment {segment.name!r} has a rule: nobody is named in it")
    return segment


async def _count(tx: Transaction, deed: str, segment: Segment, more: int, by: UUID, now: datetime) -> Segment:
    """The list with so many people more, or fewer; none: nothing has changed."""
    if more == 0:
        return segment
    after = replace(segment, members=segment.members + more, refreshed_at=now)
    await store.write(tx, segment.id, members=after.members, refreshed_at=now)
    await store.note(tx, deed, segment, by=by, now=now, people=abs(more))
    return after


def _check(rule: SegmentRule | None, refresh_minutes: int | None) -> None:
    check_refresh_minutes(refresh_minutes)
    if rule is not None:
        check_rule(rule)
    elif refresh_minutes is not None:
        raise BadInput("refreshMinutes belongs to a segment with a rule: a list changes when people are named")
