"""Money the merchant gives back of their own accord: whatever became of the order, once, and for the shopper to see."""

from asyncio import gather
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.after_sales import actions, deciding, queries
from domain.after_sales.amounts import Wish
from domain.after_sales.rules import AfterSale, AfterSaleState, AgreedTooMuch, Kind, Reason
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.orders.rules import Fulfilment, NotYourOwnOrder, OrderNotRefundable, OrderState, TooManyUnits
from domain.stock.rules import Level
from domain.trail.tables import deeds
from tests.audit import assert_clean
from tests.given.after_sales import Goods

S = AfterSaleState
STAFF = new_id()


@pytest.fixture
def refund(given):
    """Give back as staff, with a key of its own unless one is named."""

    async def refund(order, units=None, *, key=None, now=None, words="无法供货", **more):
        return await deciding.refund(
            given.db,
            order_id=order.id,
            by=STAFF,
            units=units,
            words=words,
            idempotency_key=key or f"refund-{new_id()}",
            now=now or given.now,
            **more,
        )

    return refund


@pytest.mark.parametrize("fulfilment", [Fulfilment.PICKUP, Fulfilment.DELIVERY, None])
async def test_an_order_that_nobody_fetches_sends_or_can_address(given, refund, fulfilment):
    order = await given.bought(Goods(2, 1000, freight_minor=100), fulfilment=fulfilment)
    [line] = await given.lines_of_order(order)

    done = await refund(order)
    await given.give_back_at_gateway()

    assert (done.state, done.reason, done.agreed) == (S.REFUNDING, Reason.BY_MERCHANT, order.total)
    assert (done.decided_by, done.decision_words, done.due_at) == (STAFF, "无法供货", None)
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await given.stock_of(line.sku_id) == Level(line.sku_id, free=2, held=0, sold=0)
    assert await given.account_balances() == {}
    mine = await queries.of_shopper(given.db, order.shopper_id, first=9)
    assert [(one.id, one.state) for one in mine.rows] == [(done.id, S.REFUNDED)]
    await assert_clean(given.market, in_flight=True)


async def test_an_order_of_a_promotion_without_a_destination(given, refund):
    order = await given.order(await given.stocked_sku(3), quantity=3, source="test")
    await given.money_for(order)
    await given.hear_payments()

    some = await refund(order, {1: 1})
    rest = await refund(order)
    await given.give_back_at_gateway()

    assert some.asked.minor + rest.asked.minor == order.total.minor
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    await assert_clean(given.market, in_flight=True)


async def test_it_is_noted_with_what_was_given(given, refund):
    order = await given.bought(Goods(2, 1000))

    done = await refund(order, {1: 1}, agreed_minor=900)

    [noted] = await given.db.rows(select(deeds).where(deeds.c.by == STAFF))
    assert (noted.deed, noted.subject, noted.subject_id) == ("refund_order", "order", order.id)
    facts = {"after_sale": str(done.id), "kind": "refund", "asked_minor": 1000, "agreed_minor": 900}
    assert noted.facts == {**facts, "words": "无法供货"}


async def test_no_time_presses_the_merchant(given, refund):
    order = await given.bought_and_received(Goods(2, 1000, freight_minor=100))

    done = await refund(order, {1: 1}, now=given.now + timedelta(days=400))

    assert (done.state, done.agreed.minor) == (S.REFUNDING, 1050)
    await given.give_back_at_gateway()
    await assert_clean(given.market, in_flight=True)


async def test_a_return_waits_for_the_goods(given, refund):
    order = await given.bought_and_received()

    done = await refund(order, kind=Kind.RETURN)

    assert (done.state, done.refund_id, done.due_at) == (S.TO_SEND, None, given.now + timedelta(days=7))
    with pytest.raises(TooManyUnits):
        await refund(await given.bought(), kind=Kind.RETURN)
    await assert_clean(given.market, in_flight=True)


async def test_units_that_have_not_left_go_first(given, refund):
    order = await given.bought(Goods(3, 1000))
    await given.units_leave(order, {1: 1})

    done = await refund(order, {1: 2})

    [line] = (await queries.lines_by_ids(given.db, [done.id]))[done.id]
    assert (line.quantity, line.unsent) == (2, 2)
    assert (await given.order_again(order.id)).state is OrderState.SHIPPED
    await assert_clean(given.market, in_flight=True)


async def test_the_same_key_gives_back_once(given, refund):
    order = await given.bought(Goods(2, 1000))

    first, again = [await refund(order, {1: 1}, key="refund-01") for _ in range(2)]

    assert first == again
    with pytest.raises(IdempotencyConflict):
        await refund(order, {1: 2}, key="refund-01")
    assert await given.give_back_at_gateway() == 1
    await assert_clean(given.market, in_flight=True)


async def test_twenty_at_once_give_back_what_there_is(given, refund):
    order = await given.bought(Goods(3, 1000))

    outcomes = await gather(*(refund(order, {1: 1}) for _ in range(20)), return_exceptions=True)

    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 3
    assert {type(outcome) for outcome in outcomes} <= {AfterSale, OrderNotRefundable, TooManyUnits}
    assert (await given.order_again(order.id)).refunded == order.total
    await given.give_back_at_gateway()
    await assert_clean(given.market, in_flight=True)


async def test_what_cannot_be_given_back(given, refund):
    unpaid, asked_for = await given.ordered(), await given.bought(Goods(2, 1000))
    await given.after_sale(asked_for, {1: 2})

    with pytest.raises(OrderNotRefundable):
        await refund(unpaid)
    with pytest.raises(TooManyUnits):
        await refund(asked_for, {1: 1})
    with pytest.raises(AgreedTooMuch):
        await refund(await given.bought(), agreed_minor=1991)
    with pytest.raises(BadInput):
        await refund(await given.bought(), words=" ")
    with pytest.raises(NotFound):
        await deciding.refund(
            given.db, order_id=new_id(), by=STAFF, words="无货", idempotency_key="refund-01", now=given.now
        )
    assert await given.db.rows(select(deeds).where(deeds.c.by == STAFF)) == []
    await assert_clean(given.market, in_flight=True)


async def test_nobody_gives_back_to_themselves(given):
    order = await given.bought()

    with pytest.raises(NotYourOwnOrder):
        await deciding.refund(
            given.db, order_id=order.id, by=order.shopper_id, words="无货", idempotency_key="refund-01", now=given.now
        )
    assert await given.order_again(order.id) == order


async def test_the_merchants_reason_is_not_the_shoppers_to_say(given):
    order = await given.bought()
    wish = Wish(Kind.REFUND, Reason.BY_MERCHANT, None)
    mine = {"order_id": order.id, "shopper_id": order.shopper_id, "wish": wish, "now": given.now}

    with pytest.raises(BadInput):
        await actions.request(given.db, **mine, idempotency_key="request-1")
    with pytest.raises(BadInput):
        await actions.quote(given.db, **mine)
