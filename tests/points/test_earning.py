"""Earning points: on receipt, for what was paid for goods, once; and what a refund takes back."""

import asyncio

import pytest

from domain.after_sales.rules import AfterSaleState
from domain.benefits.rules import BenefitKind
from domain.foundation.ids import new_id
from domain.orders.events import OrderGivenBack, OrderReceived
from domain.points import actions, store
from domain.points.rules import Cause, MoveKind
from tests.audit import assert_clean
from tests.given.after_sales import Goods
from workers import points as worker

LAMP = Goods(quantity=3, price_minor=3350, discount_minor=50, freight_minor=600)  # ¥100.00 of goods


async def received(given, *goods):
    return await given.bought_and_received(*goods or (LAMP,))


async def given_back(given, order, units=None, **options):
    return await given.after_sale(await given.order_again(order.id), units, state=AfterSaleState.REFUNDED, **options)


async def moves(given, account_id):
    return [(move.kind, move.points, move.balance, move.owed) for move in await given.point_moves(account_id)]


async def test_goods_earn_when_they_are_received_and_freight_and_discounts_do_not(given, listener):
    order = await given.bought(LAMP)
    await given.all_units_leave(order)
    await listener.hear()
    assert await given.has_and_owes(order.shopper_id) == (0, 0)

    await given.units_arrive(order)
    await listener.hear()

    (move,) = await given.point_moves(order.shopper_id)
    assert (move.kind, move.cause, move.cause_id, move.order_id, move.points) == (
        MoveKind.GIVEN, Cause.ORDER, order.id, order.id, 100,
    )  # fmt: skip
    assert await given.has_and_owes(order.shopper_id) == (100, 0)
    await assert_clean(given.market)


async def test_the_rules_say_how_many_and_privileges_multiply_them(given, listener):
    await given.point_rules(earned_per_yuan=3)
    order = await given.bought(LAMP)
    await given.holding(order.shopper_id, given.benefit(BenefitKind.POINTS_MULTIPLIER, percent=150))
    await given.all_units_leave(order)
    await given.units_arrive(order)

    await listener.hear()

    assert await given.has_and_owes(order.shopper_id) == (450, 0)
    await given_back(given, order, {1: 1})
    await listener.hear()
    assert await given.has_and_owes(order.shopper_id) == (300, 0)
    await assert_clean(given.market)


async def test_what_was_paid_with_points_earns_none(given, listener):
    await given.point_rules()
    me = await given.shopper_with_points(4000)
    wish = await given.delivery_wish({await given.sku(price_minor=6000): 1}, me, points=4000)
    order = await given.placed(wish, source=given.point_offers)
    await given.money_for(order)
    await listener.hear()
    await given.all_units_leave(order)
    await given.units_arrive(order)

    await listener.hear()

    assert await given.has_and_owes(me) == (20, 0)
    await assert_clean(given.market)


async def test_what_was_given_back_before_earns_less(given, listener):
    order = await given.bought(LAMP)
    await given_back(given, order, {1: 1})
    await given.all_units_leave(order)
    await given.units_arrive(order)

    await listener.hear()

    assert await moves(given, order.shopper_id) == [("given", 66, 66, 0)]
    await assert_clean(given.market)


async def test_what_is_given_back_afterwards_takes_its_points_along(given, listener):
    order = await received(given)
    await listener.hear()

    for _ in range(3):
        await given_back(given, order, {1: 1})
        await listener.hear()

    assert await moves(given, order.shopper_id) == [
        ("given", 100, 100, 0),
        ("taken_back", 34, 66, 0),
        ("taken_back", 33, 33, 0),
        ("taken_back", 33, 0, 0),
    ]
    await assert_clean(given.market)


async def test_what_was_spent_already_is_owed_and_the_next_order_pays(given, listener):
    order = await received(given)
    await listener.hear()
    await given.points_taken(order.shopper_id, 90)  # as good as spent

    await given_back(given, order)
    await listener.hear()
    assert await given.has_and_owes(order.shopper_id) == (0, 90)
    await assert_clean(given.market)
    await given.points(order.shopper_id, 100)

    assert await given.has_and_owes(order.shopper_id) == (10, 0)
    assert [left for _, left in await given.point_lots(order.shopper_id)] == [10]
    await assert_clean(given.market)


async def test_what_nobody_used_in_time_is_not_taken_back(given, listener):
    await given.point_rules(months=1)
    order = await received(given)
    await listener.hear()
    ((expires_at, _),) = await given.point_lots(order.shopper_id)
    await actions.expire_due(given.db, now=expires_at, limit=10)

    listener.now = expires_at
    await given_back(given, order)
    await listener.hear()

    assert await moves(given, order.shopper_id) == [("given", 100, 100, 0), ("expired", 100, 0, 0)]
    await assert_clean(given.market)


async def test_news_that_come_twice_late_and_in_disorder_change_nothing(given, listener):
    order = await received(given)
    await given_back(given, order, {1: 1})
    (got,) = await given.recorded(OrderReceived)
    (back,) = await given.recorded(OrderGivenBack)
    context = listener._relay._context

    await worker.give_back(context, back)  # nothing was earned yet
    await asyncio.gather(
        *(worker.earn(context, got) for _ in range(3)), *(worker.give_back(context, back) for _ in range(3))
    )
    await listener.hear()
    await given.point_rules(earned_per_yuan=9)
    await worker.earn(context, got)

    assert await given.has_and_owes(order.shopper_id) == (66, 0)
    assert sum(points for kind, points, *_ in await moves(given, order.shopper_id) if kind == "given") in (66, 100)
    await assert_clean(given.market)


async def test_an_order_that_earned_nothing_earns_nothing_later(given, listener):
    await given.point_rules(earned_per_yuan=0)
    order = await received(given)
    await listener.hear()

    await given.point_rules()
    await actions.earn(given.db, order_id=order.id, points_percent=100, now=given.now)

    assert await given.point_moves(order.shopper_id) == []
    await assert_clean(given.market)


async def test_an_order_that_was_not_received_earns_nothing(given):
    order = await given.bought(LAMP)

    await actions.earn(given.db, order_id=order.id, points_percent=100, now=given.now)

    assert await given.point_moves(order.shopper_id) == []


@pytest.mark.parametrize("kind", ["give", "take_back"])
async def test_a_cause_moves_points_once_whoever_asks_at_once(given, kind):
    me, cause_id = await given.shopper(), new_id()

    async def move():
        async with given.db.transaction() as tx:
            return await getattr(store, kind)(
                tx, account_id=me, points=50, cause=Cause.STAFF, cause_id=cause_id, now=given.now
            )

    assert sorted(await asyncio.gather(*(move() for _ in range(10)))) == [False] * 9 + [True]
    assert await given.has_and_owes(me) == ((50, 0) if kind == "give" else (0, 50))
    await assert_clean(given.market)
