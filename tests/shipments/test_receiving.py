"""Goods in the shopper's hands: by their word, by the clock's, or over the counter; and money that is earned by it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.ledger import store as ledger
from domain.orders import postings
from domain.orders import store as orders_store
from domain.orders.events import OrderReceived
from domain.orders.rules import Fulfilment, NotYourOwnOrder, OrderNotReceivable, OrderState, Receiver
from domain.shipments import receiving
from domain.shipments.rules import PickupCodeLocked, ReceiptNotExtendable, WrongPickupCode
from domain.trail.tables import deeds
from tests.audit import assert_clean
from tests.given.after_sales import Goods

DAYS_15 = timedelta(days=15)


def hand_over(given, order, code, *, key="", by=None, now=None):
    return receiving.hand_over(
        given.db,
        order_id=order.id,
        code=code,
        by=by or new_id(),
        idempotency_key=key or f"counter-{new_id()}",
        now=now or given.now,
    )


def extend(given, order, *, now=None, key="", shopper_id=None):
    return receiving.extend(
        given.db,
        order_id=order.id,
        shopper_id=shopper_id or order.shopper_id,
        idempotency_key=key or f"extend-{new_id()}",
        now=now or given.now,
    )


async def test_the_shoppers_word_earns_the_money_once(given, market):
    order = await given.bought()
    await given.shipped(order)

    for _ in range(2):
        await given.confirmed(order)

    received = await given.order_again(order.id)
    assert (received.state, received.received_by) == (OrderState.RECEIVED, Receiver.SHOPPER)
    assert await given.account_balances() == {"gateway": 1990, "sales": -1990}
    assert len(await given.recorded(OrderReceived)) == 1
    await assert_clean(market, in_flight=True)


async def test_nobody_receives_what_is_not_sent_or_not_their_own(given):
    order = await given.bought(Goods(quantity=2))
    await given.shipped(order, {1: 1})

    with pytest.raises(OrderNotReceivable):
        await given.confirmed(order)
    with pytest.raises(NotFound):
        await receiving.confirm(
            given.db, order_id=order.id, shopper_id=new_id(), idempotency_key="not-mine-1", now=given.now
        )


async def test_the_clock_receives_at_the_moment_and_not_before(given, db, market):
    orders = [await given.bought() for _ in range(3)]
    for order in orders:
        await given.shipped(order)

    assert await receiving.receive_due(db, now=given.now + DAYS_15 - timedelta(seconds=1), limit=10) == 0
    assert await receiving.receive_due(db, now=given.now + DAYS_15, limit=2) == 3
    assert await receiving.receive_due(db, now=given.now + DAYS_15, limit=2) == 0

    again = [await given.order_again(order.id) for order in orders]
    assert {(order.state, order.received_by) for order in again} == {(OrderState.RECEIVED, Receiver.TIME)}
    await assert_clean(market, in_flight=True)


async def test_an_order_that_cannot_be_received_stops_the_clock_for_nobody(given, db):
    *broken, sound = [await given.bought() for _ in range(4)]
    for order in (*broken, sound):
        await given.shipped(order)
    async with db.transaction() as tx:  # somebody has written into the books
        for order in broken:
            earned = postings.received(order, await orders_store.lines_of(tx, order.id), given.now)
            await ledger.post(tx, earned, now=given.now)

    received = [await receiving.receive_due(db, now=given.now + DAYS_15, limit=2) for _ in range(2)]

    assert received == [1, 0]
    states = [(await given.order_again(order.id)).state for order in (*broken, sound)]
    assert states == [OrderState.SHIPPED] * 3 + [OrderState.RECEIVED]


async def test_a_shopper_has_seven_more_days_once(given, db):
    order = await given.bought()
    await given.shipped(order)

    for _ in range(2):
        await extend(given, order, key="more-time-1")

    assert (await given.order_again(order.id)).receive_by == given.now + timedelta(days=22)
    with pytest.raises(ReceiptNotExtendable) as refused:
        await extend(given, order)
    assert refused.value.is_extended
    assert await receiving.receive_due(db, now=given.now + DAYS_15, limit=10) == 0


async def test_there_is_no_more_time_before_and_after_and_for_others(given):
    order = await given.bought()
    with pytest.raises(ReceiptNotExtendable):
        await extend(given, order)
    await given.shipped(order)

    with pytest.raises(ReceiptNotExtendable):
        await extend(given, order, now=given.now + DAYS_15)
    with pytest.raises(NotFound):
        await extend(given, order, shopper_id=new_id())


async def test_whoever_knows_the_code_gets_the_goods(given, db, market):
    order = await given.bought(Goods(quantity=2), fulfilment=Fulfilment.PICKUP)
    by = new_id()

    for _ in range(2):
        await hand_over(given, order, f" {order.pickup_code} ", key="counter-01", by=by)

    received = await given.order_again(order.id)
    assert (received.state, received.received_by) == (OrderState.RECEIVED, Receiver.STORE)
    assert [line.shipped for line in await given.lines_of_order(order)] == [2]
    assert await db.column(select(deeds.c.deed)) == ["hand_over_pickup"]
    await assert_clean(market, in_flight=True)


async def test_staff_hand_over_nothing_to_themselves(given, db):
    order = await given.bought(fulfilment=Fulfilment.PICKUP)

    with pytest.raises(NotYourOwnOrder):
        await hand_over(given, order, order.pickup_code, by=order.shopper_id)

    assert (await given.order_again(order.id)).state is OrderState.PAID
    assert await db.column(select(deeds.c.deed)) == []


async def test_wrong_codes_are_counted_and_then_not_looked_at(given, db, market):
    order = await given.bought(fulfilment=Fulfilment.PICKUP)
    wrong = f"{(int(order.pickup_code) + 1) % 10**8:08d}"

    left = []
    for _ in range(5):
        with pytest.raises(WrongPickupCode) as refused:
            await hand_over(given, order, wrong)
        left.append(refused.value.tries_left)
    with pytest.raises(PickupCodeLocked) as locked:
        await hand_over(given, order, order.pickup_code)

    assert left == [4, 3, 2, 1, 0]
    assert locked.value.until == given.now + timedelta(minutes=15)
    assert (await given.order_again(order.id)).state is OrderState.PAID
    assert await db.column(select(deeds.c.deed)) == ["try_pickup_code"] * 5

    await hand_over(given, order, order.pickup_code, now=given.now + timedelta(minutes=15))
    assert (await given.order_again(order.id)).state is OrderState.RECEIVED
    await assert_clean(market, in_flight=True)


async def test_a_wrong_code_sent_again_is_one_try(given):
    order = await given.bought(fulfilment=Fulfilment.PICKUP)
    by = new_id()

    for _ in range(3):
        with pytest.raises(WrongPickupCode) as refused:
            await hand_over(given, order, "nothing", key="counter-01", by=by)

    assert refused.value.tries_left == 4
    with pytest.raises(IdempotencyConflict):
        await hand_over(given, order, order.pickup_code, key="counter-01", by=by)


async def test_a_delivery_is_not_handed_over(given):
    order = await given.bought()

    with pytest.raises(OrderNotReceivable):
        await hand_over(given, order, "")
