from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.foundation.money import Money
from domain.payments import rules
from domain.payments.rules import NEXT, Captured, NoticeMismatch, Payment, PaymentState, Refunded

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
PAYMENT = Payment(
    id=UUID(int=1),
    payable="order",
    payable_id=UUID(int=2),
    payer_id=UUID(int=3),
    amount=Money(1990),
    gateway="sandbox",
    reference="sbx1",
    state=PaymentState.PENDING,
    asked_at=NOON,
    expires_at=NOON,
)
DUE = replace(PAYMENT, state=PaymentState.REFUND_DUE)
CAPTURED = Captured(PAYMENT.id, "sbx1", Money(1990), NOON)
REFUNDED = Refunded(PAYMENT.id, "rsbx1", Money(1990), NOON)


@pytest.mark.parametrize(
    ("news", "payment"),
    [
        (CAPTURED, PAYMENT),
        (CAPTURED, replace(PAYMENT, reference=None)),
        (CAPTURED, replace(PAYMENT, state=PaymentState.CLOSED)),
        (REFUNDED, DUE),
        (REFUNDED, replace(DUE, state=PaymentState.REFUNDED)),
    ],
)
def test_news_that_agree_with_our_books_are_believed(news, payment):
    assert rules.check(news, payment) is payment


@pytest.mark.parametrize(
    ("news", "payment"),
    [
        (CAPTURED, None),
        (CAPTURED, replace(PAYMENT, id=UUID(int=7))),
        (replace(CAPTURED, amount=Money(1989)), PAYMENT),
        (replace(CAPTURED, amount=Money(199_000)), PAYMENT),
        (replace(CAPTURED, amount=Money(1990, "USD")), PAYMENT),
        (replace(CAPTURED, reference="sbx2"), PAYMENT),
        (REFUNDED, PAYMENT),
        (REFUNDED, replace(PAYMENT, state=PaymentState.CAPTURED)),
        (replace(REFUNDED, amount=Money(1)), DUE),
    ],
)
def test_news_that_contradict_our_books_are_not(news, payment):
    with pytest.raises(NoticeMismatch):
        rules.check(news, payment)


def test_money_that_came_is_never_forgotten():
    came = {PaymentState.CAPTURED, PaymentState.REFUND_DUE, PaymentState.REFUNDED}

    assert all(NEXT[state] <= came for state in came)
    assert set(NEXT) == set(PaymentState)
