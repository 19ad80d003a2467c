"""What a payment may become, what a gateway may tell of it, and which of its words are believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import ClientFault, Refusal
from domain.foundation.money import Money


def notice_path(gateway: str) -> str:
    """Where a gateway brings its notices to our door."""
    return f"/payments/{gateway}/notice"


class PaymentState(StrEnum):
    """Where the money is."""

    PENDING = "pending"
    CLOSED = "closed"
    CAPTURED = "captured"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


# Money that arrives for a closed payment is money all the same; what nobody keeps goes back. A part that is given back for an
# after-sale leaves the payment captured: its refunds tell of it.
NEXT: Mapping[PaymentState, frozenset[PaymentState]] = {
    PaymentState.PENDING: frozenset({PaymentState.CLOSED, PaymentState.CAPTURED, PaymentState.REFUND_DUE}),
    PaymentState.CLOSED: frozenset({PaymentState.CAPTURED, PaymentState.REFUND_DUE}),
    PaymentState.CAPTURED: frozenset({PaymentState.REFUND_DUE}),
    PaymentState.REFUND_DUE: frozenset({PaymentState.REFUNDED}),
    PaymentState.REFUNDED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Payment:
    """Money asked for. `reference` is the gateway's own name for it, known once the gateway has answered."""

    id: UUID
    payable: str
    payable_id: UUID
    payer_id: UUID
    amount: Money
    gateway: str
    reference: str | None
    state: PaymentState
    asked_at: datetime
    expires_at: datetime
    captured_at: datetime | None = None
    refund_asked_minor: int = 0
    refunded_minor: int = 0


class RefundState(StrEnum):
    """Whether the payer has the money back."""

    DUE = "due"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back: all of a payment, or a part. `cause_id` is the after-sale that asked for it, if one did."""

    id: UUID
    payment_id: UUID
    gateway: str
    amount: Money
    paid: Money
    """What the whole payment was."""
    reason: str
    cause_id: UUID | None
    state: RefundState
    asked_at: datetime
    attempts: int = 0
    error: str | None = None
    refunded_at: datetime | None = None
    payment_reference: str | None = None
    """The gateway's name for the payment."""


@dataclass(frozen=True, slots=True)
class WechatPayParameters:
    """What a mini-program hands to `wx.requestPayment`, as it is."""

    app_id: str
    time_stamp: str
    nonce_str: str
    package: str
    sign_type: str
    pay_sign: str


@dataclass(frozen=True, slots=True)
class Instructions:
    """How the shopper pays: a page to open, or parameters for WeChat's own wallet.

    `reference` is the gateway's name for the payment; None when it has none before the money has come.
    """

    reference: str | None
    pay_url: str | None = None
    wechat: WechatPayParameters | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """What a gateway says: the payer's money has arrived."""

    payment_id: UUID
    reference: str
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Refunded:
    """What a gateway says: the payer has the money back. `reference` is its name for the refund."""

    refund_id: UUID
    payment_id: UUID
    reference: str
    amount: Money
    at: datetime


News = Captured | Refunded


@dataclass(frozen=True, slots=True)
class Notice:
    """What a gateway has brought to our door, its signature verified; the same notice keeps its id.

    `news` is None when it tells nothing that our books would have to know.
    """

    id: str
    news: News | None


class BillKind(StrEnum):
    """Which way the money of a line of a bill went."""

    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class BillRow:
    """A line of a gateway's bill. `id` is our payment's or refund's; None when the gateway's key for it cannot be ours.

    `fee_minor` is what the gateway keeps: negative where it gives a fee back. `state` is the gateway's own word.
    """

    kind: BillKind
    id: UUID | None
    reference: str
    amount_minor: int
    fee_minor: int
    at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Bill:
    """What a gateway says has moved on a day of the shop's calendar."""

    gateway: str
    day: date
    rows: tuple[BillRow, ...]


class Standing(Enum):
    """How a payment stands at the gateway as long as no money has arrived."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    CLOSED = "closed"


def check_gateway(gateway: str, payment: Payment | None) -> None:
    """Raises NoticeMismatch for a payment that is another gateway's: nobody tells of what another company does."""
    if payment is not None and payment.gateway != gateway:
        raise NoticeMismatch("another gateway's payment")


def check_captured(news: Captured, payment: Payment | None) -> Payment:
    """The payment the news is about. Raises NoticeMismatch unless its amount, currency and reference are ours."""
    if payment is None or payment.id != news.payment_id:
        raise NoticeMismatch("no such payment")
    if news.amount != payment.amount:
        raise NoticeMismatch(f"the amount is {payment.amount}, not {news.amount}")
    # none of our own: we died after the gateway had answered and before its reference was kept
    if payment.reference not in {None, news.reference}:
        raise NoticeMismatch("the payment has another reference")
    return payment


def check_refunded(news: Refunded, refund: Refund | None) -> Refund:
    """The refund the news is about. Raises NoticeMismatch unless we have asked for it, for this payment and this amount."""
    if refund is None or (refund.id, refund.payment_id) != (news.refund_id, news.payment_id):
        raise NoticeMismatch("nobody has asked for this refund")
    if news.amount != refund.amount:
        raise NoticeMismatch(f"the amount is {refund.amount}, not {news.amount}")
    return refund


class GatewayFailed(Exception):
    """The gateway did not answer, or answered nonsense: what it has done is not known. Ask again, it counts once."""


class PaidAlready(GatewayFailed):
    """The gateway makes nothing payable: this payment has its money, and only its notice is not here yet."""


class NoticeForged(ClientFault):
    """A notice without a valid signature, or one signed too long ago to be believed."""

    code = "NOTICE_FORGED"


class NoticeMalformed(ClientFault):
    """A signed notice that cannot be read: the gateway speaks another version than we do."""

    code = "NOTICE_MALFORMED"


class NoticeMismatch(ClientFault):
    """A signed notice that contradicts our books. Nothing is changed; somebody has to look."""

    code = "NOTICE_MISMATCH"


@dataclass(eq=False)
class PaymentsSwitchedOff(Refusal):
    """No gateway is configured."""

    code: ClassVar[str] = "PAYMENTS_SWITCHED_OFF"
    zh: ClassVar[str] = "支付功能未开启"
    en: ClassVar[str] = "payments are switched off"


@dataclass(eq=False)
class PayerUnknown(Refusal):
    """The gateway takes money only from people it knows, and this one has never signed in with it."""

    gateway: str

    code: ClassVar[str] = "PAYER_UNKNOWN"
    zh: ClassVar[str] = "请先使用微信登录，再用微信支付"
    en: ClassVar[str] = "sign in with the payment gateway's own login first"


@dataclass(eq=False)
class GatewayUnavailable(Refusal):
    """The gateway does not answer; asking again with the same key is safe."""

    gateway: str

    code: ClassVar[str] = "GATEWAY_UNAVAILABLE"
    zh: ClassVar[str] = "支付渠道暂时不可用，请稍后重试"
    en: ClassVar[str] = "the payment gateway does not answer; try again in a moment"
