"""What a moment of an order's history is called by people: what it says in codes, in Chinese or English."""

from collections.abc import Mapping

from domain.back_office.rules import Moment, MomentKind
from domain.shipments.rules import CARRIERS, Carrier

K = MomentKind
Names = Mapping[str, tuple[str, str]]
"""Chinese and English, by code."""

GATEWAYS: Names = {"wechat": ("微信支付", "WeChat Pay"), "stripe": ("Stripe", "Stripe")}
LATE_OUTCOMES: Names = {
    "revived": ("订单已恢复", "the order was revived"),
    "refunded": ("款项退回", "the money goes back"),
}
REFUND_REASONS: Names = {
    "not_wanted": ("不想要了", "no longer wanted"),
    "damaged": ("商品破损", "damaged"),
    "wrong_goods": ("发错商品", "wrong goods"),
    "not_arrived": ("未收到货", "not arrived"),
    "quality": ("质量问题", "poor quality"),
    "other": ("其他原因", "another reason"),
    "by_merchant": ("商家主动退款", "given back by the merchant"),
    "payment_too_late": ("付款超时，款项退回", "paid too late"),
    "payment_paid_twice": ("重复付款，款项退回", "paid twice"),
    "payment_not_wanted": ("多付款项退回", "paid although nothing was to be paid"),
}
UPLOAD_STATES: Names = {
    "due": ("待录入", "to be told"),
    "uploaded": ("已录入", "told"),
    "refused": ("被拒绝", "refused"),
}
_ENGLISH = {
    Carrier.SF: "SF Express",
    Carrier.YTO: "YTO Express",
    Carrier.ZTO: "ZTO Express",
    Carrier.STO: "STO Express",
    Carrier.YUNDA: "Yunda Express",
    Carrier.JD: "JD Logistics",
    Carrier.EMS: "EMS",
    Carrier.JT: "J&T Express",
    Carrier.DEPPON: "Deppon Express",
    Carrier.POST: "China Post",
    Carrier.OTHER: "another carrier",
}
_CARRIERS: Names = {carrier.value: (facts.zh, _ENGLISH[carrier]) for carrier, facts in CARRIERS.items()}
_CODES: Mapping[MomentKind, Names] = {
    K.PAYMENT_ASKED: GATEWAYS,
    K.PAYMENT_CLOSED: GATEWAYS,
    K.CAPTURED: GATEWAYS,
    K.PAID_LATE: LATE_OUTCOMES,
    K.REFUND_ASKED: REFUND_REASONS,
    K.UPLOAD_DUE: UPLOAD_STATES,
}
_PARCELS = frozenset({K.SHIPPED, K.DELIVERED, K.AFTER_SALE_SENT_BACK})


def words_of(moment: Moment, language: str) -> str:
    """What the moment says, in Chinese unless `language` is "en". What people have written stays as they wrote it."""
    if moment.kind in _PARCELS:
        carrier, blank, number = moment.words.partition(" ")
        return _called(_CARRIERS, carrier, language) + blank + number
    return _called(_CODES.get(moment.kind, {}), moment.words, language)


def _called(names: Names, code: str, language: str) -> str:
    zh, en = names.get(code.lower(), (code, code))
    return en if language == "en" else zh
