"""Using coupons: what is quoted is charged, one order has the coupon, and an order that ends gives it back."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from api.offers import OFFERS
from domain.after_sales.rules import AfterSaleState
from domain.checkout.rules import CouponUnknown
from domain.coupons import actions, queries
from domain.coupons.rules import CouponState
from domain.foundation.ids import new_id
from domain.orders import actions as orders
from domain.orders import queries as order_queries
from domain.orders.rules import LateOutcome, Order, OrderState
from domain.pricing.rules import CouponNotUsable, Rule, Step
from domain.products.rules import Variant
from tests.audit import assert_clean
from tests.statements import count_statements

HOUR = timedelta(hours=1)


async def shopper_with(given, **terms):
    """A shopper with a coupon, and a wish for goods of ¥60 with its code."""
    shopper_id = await given.shopper()
    coupon = await given.coupon(shopper_id, **terms)
    wish = await given.delivery_wish({await given.sku(price_minor=6000): 1}, shopper_id, coupon_code=coupon.code)
    return coupon, wish


async def placed(given, wish, **more):
    return await given.placed(wish, source=given.coupons, **more)


async def state_of(given, coupon, *, now=None):
    return (await given.coupon_again(coupon.id)).state(now or given.now)


async def lapse(given, listener):
    await orders.lapse_due(given.db, now=given.now + HOUR, limit=10)
    await listener.hear()


async def test_what_is_quoted_with_a_coupon_is_charged_and_says_why(given):
    shopper_id = await given.shopper()
    coupon = await given.coupon(shopper_id)
    tea, wine = await given.sku(price_minor=2000), await given.sku(price_minor=4000)
    wish = await given.delivery_wish({tea: 1, wine: 1}, shopper_id, coupon_code=f" {coupon.code.lower()} ")

    quote = await given.quote(wish, source=given.coupons)
    order = await placed(given, wish, expected=quote.total_minor)

    assert (quote.discount_minor, quote.total_minor, quote.problems) == (1000, 5000, ())
    assert (order.goods.minor, order.discount.minor, order.total.minor) == (6000, 1000, 5000)
    for line in (await order_queries.lines_by_order_ids(given.db, [order.id]))[order.id]:
        last = Step.read(line.explanation[-1])
        assert (last.rule, last.minor, last.facts) == (Rule.COUPON, -line.discount.minor, {"code_id": str(coupon.id)})
    used = await given.coupon_again(coupon.id)
    assert (used.state(given.now), used.order_id, used.used_at) == (CouponState.USED, order.id, given.now)
    await assert_clean(given.market)


@pytest.mark.parametrize(
    ("terms", "discount"),
    [
        ({"percent": 15, "cap_minor": 100_000}, 900),
        ({"percent": 15, "cap_minor": 500}, 500),
        ({"amount_minor": 9900, "threshold_minor": 0}, 6000),
    ],
)
async def test_a_percentage_has_its_cap_and_nothing_becomes_cheaper_than_free(given, terms, discount):
    _, wish = await shopper_with(given, **terms)

    order = await placed(given, wish)

    assert order.discount.minor == discount
    assert order.state is (OrderState.PAID if discount == 6000 else OrderState.PLACED)
    await assert_clean(given.market, in_flight=True)


async def test_only_the_goods_that_it_is_for_count(given):
    shopper_id = await given.shopper()
    tea = await given.product(option_names=("款",), variants=(Variant(("春",), 5000), Variant(("秋",), 3000)), units=9)
    wine, other = await given.sku(price_minor=2000), await given.sku(price_minor=9900)
    units = {tea.sku_ids[0]: 1, tea.sku_ids[1]: 1, wine: 1, other: 1}

    def discounts(quote):
        return [line.discount_minor for line in quote.lines]

    for goods, expected in [
        ({"product_ids": (tea.id,), "sku_ids": (wine,)}, [500, 300, 200, 0]),
        ({"sku_ids": (tea.sku_ids[1], wine)}, [0, 600, 400, 0]),
        ({"product_ids": (tea.id,), "sku_ids": (tea.sku_ids[0],)}, [625, 375, 0, 0]),
    ]:
        coupon = await given.coupon(shopper_id, **goods)
        wish = await given.delivery_wish(units, shopper_id, coupon_code=coupon.code)
        assert discounts(await given.quote(wish, source=given.coupons)) == expected


async def test_below_its_threshold_it_is_a_problem_and_nothing_is_ordered(given):
    coupon, wish = await shopper_with(given, threshold_minor=6001)

    quote = await given.quote(wish, source=given.coupons)
    with pytest.raises(CouponNotUsable):
        await placed(given, wish, expected=quote.total_minor)

    assert [type(problem) for problem in quote.problems] == [CouponNotUsable]
    assert await state_of(given, coupon) is CouponState.USABLE
    assert await given.order_states() == Counter()


@pytest.mark.parametrize(("stacks", "discount"), [(True, 1000), (False, 0)])
async def test_it_stacks_with_sale_prices_if_it_says_so(given, stacks, discount):
    _, wish = await shopper_with(given, stacks_with_sale_prices=stacks)
    await given.sale_price(wish.lines[0].sku_id, 5500)

    assert (await given.quote(wish, source=given.coupons)).discount_minor == discount


async def test_nobody_uses_anothers_coupon_or_one_whose_time_is_over(given):
    coupon, wish = await shopper_with(given)
    stranger = await given.delivery_wish({wish.lines[0].sku_id: 1}, coupon_code=coupon.code)

    quote = await given.quote(stranger, source=given.coupons)
    given.now = coupon.usable_until
    late = await given.quote(wish, source=given.coupons)

    for refused in (quote, late):
        assert refused.problems == (CouponUnknown(coupon.code),)
        assert refused.total_minor == 6000
    for refused in (stranger, wish):
        with pytest.raises(CouponUnknown):
            await placed(given, refused, expected=5000)
    assert await state_of(given, coupon) is CouponState.EXPIRED
    assert await given.order_states() == Counter()


async def test_ten_orders_at_once_use_a_coupon_once(given):
    coupon, wish = await shopper_with(given)

    outcomes = await asyncio.gather(*(placed(given, wish, expected=5000) for _ in range(10)), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {Order: 1, CouponUnknown: 9}
    (order,) = (outcome for outcome in outcomes if isinstance(outcome, Order))
    assert (await given.coupon_again(coupon.id)).order_id == order.id
    assert await given.order_states() == {"placed": 1}
    await assert_clean(given.market)


async def test_the_same_key_again_is_the_same_order_with_the_coupon(given):
    _, wish = await shopper_with(given)

    first = await placed(given, wish, expected=5000, key="order-key-1")

    assert await placed(given, wish, expected=5000, key="order-key-1") == first


async def test_an_order_that_is_refused_at_last_leaves_the_coupon_usable(given):
    shopper_id = await given.shopper()
    coupon = await given.coupon(shopper_id)
    sku_id = await given.sku(price_minor=6000, units=1)
    wish = await given.delivery_wish({sku_id: 2}, shopper_id, coupon_code=coupon.code)

    outcomes = await asyncio.gather(placed(given, wish, expected=11_000), return_exceptions=True)

    assert [type(outcome).__name__ for outcome in outcomes] == ["NotEnoughStock"]
    assert await state_of(given, coupon) is CouponState.USABLE


@pytest.mark.parametrize("how", ["lapses", "is cancelled"])
async def test_an_order_that_ends_unpaid_gives_its_coupon_back(given, listener, how):
    coupon, wish = await shopper_with(given)
    order = await placed(given, wish)

    if how == "lapses":
        await orders.lapse_due(given.db, now=given.now + HOUR, limit=10)
    else:
        await orders.cancel(
            given.db, order_id=order.id, shopper_id=order.shopper_id, idempotency_key="cancel-1", now=given.now
        )
    assert await state_of(given, coupon) is CouponState.USED
    await assert_clean(given.market, in_flight=True)  # the news is on its way
    for _ in range(2):
        await listener.hear()
        await actions.settle(given.db, order_id=order.id, now=given.now)

    assert await state_of(given, coupon) is CouponState.USABLE
    again = await placed(given, wish)
    assert (await given.coupon_again(coupon.id)).order_id == again.id
    await assert_clean(given.market)


async def test_bought_given_back_whole_and_bought_again(given, listener):
    coupon, wish = await shopper_with(given)
    order = await placed(given, wish)
    await given.money_for(order)
    await listener.hear()
    assert await state_of(given, coupon) is CouponState.USED

    await given.after_sale(await given.order_again(order.id), state=AfterSaleState.REFUNDED)
    await listener.hear()
    await listener.hear()

    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await state_of(given, coupon) is CouponState.USABLE
    again = await placed(given, wish)
    await given.money_for(again)
    await listener.hear()
    assert (await given.order_again(again.id)).state is OrderState.PAID
    assert (await given.coupon_again(coupon.id)).order_id == again.id
    await assert_clean(given.market)


async def test_what_is_given_back_in_part_keeps_its_coupon(given, listener):
    shopper_id = await given.shopper()
    coupon = await given.coupon(shopper_id)
    wish = await given.delivery_wish({await given.sku(price_minor=6000): 2}, shopper_id, coupon_code=coupon.code)
    order = await placed(given, wish)
    await given.money_for(order)
    await listener.hear()

    await given.after_sale(await given.order_again(order.id), {1: 1}, state=AfterSaleState.REFUNDED)
    await listener.hear()

    assert (await given.order_again(order.id)).refunded.minor == 5500
    assert await state_of(given, coupon) is CouponState.USED
    await assert_clean(given.market)


async def test_what_is_given_back_after_its_time_has_expired(given, listener):
    coupon, wish = await shopper_with(given)
    order = await placed(given, wish)
    await given.money_for(order)
    await listener.hear()

    await given.after_sale(await given.order_again(order.id), state=AfterSaleState.REFUNDED)
    await listener.hear()

    assert await state_of(given, coupon, now=coupon.usable_until) is CouponState.EXPIRED


async def test_an_order_that_late_money_revives_has_its_coupon_again(given, listener):
    coupon, wish = await shopper_with(given)
    order = await placed(given, wish)
    await lapse(given, listener)
    assert await state_of(given, coupon) is CouponState.USABLE

    await given.money_for(order)
    await listener.hear()

    revived = await given.order_again(order.id)
    assert (revived.state, revived.late_outcome) == (OrderState.PAID, LateOutcome.REVIVED)
    assert (await given.coupon_again(coupon.id)).order_id == order.id
    with pytest.raises(CouponUnknown):
        await placed(given, wish, expected=5000)
    await assert_clean(given.market)


async def test_late_money_for_an_order_whose_coupon_is_used_elsewhere(given, listener):
    """It keeps its discount, for its money was taken; the coupon is never free for a third order."""
    coupon, wish = await shopper_with(given)
    order = await placed(given, wish)
    await lapse(given, listener)
    other = await placed(given, wish)

    await given.money_for(order)
    await listener.hear()

    assert (await given.order_again(order.id)).state is OrderState.PAID
    assert (await given.coupon_again(coupon.id)).order_id == other.id
    await assert_clean(given.market)
    await lapse(given, listener)  # the other one, which nobody paid
    assert (await given.coupon_again(coupon.id)).order_id == order.id
    with pytest.raises(CouponUnknown):
        await placed(given, wish, expected=5000)
    await assert_clean(given.market)


async def test_a_shoppers_coupons_by_state(given):
    shopper_id = await given.shopper()
    used, usable, expired = [await given.coupon(shopper_id, usable_days=days, threshold_minor=0) for days in (7, 7, 1)]
    await given.coupon(await given.shopper())
    wish = await given.delivery_wish({await given.sku(price_minor=6000): 1}, shopper_id, coupon_code=used.code)
    await placed(given, wish)
    later = given.now + timedelta(days=1)

    async def mine(state=None, **page):
        found = await queries.of_shopper(given.db, shopper_id, state=state, now=later, **{"first": 10, **page})
        return [coupon.id for coupon in found.rows]

    assert await mine() == [expired.id, usable.id, used.id]
    assert [await mine(state) for state in CouponState] == [[usable.id], [used.id], [expired.id]]
    page = await queries.of_shopper(given.db, shopper_id, state=None, now=later, first=2)
    assert await mine(after=page.cursors[-1]) == [used.id]


async def test_without_a_code_placing_costs_one_statement_more_for_what_the_shopper_holds(given):
    coupon, wish = await shopper_with(given)
    plain = await given.delivery_wish({wish.lines[0].sku_id: 1}, wish.shopper_id)

    async def statements(wish, expected, **source):
        with count_statements(given.db) as sent:
            await given.placed(wish, expected=expected, key=f"order-{new_id()}", **source)
        return len(sent)

    of_nobody = await statements(plain, 6000)
    assert await statements(plain, 6000, source=OFFERS) == of_nobody + 1
    assert await statements(wish, 5000, source=OFFERS) == of_nobody + 3
    assert await state_of(given, coupon) is CouponState.USED
