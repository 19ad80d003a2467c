"""What becomes of an order, its money and its goods when some of its units go back."""

from dataclasses import asdict
from itertools import pairwise

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from domain.after_sales import store as after_sales_store
from domain.after_sales.tables import after_sale_lines, after_sales
from domain.foundation.ids import new_id
from domain.orders import refunding, store
from domain.orders.events import OrderGivenBack
from domain.orders.rules import (
    RECEIVED_AFTER_SHIPPED,
    Fulfilment,
    LineRefund,
    OrderNotRefundable,
    OrderNotShippable,
    OrderState,
    Receiver,
    TooManyUnits,
)
from domain.stock.rules import Level
from tests.audit import assert_clean
from tests.given.after_sales import Goods


@pytest.fixture
def give_back(given):
    """Give units of an order back, with the after-sale that stands behind it; the refund's id."""

    async def give_back(order, *refunds, cause_id=None):
        cause_id = cause_id or new_id()
        async with given.db.transaction() as tx:
            locked = await store.lock(tx, order.id)
            refund_id = await refunding.give_back(tx, locked, refunds, reason="test", cause_id=cause_id, now=given.now)
            await write_after_sale(tx, locked, refunds, after_sale_id=cause_id, refund_id=refund_id, now=given.now)
        return refund_id

    return give_back


async def write_after_sale(tx, order, refunds, *, after_sale_id, refund_id, now):
    amount = sum(refund.goods_minor + refund.freight_minor for refund in refunds)
    await tx.execute(
        insert(after_sales).values(
            id=after_sale_id,
            order_id=order.id,
            shopper_id=order.shopper_id,
            kind="refund",
            state="refunding" if refund_id else "refunded",
            reason="quality",
            asked_minor=amount,
            agreed_minor=amount,
            currency="CNY",
            requested_at=now,
            refund_id=refund_id,
        )
    )
    rows = [asdict(one) | {"restocked": one.unsent, "freight_kept_minor": 0} for one in refunds]
    await tx.execute(
        insert(after_sale_lines), [{**row, "after_sale_id": after_sale_id, "order_id": order.id} for row in rows]
    )


@pytest.fixture
def take_goods_back(given):
    """Put sent units of an order, whose money went back for this cause, into stock again."""

    async def take_goods_back(order, units, *, cause_id):
        async with given.db.transaction() as tx:
            locked = await store.lock(tx, order.id)
            await refunding.take_goods_back(tx, locked, units, cause_id=cause_id, now=given.now)
            await after_sales_store.add_restocked(tx, cause_id, units)

    return take_goods_back


def unsent(position, quantity, goods_minor, freight_minor=0):
    return LineRefund(position, quantity, quantity, goods_minor, freight_minor)


def sent(position, quantity, goods_minor, freight_minor=0):
    return LineRefund(position, quantity, 0, goods_minor, freight_minor)


async def state_of(given, order):
    return (await given.order_again(order.id)).state


async def test_a_part_that_never_left(given, give_back):
    order = await given.bought(Goods(3, 1000, freight_minor=30), Goods(1, 500))
    sku_id = (await given.lines_of_order(order))[0].sku_id

    refund_id = await give_back(order, unsent(1, 2, 2000, 20))

    line, _ = await given.lines_of_order(order)
    assert (line.refunded, line.unsent, line.restocked, line.to_ship) == (2, 2, 2, 1)
    assert (line.refunded_goods_minor, line.refunded_freight_minor) == (2000, 20)
    assert (await given.order_again(order.id)).refunded.minor == 2020
    assert await state_of(given, order) is OrderState.PAID
    assert await given.stock_of(sku_id) == Level(sku_id, free=2, held=0, sold=1)
    assert await given.account_balances() == {"gateway": 3530, "prepaid": -1510, "refunds": -2020}
    assert refund_id is not None
    await assert_clean(given.market, in_flight=True)


async def test_what_was_given_back_is_not_sent_any_more(given, give_back):
    order = await given.bought(Goods(3, 1000))
    await give_back(order, unsent(1, 2, 2000))

    with pytest.raises(TooManyUnits) as refused:
        await given.units_leave(order, {1: 2})
    await given.units_leave(order, {1: 1})

    assert refused.value.left == 1
    assert await state_of(given, order) is OrderState.SHIPPED
    await assert_clean(given.market, in_flight=True)


async def test_an_order_whose_rest_goes_back_is_shipped_and_can_be_received(given, give_back):
    order = await given.bought(Goods(2, 1000, freight_minor=20), Goods(1, 500))
    await given.units_leave(order, {1: 2})

    await give_back(order, unsent(2, 1, 500))
    shipped = await given.order_again(order.id)
    await given.units_arrive(order, by=Receiver.TIME)

    assert (shipped.state, shipped.shipped_at) == (OrderState.SHIPPED, given.now)
    assert shipped.receive_by == given.now + RECEIVED_AFTER_SHIPPED
    balances = await given.account_balances()
    assert (balances["sales"], balances["freight"], "prepaid" in balances) == (-2000, -20, False)
    await assert_clean(given.market, in_flight=True)


async def test_sent_units_refunded_do_not_make_the_rest_sent(given, give_back):
    order = await given.bought(Goods(3, 1000))
    await given.units_leave(order, {1: 1})

    await give_back(order, sent(1, 1, 1000))
    before = await state_of(given, order)
    await given.units_leave(order, {1: 2})

    assert before is OrderState.PAID
    assert await state_of(given, order) is OrderState.SHIPPED
    await assert_clean(given.market, in_flight=True)


async def test_the_last_unit_sent_or_not_ends_the_order(given, give_back):
    order = await given.bought(Goods(2, 1000))
    await given.units_leave(order, {1: 1})

    await give_back(order, sent(1, 1, 1000))
    await give_back(order, unsent(1, 1, 1000))

    assert await state_of(given, order) is OrderState.REFUNDED
    assert [event.is_whole for event in await given.recorded(OrderGivenBack)] == [False, True]
    assert await given.account_balances() == {"gateway": 2000, "refunds": -2000}
    with pytest.raises(OrderNotRefundable):
        await give_back(order, unsent(1, 1, 1000))
    with pytest.raises(OrderNotShippable):
        await given.units_leave(order, {1: 1})
    await assert_clean(given.market, in_flight=True)


@pytest.mark.parametrize("leaves", [False, True])
async def test_money_that_stays_when_every_unit_goes_back_is_earned(given, give_back, leaves):
    order = await given.bought(Goods(2, 1000, freight_minor=60))
    if leaves:
        await given.all_units_leave(order)

    await give_back(order, (sent if leaves else unsent)(1, 2, 1900))

    assert await state_of(given, order) is OrderState.REFUNDED
    balances = await given.account_balances()
    assert balances == {"gateway": 2060, "refunds": -1900, "sales": -100, "freight": -60}
    await assert_clean(given.market, in_flight=True)


async def test_what_was_earned_when_it_was_received_is_not_earned_again(given, give_back):
    order = await given.bought_and_received(Goods(2, 1000, freight_minor=60))

    await give_back(order, sent(1, 2, 1900))

    balances = await given.account_balances()
    assert balances == {"gateway": 2060, "refunds": -1900, "sales": -2000, "freight": -60, "returns": 1900}
    assert await state_of(given, order) is OrderState.REFUNDED
    await assert_clean(given.market, in_flight=True)


async def test_a_gift_keeps_the_order_alive_until_it_goes_back_too(given, give_back):
    order = await given.bought(Goods(1, 1000), Goods(1, 0))

    refund_id = await give_back(order, unsent(1, 1, 1000))
    before = await state_of(given, order)
    nothing = await give_back(order, unsent(2, 1, 0))

    assert (refund_id is None, nothing) == (False, None)
    assert (before, await state_of(given, order)) == (OrderState.PAID, OrderState.REFUNDED)
    await assert_clean(given.market, in_flight=True)


async def test_what_is_left_to_fetch_is_handed_over(given, give_back):
    order = await given.bought(Goods(2, 1000), Goods(1, 500), fulfilment=Fulfilment.PICKUP)

    await give_back(order, unsent(2, 1, 500))
    before = await state_of(given, order)
    await given.units_arrive(order, by=Receiver.STORE)

    assert before is OrderState.PAID
    assert await state_of(given, order) is OrderState.RECEIVED
    assert [line.shipped for line in await given.lines_of_order(order)] == [2, 0]
    assert (await given.account_balances())["sales"] == -2000
    await assert_clean(given.market, in_flight=True)


async def test_an_order_that_nobody_has_said_where_to_bring(given, give_back):
    order = await given.bought(Goods(2, 1000), fulfilment=None)

    await give_back(order, unsent(1, 1, 1000))
    before = await state_of(given, order)
    await give_back(order, unsent(1, 1, 1000))

    assert (before, await state_of(given, order)) == (OrderState.PAID, OrderState.REFUNDED)
    await assert_clean(given.market, in_flight=True)


async def test_a_supplier_is_owed_for_what_stays_with_the_shopper(given, give_back, take_goods_back):
    supplier_id = await given.some_supplier()
    order = await given.bought(Goods(4, 1000, supplier_id=supplier_id, cost_minor=600))
    sku_id = (await given.lines_of_order(order))[0].sku_id
    await given.units_leave(order, {1: 3})

    await give_back(order, unsent(1, 1, 1000))
    owed = [(await given.account_balances())["suppliers"]]
    await give_back(order, sent(1, 2, 2000), cause_id=(cause_id := new_id()))
    owed.append((await given.account_balances())["suppliers"])
    await take_goods_back(order, {1: 1}, cause_id=cause_id)
    owed.append((await given.account_balances())["suppliers"])

    assert owed == [-1800, -1800, -1200]
    assert (await given.account_balances())["supplied"] == 1200
    assert await given.stock_of(sku_id) == Level(sku_id, free=2, held=0, sold=2)
    await assert_clean(given.market, in_flight=True)


@pytest.mark.parametrize(
    "refund",
    [
        unsent(1, 4, 3000),
        LineRefund(1, 1, 2, 1000, 0),
        unsent(1, 1, 3001),
        unsent(1, 1, 1000, 31),
        LineRefund(1, 2, 2, 1000, 0),
    ],
)
async def test_more_than_was_bought_paid_or_is_here_is_refused_by_the_database(given, give_back, refund):
    order = await given.bought(Goods(3, 1000, freight_minor=30))
    await given.units_leave(order, {1: 2})
    before = await given.lines_of_order(order), await given.order_again(order.id), await given.account_balances()

    with pytest.raises(IntegrityError):
        await give_back(order, refund)

    assert (await given.lines_of_order(order), await given.order_again(order.id)) == before[:2]
    assert await given.account_balances() == before[2]
    await assert_clean(given.market, in_flight=True)


async def test_a_cause_gives_back_and_takes_back_once(given, give_back, take_goods_back):
    supplier_id, cause_id = await given.some_supplier(), new_id()
    order = await given.bought(Goods(4, 1000, supplier_id=supplier_id, cost_minor=600))
    await given.all_units_leave(order)
    await give_back(order, sent(1, 2, 2000), cause_id=cause_id)
    await take_goods_back(order, {1: 1}, cause_id=cause_id)

    with pytest.raises(IntegrityError):
        await give_back(order, sent(1, 1, 1000), cause_id=cause_id)
    with pytest.raises(IntegrityError):
        await take_goods_back(order, {1: 1}, cause_id=cause_id)
    with pytest.raises(IntegrityError):
        await take_goods_back(order, {1: 2}, cause_id=new_id())

    (line,) = await given.lines_of_order(order)
    assert (line.refunded, line.restocked) == (2, 1)
    await assert_clean(given.market, in_flight=True)


async def test_goods_go_back_line_by_line_in_any_order_and_the_books_end_even(given, give_back):
    order = await given.bought(*(Goods(n, 700, discount_minor=n, freight_minor=n) for n in (1, 2, 3)))
    states = []

    for position in (2, 3, 1):
        await give_back(order, unsent(position, position, position * 699, position))
        states.append(await state_of(given, order))
    await given.give_back_at_gateway()

    assert states == [OrderState.PAID, OrderState.PAID, OrderState.REFUNDED]
    assert await given.account_balances() == {}
    moments = [event.agreed_at for event in await given.recorded(OrderGivenBack)]
    assert all(first <= then for first, then in pairwise(moments))
    await assert_clean(given.market, in_flight=True)
