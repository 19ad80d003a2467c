from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.foundation.money import Money
from domain.payments import rules
from domain.payments.rules import (
    NEXT,
    Captured,
    NoticeMismatch,
    Payment,
    PaymentState,
    Refund,
    Refunded,
    RefundState,
)

CLOSED = PaymentState.CLOSED
NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
PAYMENT = Payment(
    id=UUID(int=1),
    payable="order",
    payable_id=UUID(int=2),
    payer_id=UUID(int=3),
    amount=Money(1990),
    gateway="wechat",
    reference="wx1",
    state=PaymentState.PENDING,
    asked_at=NOON,
    expires_at=NOON,
)
CAPTURED = Captured(PAYMENT.id, "wx1", Money(1990), NOON)
REFUND = Refund(
    id=UUID(int=4),
    payment_id=PAYMENT.id,
    gateway="wechat",
    amount=Money(500),
    paid=Money(1990),
    reason="quality",
    cause_id=UUID(int=5),
    state=RefundState.DUE,
    asked_at=NOON,
)
REFUNDED = Refunded(REFUND.id, PAYMENT.id, "r1", Money(500), NOON)


@pytest.mark.parametrize("payment", [PAYMENT, replace(PAYMENT, reference=None), replace(PAYMENT, state=CLOSED)])
def test_a_capture_that_agrees_with_our_books_is_believed(payment):
    assert rules.check_captured(CAPTURED, payment) is payment


@pytest.mark.parametrize(
    ("news", "payment"),
    [
        (CAPTURED, None),
        (CAPTURED, replace(PAYMENT, id=UUID(int=7))),
        (replace(CAPTURED, amount=Money(1989)), PAYMENT),
        (replace(CAPTURED, amount=Money(199_000)), PAYMENT),
        (replace(CAPTURED, amount=Money(1990, "USD")), PAYMENT),
        (replace(CAPTURED, reference="wx2"), PAYMENT),
    ],
)
def test_a_capture_that_contradicts_our_books_is_not(news, payment):
    with pytest.raises(NoticeMismatch):
        rules.check_captured(news, payment)


@pytest.mark.parametrize("refund", [REFUND, replace(REFUND, state=RefundState.REFUNDED)])
def test_a_refund_that_agrees_with_our_books_is_believed(refund):
    assert rules.check_refunded(REFUNDED, refund) is refund


@pytest.mark.parametrize(
    ("news", "refund"),
    [
        (REFUNDED, None),
        (REFUNDED, replace(REFUND, id=UUID(int=7))),
        (REFUNDED, replace(REFUND, payment_id=UUID(int=7))),
        (replace(REFUNDED, amount=Money(1990)), REFUND),
        (replace(REFUNDED, amount=Money(500, "USD")), REFUND),
    ],
)
def test_a_refund_that_nobody_asked_for_is_not(news, refund):
    with pytest.raises(NoticeMismatch):
        rules.check_refunded(news, refund)


def test_no_gateway_tells_of_another_gateways_payment():
    rules.check_gateway("wechat", PAYMENT)

    with pytest.raises(NoticeMismatch):
        rules.check_gateway("stripe", PAYMENT)


def test_money_that_came_is_never_forgotten():
    came = {PaymentState.CAPTURED, PaymentState.REFUND_DUE, PaymentState.REFUNDED}

    assert all(NEXT[state] <= came for state in came)
    assert set(NEXT) == set(PaymentState)
