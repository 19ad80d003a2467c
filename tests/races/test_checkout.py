"""Many at the counter at once: exact counts, no deadlock, never a unit too many."""

import asyncio
import random
from collections import Counter

from domain.carts import actions as carts
from domain.carts.rules import Cart, Holder
from domain.checkout.rules import BasketEmpty, Wish
from domain.orders import actions
from domain.orders.events import OrderCancelled, OrderLapsed, OrderPaid
from domain.orders.rules import Order, OrderNotCancellable
from domain.pricing.rules import Fulfilment, Wanted
from domain.stock.rules import Level, NotEnoughStock
from tests.audit import assert_clean


async def gather(*work):
    return await asyncio.gather(*work, return_exceptions=True)


async def test_baskets_over_the_same_goods_in_any_order_never_deadlock(given):
    skus = [await given.sku(units=200, price_minor=100) for _ in range(3)]
    wishes = []
    for shopper_id in await given.shoppers(20):
        store_id = None if wishes else await given.pickup_store()
        lines = tuple(Wanted(sku_id, 1) for sku_id in random.sample(skus, 3))
        store_id = store_id or wishes[0].store_id
        wishes.append(Wish(shopper_id, lines, Fulfilment.PICKUP, store_id=store_id))

    outcomes = await gather(*(given.placed(wish, expected=300) for wish in wishes * 5))

    assert Counter(map(type, outcomes)) == {Order: 100}
    for sku_id in skus:
        assert await given.stock_of(sku_id) == Level(sku_id, free=100, held=100, sold=0)
    await assert_clean(given.market)


async def test_the_last_units_of_three_skus_are_never_sold_twice(given):
    units = {await given.sku(units=count, price_minor=100): count for count in (10, 25, 40)}
    wishes = [
        await given.delivery_wish(dict.fromkeys(random.sample(list(units), 3), draw), shopper_id)
        for draw, shopper_id in zip([1, 2] * 10, await given.shoppers(20), strict=True)
    ]

    outcomes = await gather(
        *(given.placed(wish, expected=sum(line.quantity for line in wish.lines) * 100) for wish in wishes)
    )

    placed = [outcome for outcome in outcomes if isinstance(outcome, Order)]
    assert Counter(map(type, outcomes)) == {Order: len(placed), NotEnoughStock: 20 - len(placed)}
    held = sum(order.total.minor // 300 for order in placed)
    assert held in {9, 10}  # a basket of two finds one left, and is refused
    for sku_id, count in units.items():
        assert await given.stock_of(sku_id) == Level(sku_id, free=count - held, held=held, sold=0)
    await assert_clean(given.market)


async def test_the_same_key_ten_times_at_once_is_one_order(given):
    sku_id = await given.sku()
    wish = await given.delivery_wish(None)
    await given.in_cart(wish.shopper_id, sku_id, quantity=2)

    outcomes = await gather(*(given.placed(wish, expected=3980, key="order-0001") for _ in range(10)))

    assert len({outcome.id for outcome in outcomes}) == 1
    assert await given.order_states() == {"placed": 1}
    assert await given.stock_of(sku_id) == Level(sku_id, free=8, held=2, sold=0)
    assert (await given.cart_again(wish.shopper_id)).units == 0
    await assert_clean(given.market)


async def test_one_cart_ordered_from_ten_phones_at_once_is_one_order(given):
    wish = await given.delivery_wish(None)
    await given.in_cart(wish.shopper_id, await given.sku())

    outcomes = await gather(*(given.placed(wish, expected=1990) for _ in range(10)))

    assert Counter(map(type, outcomes)) == {Order: 1, BasketEmpty: 9}
    await assert_clean(given.market)


async def test_what_another_tab_adds_while_the_cart_is_ordered_is_ordered_or_still_there(given):
    sku_id = await given.sku(units=1000)
    wishes = [await given.delivery_wish(None, shopper_id) for shopper_id in await given.shoppers(10)]

    async def order_and_add(wish):
        shopper = Holder(shopper_id=wish.shopper_id)
        await given.in_cart(shopper, sku_id, quantity=2)
        both = [
            given.placed(wish),
            carts.add(given.db, shopper, sku_id=sku_id, quantity=3, now=given.now),
        ]
        outcomes = await gather(*random.sample(both, 2))
        ordered = sum(outcome.total.minor // 1990 for outcome in outcomes if isinstance(outcome, Order))
        return ordered + (await given.cart_again(shopper)).units

    # a price that was quoted before the addition may be refused: then everything is still in the cart
    assert await asyncio.gather(*map(order_and_add, wishes)) == [5] * 10
    await assert_clean(given.market)


async def test_a_cart_that_is_emptied_while_it_is_ordered_never_deadlocks(given):
    skus = [await given.sku(units=1000, price_minor=100) for _ in range(6)]
    wishes = [await given.delivery_wish(None, shopper_id) for shopper_id in await given.shoppers(15)]

    async def order_and_empty(wish):
        shopper = Holder(shopper_id=wish.shopper_id)
        await given.in_cart(shopper, *random.sample(skus, 6))
        several = [
            given.placed(wish, expected=600),
            carts.choose(given.db, shopper, sku_ids=skus[::-1], is_chosen=True, now=given.now),
            carts.remove(given.db, shopper, sku_ids=skus, now=given.now),
        ]
        return await gather(*random.sample(several, 3))

    outcomes = [outcome for each in await asyncio.gather(*map(order_and_empty, wishes)) for outcome in each]

    kinds = Counter(map(type, outcomes))
    assert kinds == {Cart: 30, Order: kinds[Order], BasketEmpty: 15 - kinds[Order]}
    assert sum([(await given.cart_again(wish.shopper_id)).units for wish in wishes]) == 0
    await assert_clean(given.market)


async def test_pay_cancel_and_lapse_at_the_same_instant_have_one_winner(given):
    sku_id = await given.sku(units=100, price_minor=100)
    wishes = [await given.delivery_wish({sku_id: 2}, shopper_id) for shopper_id in await given.shoppers(30)]
    orders = [await given.placed(wish) for wish in wishes]
    payments = [await given.money_for(order) for order in orders]
    at_last = orders[0].pay_by

    def all_at_once(order, payment):
        money = {"payment_id": payment.id, "amount_minor": payment.amount.minor, "captured_at": given.now}
        own = {"order_id": order.id, "shopper_id": order.shopper_id}
        three = [
            actions.take_payment(given.db, payable_id=order.id, **money, now=at_last),
            actions.cancel(given.db, **own, idempotency_key="cancel-01", now=at_last),
            actions.lapse_due(given.db, now=at_last, limit=1),
        ]
        return gather(*random.sample(three, 3))

    outcomes = await asyncio.gather(*map(all_at_once, orders, payments))

    # there are units enough, so late money revives: whoever came first, the shopper who paid has the goods
    assert await given.order_states() == {"paid": 30}
    assert await given.stock_of(sku_id) == Level(sku_id, free=40, held=0, sold=60)
    assert len(await given.recorded(OrderPaid)) == 30
    cancelled = len(await given.recorded(OrderCancelled))
    kinds = Counter(type(outcome) for each in outcomes for outcome in each)
    assert (kinds[Order], kinds[OrderNotCancellable]) == (cancelled, 30 - cancelled)
    assert cancelled + len(await given.recorded(OrderLapsed)) <= 30
    await assert_clean(given.market, in_flight=True)
