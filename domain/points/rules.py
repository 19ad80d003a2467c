"""What points are earned and worth by the rules in force, how long they count, and why they move."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.clock import months_later, shop_day, shop_midnight
from domain.foundation.errors import BadInput, Refusal

MOST_EARNED_PER_YUAN = 1_000
MOST_SPENT_PER_YUAN = 100_000
MOST_MONTHS = 120
MOST_ADJUSTED = 1_000_000
"""Points that staff may give or take in one stroke."""
LONGEST_NOTE = 200
DAYS_AFTER_RETURN = 7
"""Points that come back when their time is over count for so many days more."""


class MoveKind(StrEnum):
    """What happened to a shopper's points."""

    GIVEN = "given"
    TAKEN_BACK = "taken_back"
    SPENT = "spent"
    RETURNED = "returned"
    EXPIRED = "expired"

    @property
    def sign(self) -> int:
        """+1 where the shopper has more points, or owes fewer, for it; else -1."""
        return 1 if self in {MoveKind.GIVEN, MoveKind.RETURNED} else -1


class Cause(StrEnum):
    """Why points moved; with the cause's id a kind of move happens once.

    REFUND: units of an order were given back; its id is the event's `cause_id`. LATE_MONEY: a payment revived an order that
    had given its points back. EXPIRY: its id is the lot's.
    """

    ORDER = "order"
    REFUND = "refund"
    LATE_MONEY = "late_money"
    CHECK_IN = "check_in"
    BENEFIT = "benefit"
    STAFF = "staff"
    EXPIRY = "expiry"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the shop says of points. `spent_per_yuan` points take ¥1 off, up to `most_percent` of a basket's goods.

    `earned_per_yuan` are earned for each ¥1 that was paid for goods; they count for `months`.
    """

    earned_per_yuan: int
    spent_per_yuan: int
    most_percent: int
    months: int

    def expiry(self, given_at: datetime) -> datetime:
        """The midnight at the shop that ends the last day on which points given then count."""
        return _end_of_day(months_later(given_at, self.months))


@dataclass(frozen=True, slots=True)
class Rules:
    """A version of the terms; the newest is in force. Version 0 is what counts until somebody has set any."""

    version: int
    terms: Terms
    set_at: datetime | None = None
    set_by: UUID | None = None


FIRST = Rules(0, Terms(earned_per_yuan=1, spent_per_yuan=100, most_percent=50, months=12))


@dataclass(frozen=True, slots=True)
class Balance:
    """Points that a shopper can spend now, and those owed: one of the two is 0.

    `expiring_points` of them expire next, at `expiring_at`; None where there are none.
    """

    points: int = 0
    owed: int = 0
    expiring_points: int = 0
    expiring_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A movement of somebody's points, above zero, and what they had and owed after it. It never changes.

    `order_id` is the order that it is about, if it is about one; `position` counts once it is kept.
    """

    id: UUID
    account_id: UUID
    kind: MoveKind
    cause: Cause
    cause_id: UUID
    order_id: UUID | None
    points: int
    balance: int
    owed: int
    note: str
    moved_at: datetime
    position: int = 0


@dataclass(frozen=True, slots=True)
class Earning:
    """What an order has earned, by which rates, and how much of it went back.

    `points_percent` is of what others earn; `expired` are those of its points that nobody used in time.
    """

    earned_per_yuan: int
    points_percent: int
    points: int
    lot_id: UUID | None
    taken_back: int = 0
    expired: int = 0

    def to_take_back(self, goods_minor: int) -> int:
        """How many more go back now that so few fen were paid for the goods; what has expired is gone already."""
        due = self.points - self.expired - earned(goods_minor, self.earned_per_yuan, self.points_percent)
        return max(0, due - self.taken_back)


@dataclass(frozen=True, slots=True)
class SpentLine:
    """Points that took something off a line, and how many of its units were given back."""

    points: int
    quantity: int
    refunded: int

    @property
    def kept(self) -> int:
        """The points of the units that the shopper keeps; what does not divide stays with them to the last unit."""
        return self.points - self.points * self.refunded // self.quantity


def earned(goods_minor: int, earned_per_yuan: int, points_percent: int) -> int:
    """Points for goods that were paid with so many fen, rounded down, at a percentage of what others earn."""
    return goods_minor * earned_per_yuan * points_percent // 10_000


def kept(lines: Iterable[SpentLine]) -> int:
    """The points that an order's lines still cost."""
    return sum(line.kept for line in lines)


def expiry_after_return(now: datetime) -> datetime:
    """Until when points count whose time was over when they came back."""
    return _end_of_day(now + timedelta(days=DAYS_AFTER_RETURN))


def check_terms(terms: Terms) -> None:
    """Raises BadInput for terms that cannot be."""
    _check_range("earnedPerYuan", terms.earned_per_yuan, 0, MOST_EARNED_PER_YUAN)
    _check_range("spentPerYuan", terms.spent_per_yuan, 1, MOST_SPENT_PER_YUAN)
    _check_range("mostPercent", terms.most_percent, 0, 100)
    _check_range("months", terms.months, 1, MOST_MONTHS)


def check_adjustment(points: int, reason: str) -> str:
    """The reason without blanks around it. Raises BadInput for no points or too many, and for a reason that is none."""
    if points == 0 or abs(points) > MOST_ADJUSTED:
        raise BadInput(f"points is {points}; allowed: 1 to {MOST_ADJUSTED}, or below zero to take as many")
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_NOTE or "\0" in reason:
        raise BadInput(f"reason has {len(reason)} characters; allowed: 1 to {LONGEST_NOTE}, none of them NUL")
    return reason


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"{name} is {value}; allowed: {least} to {most}")


def _end_of_day(moment: datetime) -> datetime:
    return shop_midnight(shop_day(moment) + timedelta(days=1))


@dataclass(eq=False)
class NotEnoughPoints(Refusal):
    """The points were spent or expired meanwhile."""

    wanted: int
    points: int

    code: ClassVar[str] = "NOT_ENOUGH_POINTS"
    zh: ClassVar[str] = "积分不足：需要 {wanted} 分，当前可用 {points} 分"
    en: ClassVar[str] = "{wanted} points are needed; you have {points}"


@dataclass(eq=False)
class NotYourOwnPoints(Refusal):
    """Staff adjust other people's points, never their own."""

    account_id: UUID

    code: ClassVar[str] = "NOT_YOUR_OWN_POINTS"
    zh: ClassVar[str] = "不能调整自己的积分，请由其他员工处理"
    en: ClassVar[str] = "the points are your own; somebody else of the staff has to see to them"
