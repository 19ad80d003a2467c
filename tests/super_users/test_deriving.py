"""Who is a super user: by the rules in force, as customers were last worked out, and told once."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.foundation.outbox import events
from domain.super_users import actions, queries, rules
from domain.super_users.events import SuperUserLeft, SuperUserMade
from domain.super_users.rules import Criteria, Milestone
from domain.super_users.tables import moves
from tests.given.customers import Bought
from tests.given.super_users import ENOUGH

DAY = timedelta(days=1)


async def told(db, kind):
    return await db.column(
        select(events.c.aggregate_id).where(events.c.kind == kind.kind).order_by(events.c.aggregate_id)
    )


async def test_who_meets_every_criterion_becomes_one_and_is_told_once(given, db):
    await given.super_user_rules()
    fans = await given.fans(2)
    once, cheap, long_ago = await given.shoppers(3)
    yesterday = given.now - DAY
    await given.history(
        [
            Bought(once, yesterday, 90_000, cost_minor=1_000),
            *(Bought(cheap, yesterday, 10_000, cost_minor=5_001) for _ in range(2)),
            *(Bought(long_ago, given.now - 91 * DAY, 10_000, cost_minor=1_000) for _ in range(2)),
        ]
    )
    await given.customers_rebuilt()

    moved = [await actions.derive(db, now=given.now) for _ in range(2)]

    assert moved == [2, 0]
    assert await queries.are_super_users(db, [*fans, once, cheap, long_ago]) == set(fans)
    assert await told(db, SuperUserMade) == sorted(fans)
    [move] = await queries.moves_of(db, fans[0])
    assert (move.has_become, move.version) == (True, 1)
    last_day = (yesterday + timedelta(hours=8)).date().isoformat()
    assert move.facts == {"value_minor": 10_000, "orders": 2, "referred": 0, "last_day": last_day}


async def test_who_has_not_bought_for_too_long_leaves_at_midnight_in_shanghai(given, db):
    [fan] = await given.super_users(1)
    last = (given.now - DAY + timedelta(hours=8)).date()
    midnight = given.now.replace(
        hour=16, minute=0, second=0, microsecond=0, year=last.year, month=last.month, day=last.day
    )
    leaves_at = midnight + 90 * DAY

    stays = await actions.derive(db, now=leaves_at - timedelta(microseconds=1))
    leaves = await actions.derive(db, now=leaves_at)

    assert (stays, leaves) == (0, 1)
    assert await queries.are_super_users(db, [fan]) == set()
    assert await told(db, SuperUserLeft) == [fan]
    assert [move.has_become for move in await queries.moves_of(db, fan)] == [False, True]


async def test_a_new_version_lets_people_go_and_others_come(given, db):
    old, new = (await given.super_users(1))[0], (await given.shoppers(1))[0]
    await given.history([Bought(new, given.now - DAY, 50_000, cost_minor=10_000)])
    await given.customers_rebuilt()

    again = await given.super_user_rules()
    second = await given.super_user_rules(replace(ENOUGH, value_minor=40_000, orders=1))
    moved = await actions.derive(db, now=given.now)

    assert (again.version, second.version, moved) == (1, 2, 2)
    assert await queries.are_super_users(db, [old, new]) == {new}
    assert (await queries.moves_of(db, old))[0].version == 2


async def test_before_anybody_has_set_rules_some_are_in_force(db):
    assert await queries.criteria(db) == Criteria()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"value_minor": -1}, "value is -1"),
        ({"orders": 0}, "orders is 0; allowed: 1 to 1000"),
        ({"referred": 1001}, "referred is 1001"),
        ({"bought_within_days": 0}, "boughtWithinDays is 0; allowed: 1 to 1095"),
        ({"value_minor": 0, "orders": 1}, "everybody who has bought once"),
    ],
)
async def test_criteria_that_cannot_be_are_refused(given, db, change, says):
    with pytest.raises(BadInput, match=says):
        await given.super_user_rules(replace(ENOUGH, **change))

    assert await queries.criteria(db) == Criteria()


async def test_many_come_in_several_transactions_and_each_once_whoever_races(given, db, monkeypatch):
    monkeypatch.setattr(actions, "AT_ONCE", 7)
    await given.super_user_rules()
    fans = await given.fans(160)

    moved = await asyncio.gather(*(actions.derive(db, now=given.now) for _ in range(3)))

    assert sum(moved) == 160
    assert await db.value(select(func.count()).select_from(moves)) == 160
    assert await queries.are_super_users(db, fans) == set(fans)
    count, milestones = await queries.fans(db)
    assert count == 160
    assert milestones[0] == Milestone(150, given.now)
    assert [each.reached_at for each in milestones[1:]] == [None] * (len(rules.MILESTONES) - 1)


async def test_a_milestone_keeps_the_moment_at_which_it_was_reached(given, db):
    await given.super_user_rules()
    await given.fans(150)
    await actions.derive(db, now=given.now)
    await actions.derive(db, now=given.now + 91 * DAY)
    count, _ = await queries.fans(db)
    await actions.derive(db, now=given.now)

    assert count == 0
    assert (await queries.fans(db))[1][0] == Milestone(150, given.now)


async def test_pages_of_super_users_are_whole(given, db):
    fans = await given.super_users(5)

    first = await queries.newest(db, first=3)
    rest = await queries.newest(db, first=3, after=first.cursors[-1])

    assert sorted(each.account_id for each in [*first.rows, *rest.rows]) == sorted(fans)


async def test_nobody_is_one_whom_nobody_knows(db):
    assert await queries.are_super_users(db, [new_id()]) == set()
