"""What may become of an after-sale: its states, who moves it and by when, and what is refused.

Two kinds of reason and two kinds of way back. Goods that have left come back first, unless the merchant is at fault and
staff may well let the shopper keep them. After the shopper has the goods, seven days are left to change one's mind
(Consumer Protection Law of the PRC, article 25) and fifteen for whatever is the merchant's fault. The merchant may give
back of their own accord at any time: what nobody fetches, has no address or cannot be supplied would stay paid for ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, NotFound, Refusal
from domain.foundation.money import Money
from domain.orders.rules import RECEIVED_AFTER_SHIPPED, Order, check_confirmed, check_refundable


class Kind(StrEnum):
    """What goes back: money only, or the goods and then the money."""

    REFUND = "refund"
    RETURN = "return"


class AfterSaleState(StrEnum):
    """Where an after-sale stands."""

    REQUESTED = "requested"
    TO_SEND = "to_send"
    SENT_BACK = "sent_back"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


NEXT: Mapping[AfterSaleState, frozenset[AfterSaleState]] = {
    AfterSaleState.REQUESTED: frozenset(
        {
            AfterSaleState.TO_SEND,
            AfterSaleState.REFUNDING,
            AfterSaleState.REFUNDED,
            AfterSaleState.REJECTED,
            AfterSaleState.WITHDRAWN,
        }
    ),
    AfterSaleState.TO_SEND: frozenset({AfterSaleState.SENT_BACK, AfterSaleState.CLOSED, AfterSaleState.WITHDRAWN}),
    AfterSaleState.SENT_BACK: frozenset({AfterSaleState.REFUNDING, AfterSaleState.REFUNDED, AfterSaleState.REJECTED}),
    AfterSaleState.REFUNDING: frozenset({AfterSaleState.REFUNDED}),
    AfterSaleState.REFUNDED: frozenset(),
    AfterSaleState.REJECTED: frozenset(),
    AfterSaleState.WITHDRAWN: frozenset(),
    AfterSaleState.CLOSED: frozenset(),
}

OPEN = frozenset({AfterSaleState.REQUESTED, AfterSaleState.TO_SEND, AfterSaleState.SENT_BACK})
"""Somebody still has to act, and nobody can ask for the same units again."""
GIVEN_BACK = frozenset({AfterSaleState.REFUNDING, AfterSaleState.REFUNDED})
"""The order has given its units back."""


class Party(StrEnum):
    """Who acts."""

    SHOPPER = "shopper"
    STAFF = "staff"


class Step(StrEnum):
    """What a person can do with an after-sale."""

    WITHDRAW = "withdraw"
    SEND_BACK = "send_back"
    APPROVE = "approve"
    REJECT = "reject"
    ACCEPT_GOODS = "accept_goods"
    REFUSE_GOODS = "refuse_goods"


@dataclass(frozen=True, slots=True)
class Move:
    """Whose step it is, and in which states it can be taken."""

    by: Party
    starts: frozenset[AfterSaleState]


MOVES: Mapping[Step, Move] = {
    Step.WITHDRAW: Move(Party.SHOPPER, frozenset({AfterSaleState.REQUESTED, AfterSaleState.TO_SEND})),
    Step.SEND_BACK: Move(Party.SHOPPER, frozenset({AfterSaleState.TO_SEND})),
    Step.APPROVE: Move(Party.STAFF, frozenset({AfterSaleState.REQUESTED})),
    Step.REJECT: Move(Party.STAFF, frozenset({AfterSaleState.REQUESTED})),
    Step.ACCEPT_GOODS: Move(Party.STAFF, frozenset({AfterSaleState.SENT_BACK})),
    Step.REFUSE_GOODS: Move(Party.STAFF, frozenset({AfterSaleState.SENT_BACK})),
}


@dataclass(frozen=True, slots=True)
class Wait:
    """Who is waited for, how long, and what the clock does for whoever does nothing."""

    party: Party
    longest: timedelta


# When the time is over: a request is approved, goods not sent back close it, goods nobody has received are paid for.
WAITS: Mapping[AfterSaleState, Wait] = {
    AfterSaleState.REQUESTED: Wait(Party.STAFF, timedelta(hours=48)),
    AfterSaleState.TO_SEND: Wait(Party.SHOPPER, timedelta(days=7)),
    AfterSaleState.SENT_BACK: Wait(Party.STAFF, timedelta(days=10)),
}


class Fault(StrEnum):
    """Whose fault it is that something goes back: who bears the freight."""

    SHOPPER = "shopper"
    MERCHANT = "merchant"


class Reason(StrEnum):
    """Why something is to go back. By the merchant: they give it back of their own accord, and nobody has asked."""

    NOT_WANTED = "not_wanted"
    DAMAGED = "damaged"
    WRONG_GOODS = "wrong_goods"
    NOT_ARRIVED = "not_arrived"
    QUALITY = "quality"
    OTHER = "other"
    BY_MERCHANT = "by_merchant"

    @property
    def is_of_goods_at_hand(self) -> bool:
        """Whether only who has the goods can say so: then it is about units that have left, as far as there are any."""
        return self in {Reason.DAMAGED, Reason.WRONG_GOODS, Reason.QUALITY}

    @property
    def fault(self) -> Fault:
        """The merchant's where the goods, or their way, are to blame; a reason that is not named counts as the shopper's."""
        return Fault.SHOPPER if self in {Reason.NOT_WANTED, Reason.OTHER} else Fault.MERCHANT


SHOPPERS_REASONS = tuple(reason for reason in Reason if reason is not Reason.BY_MERCHANT)
"""What a shopper can say."""

ASKED_WITHIN: Mapping[Fault, timedelta] = {Fault.SHOPPER: timedelta(days=7), Fault.MERCHANT: timedelta(days=15)}
"""How long after the shopper has the goods a request is taken."""


MOST_AFTER_SALES = 30
"""Of one order, withdrawn and rejected ones too: nobody has more to ask, and whoever shows an order shows them all."""


@dataclass(frozen=True, slots=True)
class AfterSale:
    """A request for money back. `asked` is what the rule says, `agreed` what staff or the clock agreed to."""

    id: UUID
    order_id: UUID
    shopper_id: UUID
    kind: Kind
    state: AfterSaleState
    reason: Reason
    words: str
    evidence: Sequence[str]
    asked: Money
    agreed: Money | None
    requested_at: datetime
    due_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: UUID | None = None
    decision_words: str = ""
    return_carrier: str | None = None
    return_number: str | None = None
    sent_back_at: datetime | None = None
    arrived_at: datetime | None = None
    arrived_by: UUID | None = None
    arrival_words: str = ""
    refund_id: UUID | None = None
    refunded_at: datetime | None = None
    withdrawn_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def waits_for(self) -> Party | None:
        """Who has to act before `due_at`; nobody once it is over, or while the gateway is at work."""
        wait = WAITS.get(self.state)
        return wait.party if wait else None


@dataclass(frozen=True, slots=True)
class AfterSaleLine:
    """Units of an order's line (by its position) that an after-sale is about, and the money asked for them.

    `unsent` of them never leave; `restocked` are in stock again. `freight_kept_minor` is their share that stays.
    """

    position: int
    quantity: int
    unsent: int
    goods_minor: int
    freight_minor: int
    freight_kept_minor: int = 0
    restocked: int = 0

    @property
    def sent(self) -> int:
        """Units that had left."""
        return self.quantity - self.unsent


def steps_of(after_sale: AfterSale, party: Party) -> list[Step]:
    """What this party can do now, in the order of the table."""
    return [step for step, move in MOVES.items() if move.by is party and after_sale.state in move.starts]


def due_at(state: AfterSaleState, since: datetime) -> datetime | None:
    """From when on the clock acts for whoever is waited for; None where nobody is."""
    wait = WAITS.get(state)
    return since + wait.longest if wait else None


def receivable_from(open_until: datetime) -> datetime:
    """From when on the clock may say that the shopper has the goods of a sent order, while somebody has until then to act in
    one of its after-sales: they have said that something is wrong. As long again as parcels are given, so that an order
    which is sent only now is not received any earlier.
    """
    return open_until + RECEIVED_AFTER_SHIPPED


def check_step(after_sale: AfterSale, step: Step) -> None:
    """Raises AfterSaleMoved where the table of moves does not allow the step."""
    if after_sale.state not in MOVES[step].starts:
        raise AfterSaleMoved(after_sale_id=after_sale.id, state=after_sale.state)


def check_owner(after_sale: AfterSale, shopper_id: UUID) -> None:
    """Raises NotFound when it is somebody else's: that it exists is not told."""
    if after_sale.shopper_id != shopper_id:
        raise NotFound.of("aftersale", after_sale.id)


def check_askable(order: Order, known: int) -> None:
    """Raises OrderNotRefundable, OrderNotConfirmed while its promotion may still give all its money back by itself, and
    TooManyAfterSales where the order has so many (`known`) already that no more are taken.
    """
    check_refundable(order)
    check_confirmed(order)
    if known >= MOST_AFTER_SALES:
        raise TooManyAfterSales(order_id=order.id, most=MOST_AFTER_SALES)


def check_in_time(order: Order, reason: Reason, now: datetime) -> None:
    """Raises AfterSaleTooLate from so many days after receipt on; before that, and for the merchant, no time presses."""
    if order.received_at is None or reason is Reason.BY_MERCHANT:
        return
    ends_at = order.received_at + ASKED_WITHIN[reason.fault]
    if now >= ends_at:
        raise AfterSaleTooLate(order_id=order.id, ended_at=ends_at)


def check_shoppers_reason(reason: Reason) -> None:
    """Raises BadInput for the reason that is the merchant's to give."""
    if reason not in SHOPPERS_REASONS:
        raise BadInput(
            f"reason {reason.name} is the merchant's; allowed: {', '.join(one.name for one in SHOPPERS_REASONS)}"
        )


def check_sensible(kind: Kind, reason: Reason) -> None:
    """Raises BadInput for goods that never arrived and are to be sent back."""
    if kind is Kind.RETURN and reason is Reason.NOT_ARRIVED:
        raise BadInput("goods that have not arrived cannot be sent back; ask for kind REFUND")


def check_agreed(after_sale: AfterSale, agreed_minor: int | None) -> int:
    """What is agreed to: all that was asked for unless less is named. Raises AgreedTooMuch, or BadInput below one fen."""
    asked_minor = after_sale.asked.minor
    if agreed_minor is None or agreed_minor == asked_minor:
        return asked_minor
    if agreed_minor > asked_minor:
        raise AgreedTooMuch(agreed=Money(agreed_minor, after_sale.asked.currency), asked=after_sale.asked)
    if agreed_minor < 1:
        raise BadInput(f"agreed is {agreed_minor}; allowed: 1 to {asked_minor}, or reject")
    return agreed_minor


@dataclass(eq=False)
class AfterSaleMoved(Refusal):
    """The after-sale is not in a state in which this can be done: somebody, or the clock, was faster."""

    after_sale_id: UUID
    state: AfterSaleState

    code: ClassVar[str] = "AFTER_SALE_MOVED"
    zh: ClassVar[str] = "售后单状态已变更，无法进行此操作"
    en: ClassVar[str] = "this cannot be done: the after-sale is {state}"


@dataclass(eq=False)
class AfterSaleTooLate(Refusal):
    """The shopper has had the goods for too long."""

    order_id: UUID
    ended_at: datetime

    code: ClassVar[str] = "AFTER_SALE_TOO_LATE"
    zh: ClassVar[str] = "已超过售后申请期限（无理由退货为收货后七天，商品问题为十五天）"
    en: ClassVar[str] = "too late: it could be asked for until {ended_at:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(eq=False)
class TooManyAfterSales(Refusal):
    """The order has had as many after-sales as one may have; a person can still help."""

    order_id: UUID
    most: int

    code: ClassVar[str] = "TOO_MANY_AFTER_SALES"
    zh: ClassVar[str] = "同一订单最多申请 {most} 次售后，请联系客服"
    en: ClassVar[str] = "this order has had {most} after-sales already: talk to us"


@dataclass(eq=False)
class GoodsMustComeBack(Refusal):
    """Units that have left are refunded without coming back only where the merchant is at fault."""

    position: int
    sent: int

    code: ClassVar[str] = "GOODS_MUST_COME_BACK"
    zh: ClassVar[str] = "第 {position} 种商品有 {sent} 件已发出，请申请退货退款"
    en: ClassVar[str] = "line {position}: {sent} units have left; ask for a return"


@dataclass(eq=False)
class GoodsHaveLeft(Refusal):
    """Units that were to be refunded because they had not left were sent meanwhile."""

    position: int
    wanted: int
    left: int

    code: ClassVar[str] = "GOODS_HAVE_LEFT"
    zh: ClassVar[str] = "第 {position} 种商品已发出：申请退 {wanted} 件未发货商品，仅剩 {left} 件未发"
    en: ClassVar[str] = (
        "line {position}: {wanted} unsent units were to be refunded, {left} have not left yet; reject it"
    )


@dataclass(eq=False)
class AgreedTooMuch(Refusal):
    """Staff may agree to less than was asked for, never to more."""

    agreed: Money
    asked: Money

    code: ClassVar[str] = "AGREED_TOO_MUCH"
    zh: ClassVar[str] = "同意金额不能超过申请金额 {asked.amount} 元"
    en: ClassVar[str] = "{agreed.amount} is more than the {asked.amount} that were asked for"
