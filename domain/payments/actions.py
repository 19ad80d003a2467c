"""What can be done with payments: ask for money, believe a gateway, give money back.

No transaction is open while a gateway is asked. Whatever it tells is written by one road, `_settle`, whether it came as
a notice, as the answer to our question or as the answer to a refund; so it does not matter which comes first.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

import structlog

from domain.accounts.queries import openid_of
from domain.foundation.database import Database, Transaction
from domain.foundation.outbox import retry_wait
from domain.payments import queries, rules, store
from domain.payments.events import PaymentCaptured, PaymentRefunded
from domain.payments.gateways import Gateway
from domain.payments.rules import (
    Captured,
    GatewayFailed,
    GatewayUnavailable,
    Instructions,
    News,
    Notice,
    NoticeMismatch,
    PaidAlready,
    Payment,
    PaymentState,
    Refund,
    Refunded,
    RefundState,
    Standing,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Asked:
    """A payment and how to pay it; no instructions when it is not pending any more."""

    payment: Payment
    instructions: Instructions | None


class Outcome(Enum):
    """What a gateway's news has changed."""

    CAPTURED = "captured"
    GIVEN_BACK = "given_back"
    REFUNDED = "refunded"
    KNOWN = "known"


async def ask(db: Database, gateway: Gateway, *, payment_id: UUID, now: datetime) -> Asked:
    """Have the gateway make a payment payable. Its row (`store.open_pending`) stands before the gateway hears of it.

    A second call gives instructions for the same payment, and finds money whose notice is late. Raises PayerUnknown and
    GatewayUnavailable (also when the payment was opened at another gateway just now); it is then pending as before.
    """
    payment = (await queries.by_ids(db, [payment_id]))[payment_id]
    if payment.state is not PaymentState.PENDING:
        return Asked(payment, None)
    if payment.gateway != gateway.name:
        raise GatewayUnavailable(gateway=gateway.name)
    try:
        instructions = await gateway.prepare(payment, await openid_of(db, payment.payer_id))
    except PaidAlready:
        await look(db, gateway, payment, now=now)
        return Asked((await queries.by_ids(db, [payment_id]))[payment_id], None)
    except GatewayFailed as error:
        log.warning("payment_not_prepared", payment=str(payment.id), error=str(error))
        raise GatewayUnavailable(gateway=gateway.name) from error
    if payment.reference is None and instructions.reference is not None:
        async with db.transaction() as tx:
            await store.set_reference(tx, payment.id, instructions.reference)
    return Asked(payment, instructions)


async def leave_others(
    db: Database, others: Iterable[Gateway], *, payable: str, payable_id: UUID, payer_id: UUID, now: datetime
) -> None:
    """Close the payer's pending payment of a payable at whichever of these gateways has it, so that one may open elsewhere.

    Money that was faster is taken. Raises GatewayUnavailable when that gateway does not answer: nothing has changed then.
    """
    payment = (await queries.by_payable_ids(db, [payable_id], payable=payable)).get(payable_id)
    for gateway in others:
        if payment is None or payment.state is not PaymentState.PENDING or payment.payer_id != payer_id:
            return
        if payment.gateway == gateway.name:
            try:
                answer = await gateway.close(payment)
            except GatewayFailed as error:
                raise GatewayUnavailable(gateway=gateway.name) from error
            if answer is Standing.PENDING:  # the wallet is at work on it
                raise GatewayUnavailable(gateway=gateway.name)
            await _write_closed(db, payment, answer, now)


async def take_notice(db: Database, *, gateway: str, notice: Notice, now: datetime) -> Outcome:
    """Act on a verified notice, once, however often it comes. Raises NoticeMismatch, and then nothing has changed."""
    if notice.news is None:
        return Outcome.KNOWN
    async with db.transaction() as tx:
        payments = await store.lock_all_of_payable(tx, notice.news.payment_id)
        rules.check_gateway(gateway, payments.get(notice.news.payment_id))
        believed = await _believed(tx, payments, notice.news)
        if not await store.remember_notice(tx, gateway=gateway, notice=notice, news=notice.news, now=now):
            return Outcome.KNOWN
        return await _settle(tx, payments, believed, now)


async def reconcile_pending(db: Database, gateway: Gateway, *, now: datetime, limit: int = 50) -> int:
    """Ask the gateway about payments whose notice is overdue, and close those whose time is over; how many were due.

    Safe to run twice and side by side: a payment that one run is asking about is not due for the next.
    """
    async with db.transaction() as tx:
        due = await store.take_looks(tx, gateway=gateway.name, now=now, limit=limit)
    await _all(look(db, gateway, payment, now=now) for payment in due)
    return len(due)


async def refund_due(db: Database, gateway: Gateway, *, now: datetime, limit: int = 50) -> int:
    """Ask the gateway to give back what is to go back; how many were due.

    A refund asked for and not written down, because we died in between, is asked for again under the same id: the
    gateway gives back once. One the gateway did not take says why in its `error` and is tried again, ever later.
    """
    async with db.transaction() as tx:
        due = await store.take_refunds(tx, gateway=gateway.name, now=now, limit=limit)
    await _all(try_refund(db, gateway, refund, now=now) for refund in due)
    return len(due)


async def look(db: Database, gateway: Gateway, payment: Payment, *, now: datetime) -> None:
    """Ask how a payment stands, or have it closed when its time is over, and write down what is told, as a notice would.

    A gateway that fails is logged, and nothing has changed. Raises NoticeMismatch.
    """
    is_over = now >= payment.expires_at
    try:
        answer = await (gateway.close(payment) if is_over else gateway.query(payment))
    except GatewayFailed as error:
        log.warning("gateway_failed", payment=str(payment.id), error=str(error))
        return
    if answer is not Standing.PENDING and (is_over or isinstance(answer, Captured)):
        await _write_closed(db, payment, answer, now)


async def _write_closed(db: Database, payment: Payment, answer: Captured | Standing, now: datetime) -> None:
    """Take the money that came, or write down that none can come any more."""
    async with db.transaction() as tx:
        payments = await store.lock_all_of_payable(tx, payment.id)
        if isinstance(answer, Captured):
            await _settle(tx, payments, await _believed(tx, payments, answer), now)
        elif payments[payment.id].state is PaymentState.PENDING:
            await store.close(tx, payments[payment.id], now=now)


async def try_refund(db: Database, gateway: Gateway, due: Refund, *, now: datetime) -> None:
    """Ask for a refund that the caller has taken, and write down what is told.

    One that fails, or takes its time, is due again later, with the reason. So is one of which the gateway tells what
    contradicts our books: somebody has to look.
    """
    error = None
    try:
        news = await gateway.refund(due)
        if news is not None:
            await _write_refunded(db, due, news, now)
            return
    except (GatewayFailed, NoticeMismatch) as failure:
        error = str(failure)
        event = "refund_contradicts_books" if isinstance(failure, NoticeMismatch) else "refund_failed"
        log.warning(event, refund=str(due.id), attempts=due.attempts, error=error)
    async with db.transaction() as tx:
        await store.put_refund_off(tx, due.id, retry_at=now + retry_wait(due.attempts), error=error)


async def _write_refunded(db: Database, due: Refund, news: Refunded, now: datetime) -> None:
    """Raises NoticeMismatch, and then nothing has changed."""
    async with db.transaction() as tx:
        payments = await store.lock_all_of_payable(tx, due.payment_id)
        await _settle(tx, payments, await _believed(tx, payments, news), now)


@dataclass(frozen=True, slots=True)
class _Believed:
    """News that was checked against our own rows, and those rows, locked."""

    news: News
    payment: Payment
    refund: Refund | None = None


async def _believed(tx: Transaction, payments: dict[UUID, Payment], news: News) -> _Believed:
    """Raises NoticeMismatch. `payments` are all of the payable, locked."""
    payment = payments.get(news.payment_id)
    if isinstance(news, Captured):
        return _Believed(news, rules.check_captured(news, payment))
    refund = rules.check_refunded(news, await store.lock_refund(tx, news.refund_id))
    assert payment is not None, "a refund of no payment"
    return _Believed(news, payment, refund)


async def _settle(tx: Transaction, payments: dict[UUID, Payment], believed: _Believed, now: datetime) -> Outcome:
    """Write what a gateway told, once."""
    news, payment, refund = believed.news, believed.payment, believed.refund
    if isinstance(news, Refunded):
        assert refund is not None
        if refund.state is RefundState.REFUNDED:
            return Outcome.KNOWN
        await store.refund(tx, payment, refund, news, now=now)
        tx.record(
            PaymentRefunded(
                payment.payable,
                payment.payable_id,
                payment.id,
                refund.id,
                refund.cause_id,
                refund.amount.minor,
                news.at,
            )
        )
        return Outcome.REFUNDED
    if payment.captured_at is not None:
        return Outcome.KNOWN
    if any(other.state is PaymentState.CAPTURED for other in payments.values()):
        await store.capture_unwanted(tx, payment, news, reason="paid_twice", now=now)
        return Outcome.GIVEN_BACK
    await store.capture(tx, payment, news, now=now)
    tx.record(PaymentCaptured(payment.payable, payment.payable_id, payment.id, payment.amount.minor, news.at))
    return Outcome.CAPTURED


async def _all(calls: Iterable[Awaitable[None]]) -> None:
    """Every call to its end, so that one payment's trouble is not its neighbours'; then the first error."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
