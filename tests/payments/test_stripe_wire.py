"""The second gateway's whole way of the money, over real sockets, with the very code that moves it through the first one."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import func, select, update

from domain.after_sales.rules import AfterSaleState
from domain.foundation.money import Money
from domain.payments import actions, store
from domain.payments.events import PaymentCaptured, PaymentRefunded
from domain.payments.gateways import gateway_of
from domain.payments.rules import NoticeMismatch
from domain.payments.tables import notices, payments
from tests.audit import assert_clean
from tests.given.after_sales import Goods
from tests.payments.door import asked_payment, given, market, until

__all__ = ["given", "market"]


@pytest.fixture
def company(stripe):
    """Whose webhooks come to the door: here Stripe's."""
    return stripe


async def test_an_order_is_paid_and_a_part_of_it_given_back(given, market, stripe):
    order = await given.ordered(Goods(quantity=2))
    asked = await asked_payment(given, market, order)
    await stripe.pay(asked.payment.id)
    await until(given.payment_states, {"captured": 1})
    await given.hear_payments()
    await given.after_sale(order, {1: 1}, state=AfterSaleState.REFUNDING)

    await actions.refund_due(given.db, gateway_of(market.settings), now=given.now)

    await until(lambda: _events(given, PaymentRefunded), 1)
    [refunded] = await given.recorded(PaymentRefunded)
    payment = await given.payment_again(asked.payment.id)
    assert (payment.gateway, payment.amount, payment.refunded_minor) == ("stripe", Money(3980), 1990)
    assert (refunded.payment_id, refunded.amount_minor) == (payment.id, 1990)
    assert await given.order_states() == {"paid": 1}
    await assert_clean(market, in_flight=True)


@pytest.mark.parametrize(
    "behaviour",
    [
        {"behaviour": "once"},
        {"behaviour": "twice"},
        {"behaviour": "late", "delay_ms": 300},
        {"behaviour": "reordered", "delay_ms": 300},
    ],
)
async def test_a_webhook_reaches_us_and_counts_once(given, market, stripe, behaviour):
    asked = [(await asked_payment(given, market)).payment for _ in range(5)]

    await asyncio.gather(*(stripe.pay(payment.id, **behaviour) for payment in asked))

    await until(given.payment_states, {"captured": 5})
    assert await _events(given, PaymentCaptured) == 5
    assert await given.db.value(select(func.count()).select_from(notices)) == 5
    await given.hear_payments()
    assert await given.order_states() == {"paid": 5}
    await assert_clean(market, in_flight=True)


async def test_a_webhook_that_never_comes_is_asked_for(given, market, stripe):
    payment = (await asked_payment(given, market)).payment
    await stripe.pay(payment.id, behaviour="never")
    await asyncio.sleep(0.2)
    assert await given.payment_states() == {"pending": 1}

    await actions.reconcile_pending(given.db, gateway_of(market.settings), now=given.now + store.FIRST_LOOK)

    assert await given.payment_states() == {"captured": 1}


async def test_a_bank_transfer_counts_when_it_has_arrived(given, market, stripe):
    payment = (await asked_payment(given, market)).payment
    await stripe.pay(payment.id, method="bank")
    await asyncio.sleep(0.2)
    assert await given.payment_states() == {"pending": 1}

    await stripe.settle(payment.id, succeeds=True)

    await until(given.payment_states, {"captured": 1})


async def test_a_payment_nobody_paid_is_closed_at_both_ends(given, market, stripe):
    asked = await asked_payment(given, market)

    await actions.reconcile_pending(given.db, gateway_of(market.settings), now=asked.payment.expires_at)

    assert await given.payment_states() == {"closed": 1}
    assert await stripe.pay(asked.payment.id) == 400


async def test_money_that_was_faster_than_the_closing_is_taken(given, market, stripe):
    asked = await asked_payment(given, market)
    await stripe.pay(asked.payment.id, behaviour="never")

    await actions.reconcile_pending(given.db, gateway_of(market.settings), now=asked.payment.expires_at)

    assert await given.payment_states() == {"captured": 1}


async def test_a_refund_that_is_made_later_is_told_by_a_webhook(given, market, stripe):
    payment = (await asked_payment(given, market)).payment
    await stripe.pay(payment.id, behaviour="twice")
    await until(given.payment_states, {"captured": 1})
    async with given.db.transaction() as tx:
        await store.mark_refund_due(tx, payment.id, reason="test", now=given.now)
    await stripe.tell("behaviour", refunds="pending")
    _, given_back = await stripe.taken_and_given_back()

    await actions.refund_due(given.db, gateway_of(market.settings), now=given.now)

    await until(given.payment_states, {"refunded": 1})
    assert (await stripe.taken_and_given_back())[1] == given_back + 1
    assert await _events(given, PaymentRefunded) == 1


@pytest.mark.parametrize("how", ["unsigned", "wrong_secret", "stale", "changed"])
async def test_forged_webhooks_change_nothing_and_nobody_is_asked(given, market, stripe, how):
    payment = (await asked_payment(given, market)).payment
    asked = await stripe.requests()

    answers = await stripe.forge(payment.id, how, count=100)

    assert Counter(answers) == {401: 100}
    assert await stripe.requests() == asked
    assert await given.payment_states() == {"pending": 1}
    assert await given.db.value(select(func.count()).select_from(notices)) == 0
    assert await given.recorded(PaymentCaptured) == []


async def test_a_webhook_that_contradicts_our_books_changes_nothing(given, market, stripe):
    payment = (await asked_payment(given, market)).payment
    async with given.db.transaction() as tx:
        await tx.execute(update(payments).values(amount_minor=payment.amount.minor + 1))

    await stripe.pay(payment.id)

    await asyncio.sleep(0.3)
    assert await given.payment_states() == {"pending": 1}
    assert await given.db.value(select(func.count()).select_from(notices)) == 0
    with pytest.raises(NoticeMismatch):
        await actions.reconcile_pending(given.db, gateway_of(market.settings), now=given.now + store.FIRST_LOOK)


async def _events(given, kind):
    return len(await given.recorded(kind))
