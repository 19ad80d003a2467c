"""Whoever leaves a level and comes back has the same benefits again: nothing that came before comes a second time."""

from asyncio import gather
from datetime import timedelta

from sqlalchemy import func, select, text

from domain.benefits import queries as benefits
from domain.benefits.rules import BenefitKind
from domain.benefits.tables import holdings
from domain.foundation.clock import months_later, shop_day, shop_midnight
from domain.levels import actions
from domain.levels.rules import NewLadder, Rung
from tests.audit import assert_clean
from tests.given.after_sales import Goods

DAY = timedelta(days=1)
MOMENT = timedelta.resolution


async def monthly(given, **more):
    """A ladder whose second level brings a coupon each month, and somebody to climb it."""
    coupons = given.monthly_coupons(await given.given_batch())
    await given.level_ladder(NewLadder((Rung("新客", 0), Rung("熟客", 100, (coupons,))), **more))
    return await given.shopper()


async def periods(given, shopper):
    return [grant.period for grant in await given.grants_of(shopper)]


def month(given, number):
    """When this month begins of a level that is reached now."""
    return shop_midnight(shop_day(months_later(given.now, number)) + DAY)


async def test_buying_and_returning_again_and_again_brings_the_coupons_of_a_month_once(db, given):
    shopper = await monthly(given)

    for days in range(0, 25, 5):
        at = given.now + days * DAY
        order = await given.spent(shopper, 100, at=at)
        await given.timetable(at)
        assert len(await benefits.holdings_of(db, shopper, now=at)) == 1
        await given.gone_back(order, at=at + DAY)
        await given.timetable(at + DAY)
        assert await benefits.holdings_of(db, shopper, now=at + DAY) == []

    assert await given.reasons(shopper) == ["reached", "refunded"] * 5
    assert (await periods(given, shopper), await given.coupon_count(shopper)) == ([0], 1)
    assert await db.value(select(func.count()).select_from(holdings)) == 1
    await given.timetable(month(given, 3))
    assert await given.coupon_count(shopper) == 1
    await assert_clean(given.market, in_flight=True)


async def test_after_a_year_without_the_level_only_months_after_the_return_are_given(given):
    shopper = await monthly(given)
    order = await given.spent(shopper, 100)
    await given.timetable(given.now)
    await given.gone_back(order, at=given.now + DAY)

    # the timetable has stood still all the while
    await given.spent(shopper, 100, at=given.now + 400 * DAY)

    for at, expected in [
        (given.now + 400 * DAY, [0]),
        (month(given, 14) - MOMENT, [0]),
        (month(given, 14), [0, 14]),
        (month(given, 15), [0, 14, 15]),
    ]:
        await given.timetable(at)
        assert await periods(given, shopper) == expected
    await assert_clean(given.market, in_flight=True)


async def test_who_decays_and_reaches_the_level_again_goes_on_where_they_were(given):
    shopper = await monthly(given, counting_months=1, guarantee_months=1)
    await given.spent(shopper, 100)
    over = (await given.standing(shopper)).guaranteed_until
    await given.timetable(over)
    await actions.review_due(given.db, now=over, limit=10)

    await given.spent(shopper, 100, at=over + 40 * DAY)
    await given.timetable(month(given, 3))

    # from 11 November to the end of December, and again from 9 February on
    assert await given.reasons(shopper) == ["reached", "decayed", "reached"]
    assert await periods(given, shopper) == [0, 1, 3]


async def test_two_who_decide_at_once_bring_a_level_back_once(db, given):
    shopper = await monthly(given)
    await given.gone_back(await given.spent(shopper, 100))
    orders = [await given.received(shopper, Goods(price_minor=10_000)) for _ in range(2)]

    await gather(
        *(actions.settle(db, order_id=each.id, cause_id=each.id, now=given.now) for each in orders * 3),
        *(actions.climb(db, now=given.now, limit=10) for _ in range(2)),
    )
    await gather(*(given.timetable(given.now) for _ in range(2)))

    assert await given.reasons(shopper) == ["reached", "refunded", "reached"]
    [holding] = await db.rows(select(holdings.c.starts_at, holdings.c.ends_at))
    assert (holding.starts_at, holding.ends_at) == (given.now, None)
    assert (await periods(given, shopper), await given.coupon_count(shopper)) == ([0], 1)
    await assert_clean(given.market, in_flight=True)


async def test_a_ladder_that_was_shortened_and_lengthened_takes_nobodys_benefits(db, given):
    coupons = given.monthly_coupons(await given.given_batch())
    low, high = Rung("新客", 0), Rung("贵客", 500, (coupons,))
    await given.level_ladder(NewLadder((low, Rung("熟客", 100), high)))
    shopper = await given.shopper()
    await given.spent(shopper, 500)

    for rungs in ((low, high), (low, Rung("熟客", 100), high)):
        await given.level_ladder(NewLadder(rungs))
        await actions.climb(db, now=given.now, limit=10)
        await given.timetable(given.now)

    assert len(await benefits.holdings_of(db, shopper, now=given.now)) == 1
    assert await given.coupon_count(shopper) == 1
    await assert_clean(given.market, in_flight=True)


async def test_a_birthday_brings_one_gift_a_year_however_often_levels_change(db, given):
    gifts = [given.benefit(BenefitKind.BIRTHDAY_GIFT, points=points) for points in (500, 900)]
    rungs = (Rung("新客", 0), Rung("熟客", 100, (gifts[0],)), Rung("贵客", 500, (gifts[1],)))
    await given.level_ladder(NewLadder(rungs))
    shopper = await given.shopper()
    today = shop_day(given.now)
    await given.birthday(shopper, today.month, today.day)

    for hour in range(3):
        at = given.now + timedelta(hours=hour)
        for yuan in (100, 500):
            order = await given.spent(shopper, yuan, at=at)
            await given.timetable(at)
            await given.gone_back(order, at=at + timedelta(minutes=30))
    await given.spent(shopper, 500, at=given.now + timedelta(hours=3))
    await given.level_ladder(NewLadder((*rungs[:2], Rung("贵客", 500, (gifts[0],)))))
    await actions.climb(db, now=given.now + timedelta(hours=3), limit=10)
    await given.timetable(given.now + timedelta(hours=3))

    assert await db.value(text("SELECT count(*) FROM level_changes")) == 3 * 4 + 2
    assert await given.points_now(shopper, given.now) == 500
    await given.timetable(months_later(given.now, 12))
    assert await periods(given, shopper) == [2026, 2027]
    await assert_clean(given.market, in_flight=True)
