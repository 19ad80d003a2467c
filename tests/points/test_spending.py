"""Spending points: what is quoted is charged, no point is spent twice, and an order that ends gives its points back."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from api.offers import OFFERS
from domain.after_sales.rules import AfterSaleState
from domain.foundation.ids import new_id
from domain.orders import actions as orders
from domain.orders import queries as order_queries
from domain.orders.rules import LateOutcome, Order, OrderState
from domain.points import actions
from domain.points.rules import Cause, MoveKind, NotEnoughPoints, expiry_after_return
from domain.pricing.rules import Rule, Step
from tests.audit import assert_clean
from tests.statements import count_statements

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
async def any_basket_may_be_paid_with_points(given):
    await given.point_rules()


async def shopper_with(given, points, *, quantity=1, price_minor=6000, wanted=None):
    """A shopper with points, and a wish to spend them, or so many as are wanted, on goods of ¥60."""
    shopper_id = await given.shopper_with_points(points)
    sku_id = await given.sku(price_minor=price_minor)
    return await given.delivery_wish({sku_id: quantity}, shopper_id, points=points if wanted is None else wanted)


async def placed(given, wish, **more):
    return await given.placed(wish, source=given.point_offers, **more)


async def lapse(given, listener):
    await orders.lapse_due(given.db, now=given.now + HOUR, limit=10)
    await listener.hear()


async def test_what_is_quoted_with_points_is_charged_and_says_why(given):
    tea, wine = await given.sku(price_minor=2000), await given.sku(price_minor=4000)
    me = await given.shopper_with_points(1000)
    wish = await given.delivery_wish({tea: 1, wine: 1}, me, points=1000)

    quote = await given.quote(wish, source=given.point_offers)
    order = await placed(given, wish, expected=quote.total_minor)

    assert (quote.points, quote.discount_minor, quote.total_minor, quote.problems) == (1000, 1000, 5000, ())
    assert (order.goods.minor, order.discount.minor, order.total.minor) == (6000, 1000, 5000)
    steps = [
        Step.read(line.explanation[-1])
        for line in (await order_queries.lines_by_order_ids(given.db, [order.id]))[order.id]
    ]
    assert [(step.rule, step.minor, step.facts) for step in steps] == [
        (Rule.POINTS, -333, {"points": 333}),
        (Rule.POINTS, -667, {"points": 667}),
    ]
    assert await given.has_and_owes(me) == (0, 0)
    spent = (await given.point_moves(me))[-1]
    assert (spent.kind, spent.cause, spent.order_id, spent.points, spent.balance) == (
        MoveKind.SPENT, Cause.ORDER, order.id, 1000, 0,
    )  # fmt: skip
    assert await given.account_balances() == {"points_given": 1000, "points_spent": -1000}
    await assert_clean(given.market)


@pytest.mark.parametrize(
    ("terms", "wanted", "points", "discount"),
    [
        ({}, 250, 250, 250),
        ({}, 99_999, 800, 800),
        ({"spent_per_yuan": 7}, 800, 420, 6000),
        ({"spent_per_yuan": 1000}, 805, 800, 80),
        ({"most_percent": 10}, 800, 600, 600),
        ({"most_percent": 0}, 800, 0, 0),
    ],
)
async def test_as_many_are_taken_as_there_are_and_the_rules_allow(given, terms, wanted, points, discount):
    await given.point_rules(**terms)
    wish = await shopper_with(given, 800, wanted=wanted)

    quote = await given.quote(wish, source=given.point_offers)
    order = await placed(given, wish, expected=quote.total_minor)

    assert (quote.points, order.discount.minor) == (points, discount)
    assert await given.has_and_owes(wish.shopper_id) == (800 - points, 0)


async def test_what_expires_first_is_spent_first(given):
    wish = await shopper_with(given, 500, wanted=700)
    await given.points(wish.shopper_id, 400, given_at=given.now - 30 * DAY)

    await placed(given, wish)

    (left,) = await given.point_lots(wish.shopper_id)
    assert left == ((await given.point_balance(wish.shopper_id)).expiring_at, 200)
    assert left[0] > given.now + 365 * DAY


async def test_twenty_orders_at_once_spend_what_is_there_once(given):
    wish = await shopper_with(given, 1000)

    outcomes = await asyncio.gather(*(placed(given, wish, expected=5000) for _ in range(20)), return_exceptions=True)

    kinds = Counter(map(type, outcomes))
    assert kinds.pop(Order) == 1
    # whoever asked after the points had gone was quoted another price
    assert {kind.__name__ for kind in kinds} <= {"NotEnoughPoints", "PriceChanged"}
    assert sum(kinds.values()) == 19
    assert await given.has_and_owes(wish.shopper_id) == (0, 0)
    assert await given.order_states() == {"placed": 1}
    await assert_clean(given.market)


async def test_twenty_who_were_promised_the_same_points_spend_them_once(given):
    """No lock but the account's keeps them apart, and each believes what it was offered."""
    wish = await shopper_with(given, 1000)
    offers, quote = await offered(given, wish)

    async def redeem():
        async with given.db.transaction() as tx:
            await given.point_offers.redeem(tx, offers, wish, quote, order_id=new_id(), now=given.now)

    outcomes = await asyncio.gather(*(redeem() for _ in range(20)), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {type(None): 1, NotEnoughPoints: 19}
    assert {outcome for outcome in outcomes if outcome} == {NotEnoughPoints(wanted=1000, points=0)}
    assert await given.has_and_owes(wish.shopper_id) == (0, 0)


async def offered(given, wish):
    async with given.db.reading() as reader:
        offers = await given.point_offers.offers(reader, wish, [], now=given.now)
    return offers, await given.quote(wish, source=given.point_offers)


async def test_the_same_key_again_is_the_same_order_with_the_points(given):
    wish = await shopper_with(given, 1000)

    first = await placed(given, wish, expected=5000, key="order-key-1")

    assert await placed(given, wish, expected=5000, key="order-key-1") == first
    assert len(await given.point_moves(wish.shopper_id)) == 2


async def test_an_order_that_is_refused_at_last_leaves_the_points(given):
    me = await given.shopper_with_points(1000)
    wish = await given.delivery_wish({await given.sku(price_minor=6000, units=1): 2}, me, points=1000)

    outcomes = await asyncio.gather(placed(given, wish, expected=11_000), return_exceptions=True)

    assert [type(outcome).__name__ for outcome in outcomes] == ["NotEnoughStock"]
    assert await given.has_and_owes(me) == (1000, 0)
    await assert_clean(given.market)


async def test_an_order_that_points_pay_whole_is_taken_at_once(given, listener):
    wish = await shopper_with(given, 9000)

    order = await placed(given, wish)
    await listener.hear()

    assert (order.state, order.total.minor) == (OrderState.PAID, 0)
    assert await given.has_and_owes(wish.shopper_id) == (3000, 0)
    await given.after_sale(order, state=AfterSaleState.REFUNDED)
    await listener.hear()
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await given.has_and_owes(wish.shopper_id) == (9000, 0)
    await assert_clean(given.market)


@pytest.mark.parametrize("how", ["lapses", "is cancelled"])
async def test_an_order_that_ends_unpaid_gives_its_points_back(given, listener, how):
    wish = await shopper_with(given, 1000)
    before = await given.point_lots(wish.shopper_id)
    order = await placed(given, wish)

    if how == "lapses":
        await orders.lapse_due(given.db, now=given.now + HOUR, limit=10)
    else:
        await orders.cancel(
            given.db, order_id=order.id, shopper_id=order.shopper_id, idempotency_key="cancel-1", now=given.now
        )
    assert await given.has_and_owes(wish.shopper_id) == (0, 0)
    await assert_clean(given.market, in_flight=True)  # the news is on its way
    for _ in range(2):
        await listener.hear()
        await actions.give_back(given.db, order_id=order.id, cause=Cause.ORDER, cause_id=order.id, now=given.now)
        await actions.spend_again(given.db, order_id=order.id, now=given.now)

    assert await given.point_lots(wish.shopper_id) == before
    assert [move.kind for move in await given.point_moves(wish.shopper_id)] == ["given", "spent", "returned"]
    assert (await placed(given, wish)).discount.minor == 1000
    await assert_clean(given.market)


async def test_what_expired_meanwhile_counts_for_some_days_more(given, listener):
    shopper_id = await given.shopper()
    given_at = given.now - 365 * DAY  # the last day on which they count
    await given.points(shopper_id, 1000, given_at=given_at)
    wish = await given.delivery_wish({await given.sku(price_minor=6000): 1}, shopper_id, points=1000)
    await placed(given, wish)

    listener.now = given.now = given.now + DAY
    await actions.expire_due(given.db, now=given.now, limit=10)
    await lapse(given, listener)

    assert await given.point_lots(shopper_id) == [(expiry_after_return(given.now), 1000)]
    await assert_clean(given.market)


async def test_units_that_go_back_bring_their_points_and_all_of_them_bring_all(given, listener):
    wish = await shopper_with(given, 100, quantity=3)
    order = await placed(given, wish)
    await given.money_for(order)
    await listener.hear()

    had = []
    for _ in range(3):
        await given.after_sale(await given.order_again(order.id), {1: 1}, state=AfterSaleState.REFUNDED)
        await listener.hear()
        had.append(await given.has_and_owes(wish.shopper_id))

    await assert_clean(given.market)
    assert had == [(33, 0), (66, 0), (100, 0)]
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED


async def test_refunds_whose_news_come_together_late_and_twice_give_back_once(given, listener):
    wish = await shopper_with(given, 100, quantity=3)
    order = await placed(given, wish)
    await given.money_for(order)
    await listener.hear()
    causes = [
        (await given.after_sale(await given.order_again(order.id), {1: 1}, state=AfterSaleState.REFUNDED)).id
        for _ in range(2)
    ]

    async def hear(cause_id):
        await actions.give_back(given.db, order_id=order.id, cause=Cause.REFUND, cause_id=cause_id, now=given.now)

    await asyncio.gather(*(hear(cause_id) for cause_id in causes * 3))
    await listener.hear()

    assert await given.has_and_owes(wish.shopper_id) == (66, 0)
    await assert_clean(given.market)


async def test_an_order_that_late_money_revives_costs_its_points_again(given, listener):
    wish = await shopper_with(given, 1000)
    order = await placed(given, wish)
    await lapse(given, listener)
    assert await given.has_and_owes(wish.shopper_id) == (1000, 0)

    await given.money_for(order)
    for _ in range(2):
        await listener.hear()
        await actions.spend_again(given.db, order_id=order.id, now=given.now)

    revived = await given.order_again(order.id)
    assert (revived.state, revived.late_outcome) == (OrderState.PAID, LateOutcome.REVIVED)
    assert await given.has_and_owes(wish.shopper_id) == (0, 0)
    await assert_clean(given.market)


async def test_late_money_for_an_order_whose_points_were_spent_elsewhere(given, listener):
    """It keeps its discount, for its money was taken; the points are owed until one of the two gives them back."""
    wish = await shopper_with(given, 1000)
    order = await placed(given, wish)
    await lapse(given, listener)
    await placed(given, wish)

    await given.money_for(order)
    await listener.hear()

    assert await given.has_and_owes(wish.shopper_id) == (0, 1000)
    await assert_clean(given.market)
    await lapse(given, listener)  # the other one, which nobody paid
    assert await given.has_and_owes(wish.shopper_id) == (0, 0)
    await given.after_sale(await given.order_again(order.id), state=AfterSaleState.REFUNDED)
    await listener.hear()
    assert await given.has_and_owes(wish.shopper_id) == (1000, 0)
    await assert_clean(given.market)


async def test_points_cost_a_checkout_six_statements_and_nobody_else_any(given):
    wish = await shopper_with(given, 1000)
    plain = await given.delivery_wish({wish.lines[0].sku_id: 1}, wish.shopper_id)

    async def statements(wish, expected):
        with count_statements(given.db) as sent:
            await given.placed(wish, expected=expected, source=OFFERS)
        return len(sent)

    without = await statements(plain, 6000)
    # balance and rules; the account, its lots, what is written, and the ledger
    assert await statements(wish, 5000) == without + 6
