"""What an order may become, and what is to be done with money that arrives for it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.addresses.rules import Destination
from domain.foundation.clock import shop_day
from domain.foundation.errors import BadInput, NotFound, Refusal
from domain.foundation.money import Money
from domain.pricing.rules import Fulfilment as Fulfilment  # a word of both

NOTHING = Money(0)


class OrderState(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    RECEIVED = "received"
    REFUNDED = "refunded"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


# From lapsed and cancelled an order comes back only by `revive`: money came late and the goods were still there.
NEXT: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.PLACED: frozenset({OrderState.PAID, OrderState.LAPSED, OrderState.CANCELLED}),
    OrderState.PAID: frozenset({OrderState.SHIPPED, OrderState.RECEIVED, OrderState.REFUNDED}),
    OrderState.SHIPPED: frozenset({OrderState.RECEIVED, OrderState.REFUNDED}),
    OrderState.RECEIVED: frozenset({OrderState.REFUNDED}),
    OrderState.REFUNDED: frozenset(),
    OrderState.LAPSED: frozenset({OrderState.PAID}),
    OrderState.CANCELLED: frozenset({OrderState.PAID}),
}


# The order has its money, whatever became of the goods.
HAS_MONEY = frozenset({OrderState.PAID, OrderState.SHIPPED, OrderState.RECEIVED, OrderState.REFUNDED})

RECEIVED_AFTER_SHIPPED = timedelta(days=15)
"""How long after the last parcel has left the shopper counts as having it, if nobody says anything."""


class Receiver(StrEnum):
    """By whose word the shopper has the goods: their own, the clock's, or the store's that handed them over."""

    SHOPPER = "shopper"
    TIME = "time"
    STORE = "store"


class LateOutcome(StrEnum):
    """How it was decided about money that came after the order had ended."""

    REVIVED = "revived"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Line:
    """Some units of one SKU, as it was called and at the price it had when the order was placed.

    `total` is the goods less the line's share of discounts (`discount`), without its share of the `freight`.
    """

    order_id: UUID
    position: int
    sku_id: UUID
    title: str
    quantity: int
    unit_price: Money
    total: Money
    discount: Money = NOTHING
    freight: Money = NOTHING
    explanation: Sequence[Mapping[str, Any]] = ()
    allotment_id: UUID | None = None
    supplier_id: UUID | None = None
    cost_minor: int | None = None
    shipped: int = 0
    refunded: int = 0
    unsent: int = 0
    restocked: int = 0
    refunded_goods_minor: int = 0
    refunded_freight_minor: int = 0

    @property
    def to_ship(self) -> int:
        """Units that still have to leave: neither sent nor given back before."""
        return self.quantity - self.shipped - self.unsent


@dataclass(frozen=True, slots=True)
class Order:
    """What a shopper has bought. `source` names the promotion that placed it, if one did, and hears of it.

    Until it is confirmed that promotion may still call it off: nothing leaves, and nobody returns it.
    """

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
    goods: Money = NOTHING
    discount: Money = NOTHING
    freight: Money = NOTHING
    fulfilment: Fulfilment | None = None
    destination: Destination | None = None
    store_id: UUID | None = None
    pickup_code: str | None = None
    remark: str = ""
    shipped_at: datetime | None = None
    receive_by: datetime | None = None
    received_at: datetime | None = None
    received_by: Receiver | None = None
    refunded_at: datetime | None = None
    refunded: Money = NOTHING
    is_confirmed: bool = True


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to be placed; units of an allotment are taken out of that, others out of free stock.

    An order has one line for a SKU (and allotment): what comes back must know from which line it was sold.
    """

    sku_id: UUID
    title: str
    quantity: int
    unit_price_minor: int
    allotment_id: UUID | None = None
    discount_minor: int = 0
    freight_minor: int = 0
    explanation: Sequence[Mapping[str, Any]] = ()
    supplier_id: UUID | None = None
    cost_minor: int | None = None


@dataclass(frozen=True, slots=True)
class LineRefund:
    """Units of a line whose money goes back; `unsent` of them never left and are free again at once."""

    position: int
    quantity: int
    unsent: int
    goods_minor: int
    freight_minor: int


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be placed. A second one with the same id, or of the same source, is refused by the database.

    How it is fulfilled may be said later, where a promotion placed it. A promotion that may still call the order off
    places it unconfirmed, and confirms it with `actions.confirm`.
    """

    id: UUID
    shopper_id: UUID
    source: str | None
    source_id: UUID | None
    lines: tuple[NewLine, ...]
    pay_by: datetime
    fulfilment: Fulfilment | None = None
    destination: Destination | None = None
    store_id: UUID | None = None
    remark: str = ""
    is_confirmed: bool = True

    @property
    def goods_minor(self) -> int:
        """The goods by themselves."""
        return sum(line.unit_price_minor * line.quantity for line in self.lines)

    @property
    def discount_minor(self) -> int:
        """What was taken off."""
        return sum(line.discount_minor for line in self.lines)

    @property
    def freight_minor(self) -> int:
        """The freight."""
        return sum(line.freight_minor for line in self.lines)


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
    if order.state in HAS_MONEY:  # it was free
        return Verdict.GIVE_BACK
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


def check_confirmed(order: Order) -> None:
    """Raises OrderNotConfirmed while the promotion that placed the order may still call it off."""
    if not order.is_confirmed:
        raise OrderNotConfirmed(order_id=order.id)


def check_shippable(order: Order) -> None:
    """Raises OrderNotShippable unless the order is paid, is to be delivered and says where to; OrderNotConfirmed."""
    if order.state is not OrderState.PAID or order.destination is None:
        raise OrderNotShippable(order_id=order.id, state=order.state, has_destination=order.destination is not None)
    check_confirmed(order)


def check_redirectable(order: Order, lines: Sequence[Line]) -> None:
    """Raises OrderNotRedirectable unless a promotion placed the order and nothing has left yet.

    What checkout placed goes where its freight was reckoned for; a promotion's price includes the delivery.
    """
    is_open = order.state in {OrderState.PLACED, OrderState.PAID} and not any(line.shipped for line in lines)
    if order.source is None or not is_open:
        raise OrderNotRedirectable(order_id=order.id, state=order.state)


def check_receivable(order: Order, by: Receiver) -> None:
    """Raises OrderNotReceivable unless it was sent, or, where a store hands it over, paid and to be picked up.

    Raises OrderNotConfirmed.
    """
    if by is Receiver.STORE:
        is_ready = order.state is OrderState.PAID and order.fulfilment is Fulfilment.PICKUP
    else:
        is_ready = order.state is OrderState.SHIPPED
    if not is_ready:
        raise OrderNotReceivable(order_id=order.id, state=order.state)
    check_confirmed(order)


def check_refundable(order: Order) -> None:
    """Raises OrderNotRefundable unless the order has its money and some of its units are not refunded yet."""
    if order.state not in HAS_MONEY or order.state is OrderState.REFUNDED:
        raise OrderNotRefundable(order_id=order.id, state=order.state)


def check_units(wanted: Mapping[int, int], left: Mapping[int, int]) -> None:
    """Raises TooManyUnits for a line (by its position) of which fewer are left than wanted, BadInput where none is wanted."""
    for position, quantity in sorted(wanted.items()):
        if quantity < 1:
            raise BadInput(f"line {position}: quantity is {quantity}; allowed: 1 and more")
        if quantity > left.get(position, 0):
            raise TooManyUnits(position=position, wanted=quantity, left=left.get(position, 0))


def check_not_own(order: Order, by: UUID) -> None:
    """Raises NotYourOwnOrder for staff at work on what they have bought themselves: two people see to every order."""
    if order.shopper_id == by:
        raise NotYourOwnOrder(order_id=order.id)


def check_owner(order: Order, shopper_id: UUID) -> None:
    """Raises NotFound when the order is somebody else's: that it exists is not told."""
    if order.shopper_id != shopper_id:
        raise NotFound.of("order", order.id)


def new_pickup_code(order: Order) -> str | None:
    """Eight digits for whoever fetches the goods; None where a parcel brings them."""
    return f"{secrets.randbelow(10**8):08d}" if order.fulfilment is Fulfilment.PICKUP else None


def shown_number(number: int, placed_at: datetime) -> str:
    """The number people read out: the shop's day, then the running number: `26111100100001`."""
    return f"{shop_day(placed_at):%y%m%d}{number:08d}"


@dataclass(eq=False)
class OrderNotPayable(Refusal):
    """The order does not wait for money: it is paid, lapsed or cancelled, or its time to pay is over."""

    order_id: UUID
    state: OrderState
    pay_by: datetime

    code: ClassVar[str] = "ORDER_NOT_PAYABLE"
    zh: ClassVar[str] = "订单已付款、已关闭或已超过付款时间，无法支付"
    en: ClassVar[str] = "this order cannot be paid: it is {state}; to be paid before {pay_by:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(eq=False)
class OrderNotCancellable(Refusal):
    """Only an order that waits for its money can be called off."""

    order_id: UUID
    state: OrderState

    code: ClassVar[str] = "ORDER_NOT_CANCELLABLE"
    zh: ClassVar[str] = "订单已付款或已关闭，无法取消"
    en: ClassVar[str] = "this order cannot be cancelled: it is {state}"


@dataclass(eq=False)
class OrderNotConfirmed(Refusal):
    """The promotion that placed the order may still call it off: a group that is not full yet, for example."""

    order_id: UUID

    code: ClassVar[str] = "ORDER_NOT_CONFIRMED"
    zh: ClassVar[str] = "订单所参加的活动尚未成立（如拼团未成团），暂时无法操作"
    en: ClassVar[str] = (
        "the promotion that placed this order may still call it off: a group that is not full, for example"
    )


@dataclass(eq=False)
class OrderNotShippable(Refusal):
    """Only a paid order whose destination is known can be sent."""

    order_id: UUID
    state: OrderState
    has_destination: bool

    code: ClassVar[str] = "ORDER_NOT_SHIPPABLE"
    zh: ClassVar[str] = "订单未付款、已发完或没有收货地址，无法发货"
    en: ClassVar[str] = "this order cannot be sent: it is {state}; destination known: {has_destination}"


@dataclass(eq=False)
class OrderNotRedirectable(Refusal):
    """Only an order that a promotion placed can be told where to go, and only before anything has left."""

    order_id: UUID
    state: OrderState

    code: ClassVar[str] = "ORDER_NOT_REDIRECTABLE"
    zh: ClassVar[str] = "订单已发货、已关闭或收货方式已确定，无法修改收货地址"
    en: ClassVar[str] = "where this order goes cannot be changed: it is {state}, or was said at checkout"


@dataclass(eq=False)
class NotYourOwnOrder(Refusal):
    """Staff decide about other people's orders, never about what they have bought themselves."""

    order_id: UUID

    code: ClassVar[str] = "NOT_YOUR_OWN_ORDER"
    zh: ClassVar[str] = "不能处理自己的订单，请由其他员工处理"
    en: ClassVar[str] = "the order is your own; somebody else of the staff has to see to it"


@dataclass(eq=False)
class OrderNotReceivable(Refusal):
    """Only an order whose goods are all on their way, or at the store, can be received."""

    order_id: UUID
    state: OrderState

    code: ClassVar[str] = "ORDER_NOT_RECEIVABLE"
    zh: ClassVar[str] = "订单尚未全部发货或已完成，无法确认收货"
    en: ClassVar[str] = "this order cannot be received: it is {state}"


@dataclass(eq=False)
class OrderNotRefundable(Refusal):
    """Only an order that has its money can give some back."""

    order_id: UUID
    state: OrderState

    code: ClassVar[str] = "ORDER_NOT_REFUNDABLE"
    zh: ClassVar[str] = "订单未付款或已全部退款，无法申请退款"
    en: ClassVar[str] = "this order cannot be refunded: it is {state}"


@dataclass(eq=False)
class TooManyUnits(Refusal):
    """More units of a line than are left. `position` counts the order's lines from 1."""

    position: int
    wanted: int
    left: int

    code: ClassVar[str] = "TOO_MANY_UNITS"
    zh: ClassVar[str] = "第 {position} 种商品数量有误：需要 {wanted} 件，最多 {left} 件"
    en: ClassVar[str] = "line {position}: {wanted} units wanted, {left} possible at most"
