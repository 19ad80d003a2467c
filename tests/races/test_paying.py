"""Money against time, and against itself: many at once, exact counts."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from domain.foundation import clock
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.orders import actions
from domain.orders.events import OrderCancelled, OrderLapsed, OrderPaid, OrderPaidLate
from domain.orders.rules import Order, OrderNotCancellable
from domain.payments import actions as payments
from domain.payments import queries, store
from domain.payments.events import PaymentCaptured, PaymentRefunded
from domain.payments.rules import Notice, PaymentState
from domain.stock.rules import Level, NotEnoughStock
from tests.audit import assert_clean
from tests.given.wechat import company, gateway, wechat

__all__ = ["company", "gateway", "wechat"]


async def gather(*work):
    return await asyncio.gather(*work, return_exceptions=True)


def take_payment(given, payment, *, now):
    return actions.take_payment(
        given.db,
        payable_id=payment.payable_id,
        payment_id=payment.id,
        amount_minor=payment.amount.minor,
        captured_at=given.now,
        now=now,
    )


async def orders_with_money(given, count, **more):
    sku_id = await given.stocked_sku(count)
    new = [given.new_order(sku_id, shopper_id=shopper_id, **more) for shopper_id in await given.shoppers(count)]
    await given.place(new)

    async def with_money(order_id):
        order = await given.order_again(order_id)
        return order, await given.money_for(order)

    return sku_id, await asyncio.gather(*(with_money(order.id) for order in new))


async def test_pay_against_lapse_at_the_same_instant_has_one_winner(given):
    sku_id, orders = await orders_with_money(given, 200, source="promotion")
    at_last = given.now + timedelta(minutes=15)

    def round_of(payment):
        both = [take_payment(given, payment, now=at_last), actions.lapse_due(given.db, now=at_last, limit=1)]
        return asyncio.gather(*random.sample(both, 2))

    await asyncio.gather(*(round_of(payment) for _, payment in orders))

    states = await given.order_states()
    paid, lapsed = states["paid"], states["lapsed"]
    assert paid + lapsed == states.total() == 200
    assert await given.stock_of(sku_id) == Level(sku_id, free=lapsed, held=0, sold=paid)
    events = Counter(map(type, await given.recorded(OrderPaid, OrderLapsed, OrderPaidLate)))
    assert events == Counter({OrderPaid: paid, OrderLapsed: lapsed, OrderPaidLate: lapsed})
    assert await given.payment_states() == {"captured": 200}
    await assert_clean(given.market, in_flight=True)


async def test_pay_against_lapse_without_a_promotion_always_ends_paid(given):
    sku_id, orders = await orders_with_money(given, 60)
    at_last = given.now + timedelta(minutes=15)

    await asyncio.gather(
        *(take_payment(given, payment, now=at_last) for _, payment in orders),
        *(actions.lapse_due(given.db, now=at_last, limit=7) for _ in range(20)),
    )

    assert await given.order_states() == {"paid": 60}
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=0, sold=60)
    assert len(await given.recorded(OrderPaid)) == 60
    await assert_clean(given.market, in_flight=True)


async def test_cancel_against_pay_has_one_winner(given):
    sku_id, orders = await orders_with_money(given, 40, source="promotion")

    def cancel(order):
        return actions.cancel(
            given.db, order_id=order.id, shopper_id=order.shopper_id, idempotency_key="cancel-1", now=given.now
        )

    outcomes = await gather(
        *(cancel(order) for order, _ in orders), *(take_payment(given, payment, now=given.now) for _, payment in orders)
    )

    states, kinds = await given.order_states(), Counter(map(type, outcomes))
    assert states.total() == 40
    assert kinds == Counter({type(None): 40, Order: states["cancelled"], OrderNotCancellable: states["paid"]})
    assert await given.stock_of(sku_id) == Level(sku_id, free=states["cancelled"], held=0, sold=states["paid"])
    assert len(await given.recorded(OrderCancelled)) == states["cancelled"]
    await assert_clean(given.market, in_flight=True)


async def test_sweeps_side_by_side_lapse_every_order_once(given):
    sku_id = await given.stocked_sku(300)
    await given.place([given.new_order(sku_id, shopper_id=shopper_id) for shopper_id in await given.shoppers(300)])
    at_last = given.now + timedelta(minutes=15)

    found = await asyncio.gather(*(actions.lapse_due(given.db, now=at_last, limit=50) for _ in range(12)))

    assert sum(found) == 300
    assert await given.stock_of(sku_id) == Level(sku_id, free=300, held=0, sold=0)
    assert len(await given.recorded(OrderLapsed)) == 300
    await assert_clean(given.market, in_flight=True)


async def test_the_same_notice_50_times_at_once_is_one_capture(given):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    notice = given.notice(payment)

    outcomes = await gather(
        *(payments.take_notice(given.db, gateway="wechat", notice=notice, now=given.now) for _ in range(50))
    )

    assert Counter(outcomes) == {payments.Outcome.CAPTURED: 1, payments.Outcome.KNOWN: 49}
    assert len(await given.recorded(PaymentCaptured)) == 1
    await assert_clean(given.market, in_flight=True)


async def test_two_captures_of_one_order_are_one_paid_and_one_refund(given):
    sku_id = await given.stocked_sku(20)
    pairs = []
    for shopper_id in await given.shoppers(20):
        order = await given.order(sku_id, shopper_id=shopper_id)
        pairs.append((await given.closed_payment(order), await given.payment(order)))

    outcomes = await gather(
        *(
            payments.take_notice(given.db, gateway="wechat", notice=given.notice(payment), now=given.now)
            for pair in pairs
            for payment in pair
        )
    )
    await given.hear_payments()

    assert Counter(outcomes) == {payments.Outcome.CAPTURED: 20, payments.Outcome.GIVEN_BACK: 20}
    assert await given.payment_states() == {"captured": 20, "refund_due": 20}
    assert await given.order_states() == {"paid": 20}
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=0, sold=20)
    await assert_clean(given.market, in_flight=True)


async def test_twenty_taps_on_pay_meet_in_one_payment(given, gateway):
    given.now = clock.now()
    order = await given.order(await given.stocked_sku(1))

    asked = await asyncio.gather(
        *(
            actions.pay(
                given.db,
                gateway,
                order_id=order.id,
                shopper_id=order.shopper_id,
                idempotency_key=f"payment-{n % 10}",
                now=given.now,
            )
            for n in range(20)
        )
    )

    assert len({one.payment.id for one in asked}) == 1
    assert len({one.instructions.wechat.package for one in asked}) == 1
    assert await given.payment_states() == {"pending": 1}
    await assert_clean(given.market, in_flight=True)


async def test_whoever_asks_first_opens_the_payment(given):
    """Also for payables that, unlike orders, are not locked meanwhile."""
    order = await given.order(await given.stocked_sku(1))

    opened = await asyncio.gather(*(given.payment(order) for _ in range(20)))

    assert len({payment.id for payment in opened}) == 1
    assert await given.payment_states() == {"pending": 1}
    await assert_clean(given.market, in_flight=True)


async def test_a_notice_and_our_own_question_at_once_are_one_capture(given, gateway, wechat):
    given.now = clock.now()
    asked = []
    for _ in range(10):
        order = await given.order(await given.stocked_sku(1))
        wish = {"order_id": order.id, "shopper_id": order.shopper_id, "idempotency_key": "payment-1"}
        asked.append(await actions.pay(given.db, gateway, **wish, now=given.now))
    for one in asked:
        await wechat.pay(one, behaviour="never")
    notices = [Notice(f"n{number}", await gateway.query(one.payment)) for number, one in enumerate(asked)]

    await asyncio.gather(
        *(payments.reconcile_pending(given.db, gateway, now=given.now + store.FIRST_LOOK) for _ in range(3)),
        *(payments.take_notice(given.db, gateway="wechat", notice=notice, now=given.now) for notice in notices),
    )

    assert await given.payment_states() == {"captured": 10}
    assert len(await given.recorded(PaymentCaptured)) == 10
    await assert_clean(given.market, in_flight=True)


async def test_sweeps_side_by_side_give_back_once(given, gateway, wechat):
    given.now = clock.now()
    for _ in range(10):
        order = await given.order(await given.stocked_sku(1))
        wish = {"order_id": order.id, "shopper_id": order.shopper_id, "idempotency_key": "payment-1"}
        await wechat.pay(await actions.pay(given.db, gateway, **wish, now=given.now), behaviour="never")
    await payments.reconcile_pending(given.db, gateway, now=given.now + store.FIRST_LOOK)
    for captured in await given.recorded(PaymentCaptured):
        async with given.db.transaction() as tx:
            await store.mark_refund_due(tx, captured.payment_id, reason="test", now=given.now)

    due_at = [given.now + timedelta(seconds=second) for second in (0, 60, 120)]
    for now in due_at:
        await asyncio.gather(*(payments.refund_due(given.db, gateway, now=now, limit=4) for _ in range(5)))
        await wechat.no_refund_is_under_way()

    assert await given.payment_states() == {PaymentState.REFUNDED: 10}
    assert await wechat.payments_taken_and_given_back() == (10, 10)
    assert len(await given.recorded(PaymentRefunded)) == 10
    await assert_clean(given.market, in_flight=True)


async def test_baskets_with_the_same_goods_never_wait_in_a_ring(given):
    skus = [await given.stocked_sku(40) for _ in range(4)]
    baskets = [
        given.new_order(
            *random.sample(skus, 4), shopper_id=shopper_id, pay_by=given.now + timedelta(minutes=random.randint(1, 2))
        )
        for shopper_id in await given.shoppers(60)
    ]

    outcomes = await gather(
        *(given.place([basket]) for basket in baskets),
        *(actions.lapse_due(given.db, now=given.now + timedelta(minutes=1), limit=10) for _ in range(20)),
    )

    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert {type(refusal) for refusal in refused} <= {NotEnoughStock}
    placed = (await given.order_states())["placed"]
    levels = [Level(sku_id, free=40 - placed, held=placed, sold=0) for sku_id in skus]
    assert [await given.stock_of(sku_id) for sku_id in skus] == levels
    await assert_clean(given.market, in_flight=True)


@pytest.mark.parametrize("stocked", [0, 7, 20])
async def test_late_money_buys_what_is_there_and_the_rest_goes_back(given, stocked):
    sku_id, orders = await orders_with_money(given, 20)
    await actions.lapse_due(given.db, now=given.now + timedelta(minutes=15), limit=20)
    if stocked < 20:
        await given.order(sku_id, quantity=20 - stocked)

    await asyncio.gather(*(take_payment(given, payment, now=given.now) for _, payment in orders * 2))

    assert (await given.order_states())["paid"] == stocked
    assert await given.payment_states() == +Counter({"captured": stocked, "refund_due": 20 - stocked})
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=20 - stocked, sold=stocked)
    await assert_clean(given.market, in_flight=True)


async def test_parts_that_race_never_come_to_more_than_was_paid(given):
    order = await given.order(await given.stocked_sku(10), quantity=10)
    payment = await given.money_for(order)
    await given.hear_payments()

    async def ask(minor):
        wish = {"amount": Money(minor), "reason": "test", "cause_id": new_id(), "now": given.now}
        async with given.db.transaction() as tx:
            return await store.ask_refund(tx, payment.id, **wish)

    outcomes = await gather(*(ask(3_000) for _ in range(20)))

    kinds = Counter(map(type, outcomes))
    assert kinds == {UUID: 6, IntegrityError: 14}  # 6 x 30.00 of 199.00
    found = (await queries.refunds_by_payment_ids(given.db, [payment.id]))[payment.id]
    assert [refund.amount for refund in found] == [Money(3_000)] * 6
    assert (await given.payment_again(payment.id)).refund_asked_minor == 18_000
