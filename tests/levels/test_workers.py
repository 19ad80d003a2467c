"""What the timetable does with levels, twice and side by side."""

from asyncio import gather
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.foundation import clock
from domain.levels import queries
from domain.levels.rules import NewLadder, Rung
from domain.levels.tables import account_levels, changes
from workers import levels
from workers.context import WorkerContext

NO_BENEFITS = NewLadder((Rung("新客", 0), Rung("熟客", 100)))


@pytest.fixture
def context(market, clean):
    """What jobs are given."""

    async def send_nothing(name, *arguments):
        raise AssertionError(f"nobody is sent {name}")

    return WorkerContext(market, send_nothing)


@pytest.fixture
def in_small_batches(monkeypatch):
    """Seven at a time."""
    monkeypatch.setattr(levels, "AT_ONCE", 7)


async def test_all_that_is_due_is_decided_once_whoever_runs_the_timetable(db, given, context, in_small_batches):
    await given.level_ladder(NO_BENEFITS)
    await given.people_on_levels(21, guaranteed_until=clock.now() - timedelta(seconds=1))
    await given.people_on_levels(3, guaranteed_until=clock.now() + timedelta(hours=1))

    await gather(levels.review_due(context), levels.review_due(context))
    await levels.review_due(context)

    assert await db.value(select(func.count()).select_from(changes)) == 21
    assert dict(await db.rows(select(account_levels.c.rank, func.count()).group_by(account_levels.c.rank))) == {
        1: 21,
        2: 3,
    }


async def test_everybody_is_moved_to_a_new_ladder_once(db, given, context, in_small_batches):
    await given.level_ladder(NO_BENEFITS)
    await given.people_on_levels(16, guaranteed_until=clock.now() + timedelta(hours=1))
    ladder = await given.level_ladder(NewLadder((*NO_BENEFITS.rungs, Rung("贵客", 900))))

    await gather(levels.climb(context), levels.climb(context))
    await levels.climb(context)

    assert await queries.people_behind(db, ladder) == 0
    # they have never reached their level in this test: on the new ladder it is not theirs
    assert await db.value(select(func.count()).where(changes.c.reason == "ladder")) == 16
