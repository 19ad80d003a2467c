"""A holding that has ended holds again: its months go on, what they have brought stays, and a gap brings nothing."""

import asyncio
from datetime import timedelta

import pytest

from domain.benefits import queries, store
from domain.benefits.rules import BenefitKind, HolderSource
from domain.foundation.clock import months_later, shop_day, shop_midnight
from domain.foundation.ids import new_id

DAY = timedelta(days=1)


def month(given, number):
    """When this month begins of a holding that begins now."""
    return shop_midnight(shop_day(months_later(given.now, number)) + DAY)


async def resume(given, holding, at):
    async with given.db.transaction() as tx:
        return await store.resume(tx, source=holding.source, source_id=holding.source_id, now=at)


async def end(given, holding, at):
    async with given.db.transaction() as tx:
        await store.end(tx, source=holding.source, source_id=holding.source_id, ends_at=at, now=at)


async def periods(given, account_id):
    return [grant.period for grant in await given.grants_of(account_id)]


async def test_what_was_never_held_is_not_resumed(given):
    async with given.db.transaction() as tx:
        assert not await store.resume(tx, source=HolderSource.LEVEL, source_id=new_id(), now=given.now)


@pytest.mark.parametrize("is_seen", [True, False], ids=["seen by the timetable", "while it stood still"])
async def test_months_between_are_not_given_and_those_after_are(given, is_seen):
    shopper = await given.shopper()
    holding = await given.holding(shopper, given.monthly_coupons(await given.given_batch()))
    await given.timetable(given.now)
    await end(given, holding, given.now + DAY)
    if is_seen:
        await given.timetable(month(given, 2))

    # at the very beginning of a month: that one is given
    assert await resume(given, holding, month(given, 3))
    assert await resume(given, holding, month(given, 5))
    await given.timetable(month(given, 4))

    assert await periods(given, shopper) == [0, 3, 4]
    assert (await queries.holdings_of(given.db, shopper, now=month(given, 4)))[0] == holding


async def test_what_fell_due_before_the_end_is_given_though_the_timetable_comes_late(given):
    shopper = await given.shopper()
    holding = await given.holding(shopper, given.monthly_coupons(await given.given_batch()))
    await end(given, holding, given.now + DAY)

    await resume(given, holding, given.now + 2 * DAY)
    await given.timetable(given.now + 2 * DAY)

    assert await periods(given, shopper) == [0]


async def test_one_that_is_to_end_goes_on_without_an_end_and_misses_nothing(given):
    shopper = await given.shopper()
    batch = await given.given_batch()
    holding = await given.holding(shopper, given.monthly_coupons(batch), ends_at=month(given, 1))
    await given.timetable(given.now)

    assert await resume(given, holding, given.now + DAY)
    await given.timetable(month(given, 2))

    assert await periods(given, shopper) == [0, 1, 2]


async def test_a_birthday_that_is_set_as_holdings_resume_brings_its_gift(given):
    gift = given.benefit(BenefitKind.BIRTHDAY_GIFT, points=500)
    held = [await given.holding(shopper, gift) for shopper in await given.shoppers(10)]
    for holding in held:
        await end(given, holding, given.now + DAY)

    at = given.now + 2 * DAY
    await asyncio.gather(
        *(resume(given, holding, at) for holding in held),
        *(given.birthday(holding.account_id, 12, 5, now=at) for holding in held),
        *(resume(given, holding, at) for holding in held),
    )
    await given.timetable(given.now + 40 * DAY)

    assert [await given.points_now(holding.account_id, at) for holding in held] == [500] * 10
