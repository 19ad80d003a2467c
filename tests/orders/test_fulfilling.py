"""Paid goods on their way to the shopper: what may leave, what that is owed, and when money is earned."""

from datetime import timedelta

import pytest

from domain.foundation.errors import BadInput
from domain.orders import fulfilling, rules, store
from domain.orders.events import OrderReceived, OrderShipped
from domain.orders.rules import Fulfilment, OrderState, Receiver
from tests.audit import assert_clean
from tests.given.after_sales import Goods


async def test_units_leave_parcel_by_parcel_until_nothing_is_left(given, market):
    order = await given.bought(Goods(quantity=3), Goods())
    await given.units_leave(order, {1: 2})
    assert (await given.order_again(order.id)).state is OrderState.PAID

    await given.units_leave(order, {1: 1, 2: 1})

    sent = await given.order_again(order.id)
    assert (sent.state, sent.receive_by) == (OrderState.SHIPPED, given.now + timedelta(days=15))
    assert [event.is_complete for event in await given.recorded(OrderShipped)] == [False, True]
    await assert_clean(market, in_flight=True)


@pytest.mark.parametrize(
    ("units", "refused"),
    [({1: 4}, rules.TooManyUnits), ({2: 1}, rules.TooManyUnits), ({1: 0}, BadInput), ({1: -1}, BadInput)],
)
async def test_no_more_units_leave_than_there_are_to_send(given, db, units, refused):
    order = await given.bought(Goods(quantity=3))

    with pytest.raises(refused):
        await given.units_leave(order, units)

    assert [line.shipped for line in await given.lines_of_order(order)] == [0]


async def test_what_is_not_paid_or_goes_nowhere_is_not_sent(given, db):
    unpaid = await given.ordered()
    pickup = await given.bought(fulfilment=Fulfilment.PICKUP)

    for order in (unpaid, pickup):
        with pytest.raises(rules.OrderNotShippable):
            await given.units_leave(order, {1: 1})


async def test_goods_that_are_received_are_earned_once(given, db, market):
    order = await given.bought(Goods(quantity=2, freight_minor=600))
    await given.all_units_leave(order)

    await given.units_arrive(order)
    with pytest.raises(rules.OrderNotReceivable):
        await given.units_arrive(order, by=Receiver.TIME)

    assert await given.account_balances() == {"gateway": 4580, "sales": -3980, "freight": -600}
    assert len(await given.recorded(OrderReceived)) == 1
    await assert_clean(market, in_flight=True)


async def test_a_supplier_is_owed_for_what_a_store_hands_over_and_not_for_what_comes_back(given, db, market):
    supplier_id = await given.some_supplier()
    order = await given.bought(Goods(quantity=2, supplier_id=supplier_id, cost_minor=800), fulfilment=Fulfilment.PICKUP)

    await given.units_arrive(order, by=Receiver.STORE)

    balances = await given.account_balances()
    assert (balances["suppliers"], balances["supplied"]) == (-1600, 1600)
    assert [line.shipped for line in await given.lines_of_order(order)] == [2]
    await assert_clean(market, in_flight=True)


async def test_the_clock_moves_for_goods_on_their_way_only(given, db):
    order = await given.bought()

    async with db.transaction() as tx:
        with pytest.raises(rules.OrderNotReceivable):
            await fulfilling.move_receipt(tx, await store.lock(tx, order.id), given.now)

    await given.all_units_leave(order)
    async with db.transaction() as tx:
        await fulfilling.move_receipt(tx, await store.lock(tx, order.id), given.now + timedelta(days=3))
    assert (await given.order_again(order.id)).receive_by == given.now + timedelta(days=3)
