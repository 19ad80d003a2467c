"""Asking, looking after lost notices and giving back: against WeChat Pay as it runs in the world."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert
from structlog.testing import capture_logs

from domain.accounts.queries import openid_of
from domain.accounts.tables import identities
from domain.foundation import clock
from domain.foundation.money import Money
from domain.orders import actions as orders
from domain.orders.rules import OrderNotPayable
from domain.payments import actions, queries, store
from domain.payments.events import PaymentCaptured, PaymentRefunded
from domain.payments.rules import GatewayFailed, GatewayUnavailable, PayerUnknown, PaymentState, Refunded, RefundState
from tests.given.wechat import NOBODY


@pytest.fixture
def given(given):
    """The market at the time that WeChat Pay's clock shows."""
    given.now = clock.now()
    return given


@pytest.fixture
async def order(given):
    return await given.order(await given.stocked_sku(5))


def pay(given, gateway, order, key="payment-1", *, now=None):
    return orders.pay(
        given.db,
        gateway,
        order_id=order.id,
        shopper_id=order.shopper_id,
        idempotency_key=key,
        now=now or given.now,
    )


class Wrapped:
    """A gateway with something in between."""

    def __init__(self, gateway):
        self._gateway = gateway

    def __getattr__(self, name):
        return getattr(self._gateway, name)


class DiesAfterTheRefund(Wrapped):
    async def refund(self, due):
        await self._gateway.refund(due)
        raise ConnectionResetError("killed")


class IsDown(Wrapped):
    async def _down(self, *_):
        raise GatewayFailed("no route to host")

    prepare = query = close = refund = _down


async def test_whoever_asks_again_gets_the_same_payment(given, gateway, order):
    first = await pay(given, gateway, order)
    same_key = await pay(given, gateway, order)
    other_key = await pay(given, gateway, order, "payment-2")

    assert first.payment.id == same_key.payment.id == other_key.payment.id
    packages = {asked.instructions.wechat.package for asked in (first, same_key, other_key)}
    assert len(packages) == 1  # each signed anew, for the same order
    assert first.instructions.pay_url.startswith("http://127.0.0.1:")
    assert (await given.payment_again(first.payment.id)).reference is None  # WeChat names it once it is paid
    assert await given.payment_states() == {"pending": 1}


async def test_the_same_key_has_the_same_payment_when_it_is_paid(given, gateway, order):
    first = await pay(given, gateway, order)
    await given.money_for(order)
    await given.hear_payments()

    again = await pay(given, gateway, order)

    assert (again.payment.id, again.payment.state) == (first.payment.id, PaymentState.CAPTURED)
    assert again.instructions is None
    with pytest.raises(OrderNotPayable):
        await pay(given, gateway, order, "payment-2")


async def test_nobody_is_asked_twice_while_the_order_has_not_heard_of_its_money(given, gateway, order):
    await pay(given, gateway, order)
    payment = await given.money_for(order)

    asked = await pay(given, gateway, order, "payment-2")

    assert (asked.payment.id, asked.instructions) == (payment.id, None)


async def test_a_payment_stands_before_the_gateway_hears_of_it(given, gateway, order):
    with pytest.raises(GatewayUnavailable):
        await pay(given, IsDown(gateway), order)
    assert await given.payment_states() == {"pending": 1}

    asked = await pay(given, gateway, order)

    assert asked.instructions is not None
    assert await given.payment_states() == {"pending": 1}


async def test_a_gateway_that_nobody_reaches_is_unavailable(given, company, order):
    nowhere = replace(company, url=NOBODY).gateway()

    with pytest.raises(GatewayUnavailable):
        await pay(given, nowhere, order)

    await nowhere.hang_up()


async def test_money_whose_notice_was_lost_is_found(given, gateway, wechat, order):
    asked = await pay(given, gateway, order)
    payment = asked.payment
    await wechat.pay(asked, behaviour="never")

    too_soon = await actions.reconcile_pending(given.db, gateway, now=given.now)
    looked = await actions.reconcile_pending(given.db, gateway, now=given.now + store.FIRST_LOOK)
    again = await actions.reconcile_pending(given.db, gateway, now=given.now + store.FIRST_LOOK * 10)

    assert (too_soon, looked, again) == (0, 1, 0)
    assert (await given.payment_again(payment.id)).state is PaymentState.CAPTURED
    assert len(await given.recorded(PaymentCaptured)) == 1


async def test_whoever_has_paid_and_asks_again_is_told_so(given, gateway, wechat, order):
    """The notice is still on its way."""
    first = await pay(given, gateway, order)
    await wechat.pay(first, behaviour="never")

    again = await pay(given, gateway, order, "payment-2")

    assert (again.payment.id, again.payment.state) == (first.payment.id, PaymentState.CAPTURED)
    assert again.instructions is None
    assert len(await given.recorded(PaymentCaptured)) == 1


async def test_the_gateway_is_asked_ever_more_rarely(given, gateway, order):
    await pay(given, gateway, order)

    looked_at = [
        second
        for second in range(200)
        if await actions.reconcile_pending(given.db, gateway, now=given.now + timedelta(seconds=second))
    ]

    assert looked_at == [10, 20, 40, 80, 160]


async def test_a_payment_nobody_paid_is_closed_at_both_ends(given, gateway, wechat, order):
    asked = await pay(given, gateway, order)

    await actions.reconcile_pending(given.db, gateway, now=order.pay_by)

    assert (await given.payment_again(asked.payment.id)).state is PaymentState.CLOSED
    assert await wechat.pay(asked) == 409


async def test_a_payment_the_gateway_never_heard_of_is_closed(given, gateway, order):
    payment = await given.payment(order)

    await actions.reconcile_pending(given.db, gateway, now=order.pay_by)

    assert (await given.payment_again(payment.id)).state is PaymentState.CLOSED


async def test_money_that_was_faster_than_the_closing_is_taken(given, gateway, wechat, order):
    asked = await pay(given, gateway, order)
    payment = asked.payment
    await wechat.pay(asked, behaviour="never")

    await actions.reconcile_pending(given.db, gateway, now=order.pay_by)

    assert (await given.payment_again(payment.id)).state is PaymentState.CAPTURED


async def test_a_cancelled_orders_payment_is_closed_with_the_next_sweep(given, gateway, wechat, order):
    asked = await pay(given, gateway, order)
    await orders.cancel(
        given.db, order_id=order.id, shopper_id=order.shopper_id, idempotency_key="cancel-1", now=given.now
    )

    await actions.reconcile_pending(given.db, gateway, now=given.now)

    assert (await given.payment_again(asked.payment.id)).state is PaymentState.CLOSED
    assert await wechat.pay(asked) == 409


async def test_a_gateway_that_is_down_is_asked_again(given, gateway, order):
    payment = (await pay(given, gateway, order)).payment

    down = await actions.reconcile_pending(given.db, IsDown(gateway), now=order.pay_by)
    up = await actions.reconcile_pending(given.db, gateway, now=order.pay_by + store.FIRST_LOOK)

    assert (down, up) == (1, 1)
    assert (await given.payment_again(payment.id)).state is PaymentState.CLOSED


@pytest.fixture
async def unwanted(given, gateway, wechat, order):
    """A captured payment that is to go back."""
    asked = await pay(given, gateway, order)
    await wechat.pay(asked, behaviour="never")
    await actions.reconcile_pending(given.db, gateway, now=given.now + store.FIRST_LOOK)
    async with given.db.transaction() as tx:
        await store.mark_refund_due(tx, asked.payment.id, reason="test", now=given.now)
        await store.mark_refund_due(tx, asked.payment.id, reason="other", now=given.now)
    return asked.payment


async def refund(given, gateway, *, after):
    return await actions.refund_due(given.db, gateway, now=given.now + timedelta(seconds=after))


async def refund_of(given, payment):
    [found] = (await queries.refunds_by_payment_ids(given.db, [payment.id]))[payment.id]
    return found


async def test_a_refund_is_asked_for_until_it_is_done(given, gateway, wechat, unwanted):
    accepted = await refund(given, gateway, after=0)
    await wechat.no_refund_is_under_way()
    too_soon = await refund(given, gateway, after=0.4)
    done = await refund(given, gateway, after=0.5)
    again = await refund(given, gateway, after=3600)

    payment, given_back = await given.payment_again(unwanted.id), await refund_of(given, unwanted)
    assert (accepted, too_soon, done, again) == (1, 0, 1, 0)
    assert (payment.state, payment.refunded_minor) == (PaymentState.REFUNDED, 1990)
    assert (given_back.state, given_back.reason, given_back.error) == (RefundState.REFUNDED, "test", None)
    assert await wechat.payments_taken_and_given_back() == (1, 1)
    assert await given.recorded(PaymentRefunded) == [
        PaymentRefunded(
            "order", payment.payable_id, payment.id, given_back.id, None, 1990, refunded_at=given_back.refunded_at
        )
    ]


async def test_a_refund_survives_a_crash_between_gateway_and_commit(given, gateway, wechat, unwanted):
    with pytest.raises(ConnectionResetError):
        await refund(given, DiesAfterTheRefund(gateway), after=0)
    assert (await given.payment_again(unwanted.id)).state is PaymentState.REFUND_DUE
    await wechat.no_refund_is_under_way()

    too_soon = await refund(given, gateway, after=store.LEASE.total_seconds() - 0.001)
    somebody_else = await refund(given, gateway, after=store.LEASE.total_seconds())

    assert (too_soon, somebody_else) == (0, 1)
    assert (await given.payment_again(unwanted.id)).state is PaymentState.REFUNDED
    assert await wechat.payments_taken_and_given_back() == (1, 1)
    assert len(await given.recorded(PaymentRefunded)) == 1


async def test_a_refund_the_gateway_does_not_take_says_why(given, gateway, unwanted):
    await refund(given, IsDown(gateway), after=0)

    failed = await refund_of(given, unwanted)
    assert (failed.state, failed.attempts, failed.error) == (RefundState.DUE, 1, "no route to host")
    assert await refund(given, IsDown(gateway), after=0.4) == 0
    assert await refund(given, IsDown(gateway), after=0.5) == 1


async def test_a_refund_without_enough_money_at_the_gateway_is_tried_again(given, gateway, wechat, unwanted):
    await wechat.behave(refunds="not_enough")
    await refund(given, gateway, after=0)
    refused = await refund_of(given, unwanted)
    await wechat.behave(refund_ms=0)

    await refund(given, gateway, after=1)
    await wechat.no_refund_is_under_way()
    await refund(given, gateway, after=60)

    assert "NOT_ENOUGH" in refused.error
    assert (await given.payment_again(unwanted.id)).state is PaymentState.REFUNDED


async def test_one_refunds_trouble_is_not_its_neighbours(given, gateway, wechat, unwanted):
    class OneIsCursed(Wrapped):
        async def refund(self, due):
            if due.payment_id == unwanted.id:
                raise ZeroDivisionError
            return await self._gateway.refund(due)

    neighbour = await pay(given, gateway, await given.order(await given.stocked_sku(1)))
    await wechat.pay(neighbour, behaviour="never")
    await actions.reconcile_pending(given.db, gateway, now=given.now + store.FIRST_LOOK)
    async with given.db.transaction() as tx:
        await store.mark_refund_due(tx, neighbour.payment.id, reason="test", now=given.now)

    with pytest.raises(ZeroDivisionError):
        await refund(given, OneIsCursed(gateway), after=0)
    await wechat.no_refund_is_under_way()

    assert await wechat.payments_taken_and_given_back() == (2, 1)


async def test_somebody_whom_wechat_does_not_know_cannot_pay_there(given, gateway, order):
    async with given.db.transaction() as tx:
        await tx.execute(delete(identities))

    with pytest.raises(PayerUnknown):
        await pay(given, gateway, order)

    assert await given.payment_states() == {"pending": 1}


async def test_wechats_own_name_for_a_person_comes_first(given):
    shopper_id = await given.shopper("mei")
    assert await openid_of(given.db, shopper_id) == "mei"
    async with given.db.transaction() as tx:
        row = {"provider": "wechat", "subject": "oUpF8u", "account_id": shopper_id, "created_at": given.now}
        await tx.execute(insert(identities).values(row))

    assert await openid_of(given.db, shopper_id) == "oUpF8u"


class Elsewhere(Wrapped):
    """Another company."""

    name = "elsewhere"


async def test_whoever_pays_elsewhere_after_all_is_not_asked_twice(given, gateway, wechat, order):
    here = await pay(given, gateway, order)
    elsewhere = Elsewhere(gateway)

    there = await orders.pay(
        given.db, elsewhere, others=[gateway], order_id=order.id, shopper_id=order.shopper_id,
        idempotency_key="payment-2", now=given.now,
    )  # fmt: skip

    assert (await given.payment_again(here.payment.id)).state is PaymentState.CLOSED
    assert (there.payment.gateway, there.payment.state) == ("elsewhere", PaymentState.PENDING)
    assert await wechat.pay(here) == 409


async def test_money_that_is_here_already_is_not_asked_for_elsewhere(given, gateway, wechat, order):
    here = await pay(given, gateway, order)
    await wechat.pay(here, behaviour="never")

    there = await orders.pay(
        given.db, Elsewhere(gateway), others=[gateway], order_id=order.id, shopper_id=order.shopper_id,
        idempotency_key="payment-2", now=given.now,
    )  # fmt: skip

    assert (there.payment.id, there.instructions) == (here.payment.id, None)
    assert await given.payment_states() == {"captured": 1}


async def test_a_key_that_was_answered_closes_nobody_elses_payment(given, gateway, order):
    elsewhere = Elsewhere(gateway)

    def pay_at(some, other, key):
        return orders.pay(
            given.db, some, others=[other], order_id=order.id, shopper_id=order.shopper_id, idempotency_key=key,
            now=given.now,
        )  # fmt: skip

    here = await pay_at(gateway, elsewhere, "payment-1")
    there = await pay_at(elsewhere, gateway, "payment-2")
    again = await pay_at(gateway, elsewhere, "payment-1")

    assert (again.payment.id, again.instructions) == (here.payment.id, None)
    assert (await given.payment_again(there.payment.id)).state is PaymentState.PENDING
    assert await given.payment_states() == {"closed": 1, "pending": 1}


async def test_a_payment_opened_elsewhere_meanwhile_does_not_use_up_the_key(given, gateway, order):
    await pay(given, gateway, order)
    elsewhere = Elsewhere(gateway)

    with pytest.raises(GatewayUnavailable):
        await pay(given, elsewhere, order, "payment-2")
    there = await orders.pay(
        given.db, elsewhere, others=[gateway], order_id=order.id, shopper_id=order.shopper_id,
        idempotency_key="payment-2", now=given.now,
    )  # fmt: skip

    assert there.payment.gateway == "elsewhere"
    assert there.instructions is not None


async def test_a_refund_that_contradicts_our_books_is_put_off_and_says_so(given, gateway, unwanted):
    class GivesTooMuch(Wrapped):
        async def refund(self, due):
            return Refunded(due.id, due.payment_id, "re1", Money(due.amount.minor + 1), given.now)

    with capture_logs() as logged:
        await refund(given, GivesTooMuch(gateway), after=0)

    contradicted = await refund_of(given, unwanted)
    assert (contradicted.state, contradicted.attempts) == (RefundState.DUE, 1)
    assert "the amount is" in contradicted.error
    assert [entry["event"] for entry in logged] == ["refund_contradicts_books"]
    assert await refund(given, GivesTooMuch(gateway), after=0.4) == 0
    assert await refund(given, GivesTooMuch(gateway), after=0.5) == 1
    assert (await given.payment_again(unwanted.id)).refunded_minor == 0
