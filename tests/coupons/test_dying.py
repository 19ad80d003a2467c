"""Processes that are killed while they claim, place and give back: what they left half-done is not there, and whoever
repeats it finds everything as if nothing had happened.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.coupons.queries import of_shopper
from domain.coupons.rules import CouponState
from domain.orders import actions as orders
from tests.audit import assert_clean
from tests.coupons.dying import Journey, claim, place, settle
from tests.faults.dying import die

MOST_MEETINGS = 40


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.faults), 4])
async def test_killed_at_every_statement_or_at_some(given, settings, every):
    shopper_id, batch = await given.shopper(), await given.batch()
    sku_id = await given.sku(price_minor=6000, units=1)
    wish = await given.delivery_wish({sku_id: 1}, shopper_id)
    journey = Journey(batch.id, shopper_id, wish, given.now)

    async def mine(state=None):
        return (await of_shopper(given.db, shopper_id, state=state, now=given.now, first=10)).rows

    async def deaths(step, check, **arguments):
        """After how many meetings the step had ended, whoever looks being content after each death."""
        for at in range(0, MOST_MEETINGS, every):
            if not await die(settings, step, at=at, **arguments):
                return at
            await check()
        raise AssertionError("it never ends")

    async def one_at_most():
        assert len(await mine()) == (await given.batch_again(batch.id)).claimed <= 1

    assert await deaths(claim, one_at_most, journey=journey) > 4
    (coupon,) = await mine(CouponState.USABLE)

    async def used_with_its_order():
        placed = await given.order_states()
        assert len(await mine(CouponState.USED)) == placed.total() <= 1

    journey = replace(journey, wish=replace(wish, coupon_code=coupon.code))
    await assert_clean(given.market)
    assert await deaths(place, used_with_its_order, journey=journey) > 8
    (used,) = await mine(CouponState.USED)
    await assert_clean(given.market)
    assert await given.order_states() == {"placed": 1}

    async def nothing_more():
        assert len(await mine()) == 1

    over = given.now + timedelta(hours=1)
    await orders.lapse_due(given.db, now=over, limit=10)
    assert await deaths(settle, nothing_more, order_id=used.order_id, now=over) > 3
    assert [coupon.id for coupon in await mine(CouponState.USABLE)] == [coupon.id]
    assert (await given.stock_of(sku_id)).free == 1
    await assert_clean(given.market, in_flight=True)
