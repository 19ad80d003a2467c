"""Many orders of one SKU paid at once: in one transaction, and each exactly once."""

import asyncio
import random
from datetime import timedelta

import pytest
from sqlalchemy import delete

from domain.orders import actions, paying_together
from domain.orders.events import OrderPaid
from domain.orders.rules import OrderState
from domain.payments.events import PaymentCaptured
from domain.stock.rules import Level
from domain.stock.tables import holds
from tests.audit import assert_clean
from tests.statements import count_statements


async def paid_orders(given, count, *, sku_id):
    """Placed orders whose money has come, and the events that tell of it."""
    orders = [await given.order(sku_id) for _ in range(count)]
    for order in orders:
        await given.money_for(order)
    return orders, await given.recorded(PaymentCaptured)


async def test_many_orders_are_sold_by_as_many_statements_as_one(given, market):
    sku_id = await given.stocked_sku(10)
    orders, captured = await paid_orders(given, 10, sku_id=sku_id)

    with count_statements(given.db) as statements:
        sold = await paying_together.take_payments(given.db, captured, now=given.now)
    again = await paying_together.take_payments(given.db, captured, now=given.now)
    await given.hear_payments()

    assert (sold, again) == (10, 0)
    assert len(statements) == 8, statements
    assert await given.order_states() == {OrderState.PAID: 10}
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=0, sold=10)
    assert await given.recorded(OrderPaid) == [OrderPaid(order.id, None, None, paid_at=given.now) for order in orders]
    await assert_clean(market, in_flight=True)


async def test_whatever_is_not_a_plain_payment_is_left_alone(given, market):
    sku_id = await given.stocked_sku(3)
    orders, captured = await paid_orders(given, 3, sku_id=sku_id)
    await actions.lapse_due(given.db, now=orders[0].pay_by, limit=1)

    sold = await paying_together.take_payments(given.db, captured, now=orders[0].pay_by)

    assert sold == 2
    assert await given.order_states() == {OrderState.PAID: 2, OrderState.LAPSED: 1}
    await given.hear_payments(now=orders[0].pay_by)
    assert await given.order_states() == {OrderState.PAID: 3}
    await assert_clean(market, in_flight=True)


async def test_together_and_one_by_one_at_once_sell_each_order_once(given, market):
    sku_id = await given.stocked_sku(40)
    orders, captured = await paid_orders(given, 40, sku_id=sku_id)
    chance = random.Random(7)
    late = orders[0].pay_by + timedelta(seconds=1)

    await asyncio.gather(
        given.hear_payments(),
        *(paying_together.take_payments(given.db, chance.sample(captured, 20), now=given.now) for _ in range(6)),
        actions.lapse_due(given.db, now=late, limit=5),
    )
    await given.hear_payments(now=late)

    assert await given.order_states() == {OrderState.PAID: 40}
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=0, sold=40)
    assert len(await given.recorded(OrderPaid)) == 40
    await assert_clean(market, in_flight=True)


async def test_together_none_is_sold_when_one_of_them_holds_nothing(given):
    """A fault of ours, and never papered over by its neighbours: each is then heard by itself."""
    sku_id = await given.stocked_sku(3)
    orders, captured = await paid_orders(given, 3, sku_id=sku_id)
    async with given.db.transaction() as tx:
        await tx.execute(delete(holds).where(holds.c.order_id == orders[1].id))

    with pytest.raises(AssertionError, match="of 3 orders 1 held nothing"):
        await paying_together.take_payments(given.db, captured, now=given.now)

    assert await given.order_states() == {OrderState.PLACED: 3}
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=3, sold=0)
    assert await given.recorded(OrderPaid) == []
