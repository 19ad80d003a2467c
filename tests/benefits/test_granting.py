"""What the timetable gives for months and birthdays: once, in time, and after a while of standing still."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.benefits import actions, granting, store
from domain.benefits.rules import BenefitKind, BirthdaySetRecently, HolderSource
from domain.coupons import actions as coupons
from domain.foundation.clock import SHOP_ZONE, months_later, shop_day, shop_midnight
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from tests.audit import assert_clean
from tests.statements import count_statements

DAY = timedelta(days=1)
MOMENT = timedelta.resolution
K = BenefitKind


def at_shop(*moment):
    return datetime(*moment, tzinfo=SHOP_ZONE).astimezone(UTC)


def gift(given, points=500):
    return given.benefit(K.BIRTHDAY_GIFT, points=points)


def month(given, number):
    """When this month of a holding that begins now begins."""
    if number == 0:
        return given.now
    return shop_midnight(shop_day(months_later(given.now, number)) + DAY)


async def periods(given, account_id):
    return [grant.period for grant in await given.grants_of(account_id)]


async def test_each_month_brings_its_coupons_at_its_beginning_and_once(given):
    batch, shopper = await given.given_batch(), await given.shopper()
    await given.holding(shopper, given.monthly_coupons(batch, 2), ends_at=month(given, 3))

    for at, coupons_by_then in [
        (given.now, 2),
        (month(given, 1) - MOMENT, 2),
        (month(given, 1), 4),
        (month(given, 2), 6),
        (month(given, 3), 6),
        (month(given, 9), 6),
    ]:
        await given.timetable(at)
        await given.timetable(at)
        assert await given.coupon_count(shopper) == coupons_by_then

    grants = await given.grants_of(shopper)
    assert [(grant.period, grant.pieces, grant.due_at) for grant in grants] == [
        (number, 2, month(given, number)) for number in range(3)
    ]
    assert (await given.batch_again(batch.id)).claimed == 6
    await assert_clean(given.market)


async def test_what_fell_due_while_nothing_ran_is_given_but_nothing_after_the_end(given):
    batch, shopper = await given.given_batch(), await given.shopper()
    holding = await given.holding(shopper, given.monthly_coupons(batch))
    async with given.db.transaction() as tx:
        ends_at = month(given, 4)
        await store.end(tx, source=holding.source, source_id=holding.source_id, ends_at=ends_at, now=given.now)

    await given.timetable(month(given, 11))

    assert await periods(given, shopper) == [0, 1, 2, 3]
    assert await given.coupon_count(shopper) == 4
    await assert_clean(given.market)


async def test_an_extension_goes_on_where_the_months_ended(given):
    batch, shopper = await given.given_batch(), await given.shopper()
    holding = await given.holding(shopper, given.monthly_coupons(batch), ends_at=month(given, 2))
    await given.timetable(month(given, 5))
    assert await periods(given, shopper) == [0, 1]

    async with given.db.transaction() as tx:
        named = {"source": holding.source, "source_id": holding.source_id}
        await store.extend(tx, **named, ends_at=month(given, 4), now=given.now)
    await given.timetable(month(given, 5))

    assert await periods(given, shopper) == [0, 1, 2, 3]
    await assert_clean(given.market)


async def test_two_timetables_at_once_give_once(given):
    batch = await given.given_batch(pieces=1_000)
    shoppers = await given.shoppers(12)
    for shopper in shoppers:
        await given.birthday(shopper, 11, 11)
        # two holdings, each with a gift: one of them gives it
        await given.holding(shopper, given.monthly_coupons(batch), gift(given))
        await given.holding(shopper, gift(given, 900))

    async def timetable():
        while await granting.grant_due(given.db, now=given.now, at_most=5):
            pass

    await asyncio.gather(*(timetable() for _ in range(6)))
    await given.timetable(given.now)

    for shopper in shoppers:
        assert await given.coupon_count(shopper) == 1
        assert await given.points_now(shopper, given.now) in {500, 900}
        assert sorted(await periods(given, shopper)) == [0, 2026]
    assert (await given.batch_again(batch.id)).claimed == 12
    await assert_clean(given.market)


async def test_work_is_what_is_due_in_few_statements_for_many(given):
    batch = await given.given_batch(pieces=1_000)
    for shopper in await given.shoppers(50):
        await given.holding(shopper, given.monthly_coupons(batch))

    with count_statements(given.db) as sent:
        assert await granting.grant_due(given.db, now=given.now) == 50
    with count_statements(given.db) as idle:
        assert await granting.grant_due(given.db, now=given.now) == 0

    assert len(sent) <= 12
    assert len(idle) == 1
    async with given.db.transaction() as tx:
        await tx.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            await tx.column(
                text("EXPLAIN SELECT id FROM benefit_holdings WHERE next_grant_at <= now() ORDER BY next_grant_at, id")
            )
        )
    assert "benefit_holdings_due_idx" in plan


async def test_a_birthday_brings_its_gift_at_midnight_in_the_shop_once_a_year(given):
    shopper = await given.shopper()
    await given.birthday(shopper, 2, 29)
    await given.holding(shopper, gift(given))
    midnight = shop_midnight(date(2027, 2, 28))

    for at, points in [(midnight - MOMENT, 0), (midnight, 500), (midnight + DAY, 500)]:
        await given.timetable(at)
        assert await given.points_now(shopper, at) == points
    leap = shop_midnight(date(2028, 2, 29))
    await given.timetable(leap - MOMENT)
    assert await periods(given, shopper) == [2027]
    await given.timetable(leap)
    assert await periods(given, shopper) == [2027, 2028]
    await assert_clean(given.market)


async def test_another_birthday_in_the_same_year_brings_no_other_gift(given):
    shopper, batch = await given.shopper(), await given.given_batch()
    await given.holding(shopper, given.benefit(K.BIRTHDAY_GIFT, batch_id=str(batch.id)))
    await given.birthday(shopper, 1, 5, now=at_shop(2027, 1, 4))
    await given.timetable(at_shop(2027, 1, 5))
    assert await given.coupon_count(shopper) == 1

    with pytest.raises(BirthdaySetRecently) as refused:
        await given.birthday(shopper, 12, 5, now=at_shop(2027, 6, 1))
    assert refused.value.again_at == at_shop(2028, 1, 4)
    await given.birthday(shopper, 1, 5, now=at_shop(2027, 6, 1))
    await given.timetable(at_shop(2028, 1, 5))
    await given.birthday(shopper, 12, 5, now=at_shop(2028, 6, 1))
    await given.timetable(at_shop(2028, 12, 30))

    assert await periods(given, shopper) == [2027, 2028]
    await given.timetable(at_shop(2029, 12, 5))
    assert await periods(given, shopper) == [2027, 2028, 2029]
    await assert_clean(given.market)


async def test_no_day_of_the_year_is_no_birthday(given):
    shopper = await given.shopper()

    for month, day in [(2, 30), (0, 1), (13, 1), (4, 31)]:
        with pytest.raises(BadInput, match="no day of a year"):
            await actions.set_birthday(given.db, account_id=shopper, month=month, day=day, now=given.now)

    assert await store.read_birthday(given.db, shopper) is None


async def test_a_batch_that_has_run_out_is_kept_as_failed_and_given_later(given):
    batch = await given.given_batch(pieces=3)
    first, second = await given.shopper(), await given.shopper()
    for shopper in (first, second):
        await given.holding(shopper, given.monthly_coupons(batch, 2))
    await given.timetable(given.now)

    grants = [*await given.grants_of(first), *await given.grants_of(second)]
    (failed,) = (grant for grant in grants if grant.granted_at is None)
    assert (failed.failed_with, failed.retry_at) == ("COUPONS_GONE", given.now + granting.RETRY_EVERY)
    await assert_clean(given.market)
    assert await granting.retry_failed(given.db, now=failed.retry_at - MOMENT) == 0
    assert await granting.retry_failed(given.db, now=failed.retry_at) == 1

    await coupons.raise_pieces(given.db, batch_id=batch.id, pieces=9, by=new_id(), now=given.now)
    later = failed.retry_at + granting.RETRY_EVERY
    assert await granting.retry_failed(given.db, now=later) == 1
    assert await granting.retry_failed(given.db, now=later + DAY) == 0

    for shopper in (first, second):
        (grant,) = await given.grants_of(shopper)
        assert (grant.failed_with, grant.retry_at) == (None, None)
        assert await given.coupon_count(shopper) == 2
    assert (await given.batch_again(batch.id)).claimed == 4
    await assert_clean(given.market)


async def test_after_thirty_days_it_is_not_tried_any_more(given):
    batch, shopper = await given.given_batch(), await given.shopper()
    await coupons.stop(given.db, batch_id=batch.id, by=new_id(), now=given.now)
    await given.holding(shopper, given.monthly_coupons(batch), ends_at=given.now + DAY)
    await given.timetable(given.now)

    await granting.retry_failed(given.db, now=given.now + granting.RETRY_FOR)

    (grant,) = await given.grants_of(shopper)
    assert (grant.failed_with, grant.retry_at) == ("COUPONS_OVER", None)


async def test_a_batch_that_does_not_exist_fails_alone(given):
    batch, shopper = await given.given_batch(), await given.shopper()
    unknown = given.benefit(K.COUPONS, pieces=1, batch_id=str(new_id()))
    await given.holding(shopper, unknown, given.monthly_coupons(batch))

    await given.timetable(given.now)

    grants = await given.grants_of(shopper)
    assert sorted(grant.failed_with or "" for grant in grants) == ["", "NOT_FOUND"]
    assert await given.coupon_count(shopper) == 1


async def test_what_is_withdrawn_counts_no_more_and_nothing_follows(given):
    batch, shopper = await given.given_batch(), await given.shopper()
    named = {"source": HolderSource.STAFF, "source_id": new_id()}
    await given.holding(shopper, given.monthly_coupons(batch), **named)
    await given.timetable(given.now)

    async with given.db.transaction() as tx:
        at = month(given, 1)
        await store.end(tx, **named, ends_at=at, now=at)
        await store.withdraw(tx, **named, now=given.now + DAY)
    await given.timetable(month(given, 2))

    (grant,) = await given.grants_of(shopper)
    (coupon_id,) = await given.coupons_of(grant)
    coupon = await given.coupon_again(coupon_id)
    assert coupon.usable_until == coupon.claimed_at
    await assert_clean(given.market)
