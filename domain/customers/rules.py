"""What counts of a customer, what one is worth, and what scores and segments mean. Days are the shop's, money is minor units."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from domain.foundation.errors import BadInput

T = TypeVar("T", int, date)
PERMILLE = 1_000
SHORTEST_WINDOW, LONGEST_WINDOW = 30, 1_095
"""Days of the window of user value."""
MOST_WEIGHT = 10 * PERMILLE
MOST_REFERRED = 1_000
LADDER_STEPS = 3
"""From the first purchase to the second, to the third, to the fourth."""
MOST_MONTHS = 36
"""Cohorts of one answer."""
MOST_DAYS = 1_095
"""Of "within so many days", and of one answer about growth."""
QUINTILES = 5
HIGH_FROM = 4
"""A score from here on is high: at least three fifths of the customers have less."""
PARETO_PERMILLE = 800
"""Of the margin: the question of the Pareto rule."""
CURVE_POINTS = 20


@dataclass(frozen=True, slots=True)
class ValueRules:
    """A version of what user value means. `version` 0: nobody has set any yet.

    `window_days`: only orders paid in so many of the shop's days, today's included, count.
    `referral_permille`: what one referred buyer adds to the index, in thousandths; `most_referred`: no more of them count.
    """

    version: int = 0
    window_days: int = 365
    referral_permille: int = 100
    most_referred: int = 20


@dataclass(frozen=True, slots=True)
class Value:
    """What a customer is worth: `value_minor` = orders x margin per order x referral index, in the window of the rules.

    `orders`: paid in the window, without those that were given back whole. `margin_minor`: of their goods, what was kept of
    the money less what the goods cost; lines of unknown cost are left out, and `costed_minor` of `goods_minor` is known.
    `referred`: people whose first order came of this customer's share link, was paid in the window and not given back whole.
    """

    account_id: UUID
    orders: int
    goods_minor: int
    costed_minor: int
    margin_minor: int
    referred: int
    referral_index_permille: int
    value_minor: int

    @property
    def margin_per_order_minor(self) -> int | None:
        """Gross margin of an order on average, rounded down; None without orders."""
        return self.margin_minor // self.orders if self.orders else None

    @property
    def costed_share(self) -> float | None:
        """The part of the goods' money whose cost is known; None where nothing was kept of any."""
        return self.costed_minor / self.goods_minor if self.goods_minor else None


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who kept something of a paid order, with all they ever did, as of the last refresh.

    `orders`: paid ones that were not given back whole; `purchases`: days of the shop on which there was such an order, so
    that two orders of an evening are one purchase. `spend_minor`: what was paid for these orders less what went back;
    `refunded_minor`: what went back of any paid order. Goods' money and margin: as in `Value`, without a window.
    `recency_days`: since the last purchase. `segment` None: nothing was bought in the window, or ranks were not made yet.
    """

    account_id: UUID
    first_day: date
    last_day: date
    recency_days: int
    orders: int
    purchases: int
    spend_minor: int
    refunded_minor: int
    goods_minor: int
    costed_minor: int
    margin_minor: int
    recent_purchases: int
    recent_spend_minor: int
    referred_by: UUID | None
    value: Value
    segment: "Segment | None"
    refreshed_at: datetime

    @property
    def costed_share(self) -> float | None:
        """As in `Value`, of all time."""
        return self.costed_minor / self.goods_minor if self.goods_minor else None


class Segment(StrEnum):
    """RFM segments: whether recency, frequency and monetary value are high. See `SEGMENTS`."""

    CHAMPION = "champion"
    LOYAL = "loyal"
    PROMISING_SPENDER = "promising_spender"
    NEWCOMER = "newcomer"
    AT_RISK = "at_risk"
    FADING = "fading"
    LOST_SPENDER = "lost_spender"
    HIBERNATING = "hibernating"


SEGMENTS: Mapping[tuple[bool, bool, bool], Segment] = {
    (True, True, True): Segment.CHAMPION,
    (True, True, False): Segment.LOYAL,
    (True, False, True): Segment.PROMISING_SPENDER,
    (True, False, False): Segment.NEWCOMER,
    (False, True, True): Segment.AT_RISK,
    (False, True, False): Segment.FADING,
    (False, False, True): Segment.LOST_SPENDER,
    (False, False, False): Segment.HIBERNATING,
}
"""High recency (bought lately), high frequency, high monetary value: 重要价值, 一般价值, 重要发展, 一般发展, 重要保持,
一般保持, 重要挽留, 一般挽留 in this order."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """From which value on a customer has score 2, 3, 4 and 5; None: no customer has enough.

    A customer's score in a dimension is 1 and a fifth of those who have less, in whole fifths: 1 + floor(5 x customers with
    less / customers). Equal values have equal scores, whatever the order. Recency is the last day: the later, the better;
    frequency is purchases, monetary value is spend, both in the window of the rules. Whoever bought nothing in it has no score.
    """

    recency: tuple[date | None, ...]
    frequency: tuple[int | None, ...]
    monetary: tuple[int | None, ...]


def segment(recency: int, frequency: int, monetary: int) -> Segment:
    """The segment of three scores, 1 to 5 each."""
    return SEGMENTS[recency >= HIGH_FROM, frequency >= HIGH_FROM, monetary >= HIGH_FROM]


def segment_of(last_day: date, purchases: int, spend_minor: int, cuts: Cuts) -> Segment:
    """The segment of a customer who bought something in the window."""
    return segment(
        _score(last_day, cuts.recency), _score(purchases, cuts.frequency), _score(spend_minor, cuts.monetary)
    )


def cuts_of(kept: Mapping[str, Any]) -> Cuts:
    """The cuts that stand in a row as JSON."""
    days = tuple(None if day is None else date.fromisoformat(day) for day in kept["recency"])
    return Cuts(days, tuple(kept["frequency"]), tuple(kept["monetary"]))


def _score(found: T, cuts: tuple[T | None, ...]) -> int:
    return 1 + sum(cut is not None and found >= cut for cut in cuts)


def check_rules(rules: ValueRules) -> None:
    """Raises BadInput for rules that cannot be."""
    _check_range("windowDays", rules.window_days, SHORTEST_WINDOW, LONGEST_WINDOW)
    _check_range("referralPermille", rules.referral_permille, 0, MOST_WEIGHT)
    _check_range("mostReferred", rules.most_referred, 0, MOST_REFERRED)


def months_between(first: date, last: date) -> tuple[date, date]:
    """The first days of the months of two days. Raises BadInput unless there are 1 to 36 months from the one to the other."""
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if not 1 <= months <= MOST_MONTHS:
        raise BadInput(f"from {first} to {last} there are {months} months; allowed: 1 to {MOST_MONTHS}")
    return first.replace(day=1), last.replace(day=1)


def check_days(first: date, last: date) -> None:
    """Raises BadInput unless there are 1 to 1,095 days from the one to the other."""
    _check_range(f"days from {first} to {last}", (last - first).days + 1, 1, MOST_DAYS)


def check_within(days: int | None) -> None:
    """Raises BadInput for a number of days in which nobody can have come again, or too many."""
    if days is not None:
        _check_range("withinDays", days, 1, MOST_DAYS)


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"{name} is {value}; allowed: {least} to {most}")
