"""What staff do with points: rules in versions, and points given and taken by hand."""

import asyncio

import pytest

from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.points import actions, queries
from domain.points.rules import FIRST, Cause, MoveKind, NotYourOwnPoints, Rules, Terms
from domain.trail import queries as trail
from domain.trail.rules import HOUSE
from tests.audit import assert_clean

DOUBLE = Terms(earned_per_yuan=2, spent_per_yuan=100, most_percent=30, months=6)


async def set_rules(given, terms, *, by=None):
    return await actions.set_rules(given.db, terms, by=by or new_id(), now=given.now)


async def adjust(given, account_id, points, *, by=None, key="adjust-key-1", reason="补发"):
    return await actions.adjust(
        given.db,
        account_id=account_id,
        points=points,
        reason=reason,
        by=by or new_id(),
        idempotency_key=key,
        now=given.now,
    )


async def versions(given, **page):
    return [found.version for found in (await queries.rules_page(given.db, **{"first": 10} | page)).rows]


async def test_the_newest_rules_count_and_every_version_is_kept(given):
    merchandiser = new_id()
    assert await queries.rules_in_force(given.db) == FIRST
    assert await versions(given) == [0]

    new = await set_rules(given, DOUBLE, by=merchandiser)
    again = await set_rules(given, DOUBLE)

    assert new == again == Rules(1, DOUBLE, given.now, merchandiser) == await queries.rules_in_force(given.db)
    assert (await set_rules(given, FIRST.terms)).version == 2
    assert await versions(given) == [2, 1, 0]
    (newest, deed) = (await trail.page(given.db, first=10)).rows
    assert (deed.deed, deed.by, deed.subject, deed.subject_id) == ("set_point_rules", merchandiser, "house", HOUSE)
    assert deed.facts == {"version": 1, "earned_per_yuan": 2, "spent_per_yuan": 100, "most_percent": 30, "months": 6}
    assert newest.facts["version"] == 2


async def test_versions_by_the_page(given):
    for months in (1, 2, 3):
        await given.point_rules(months=months)

    page = await queries.rules_page(given.db, first=2)
    rest = await queries.rules_page(given.db, first=2, after=page.cursors[-1])

    assert [found.version for found in (*page.rows, *rest.rows)] == [3, 2, 1, 0]
    assert (page.has_next, rest.has_next) == (True, False)
    assert await versions(given, after=rest.cursors[-1]) == []


async def test_rules_that_are_set_at_once_are_versions_one_after_the_other(given):
    wishes = [Terms(number, 100, 50, 12) for number in range(2, 12)]

    made = await asyncio.gather(*(set_rules(given, terms) for terms in wishes))

    assert sorted(found.version for found in made) == list(range(1, 11))


async def test_rules_that_cannot_be_change_nothing(given):
    with pytest.raises(BadInput, match="mostPercent is 101; allowed: 0 to 100"):
        await set_rules(given, Terms(1, 100, 101, 12))

    assert await versions(given) == [0]


async def test_points_that_were_earned_keep_their_time_when_the_rules_change(given):
    me = await given.shopper_with_points(100)
    before = await given.point_lots(me)

    await given.point_rules(months=1)

    assert await given.point_lots(me) == before


async def test_staff_give_and_take_and_the_shopper_reads_why(given):
    me, merchandiser = await given.shopper(), new_id()

    move = await adjust(given, me, 100, by=merchandiser)
    taken = await adjust(given, me, -150, by=merchandiser, key="adjust-key-2", reason=" 误发 ")

    assert (move.kind, move.cause, move.points, move.balance, move.note) == (
        MoveKind.GIVEN, Cause.STAFF, 100, 100, "补发",
    )  # fmt: skip
    assert (taken.kind, taken.points, taken.balance, taken.owed, taken.note) == (
        MoveKind.TAKEN_BACK, 150, 0, 50, "误发",
    )  # fmt: skip
    assert await given.point_moves(me) == [move, taken]
    (_, deed) = (await trail.page(given.db, first=10)).rows
    assert (deed.deed, deed.by, deed.subject_id, deed.facts) == (
        "adjust_points", merchandiser, me, {"points": 100, "reason": "补发"},
    )  # fmt: skip
    await assert_clean(given.market)


async def test_the_same_key_adjusts_once(given):
    me, merchandiser = await given.shopper(), new_id()

    moves = await asyncio.gather(*(adjust(given, me, 100, by=merchandiser) for _ in range(5)))

    assert len({move.id for move in moves}) == 1
    with pytest.raises(IdempotencyConflict):
        await adjust(given, me, 101, by=merchandiser)
    assert await given.has_and_owes(me) == (100, 0)
    await assert_clean(given.market)


async def test_nobody_adjusts_their_own_points_or_those_of_nobody(given):
    me = await given.shopper()

    for refusal, account_id, by in ((NotYourOwnPoints, me, me), (NotFound, new_id(), me)):
        with pytest.raises(refusal):
            await adjust(given, account_id, 100, by=by)

    assert await given.point_moves(me) == []
    assert (await trail.page(given.db, first=10)).rows == []


async def test_a_history_by_the_page(given):
    me = await given.shopper()
    await given.points(await given.shopper(), 9)
    for points in (1, 2, 3):
        await given.points(me, points)

    page = await queries.moves_of(given.db, me, first=2)
    rest = await queries.moves_of(given.db, me, first=2, after=page.cursors[-1])

    assert [[move.points for move in each.rows] for each in (page, rest)] == [[3, 2], [1]]
    assert (page.has_next, rest.has_next) == (True, False)
