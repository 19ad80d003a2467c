"""Member prices, free delivery and member-only goods at the counter, and what a holding was worth."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from api.offers import OFFERS
from domain.after_sales.rules import AfterSaleState
from domain.benefits import actions, queries, store
from domain.benefits.rules import BenefitKind, HolderSource, Privileges
from domain.checkout.rules import CouponUnknown, PriceChanged
from domain.coupons.rules import CouponState
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.orders import actions as orders
from domain.orders import queries as order_queries
from domain.points.rules import FIRST
from domain.pricing.rules import MembersOnly, Rule
from domain.trail import queries as trail
from tests.audit import assert_clean
from tests.statements import count_statements

DAY = timedelta(days=1)
K = BenefitKind


async def total(given, units, shopper_id, **more):
    return (await given.quote(await given.delivery_wish(units, shopper_id, **more), source=OFFERS)).total_minor


async def bought(given, units, shopper_id, **more):
    return await given.placed(await given.delivery_wish(units, shopper_id, **more), source=OFFERS)


async def value_of(given, source_id):
    return await queries.value_used(given.db, source=HolderSource.STAFF, source_id=source_id, since=given.now)


@pytest.mark.parametrize(("percent", "other_minor"), [(100, 1999), (95, 1899), (1, 19)])
async def test_holders_pay_the_member_price_or_their_share_of_the_list_price(given, percent, other_minor):
    tea, wine = await given.sku(price_minor=2000), await given.sku(price_minor=1999)
    await given.member_price(tea, 1500)
    member, stranger = await given.holder(percent), await given.shopper()

    assert await total(given, {tea: 2}, member) == 3000
    assert await total(given, {wine: 1}, member) == other_minor
    assert await total(given, {tea: 2, wine: 1}, stranger) == 5999


async def test_a_member_price_above_what_everybody_pays_costs_nobody_more(given):
    tea = await given.sku(price_minor=2000)
    await given.member_price(tea, 1500)
    await given.sale_price(tea, 1400)

    order = await bought(given, {tea: 1}, await given.holder())

    assert order.total.minor == 1400
    await assert_clean(given.market)


async def test_member_prices_are_charged_as_quoted_until_before_the_holding_ends(given):
    tea = await given.sku(price_minor=2000)
    await given.member_price(tea, 1500)
    member = await given.holder(ends_at=given.now + DAY)
    wish = await given.delivery_wish({tea: 1}, member)

    order = await given.placed(wish, expected=1500, source=OFFERS)
    given.now += DAY
    with pytest.raises(PriceChanged) as refused:
        await given.placed(wish, expected=1500, source=OFFERS)

    assert order.total.minor == 1500
    (line,) = (await order_queries.lines_by_order_ids(given.db, [order.id]))[order.id]
    assert line.explanation[-1] == {
        "rule": Rule.MEMBER_PRICE,
        "minor": -500,
        "facts": {"unit_minor": 1500, "otherwise_minor": 2000},
    }
    assert refused.value.now.minor == 2000
    await assert_clean(given.market)


async def test_in_a_live_room_the_cheapest_of_live_and_member_price_counts(given):
    room = await given.live_room(is_on_air=True)  # at 15.90 instead of 19.90
    member = await given.holder()

    for member_minor, expected in [(1500, 1500), (1600, 1590), (None, 1590)]:
        await given.member_price(room.sku_id, member_minor)
        assert await total(given, {room.sku_id: 1}, member, room_id=room.id) == expected
    assert await total(given, {room.sku_id: 1}, member) == 1990


async def test_members_goods_of_an_amount_travel_free(given):
    await given.freight()
    tea = await given.sku(price_minor=2000)
    member = await given.shopper()
    await given.holding(member, given.benefit(K.FREE_DELIVERY, from_minor=4000))

    assert await total(given, {tea: 1}, member) == 2600
    assert await total(given, {tea: 2}, member) == 4000
    assert await total(given, {tea: 2}, await given.shopper()) == 4800


async def test_member_only_goods_are_a_problem_for_everybody_else(given):
    gown = await given.product(price_minor=2000)
    (sku_id,) = gown.sku_ids
    await actions.set_member_only_goods(given.db, {gown.id: True}, by=new_id(), now=given.now)
    member, other = await given.shopper(), await given.holder()
    await given.holding(member, given.benefit(K.MEMBER_ONLY_GOODS))

    assert (await bought(given, {sku_id: 1}, member)).total.minor == 2000
    wish = await given.delivery_wish({sku_id: 1}, other)
    assert (await given.quote(wish, source=OFFERS)).problems == (MembersOnly(sku_id),)
    with pytest.raises(MembersOnly):
        await given.placed(wish, expected=2000, source=OFFERS)
    await actions.set_member_only_goods(given.db, {gown.id: False}, by=new_id(), now=given.now)
    assert (await bought(given, {sku_id: 1}, other)).total.minor == 2000


async def test_a_checkout_asks_once_and_an_order_without_savings_writes_nothing_more(given):
    tea, wine = await given.sku(price_minor=2000), await given.sku(price_minor=2000)
    await given.member_price(tea, 1500)
    member = await given.holder()

    async def about_benefits(units):
        wish = await given.delivery_wish(units, member)
        expected = (await given.quote(wish, source=OFFERS)).total_minor
        with count_statements(given.db) as sent:
            await given.placed(wish, expected=expected, source=OFFERS)
        return [" ".join(statement.split())[:24] for statement in sent if "benefit" in statement]

    assert await about_benefits({wine: 1}) == ["SELECT benefits, NULL AS"]
    assert len(await about_benefits({tea: 1, wine: 1})) == 3


async def test_a_holding_is_worth_what_it_saved_on_units_that_were_kept(given):
    await given.freight()
    source_id = new_id()
    free = given.benefit(K.FREE_DELIVERY, from_minor=0)
    member = await given.holder(90, free, source_id=source_id)
    tea = await given.sku(price_minor=2000, units=99)
    assert await value_of(given, source_id) == 0

    order = await bought(given, {tea: 2}, member)
    cancelled = await bought(given, {tea: 1}, member)
    assert await value_of(given, source_id) == 2 * 200 + 800 + 200 + 600
    await orders.cancel(
        given.db, order_id=cancelled.id, shopper_id=member, idempotency_key="cancel-it-1", now=given.now
    )

    assert await value_of(given, source_id) == 2 * 200 + 800
    await given.money_for(order)
    await given.hear_payments()
    await given.after_sale(order, {1: 1}, state=AfterSaleState.REFUNDED)
    assert await value_of(given, source_id) == 200 + 400
    await assert_clean(given.market, in_flight=True)


async def test_against_a_sale_price_a_member_saves_the_difference_only(given):
    source_id = new_id()
    member = await given.holder(source_id=source_id)
    tea = await given.sku(price_minor=2000)
    await given.member_price(tea, 1500)
    await given.sale_price(tea, 1600)

    await bought(given, {tea: 3}, member)

    assert await value_of(given, source_id) == 300
    await assert_clean(given.market)


async def test_coupons_count_when_they_are_used_and_points_when_they_are_given(given):
    source_id, batch = new_id(), await given.given_batch(threshold_minor=0)
    gift = given.benefit(K.BIRTHDAY_GIFT, points=2000)
    member = await given.holder(100, given.monthly_coupons(batch), gift, source_id=source_id)
    await given.birthday(member, 11, 11)
    await given.timetable(given.now)
    points_worth = 2000 * 100 // FIRST.terms.spent_per_yuan
    assert await value_of(given, source_id) == points_worth

    grant = next(each for each in await given.grants_of(member) if each.batch_id)
    (coupon_id,) = await given.coupons_of(grant)
    code = (await given.coupon_again(coupon_id)).code
    tea = await given.sku(price_minor=6000)
    await bought(given, {tea: 1}, member, coupon_code=code)

    assert await value_of(given, source_id) == points_worth + 1000
    async with given.db.transaction() as tx:
        await store.withdraw(tx, source=HolderSource.STAFF, source_id=source_id, now=given.now)
    # should its order give it back, it is over
    assert (await given.coupon_again(coupon_id)).state(given.now) is CouponState.USED
    assert (await given.coupon_again(coupon_id)).usable_until <= given.now
    await assert_clean(given.market, in_flight=True)


async def test_an_end_at_the_moment_of_an_order_is_before_or_after_it(given):
    """Whoever pays a membership back counts the order in, or the order is not placed at the member price."""
    tea = await given.sku(price_minor=2000, units=99)
    await given.member_price(tea, 1500)

    async def race():
        source_id = new_id()
        member = await given.holder(source_id=source_id)
        wish = await given.delivery_wish({tea: 1}, member)
        named = {"source": HolderSource.STAFF, "source_id": source_id}

        async def refund():
            async with given.db.transaction() as tx:
                await store.end(tx, **named, ends_at=given.now, now=given.now)
                await store.withdraw(tx, **named, now=given.now)
                return await queries.value_used(tx, **named, since=given.now)

        order, worth = await asyncio.gather(
            given.placed(wish, expected=1500, source=OFFERS), refund(), return_exceptions=True
        )
        if isinstance(order, Exception):
            assert isinstance(order, PriceChanged)
            assert worth == 0
        else:
            assert (order.total.minor, worth) == (1500, 500)

    for _ in range(4):
        await asyncio.gather(*(race() for _ in range(3)))
    await assert_clean(given.market, in_flight=True)


async def test_a_checkout_that_began_before_what_was_withdrawn_finds_nothing(given):
    """Its moment is before the end; it comes to the counter after what it would have saved was counted."""
    source_id, batch = new_id(), await given.given_batch(threshold_minor=0)
    free, more = given.benefit(K.FREE_DELIVERY, from_minor=0), given.benefit(K.POINTS_MULTIPLIER, percent=200)
    member = await given.holder(90, free, more, given.monthly_coupons(batch), source_id=source_id)
    await given.timetable(given.now)
    (coupon_id,) = await given.coupons_of((await given.grants_of(member))[0])
    tea = await given.sku(price_minor=2000)
    late = given.now + timedelta(seconds=1)
    with_coupon = await given.delivery_wish({tea: 1}, member, coupon_code=(await given.coupon_again(coupon_id)).code)

    async with given.db.transaction() as tx:
        named = {"source": HolderSource.STAFF, "source_id": source_id}
        await store.end(tx, **named, ends_at=late, now=late)
        await store.withdraw(tx, **named, now=late)

    assert await total(given, {tea: 1}, member) == 2000
    assert (await queries.privileges_of(given.db, [member], now=given.now))[member] == Privileges()
    with pytest.raises(CouponUnknown):
        await given.placed(with_coupon, expected=800, source=OFFERS)
    assert await given.points_now(member, late) == 0
    await assert_clean(given.market, in_flight=True)


async def test_merchandisers_set_prices_and_take_them_back_and_the_trail_says_so(given):
    tea, wine = await given.sku(price_minor=2000), await given.sku(price_minor=3000)
    staff = new_id()

    async def set_prices(prices):
        await actions.set_member_prices(given.db, prices, by=staff, now=given.now)

    for _ in range(2):
        await set_prices({tea: 1500, wine: 2500})
    await set_prices({tea: None})

    assert await queries.member_prices_by_sku_ids(given.db, [tea, wine]) == {wine: 2500}
    deeds = (await trail.page(given.db, first=10)).rows
    assert [(deed.facts["before_minor"], deed.facts["price_minor"]) for deed in deeds if deed.by == staff] == [
        (1500, None),
        (None, 2500),
        (None, 1500),
    ]
    for bad, fault in [({tea: 0}, BadInput), ({}, BadInput), ({wine: 1, new_id(): 1}, NotFound)]:
        with pytest.raises(fault):
            await set_prices(bad)
    assert await queries.member_prices_by_sku_ids(given.db, [tea, wine]) == {wine: 2500}


async def test_a_wish_of_somebody_who_holds_nothing_has_no_offers(given):
    wish = await given.delivery_wish({await given.sku(price_minor=2000): 1})

    async with given.db.reading() as reader:
        offers = await given.benefits.offers(reader, replace(wish, lines=None), [], now=given.now)

    assert (offers.member_prices, offers.free_delivery_from_minor, offers.members_only) == ({}, None, frozenset())
