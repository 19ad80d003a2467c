"""A source of offers, plugged into the port: what it grants flows from the quote into the order."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from domain.checkout.rules import CouponUnknown, PriceChanged
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.orders import queries
from domain.orders.rules import Order
from domain.pricing.rules import Coupon, CouponNotUsable, Offers, Rule, Step
from tests.audit import assert_clean
from tests.given.coupons import keep_used

TEN_OFF = Coupon(new_id(), amount_minor=1000, threshold_minor=5000)


@dataclass
class Spring:
    """One coupon for everybody, each shopper once, and a price for members."""

    member_prices: dict = field(default_factory=dict)
    redeemed: list = field(default_factory=list)

    async def offers(self, reader, wish, sku_ids, *, now):
        if wish.coupon_code not in {None, "SPRING"} or wish.shopper_id in self.redeemed:
            raise CouponUnknown(coupon_code=wish.coupon_code)
        return Offers(self.member_prices, coupon=TEN_OFF if wish.coupon_code else None)

    async def redeem(self, tx, offers, wish, quote, *, order_id, now):
        if offers.coupon is not None:
            if wish.shopper_id in self.redeemed:
                raise CouponUnknown(coupon_code="SPRING")
            self.redeemed.append(wish.shopper_id)
            await keep_used(tx, offers.coupon, shopper_id=wish.shopper_id, order_id=order_id, now=now)


async def test_a_coupon_flows_from_the_quote_into_the_lines(given):
    tea, wine = await given.sku(price_minor=2000), await given.sku(price_minor=4000)
    spring = Spring()
    wish = await given.delivery_wish({tea: 1, wine: 1}, coupon_code="SPRING")

    quote = await given.quote(wish, source=spring)
    order = await given.placed(wish, expected=quote.total_minor, source=spring)

    lines = (await queries.lines_by_order_ids(given.db, [order.id]))[order.id]
    assert (order.goods, order.discount, order.total) == (Money(6000), Money(1000), Money(5000))
    assert [line.discount.minor for line in lines] == [333, 667]
    for line in lines:
        assert Step.read(line.explanation[-1]).rule is Rule.COUPON
        assert Step.read(line.explanation[-1]).minor == -line.discount.minor
    assert spring.redeemed == [wish.shopper_id]
    await assert_clean(given.market)


async def test_a_members_price_is_charged(given):
    sku_id = await given.sku(price_minor=2000)

    order = await given.placed(await given.delivery_wish({sku_id: 2}), source=Spring({sku_id: 1500}))

    assert order.total == Money(3000)


async def test_a_coupon_that_nobody_grants_is_unknown(given):
    wish = await given.delivery_wish({await given.sku(price_minor=9900): 1}, coupon_code="AUTUMN")

    for source in ({}, {"source": Spring()}):
        quote = await given.quote(wish, **source)
        with pytest.raises(CouponUnknown):
            await given.placed(wish, expected=quote.total_minor, **source)
        assert quote.problems == (CouponUnknown("AUTUMN"),)
        assert quote.total_minor == 9900


async def test_a_coupon_that_does_not_reach_its_threshold_is_a_problem(given):
    wish = await given.delivery_wish({await given.sku(price_minor=4999): 1}, coupon_code="SPRING")

    with pytest.raises(CouponNotUsable):
        await given.placed(wish, source=Spring())


async def test_without_its_coupon_the_basket_costs_something_else(given):
    wish = await given.delivery_wish({await given.sku(price_minor=6000): 1})

    with pytest.raises(PriceChanged):
        await given.placed(wish, expected=5000, source=Spring())


async def test_a_coupon_that_is_refused_at_last_places_nothing(given):
    """Two orders at once: both may be quoted the coupon, one redeems it."""
    sku_id = await given.sku(price_minor=6000)
    spring = Spring()
    wish = await given.delivery_wish({sku_id: 1}, coupon_code="SPRING")

    outcomes = await asyncio.gather(
        *(given.placed(wish, expected=5000, source=spring) for _ in range(5)), return_exceptions=True
    )

    assert Counter(map(type, outcomes)) == {Order: 1, CouponUnknown: 4}
    assert await given.order_states() == {"placed": 1}
    assert (await given.stock_of(sku_id)).held == 1
