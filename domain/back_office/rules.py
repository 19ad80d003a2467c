"""What the back office may look for, and what the story of an order is told with."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, ClientFault
from domain.foundation.money import SHOP_CURRENCY, Money
from domain.ledger.rules import Account
from domain.orders.rules import Fulfilment, LateOutcome, OrderState

LONGEST_TEXT = 100
LONGEST_REMARK = 500
LONGEST_PERIOD = timedelta(days=366)
OVERDUE = timedelta(days=1)
"""A refund that the gateway has not done after so long needs somebody to look: most are done within minutes."""


@dataclass(frozen=True, slots=True)
class WantedOrders:
    """Which orders a list or an export shows; None (or no state) does not narrow it. Both stretches are half-open."""

    states: tuple[OrderState, ...] = ()
    placed_from: datetime | None = None
    placed_to: datetime | None = None
    paid_from: datetime | None = None
    paid_to: datetime | None = None
    fulfilment: Fulfilment | None = None
    store_id: UUID | None = None
    supplier_id: UUID | None = None
    source: str | None = None
    text: str | None = None
    has_open_after_sale: bool | None = None
    late_outcome: LateOutcome | None = None
    is_confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class WantedStatement:
    """Which account's statement an export shows, between which moments, half-open."""

    account: Account
    subject: str
    starts_at: datetime
    ends_at: datetime


def check_wanted(wanted: WantedOrders) -> None:
    """Raises BadInput for a text that nothing can be called by."""
    for name, value, most in (("text", wanted.text, LONGEST_TEXT), ("source", wanted.source, 20)):
        if value is not None and (len(value) > most or "\0" in value):
            raise BadInput(f"{name} is {value[:40]!r}; allowed: at most {most} characters, none of them NUL")


def check_words(name: str, words: str) -> str:
    """What somebody says, without the spaces around it. Raises BadInput unless it has 1 to 500 characters."""
    said = words.strip()
    if not 1 <= len(said) <= LONGEST_REMARK or "\0" in said:
        raise BadInput(f"{name} is {said[:40]!r}; allowed: 1 to {LONGEST_REMARK} characters, none of them NUL")
    return said


def check_period(first_day: date, end_day: date) -> None:
    """Raises BadInput unless the period ends after it begins, within a year."""
    if not timedelta() < end_day - first_day <= LONGEST_PERIOD:
        raise BadInput(
            f"the period is {first_day} to {end_day}; allowed: 1 to {LONGEST_PERIOD.days} days, the last one not counted"
        )


class MomentKind(StrEnum):
    """What happened to an order, or to what belongs to it; of one instant, in the order in which they follow."""

    PLACED = "placed"
    DESTINATION_SET = "destination_set"
    PAYMENT_ASKED = "payment_asked"
    PAYMENT_CLOSED = "payment_closed"
    CAPTURED = "captured"
    PAID_LATE = "paid_late"
    PAID = "paid"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"
    SHIPPED = "shipped"
    TRACKED = "tracked"
    DELIVERED = "delivered"
    HANDED_OVER = "handed_over"
    RECEIVED = "received"
    AFTER_SALE_REQUESTED = "after_sale_requested"
    AFTER_SALE_DECIDED = "after_sale_decided"
    AFTER_SALE_SENT_BACK = "after_sale_sent_back"
    AFTER_SALE_ARRIVED = "after_sale_arrived"
    AFTER_SALE_WITHDRAWN = "after_sale_withdrawn"
    AFTER_SALE_CLOSED = "after_sale_closed"
    REFUND_ASKED = "refund_asked"
    REFUNDED = "refunded"
    ALL_REFUNDED = "all_refunded"
    UPLOAD_DUE = "upload_due"
    UPLOADED = "uploaded"
    DEED = "deed"


class Teller(StrEnum):
    """By whose doing it happened."""

    SHOPPER = "shopper"
    STAFF = "staff"
    SUPPLIER = "supplier"
    GATEWAY = "gateway"
    CARRIER = "carrier"
    MARKET = "market"


FOLLOWS = {kind: place for place, kind in enumerate(MomentKind)}
FOR_STAFF = frozenset({MomentKind.DEED, MomentKind.UPLOAD_DUE, MomentKind.UPLOADED})
"""What shoppers are not told of."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. `about` names what it happened to, by the prefix of its typed id and its id.

    For staff only: `staff_id` and `staff_name`, `attempts` and `error`.
    """

    at: datetime
    kind: MomentKind
    by: Teller
    about: tuple[str, UUID]
    words: str = ""
    amount: Money | None = None
    staff_id: UUID | None = None
    staff_name: str | None = None
    attempts: int | None = None
    error: str | None = None


def told_to_shopper(moments: list[Moment]) -> list[Moment]:
    """The history as the order's owner may read it: nothing of what is the staff's own."""
    return [
        Moment(moment.at, moment.kind, moment.by, moment.about, moment.words, moment.amount)
        for moment in moments
        if moment.kind not in FOR_STAFF
    ]


class TakingsBy(StrEnum):
    """What takings are divided by."""

    DAY = "day"
    STORE = "store"
    SOURCE = "source"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Takings:
    """What came in and went back for one part of a period: a day, a store, a source or a gateway; None: of none."""

    key: str | None
    captured: Money = field(default_factory=lambda: Money(0))
    refunded: Money = field(default_factory=lambda: Money(0))
    orders: int = 0
    units: int = 0

    @property
    def net(self) -> Money:
        """What stayed; below zero where more went back than came in."""
        return Money(self.captured.minor - self.refunded.minor, self.captured.currency)


@dataclass(frozen=True, slots=True)
class Pile:
    """Money that waits for something: how much, in how many pieces, the oldest of them since when."""

    amount: Money
    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class PrepaidAge:
    """Prepaid orders of some days of age, both ends in days, half-open; without an end for the oldest."""

    from_days: int
    to_days: int | None
    pile: Pile


PREPAID_AGES: tuple[tuple[int, int | None], ...] = ((0, 1), (1, 3), (3, 7), (7, 15), (15, None))


@dataclass(frozen=True, slots=True)
class MoneyInFlight:
    """Where money stands that has not arrived at its end."""

    unmatched: Pile
    refunds_due: Pile
    refunds_overdue: Pile
    prepaid: tuple[PrepaidAge, ...]


def money(minor: int | None) -> Money:
    """A sum as the database gives it, None for one of nothing."""
    return Money(int(minor or 0), SHOP_CURRENCY)


class LinkRefused(ClientFault):
    """A link to an export that is forged, over, or somebody else's. Ask for another one."""

    code: ClassVar[str] = "LINK_REFUSED"
