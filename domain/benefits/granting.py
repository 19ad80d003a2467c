"""What the timetable gives: the coupons of each month of a holding and the gift of a birthday, once for each period.

A grant is written in one transaction with the coupons or points that come of it, and a period has one: whoever repeats it, two
timetables at once or one that died and came back, finds it. Work is found by the moment that a holding waits for, so what is
not due costs nothing, and after a day of standing still everything that fell due in it is given.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import dropwhile
from uuid import UUID

from domain.benefits import grants
from domain.benefits.grants import Due, Grant
from domain.benefits.occasions import Birthday, Occasion, occasions
from domain.coupons import store as coupons
from domain.coupons.rules import Coupon
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import NotFound, Refusal
from domain.foundation.ids import new_id
from domain.points import store as points
from domain.points.rules import Cause

AT_ONCE = 200
RETRY_EVERY = timedelta(hours=6)
RETRY_FOR = timedelta(days=30)
"""How long after it was due a grant is tried again that could not be given, as when the batch had run out."""


async def grant_due(db: Database, *, now: datetime, at_most: int = AT_ONCE) -> int:
    """Give what is due of so many holdings, the longest waiting first; how many they were."""
    async with db.transaction() as tx:
        due = await grants.lock_due(tx, now=now, limit=at_most)
        if not due:
            return 0
        # in a second question: whoever sets a birthday has locked the holdings that it concerns
        birthdays = await grants.birthdays_of(tx, [each.holding.account_id for each in due])
        new: list[Grant] = []
        moments: dict[UUID, datetime | None] = {}
        for each in due:
            passed, moments[each.holding.id] = _of(each, birthdays.get(each.holding.account_id), now)
            new += (_grant(each, occasion, now) for occasion in passed)
        # by account: two timetables that give gifts to the same people wait for one another in the same order
        new.sort(key=lambda grant: (grant.account_id, grant.due_at))
        added = await grants.add(tx, new, now=now) if new else set[UUID]()
        await _give(tx, [grant for grant in new if grant.id in added], now=now)
        await grants.look_again(tx, moments)
    return len(due)


async def retry_failed(db: Database, *, now: datetime, at_most: int = AT_ONCE) -> int:
    """Try so many grants again that could not be given; how many they were."""
    async with db.transaction() as tx:
        failed = await grants.lock_failed(tx, now=now, limit=at_most)
        await _give(tx, failed, now=now)
    return len(failed)


def _of(due: Due, birthday: Birthday | None, now: datetime) -> tuple[list[Occasion], datetime | None]:
    """The occasions of a holding that have passed, and the moment of the first to come."""
    passed: list[Occasion] = []
    for occasion in dropwhile(lambda each: each.at < due.since, occasions(due.holding, birthday)):
        if occasion.at > now:
            return passed, occasion.at
        passed.append(occasion)
    return passed, None


def _grant(due: Due, occasion: Occasion, now: datetime) -> Grant:
    holding, benefit = due.holding, due.holding.benefits[occasion.position]
    return Grant(
        id=new_id(),
        holding_id=holding.id,
        account_id=holding.account_id,
        position=occasion.position,
        kind=benefit.kind,
        period=occasion.period,
        due_at=occasion.at,
        batch_id=benefit.batch_id,
        pieces=benefit.terms.get("pieces", 1) if benefit.batch_id else None,
        points=benefit.terms.get("points"),
        granted_at=now,
    )


async def _give(tx: Transaction, wanted: Sequence[Grant], *, now: datetime) -> None:
    """Give what was granted and keep what became of it. Batches, which many wait for, come last and in one order."""
    if not wanted:
        return
    of_batch: dict[UUID, list[Grant]] = defaultdict(list)
    for grant in sorted(wanted, key=lambda grant: grant.account_id):
        if grant.points is not None:
            await points.give(
                tx, account_id=grant.account_id, points=grant.points, cause=Cause.BENEFIT, cause_id=grant.id, now=now
            )
        elif grant.batch_id is not None:
            of_batch[grant.batch_id].append(grant)
    refused: dict[UUID, Refusal] = {}
    for batch_id in sorted(of_batch):
        refused |= await _give_pieces(tx, batch_id, of_batch[batch_id], now=now)
    outcomes = [_outcome(grant, refused.get(grant.id), now) for grant in wanted]
    if changed := [after for before, after in zip(wanted, outcomes, strict=True) if after != before]:
        await grants.write_outcomes(tx, changed)


async def _give_pieces(
    tx: Transaction, batch_id: UUID, wanted: Sequence[Grant], *, now: datetime
) -> dict[UUID, Refusal]:
    """Pieces of a batch for each grant, and by grant why not all of them."""
    pieces = [(grant, number) for grant in wanted for number in range(grant.pieces or 0)]
    keys = [(grant.account_id, f"benefit:{grant.id}:{number}") for grant, number in pieces]
    try:
        answers: Iterable[Coupon | Refusal] = await coupons.grant_many(tx, batch_id, keys, now=now)
    except NotFound as unknown:
        answers = [unknown] * len(pieces)
    of_grants = list(zip(pieces, answers, strict=True))
    before = await grants.known_coupons(tx, [grant.id for grant in wanted])
    new = [
        (answer.id, grant.id)
        for (grant, _), answer in of_grants
        if isinstance(answer, Coupon) and answer.id not in before
    ]
    if new:
        await grants.add_coupons(tx, new)
    return {grant.id: answer for (grant, _), answer in of_grants if isinstance(answer, Refusal)}


def _outcome(grant: Grant, refusal: Refusal | None, now: datetime) -> Grant:
    if refusal is None:
        return replace(grant, granted_at=now, failed_with=None, retry_at=None)
    retry_at = now + RETRY_EVERY if now < grant.due_at + RETRY_FOR else None
    return replace(grant, granted_at=None, failed_with=refusal.code, retry_at=retry_at)
