"""Check-ins: once a day of the shop under any race, streaks over every kind of midnight, and rewards given once."""

from asyncio import gather
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.check_ins import actions, queries
from domain.check_ins.rules import CheckInRewardsChanged, StreakReward
from domain.coupons import actions as coupon_actions
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.points import queries as points
from tests.statements import count_statements

DAY = timedelta(days=1)


def at_shop(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC) - timedelta(hours=8)


async def points_of(given, shopper_id):
    return (await points.balance_of(given.db, shopper_id, now=given.now)).points


async def rows_of(db, table):
    return await db.value(text(f"SELECT count(*) FROM {table}"))


async def test_twenty_at_once_check_in_once_and_read_the_same(db, given):
    shopper = await given.shopper()

    answers = await gather(*(given.came(shopper) for _ in range(20)))

    assert len({answer.id for answer in answers}) == 1
    assert (answers[0].streak, answers[0].points, answers[0].day) == (1, 5, date(2026, 11, 11))
    assert await rows_of(db, "check_ins") == await rows_of(db, "point_moves") == 1
    assert await points_of(given, shopper) == 5


async def test_the_day_changes_at_the_shops_midnight(given):
    shopper = await given.shopper()

    last = await given.came(shopper, at=datetime(2026, 11, 11, 15, 59, 59, 999_999, tzinfo=UTC))
    first = await given.came(shopper, at=datetime(2026, 11, 11, 16, tzinfo=UTC))

    assert [(each.day, each.streak) for each in (last, first)] == [(date(2026, 11, 11), 1), (date(2026, 11, 12), 2)]


@pytest.mark.parametrize(
    ("since", "days"),
    [
        (at_shop(2027, 1, 30, 12), ["01-30", "01-31", "02-01"]),
        (at_shop(2027, 2, 27, 23, 59, 59), ["02-27", "02-28", "03-01"]),
        (at_shop(2028, 2, 28), ["02-28", "02-29", "03-01"]),
        (at_shop(2027, 12, 30, 12), ["12-30", "12-31", "01-01"]),
    ],
)
async def test_a_streak_goes_on_over_the_ends_of_months_and_years_and_a_leap_day(given, since, days):
    found = await given.came_daily(await given.shopper(), 3, since=since)

    assert [f"{each.day:%m-%d}" for each in found] == days
    assert [each.streak for each in found] == [1, 2, 3]


async def test_a_missed_day_ends_the_streak_and_the_longest_is_remembered(given):
    shopper = await given.shopper()
    await given.came_daily(shopper, 3)

    after_a_gap = await given.came(shopper, at=given.now + 4 * DAY)

    calendar = await given.calendar(shopper, now=given.now + 4 * DAY)
    assert after_a_gap.streak == calendar.streak == 1
    assert calendar.longest == 3
    assert [each.day.day for each in calendar.check_ins] == [11, 12, 13, 15]
    assert (await given.calendar(shopper, now=given.now + 6 * DAY)).streak == 0


async def test_a_request_of_yesterday_that_comes_late_is_answered_with_today(given):
    shopper = await given.shopper()
    today = await given.came(shopper, at=given.now)

    assert await given.came(shopper, at=given.now - DAY) == today


async def test_days_of_a_streak_bring_points_once_and_again_in_the_next_cycle(db, given):
    await given.check_in_rewards(StreakReward(2, 20), StreakReward(3, 40), cycle_days=3)
    shopper = await given.shopper()

    found = await given.came_daily(shopper, 5)
    again = await given.came(shopper, at=given.now + 4 * DAY)

    assert [each.reward and each.reward.points for each in found] == [None, 20, 40, None, 20]
    assert again == found[-1]
    assert await points_of(given, shopper) == 5 * 5 + 20 + 40 + 20
    assert await rows_of(db, "check_in_rewards") == 3


async def test_a_streak_brings_a_coupon_of_a_batch_with_the_check_in(given):
    batch = await given.batch(pieces=1)
    await given.check_in_rewards(StreakReward(1, 30, batch.id), cycle_days=1)
    shopper = await given.shopper()

    answers = await gather(*(given.came(shopper) for _ in range(5)))

    [reward] = {answer.reward for answer in answers}
    coupon = await given.coupon_again(reward.coupon_id)
    assert (coupon.batch_id, coupon.shopper_id, reward.points, reward.missing) == (batch.id, shopper, 0, None)
    assert (await given.batch_again(batch.id)).claimed == 1
    assert await points_of(given, shopper) == 5


@pytest.mark.parametrize("why", ["COUPONS_GONE", "COUPONS_OVER"])
async def test_where_no_coupon_can_be_given_points_take_its_place_and_the_reason_is_kept(given, why):
    batch = await given.batch(pieces=1)
    await given.check_in_rewards(StreakReward(1, 30, batch.id), cycle_days=1)
    if why == "COUPONS_OVER":
        await coupon_actions.stop(given.db, batch_id=batch.id, by=new_id(), now=given.now)
    else:
        await given.came(await given.shopper())
    shopper = await given.shopper()

    reward = (await given.came(shopper)).reward

    assert (reward.coupon_id, reward.points, reward.missing) == (None, 30, why)
    assert await points_of(given, shopper) == 35


async def test_the_last_coupon_goes_to_one_of_many_and_the_others_have_points(given):
    batch = await given.batch(pieces=3)
    await given.check_in_rewards(StreakReward(1, 30, batch.id), cycle_days=1)
    shoppers = await given.shoppers(10)

    found = await gather(*(given.came(shopper) for shopper in shoppers))

    assert sorted(each.reward.points for each in found) == 3 * [0] + 7 * [30]
    assert (await given.batch_again(batch.id)).claimed == 3


async def test_a_day_that_brings_no_points_is_a_day_of_the_streak_all_the_same(db, given):
    await given.check_in_rewards(daily_points=0)

    found = await given.came_daily(await given.shopper(), 2)

    assert [(each.streak, each.points) for each in found] == [(1, 0), (2, 0)]
    assert await rows_of(db, "point_moves") == 0


async def test_rewards_in_force_decide_and_a_streak_outlives_them(given):
    await given.check_in_rewards(StreakReward(2, 20))
    shopper = await given.shopper()
    await given.came_daily(shopper, 2)
    await given.check_in_rewards(StreakReward(3, 70), daily_points=9)

    third = await given.came(shopper, at=given.now + 2 * DAY)

    assert (third.streak, third.points, third.reward.points, third.rewards_version) == (3, 9, 70, 2)


async def test_the_same_rewards_again_change_nothing_and_an_old_version_is_refused(db, given):
    rewards = await given.check_in_rewards(StreakReward(2, 20))
    wish = {"daily_points": 5, "cycle_days": 7, "by": new_id(), "now": given.now}

    same = await actions.set_rewards(db, streak_rewards=[StreakReward(2, 20)], version=0, **wish)
    with pytest.raises(CheckInRewardsChanged) as refused:
        await actions.set_rewards(db, streak_rewards=[], version=0, **wish)
    with pytest.raises(NotFound):
        await actions.set_rewards(db, streak_rewards=[StreakReward(2, 20, new_id())], version=1, **wish)
    with pytest.raises(BadInput):
        await actions.set_rewards(db, streak_rewards=[StreakReward(9, 20)], version=1, **wish)

    assert same == rewards == await queries.rewards(db)
    assert refused.value.version == 1
    assert await rows_of(db, "check_in_reward_versions") == await rows_of(db, "staff_deeds") == 1


async def test_of_two_who_set_rewards_at_once_one_does(db, given):
    wish = {"cycle_days": 7, "streak_rewards": (), "version": 0, "now": given.now}

    answers = await gather(
        *(actions.set_rewards(db, daily_points=n, by=new_id(), **wish) for n in range(4)), return_exceptions=True
    )

    assert sorted(type(answer).__name__ for answer in answers) == 3 * ["CheckInRewardsChanged"] + ["Rewards"]


async def test_a_check_in_is_a_handful_of_statements(db, given):
    shopper = await given.shopper()
    await given.came(shopper, at=given.now - DAY)

    with count_statements(db) as new:
        await given.came(shopper)
    with count_statements(db) as again:
        await given.came(shopper)

    assert (len(new), len(again)) == (9, 2)


@pytest.mark.parametrize("table", ["check_ins", "check_in_rewards"])
async def test_what_was_given_never_changes(db, given, table):
    await given.check_in_rewards(StreakReward(1, 20))
    await given.came(await given.shopper())

    with pytest.raises(DBAPIError, match="append"):
        async with db.transaction() as tx:
            await tx.execute(text(f"UPDATE {table} SET points = points + 1"))
