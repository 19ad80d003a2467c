"""When a holding gives something: the beginning of each of its months, and its holder's birthdays, by the shop's calendar."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count, takewhile
from typing import NamedTuple

from domain.benefits.rules import BenefitKind, Holding
from domain.foundation.clock import months_later, shop_day, shop_midnight


@dataclass(frozen=True, slots=True)
class Birthday:
    """A day of the year, as its owner gave it at `set_at`. The year of birth is nobody's business."""

    month: int
    day: int
    set_at: datetime

    def in_year(self, year: int) -> date:
        """The day on which it is kept: who was born on a 29th of February has it on the 28th in a common year."""
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return date(year, self.month, 28)


class Occasion(NamedTuple):
    """From `at` on something is to be given for the benefit at `position` of a holding.

    `period` is the month of the holding, 0 the first, or the shop's year of the birthday: for each it is given once.
    """

    at: datetime
    position: int
    period: int


def occasions(holding: Holding, birthday: Birthday | None) -> Iterator[Occasion]:
    """All of them in the order of time, until the holding ends; for ever, if it is for good: take what you need.

    The day on which the holding begins comes free, as with cards: its months end with the midnights after the same day of
    each month, or after that month's last where it is shorter. The first one's coupons are given at once. A gift is given
    at the first moment of the birthday at which the holding holds and the birthday is known.
    """
    series = []
    for position, benefit in enumerate(holding.benefits):
        if benefit.kind is BenefitKind.COUPONS:
            series.append(_months(holding, position))
        elif benefit.kind is BenefitKind.BIRTHDAY_GIFT and birthday is not None:
            series.append(_birthdays(holding, position, birthday))
    ends_at = holding.ends_at
    return takewhile(lambda each: ends_at is None or each.at < ends_at, heapq.merge(*series))


def first(holding: Holding, birthday: Birthday | None, *, since: datetime) -> datetime | None:
    """The moment of the first occasion at or after `since`; None when there is none any more."""
    return next((each.at for each in occasions(holding, birthday) if each.at >= since), None)


def _months(holding: Holding, position: int) -> Iterator[Occasion]:
    yield Occasion(holding.starts_at, position, 0)
    for month in count(1):
        last_day = shop_day(months_later(holding.starts_at, month))
        yield Occasion(shop_midnight(last_day + timedelta(days=1)), position, month)


def _birthdays(holding: Holding, position: int, birthday: Birthday) -> Iterator[Occasion]:
    known_at = max(holding.starts_at, birthday.set_at)
    for year in count(shop_day(known_at).year):
        day = birthday.in_year(year)
        at = max(shop_midnight(day), known_at)
        if at < shop_midnight(day + timedelta(days=1)):
            yield Occasion(at, position, year)
