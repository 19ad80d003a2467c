"""What WeChat is told in its payers' words."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.after_sales.rules import Reason
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.payments.rules import Refund, RefundState
from domain.payments.wechat_words import ANY_REASON, REASON_BYTES, REASONS, refund_wish

REFUND = Refund(
    id=new_id(),
    payment_id=new_id(),
    gateway="wechat",
    amount=Money(500),
    paid=Money(1990),
    reason="quality",
    cause_id=None,
    state=RefundState.DUE,
    asked_at=datetime(2026, 11, 11, 4, tzinfo=UTC),
)


@pytest.mark.parametrize("code", [*Reason, "too_late", "paid_twice", "not_wanted", "of tomorrow"])
def test_the_payer_reads_why_money_goes_back_in_chinese(code):
    words = refund_wish(replace(REFUND, reason=str(code)))["reason"]

    assert words == REASONS.get(code, ANY_REASON)
    assert words.isprintable() and not any(letter.isascii() for letter in words)
    assert 1 <= len(words.encode()) <= REASON_BYTES == 80


def test_every_reason_of_an_after_sale_has_words_of_its_own():
    assert {str(reason) for reason in Reason} <= REASONS.keys()
