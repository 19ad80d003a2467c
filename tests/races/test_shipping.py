"""Goods that leave and arrive, many at once: no unit leaves twice, and money is earned once."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest

from domain.after_sales import deciding
from domain.foundation.errors import Refusal
from domain.foundation.ids import new_id
from domain.orders.events import OrderReceived
from domain.orders.rules import Fulfilment, OrderNotReceivable, OrderNotShippable, OrderState, TooManyUnits
from domain.shipments import receiving, shipping
from domain.shipments.rules import Carrier, PickupCodeLocked, Shipment, WrongPickupCode
from domain.stock.rules import NotEnoughStock
from domain.suppliers.rules import FeedReport
from tests.audit import assert_clean
from tests.given.after_sales import Goods


async def gather(*work):
    return await asyncio.gather(*work, return_exceptions=True)


async def test_the_last_unit_leaves_once(given, market):
    order = await given.bought()

    outcomes = await gather(*(given.shipped(order, {1: 1}) for _ in range(20)))

    assert Counter(map(type, outcomes)) == {Shipment: 1, OrderNotShippable: 19}
    assert [line.shipped for line in await given.lines_of_order(order)] == [1]
    await assert_clean(market, in_flight=True)


async def test_of_many_units_as_many_leave_as_there_are(given, market):
    supplier, _ = await given.supplier()
    order = await given.bought(Goods(quantity=12, supplier_id=supplier.id, cost_minor=800))

    outcomes = await gather(*(given.shipped(order, {1: 1 + n % 2}) for n in range(20)))

    sent = [outcome.units[1] for outcome in outcomes if isinstance(outcome, Shipment)]
    assert sum(sent) == 12
    assert {type(outcome) for outcome in outcomes} <= {Shipment, OrderNotShippable, TooManyUnits}
    assert (await given.account_balances())["suppliers"] == -12 * 800
    await assert_clean(market, in_flight=True)


async def test_one_wish_sent_many_times_is_one_parcel(given):
    order = await given.bought(Goods(quantity=20))
    number, key, by = given.tracking_number(), "one-wish-0001", new_id()

    wish = {"order_id": order.id, "lines": {1: 1}, "carrier": Carrier.SF, "tracking_number": number, "by": by}
    outcomes = await gather(*(shipping.ship(given.db, **wish, idempotency_key=key, now=given.now) for _ in range(20)))

    assert len({outcome.id for outcome in outcomes}) == 1
    assert [line.shipped for line in await given.lines_of_order(order)] == [1]


async def test_a_unit_is_sent_or_given_back_and_never_both(given, market):
    orders = [await given.bought() for _ in range(30)]
    asked = [await given.after_sale(order, {1: 1}) for order in orders]

    def agree(after_sale):
        return deciding.approve(
            given.db, after_sale_id=after_sale.id, by=new_id(), idempotency_key=f"agree-{new_id()}", now=given.now
        )

    async def race(order, after_sale):
        return await gather(*random.sample([given.shipped(order, {1: 1}), agree(after_sale)], 2))

    outcomes = await asyncio.gather(*map(race, orders, asked))

    assert all(sum(isinstance(outcome, Refusal) for outcome in both) == 1 for both in outcomes)
    for order in orders:
        [line] = await given.lines_of_order(order)
        state = (await given.order_again(order.id)).state
        assert (line.shipped, line.unsent, state) in {(1, 0, OrderState.SHIPPED), (0, 1, OrderState.REFUNDED)}
    await assert_clean(market, in_flight=True)


async def test_the_shopper_and_the_clock_receive_at_the_same_instant_once(given, market):
    orders = [await given.bought() for _ in range(30)]
    for order in orders:
        await given.shipped(order)
    at_last = given.now + timedelta(days=15)

    async def race(order):
        both = [given.confirmed(order, now=at_last), receiving.receive_due(given.db, now=at_last, limit=2)]
        outcomes = await gather(*random.sample(both, 2))
        assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]

    await asyncio.gather(*(race(order) for order in orders))
    while await receiving.receive_due(given.db, now=at_last, limit=10):
        pass

    assert await given.order_states() == {OrderState.RECEIVED: 30}
    assert len(await given.recorded(OrderReceived)) == 30
    assert await given.account_balances() == {"gateway": 30 * 1990, "sales": -30 * 1990}
    await assert_clean(market, in_flight=True)


async def test_many_sweeps_receive_each_order_once(given, market):
    for _ in range(20):
        await given.shipped(await given.bought())

    at_last = given.now + timedelta(days=15)
    counts = await gather(*(receiving.receive_due(given.db, now=at_last, limit=3) for _ in range(12)))

    assert sum(counts) == 20
    assert len(await given.recorded(OrderReceived)) == 20
    await assert_clean(market, in_flight=True)


@pytest.mark.parametrize("is_right", [True, False])
async def test_one_pickup_at_many_counters(given, market, is_right):
    order = await given.bought(fulfilment=Fulfilment.PICKUP)
    code = order.pickup_code if is_right else "no code"

    outcomes = await gather(
        *(
            receiving.hand_over(
                given.db, order_id=order.id, code=code, by=new_id(), idempotency_key=f"counter-{n:04}", now=given.now
            )
            for n in range(20)
        )
    )

    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds == (
        {type(order.id): 1, OrderNotReceivable: 19} if is_right else {WrongPickupCode: 5, PickupCodeLocked: 15}
    )
    await assert_clean(market, in_flight=True)


async def test_feeds_while_orders_are_placed_never_free_what_is_held(given, market):
    supplier, _ = await given.supplier()
    skus = await given.supplied(supplier, "A-1", "A-2", units=10)
    new = [given.new_order(*skus, shopper_id=shopper_id) for shopper_id in await given.shoppers(20)]

    outcomes = await gather(
        *(given.place([order]) for order in new),
        *(given.feed(supplier, {"A-2": 5 + n % 3, "A-1": 5 + n % 3}) for n in range(6)),
    )

    assert {type(outcome) for outcome in outcomes} <= {type(None), FeedReport, NotEnoughStock}
    last = await given.feed(supplier, {"A-1": 12, "A-2": 12})
    for sku_id in skus:
        level = await given.stock_of(sku_id)
        assert level.free == max(0, 12 - level.held)
    assert last.rows == 2
    await assert_clean(market, in_flight=True)
