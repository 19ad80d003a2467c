"""Money and goods on their way back, many at once: one wins, and never more than was paid."""

import asyncio
import random
from collections import Counter
from functools import partial

import pytest
from sqlalchemy import func, select

from domain.after_sales import actions, deciding, queries
from domain.after_sales.amounts import Wish
from domain.after_sales.rules import (
    AfterSale,
    AfterSaleMoved,
    AfterSaleState,
    GoodsHaveLeft,
    GoodsMustComeBack,
    Kind,
    Reason,
)
from domain.after_sales.tables import after_sales
from domain.foundation.errors import Refusal
from domain.foundation.ids import new_id
from domain.orders.rules import OrderNotRefundable, OrderNotShippable, OrderState, TooManyUnits
from domain.payments.tables import refunds
from tests.audit import assert_clean
from tests.given.after_sales import Goods

S = AfterSaleState


async def gather(*work):
    return await asyncio.gather(*work, return_exceptions=True)


def request(given, order, units, *, kind=Kind.REFUND, reason=Reason.QUALITY, key=None):
    return actions.request(
        given.db,
        order_id=order.id,
        shopper_id=order.shopper_id,
        wish=Wish(kind, reason, units),
        idempotency_key=key or f"key-{new_id()}",
        now=given.now,
    )


def approve(given, asked, *, key=None, by=None):
    return deciding.approve(
        given.db, after_sale_id=asked.id, by=by or new_id(), idempotency_key=key or f"key-{new_id()}", now=given.now
    )


def withdraw(given, asked):
    return actions.withdraw(
        given.db,
        after_sale_id=asked.id,
        shopper_id=asked.shopper_id,
        idempotency_key=f"key-{new_id()}",
        now=given.now,
    )


async def test_a_unit_is_asked_for_once(given):
    order = await given.bought(Goods(2))

    outcomes = await gather(*(request(given, order, {1: 2}) for _ in range(20)))

    assert Counter(map(type, outcomes)) == {AfterSale: 1, TooManyUnits: 19}
    await assert_clean(given.market, in_flight=True)


async def test_the_same_request_20_times_at_once_is_one_after_sale(given):
    order = await given.bought(Goods(9))

    outcomes = await gather(*(request(given, order, {1: 1}, key="request-1") for _ in range(20)))

    assert len({asked.id for asked in outcomes}) == 1
    assert await given.db.value(select(func.count()).select_from(after_sales)) == 1
    await assert_clean(given.market, in_flight=True)


async def test_decide_against_withdraw_has_one_winner(given):
    order = await given.bought(Goods(30, 100))
    asked = [await given.after_sale(order, {1: 1}) for _ in range(30)]

    rounds = await gather(*(gather(*random.sample([approve(given, one), withdraw(given, one)], 2)) for one in asked))

    for outcomes in rounds:
        assert Counter(map(type, outcomes)) == {AfterSale: 1, AfterSaleMoved: 1}
    states = Counter([(await given.after_sale_again(one)).state for one in asked])
    assert set(states) <= {S.REFUNDING, S.WITHDRAWN}
    assert (await given.order_again(order.id)).refunded.minor == 100 * states[S.REFUNDING]
    await assert_clean(given.market, in_flight=True)


async def test_two_of_the_staff_decide_at_once(given):
    order = await given.bought(Goods(20, 100))
    asked = [await given.after_sale(order, {1: 1}) for _ in range(20)]

    def no(one):
        return deciding.reject(
            given.db, after_sale_id=one.id, by=new_id(), words="不", idempotency_key=f"key-{new_id()}", now=given.now
        )

    rounds = await gather(*(gather(approve(given, one), no(one), approve(given, one)) for one in asked))

    for outcomes in rounds:
        assert Counter(map(type, outcomes)) == {AfterSale: 1, AfterSaleMoved: 2}
    await assert_clean(given.market, in_flight=True)


async def test_the_clock_and_the_staff_approve_once(given):
    order = await given.bought(Goods(20, 100))
    asked = [await given.after_sale(order, {1: 1}) for _ in range(20)]
    act = partial(deciding.act_on_deadline, given.db, now=asked[0].due_at)

    await gather(*(work for one in asked for work in (act(after_sale_id=one.id), approve(given, one))))

    assert {(await given.after_sale_again(one)).state for one in asked} == {S.REFUNDING}
    assert (await given.order_again(order.id)).refunded.minor == 2000
    assert await given.db.value(select(func.count()).select_from(refunds)) == 20
    await assert_clean(given.market, in_flight=True)


async def test_two_sweeps_side_by_side_act_once(given):
    orders = [await given.bought(Goods(1, 100)) for _ in range(12)]
    asked = [await given.after_sale(order) for order in orders]
    now = asked[0].due_at

    async def sweep():
        return [await deciding.act_on_deadline(given.db, after_sale_id=id, now=now) for _, id in due]

    due = await queries.due(given.db, now=now, after=None, limit=100)
    acted = [one for found in await gather(sweep(), sweep(), sweep()) for one in found if one]

    assert len(due) == len(acted) == len({one.id for one in acted}) == 12
    await assert_clean(given.market, in_flight=True)


async def test_a_unit_is_refunded_or_sent_never_both(given):
    orders = [await given.bought(Goods(2, 100)) for _ in range(20)]
    asked = [await given.after_sale(order, {1: 1}, reason=Reason.NOT_WANTED) for order in orders]

    def both(order, one):
        work = [approve(given, one), given.units_leave(order, {1: 2})]
        random.shuffle(work)
        return gather(*work)

    rounds = await gather(*(both(order, one) for order, one in zip(orders, asked, strict=True)))

    for order, outcomes in zip(orders, rounds, strict=True):
        assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1, outcomes
        assert {type(outcome) for outcome in outcomes} & {GoodsHaveLeft, TooManyUnits}
        (line,) = await given.lines_of_order(order)
        assert (line.shipped, line.unsent) in {(2, 0), (0, 1)}
    await assert_clean(given.market, in_flight=True)


async def test_a_whole_order_is_refunded_or_sent_never_both(given):
    orders = [await given.bought() for _ in range(20)]
    asked = [await given.after_sale(order, reason=Reason.NOT_WANTED) for order in orders]

    rounds = await gather(
        *(
            gather(given.units_leave(order, {1: 1}), approve(given, one))
            for order, one in zip(orders, asked, strict=True)
        )
    )

    for order, outcomes in zip(orders, rounds, strict=True):
        state = (await given.order_again(order.id)).state
        refused = GoodsHaveLeft if state is OrderState.SHIPPED else OrderNotShippable
        assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [refused]
    await assert_clean(given.market, in_flight=True)


@pytest.mark.parametrize("seed", range(3))
async def test_thirty_at_once_never_get_more_than_was_paid(given, seed):
    dice = random.Random(seed)
    order = await given.bought(
        Goods(7, 333, discount_minor=17, freight_minor=11), Goods(5, 1999, freight_minor=3), Goods(1, 1)
    )
    await given.units_leave(order, {1: 3, 2: 2})

    async def one_wish():
        units = {position: dice.randint(1, 3) for position in dice.sample([1, 2, 3], dice.randint(1, 2))}
        try:
            asked = await request(given, order, units, reason=dice.choice([Reason.QUALITY, Reason.NOT_WANTED]))
            await dice.choice([approve, approve, withdraw])(given, asked)
        except (TooManyUnits, GoodsMustComeBack, GoodsHaveLeft, OrderNotRefundable) as refusal:
            return refusal
        return asked

    outcomes = await gather(*(one_wish() for _ in range(30)))
    after = await given.order_again(order.id)
    rest = [] if after.state is OrderState.REFUNDED else [await request(given, order, None)]
    for asked in rest:
        await approve(given, asked)
    await given.give_back_at_gateway()

    assert {type(outcome) for outcome in outcomes if not isinstance(outcome, Refusal)} <= {AfterSale}
    assert after.refunded.minor <= order.total.minor
    ended = await given.order_again(order.id)
    assert (ended.state, ended.refunded) == (OrderState.REFUNDED, order.total)
    assert await given.account_balances() == {}
    await assert_clean(given.market, in_flight=True)


@pytest.mark.parametrize("seed", range(6))
async def test_everything_goes_back_in_random_parts_in_random_order(given, seed):
    dice = random.Random(seed)
    goods = [
        Goods(dice.randint(1, 6), dice.randint(0, 5000), freight_minor=dice.randint(0, 99))
        for _ in range(dice.randint(1, 4))
    ]
    order = await given.bought(*goods)
    before = {line.position: line.quantity for line in await given.lines_of_order(order)}
    parts = [position for position, quantity in before.items() for _ in range(quantity)]
    dice.shuffle(parts)

    while parts:
        taken, parts = parts[: (size := dice.randint(1, 4))], parts[size:]
        asked = await given.after_sale(order, Counter(taken), reason=dice.choice([Reason.NOT_WANTED, Reason.QUALITY]))
        await approve(given, asked)
        if dice.random() < 0.5:
            await given.give_back_at_gateway()
    await given.give_back_at_gateway()

    ended = await given.order_again(order.id)
    assert (ended.state, ended.refunded) == (OrderState.REFUNDED, order.total)
    assert await given.account_balances() == {}
    for line in await given.lines_of_order(order):
        level = await given.stock_of(line.sku_id)
        assert (level.free, level.held, level.sold) == (line.quantity, 0, 0)
    assert {one.state for one in (await queries.by_order_ids(given.db, [order.id]))[order.id]} == {S.REFUNDED}
    await assert_clean(given.market, in_flight=True)
