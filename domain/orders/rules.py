"""What an order may become, and what is to be done with money that arrives for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.clock import shop_day
from domain.foundation.errors import NotFound, Refusal
from domain.foundation.money import Money


class OrderState(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    PAID = "paid"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


# From lapsed and cancelled an order comes back only by `revive`: money came late and the goods were still there.
NEXT: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.PLACED: frozenset({OrderState.PAID, OrderState.LAPSED, OrderState.CANCELLED}),
    OrderState.PAID: frozenset(),
    OrderState.LAPSED: frozenset({OrderState.PAID}),
    OrderState.CANCELLED: frozenset({OrderState.PAID}),
}


class LateOutcome(StrEnum):
    """How it was decided about money that came after the order had ended."""

    REVIVED = "revived"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Line:
    """Some units of one SKU, as it was called and at the price it had when the order was placed."""

    order_id: UUID
    position: int
    sku_id: UUID
    title: str
    quantity: int
    unit_price: Money
    total: Money


@dataclass(frozen=True, slots=True)
class Order:
    """What a shopper has bought. `source` names the promotion that placed it, if one did, and hears of it."""

    id: UUID
    number: str
    shopper_id: UUID
    state: OrderState
    total: Money
    source: str | None
    source_id: UUID | None
    placed_at: datetime
    pay_by: datetime
    paid_at: datetime | None = None
    lapsed_at: datetime | None = None
    cancelled_at: datetime | None = None
    paid_late_at: datetime | None = None
    late_outcome: LateOutcome | None = None
    paid_with: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to be placed; units of an allotment are taken out of that, others out of free stock."""

    sku_id: UUID
    title: str
    quantity: int
    unit_price_minor: int
    allotment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be placed. A second one with the same id, or of the same source, is refused by the database."""

    id: UUID
    shopper_id: UUID
    source: str | None
    source_id: UUID | None
    lines: tuple[NewLine, ...]
    pay_by: datetime


class Verdict(Enum):
    """What is to be done with captured money."""

    KNOWN = "known"
    ACCEPT = "accept"
    REVIVE_IF_POSSIBLE = "revive_if_possible"
    ASK_PROMOTION = "ask_promotion"
    GIVE_BACK = "give_back"


def judge(order: Order, *, payment_id: UUID, amount_minor: int) -> Verdict:
    """What is to be done with a payment's money. The same payment again is known; a second payment goes back.

    The state alone decides, not the clock: as long as the sweep has not lapsed it, an order takes its money.
    """
    if order.paid_with is not None:
        return Verdict.KNOWN if order.paid_with == payment_id else Verdict.GIVE_BACK
    if amount_minor != order.total.minor:
        return Verdict.GIVE_BACK
    if order.state is OrderState.PLACED:
        return Verdict.ACCEPT
    return Verdict.REVIVE_IF_POSSIBLE if order.source is None else Verdict.ASK_PROMOTION


def awaits_decision(order: Order, payment_id: UUID) -> bool:
    """Whether this payment came too late for the order and nobody has decided yet what becomes of it."""
    return order.paid_late_at is not None and order.late_outcome is None and order.paid_with == payment_id


def check_payable(order: Order, *, shopper_id: UUID, now: datetime) -> None:
    """Raises NotFound when it is somebody else's, OrderNotPayable from `pay_by` on and in every state but placed."""
    check_owner(order, shopper_id)
    if order.state is not OrderState.PLACED or now >= order.pay_by:
        raise OrderNotPayable(order_id=order.id, state=order.state, pay_by=order.pay_by)


def check_cancellable(order: Order) -> None:
    """Raises OrderNotCancellable unless the order still waits for its money."""
    if order.state is not OrderState.PLACED:
        raise OrderNotCancellable(order_id=order.id, state=order.state)


def check_owner(order: Order, shopper_id: UUID) -> None:
    """Raises NotFound when the order is somebody else's: that it exists is not told."""
    if order.shopper_id != shopper_id:
        raise NotFound(kind="order", id=str(order.id))


def shown_number(number: int, placed_at: datetime) -> str:
    """The number people read out: the shop's day, then the running number: `26111100100001`."""
    return f"{shop_day(placed_at):%y%m%d}{number:08d}"


@dataclass(frozen=True)
class OrderNotPayable(Refusal):
    """The order does not wait for money: it is paid, lapsed or cancelled, or its time to pay is over."""

    order_id: UUID
    state: OrderState
    pay_by: datetime

    code: ClassVar[str] = "ORDER_NOT_PAYABLE"
    zh: ClassVar[str] = "订单已付款、已关闭或已超过付款时间，无法支付"
    en: ClassVar[str] = "this order cannot be paid: it is {state}; to be paid before {pay_by:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True)
class OrderNotCancellable(Refusal):
    """Only an order that waits for its money can be called off."""

    order_id: UUID
    state: OrderState

    code: ClassVar[str] = "ORDER_NOT_CANCELLABLE"
    zh: ClassVar[str] = "订单已付款或已关闭，无法取消"
    en: ClassVar[str] = "this order cannot be cancelled: it is {state}"
