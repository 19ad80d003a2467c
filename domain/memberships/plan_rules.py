"""What a plan promises, when it is well-formed, and how its periods fall in the shop's calendar."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.benefits import rules as benefit_rules
from domain.benefits.rules import Benefit
from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import Money

LONGEST_NAME = 30
MOST_PRICE_MINOR = 10**8
"""A million yuan."""
MOST_MONTHS = 36
MOST_DAYS = 366
MOST_RANK = 100


class PlanKind(StrEnum):
    """What sort of card it is. A trial may be free, and a person has one once, whichever it is."""

    YEARLY = "yearly"
    MONTHLY = "monthly"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A plan that is to be sold: so many `months` or `days` for `price_minor` fen."""

    name: str
    kind: PlanKind
    price_minor: int
    rank: int
    benefits: Sequence[Benefit]
    months: int | None = None
    days: int | None = None
    is_renewable: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan. Its terms never change, another takes its place; it can only be stopped.

    A higher `rank` is an upgrade. One that is not renewable renews itself for nobody, but may be bought again.
    """

    id: UUID
    name: str
    kind: PlanKind
    price: Money
    months: int | None
    days: int | None
    benefits: tuple[Benefit, ...]
    rank: int
    is_renewable: bool
    created_at: datetime
    stopped_at: datetime | None = None

    def last_day(self, began_on: date, number: int) -> date:
        """The last day of the `number`th term of a membership that began on a day; of none, number 0, that day itself.

        The day of the beginning, mostly half over, comes free. Months are counted from the beginning: from January 31
        on they end on February 28 or 29, then on March 31.
        """
        if self.months is not None:
            return months_after(began_on, self.months * number)
        assert self.days is not None
        return began_on + timedelta(days=self.days * number)


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or that month's last where it is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def check_plan(wish: NewPlan) -> None:
    """Raises BadInput for a plan that cannot be."""
    if not 1 <= len(wish.name.strip()) <= LONGEST_NAME or "\0" in wish.name:
        raise BadInput(f"name must have 1 to {LONGEST_NAME} characters")
    is_trial = wish.kind is PlanKind.TRIAL
    _check_range("priceMinor", wish.price_minor, 0 if is_trial else 1, MOST_PRICE_MINOR)
    _check_range("rank", wish.rank, 1, MOST_RANK)
    if (wish.months is None) == (wish.days is None):
        raise BadInput("give either months or days")
    if wish.months is not None:
        _check_range("months", wish.months, 1, MOST_MONTHS)
    if wish.days is not None:
        _check_range("days", wish.days, 1, MOST_DAYS)
    if is_trial and wish.is_renewable:
        raise BadInput("a trial is not renewable: a person has it once")
    benefit_rules.check(wish.benefits)


def check_on_sale(plan: Plan) -> None:
    """Raises MembershipPlanStopped when nobody begins to buy it any more."""
    if plan.stopped_at is not None:
        raise MembershipPlanStopped(stopped_at=plan.stopped_at)


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"{name} is {value}; allowed: {least} to {most}")


@dataclass(eq=False)
class MembershipPlanStopped(Refusal):
    """The plan is not sold any more; who has it keeps it."""

    stopped_at: datetime

    code: ClassVar[str] = "MEMBERSHIP_PLAN_STOPPED"
    zh: ClassVar[str] = "该会员方案已停售"
    en: ClassVar[str] = "this plan is not sold any more"
