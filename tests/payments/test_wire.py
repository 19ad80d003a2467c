"""The whole way of the money, over real sockets: our client, WeChat Pay in its process, its notices at our API's door."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import func, select

from domain.after_sales.rules import AfterSaleState
from domain.orders import actions as orders
from domain.payments import actions, store
from domain.payments.events import PaymentCaptured, PaymentRefunded
from domain.payments.gateways import gateway_of
from domain.payments.rules import PaymentState
from domain.payments.tables import notices
from tests.audit import assert_clean
from tests.given.after_sales import Goods
from tests.payments.door import asked_payment, given, market, until

__all__ = ["given", "market"]


@pytest.mark.parametrize(
    "behaviour",
    [
        {"behaviour": "once"},
        {"behaviour": "twice"},
        {"behaviour": "late", "delay_ms": 300},
        {"behaviour": "reordered", "delay_ms": 300},
    ],
)
async def test_a_notice_reaches_us_and_counts_once(given, market, wechat, behaviour):
    payments = [await asked_payment(given, market) for _ in range(5)]

    await asyncio.gather(*(wechat.pay(payment, **behaviour) for payment in payments))

    await until(given.payment_states, {"captured": 5})
    assert len(await given.recorded(PaymentCaptured)) == 5
    assert await given.db.value(select(func.count()).select_from(notices)) == 5
    await given.hear_payments()
    assert await given.order_states() == {"paid": 5}
    await assert_clean(market, in_flight=True)


async def test_a_notice_that_never_comes_is_asked_for(given, market, wechat):
    await wechat.pay(await asked_payment(given, market), behaviour="never")
    await asyncio.sleep(0.2)
    assert await given.payment_states() == {"pending": 1}

    await actions.reconcile_pending(given.db, gateway_of(market.settings), now=given.now + store.FIRST_LOOK)

    assert await given.payment_states() == {"captured": 1}


async def test_money_is_given_back_with_a_notice(given, market, wechat):
    asked = await asked_payment(given, market)
    await wechat.pay(asked, behaviour="twice")
    await until(given.payment_states, {"captured": 1})
    async with given.db.transaction() as tx:
        await store.mark_refund_due(tx, asked.payment.id, reason="test", now=given.now)

    await actions.refund_due(given.db, gateway_of(market.settings), now=given.now)

    await until(given.payment_states, {"refunded": 1})
    assert await wechat.payments_taken_and_given_back() == (1, 1)
    assert len(await given.recorded(PaymentRefunded)) == 1


async def test_a_refund_that_comes_to_nothing_is_told_and_changes_nothing(given, market, wechat):
    asked = await asked_payment(given, market)
    await wechat.pay(asked)
    await until(given.payment_states, {"captured": 1})
    async with given.db.transaction() as tx:
        await store.mark_refund_due(tx, asked.payment.id, reason="test", now=given.now)
    await wechat.behave(refunds="abnormal", refund_ms=0)

    await actions.refund_due(given.db, gateway_of(market.settings), now=given.now)

    await wechat.no_refund_is_under_way()
    await asyncio.sleep(0.2)  # its notice
    assert await given.payment_states() == {"refund_due": 1}
    assert await given.db.value(select(func.count()).select_from(notices)) == 1


async def test_a_notice_is_brought_again_when_we_could_not_take_it(given, market, wechat):
    asked = await asked_payment(given, market)
    healthy = market.settings.wechat_public_key_id
    market.settings.wechat_public_key_id = "PUB_KEY_ID_ANOTHER"  # as if we had been given the wrong one
    await wechat.pay(asked)
    await asyncio.sleep(0.3)
    assert await given.payment_states() == {"pending": 1}

    market.settings.wechat_public_key_id = healthy

    await until(given.payment_states, {"captured": 1})


async def test_money_that_comes_after_the_order_was_cancelled_buys_what_is_there(given, market, wechat):
    asked = await asked_payment(given, market)
    await wechat.pay(asked, behaviour="late", delay_ms=300)
    await orders.cancel(
        given.db,
        order_id=asked.payment.payable_id,
        shopper_id=asked.payment.payer_id,
        idempotency_key="cancel-1",
        now=given.now,
    )
    await until(given.payment_states, {"captured": 1})
    await given.hear_payments()
    assert await given.order_states() == {"paid": 1}
    await assert_clean(market, in_flight=True)


async def test_two_parts_of_one_payment_go_back(given, market, wechat):
    order = await given.ordered(Goods(quantity=3))
    asked = await asked_payment(given, market, order)
    await wechat.pay(asked)
    await until(given.payment_states, {"captured": 1})
    await given.hear_payments()

    for units in (1, 2):
        await given.after_sale(order, {1: units}, state=AfterSaleState.REFUNDING)
        await actions.refund_due(given.db, gateway_of(market.settings), now=given.now)
        await until(partial(_given_back, given), [1990, 3980][:units])

    payment = await given.payment_again(asked.payment.id)
    assert (payment.state, payment.refunded_minor) == (PaymentState.CAPTURED, 5970)
    assert await wechat.payments_taken_and_given_back() == (1, 2)
    await assert_clean(market, in_flight=True)


async def _given_back(given):
    return sorted(event.amount_minor for event in await given.recorded(PaymentRefunded))


async def test_many_pay_at_once(given, market, wechat):
    payments = [await asked_payment(given, market) for _ in range(60)]

    await asyncio.gather(*(wechat.pay(payment) for payment in payments))

    await until(given.payment_states, {"captured": 60}, seconds=20)
    assert len(await given.recorded(PaymentCaptured)) == 60
