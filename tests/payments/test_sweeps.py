"""What the workers do every second: ask every configured gateway about its own payments and refunds, and no other's."""

from datetime import timedelta

import pytest

from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.payments import queries, store
from domain.payments.gateways import gateways_of, hang_up
from domain.payments.rules import PaymentState, RefundState
from tests.given.wechat import NOBODY
from tests.payments.door import asked_payment
from workers import payments
from workers.context import WorkerContext


class Later(WorkerContext):
    """A minute from now."""

    def now(self):
        return super().now() + timedelta(minutes=1)


async def send_nothing(name, *arguments):
    raise AssertionError(f"nobody is sent {name}")


@pytest.fixture
async def market(market, clean, company):
    """A market with two gateways, of which one does not answer."""
    knobs = {"stripe_secret_key": "sk_test_x", "stripe_webhook_secret": "whsec_x", "stripe_url": NOBODY}
    settings = type(market.settings).model_validate(company.settings(market.settings).model_dump() | knobs)
    yield Market(settings, market.db, market.gate)
    await hang_up()


@pytest.fixture
def given(given):
    given.now = clock.now()
    return given


@pytest.fixture
def later(market):
    return Later(market, send_nothing)


async def at_stripe(given):
    """A pending payment that only Stripe could tell of."""
    order = await given.order(await given.stocked_sku(1))
    async with given.db.transaction() as tx:
        return await store.open_pending(
            tx, payable="order", payable_id=order.id, payer_id=order.shopper_id, amount=order.total, gateway="stripe",
            expires_at=order.pay_by, now=given.now,
        )  # fmt: skip


def test_every_configured_gateway_is_swept(market):
    assert gateways_of(market.settings).keys() == {"wechat", "stripe"}


async def test_money_whose_notice_was_lost_is_found_where_it_is(given, market, wechat, later):
    theirs = await at_stripe(given)
    asked = await asked_payment(given, market)
    await wechat.pay(asked, behaviour="never")

    await payments.reconcile_pending(later)

    assert (await given.payment_again(asked.payment.id)).state is PaymentState.CAPTURED
    assert (await given.payment_again(theirs)).state is PaymentState.PENDING


async def test_money_goes_back_the_way_it_came(given, market, wechat, later):
    asked = await asked_payment(given, market)
    await wechat.pay(asked, behaviour="never")
    await payments.reconcile_pending(later)
    async with given.db.transaction() as tx:
        await store.mark_refund_due(tx, asked.payment.id, reason="test", now=given.now)

    await payments.refund_due(later)
    await wechat.no_refund_is_under_way()
    await payments.refund_due(Latest(market, send_nothing))

    [refund] = (await queries.refunds_by_payment_ids(given.db, [asked.payment.id]))[asked.payment.id]
    assert (refund.gateway, refund.state, refund.attempts) == ("wechat", RefundState.REFUNDED, 2)
    assert await wechat.payments_taken_and_given_back() == (1, 1)


class Latest(WorkerContext):
    """An hour from now."""

    def now(self):
        return super().now() + timedelta(hours=1)
