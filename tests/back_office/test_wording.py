from datetime import UTC, datetime

import pytest

from domain.after_sales.rules import Reason
from domain.back_office.rules import Moment, MomentKind, Teller
from domain.back_office.wording import REFUND_REASONS, words_of
from domain.foundation.ids import new_id

NOON = datetime(2026, 11, 11, 4, tzinfo=UTC)

K = MomentKind


@pytest.mark.parametrize(
    ("kind", "code", "zh", "en"),
    [
        (K.PAYMENT_ASKED, "wechat", "微信支付", "WeChat Pay"),
        (K.CAPTURED, "stripe", "Stripe", "Stripe"),
        (K.PAID_LATE, "revived", "订单已恢复", "the order was revived"),
        (K.PAID_LATE, "", "", ""),
        (K.SHIPPED, "sf SF1234567890123", "顺丰速运 SF1234567890123", "SF Express SF1234567890123"),
        (K.AFTER_SALE_SENT_BACK, "SF SF1", "顺丰速运 SF1", "SF Express SF1"),
        (K.AFTER_SALE_SENT_BACK, "自己送来 1", "自己送来 1", "自己送来 1"),
        (K.REFUND_ASKED, "quality", "质量问题", "poor quality"),
        (K.REFUND_ASKED, "payment_too_late", "付款超时，款项退回", "paid too late"),
        (K.UPLOAD_DUE, "refused", "被拒绝", "refused"),
        (K.PLACED, "wechat", "wechat", "wechat"),
    ],
)
def test_codes_are_told_in_words_and_words_as_they_were_written(kind, code, zh, en):
    moment = Moment(NOON, kind, Teller.MARKET, ("order", new_id()), code)

    assert (words_of(moment, "zh"), words_of(moment, "en")) == (zh, en)


def test_every_reason_of_a_refund_has_words():
    assert {reason.value for reason in Reason} <= set(REFUND_REASONS)
