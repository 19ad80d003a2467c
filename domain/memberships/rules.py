"""What a membership is, who may have which, how its terms follow each other, and what their days are worth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.errors import Refusal
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.memberships.plan_rules import Plan, PlanKind


class EndReason(StrEnum):
    """Why a membership is over."""

    EXPIRED = "expired"
    REFUNDED = "refunded"
    UPGRADED = "upgraded"


@dataclass(frozen=True, slots=True)
class Membership:
    """Somebody's card of one plan, paid until `ends_at`; a person has one at a time.

    `grace_until`, if set, is a moment after `ends_at` until which it stays although nothing was paid for it. `ended_at` is
    written some time after it was over, so what counts is `is_running`.
    """

    id: UUID
    account_id: UUID
    plan_id: UUID
    began_at: datetime
    ends_at: datetime
    grace_until: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    upgraded_from: UUID | None = None

    @property
    def over_at(self) -> datetime:
        """From when on nobody has it any more, unless something is paid before."""
        return self.grace_until or self.ends_at

    def is_running(self, now: datetime) -> bool:
        """Whether somebody has it now."""
        return self.ended_at is None and self.began_at <= now < self.over_at

    def is_in_grace(self, now: datetime) -> bool:
        """Whether they have it although its paid time is over."""
        return self.is_running(now) and now >= self.ends_at


@dataclass(frozen=True, slots=True)
class Term:
    """A period of a membership that was bought, given or activated: from its `first_day` up to and with its `last_day`.

    `paid_minor` is what these days bring in, fen; `refundable_minor` is the part that came from the holder, with whatever
    an upgrade credited: gifts and codes have cost them nothing. Once `closed_at` nothing more is earned of it: `carried_minor`
    went into another plan, `refunded_minor` back, and the rest was earned then.
    """

    id: UUID
    membership_id: UUID
    number: int
    account_id: UUID
    purchase_id: UUID | None
    code_id: UUID | None
    is_trial: bool
    paid_minor: int
    refundable_minor: int
    starts_at: datetime
    ends_at: datetime
    first_day: date
    last_day: date
    closed_at: datetime | None = None
    carried_minor: int = 0
    refunded_minor: int = 0

    @property
    def days(self) -> int:
        """How many days it is paid for."""
        return (self.last_day - self.first_day).days + 1

    def days_used(self, day: date) -> int:
        """How many of them have begun by a day, that day included."""
        return min(max((day - self.first_day).days + 1, 0), self.days)

    def earned_minor(self, through: date | None) -> int:
        """What was earned of it by the end of a day, floor to the fen; None: no day was counted yet."""
        return 0 if through is None else self.paid_minor * self.days_used(through) // self.days

    def left_minor(self, of_minor: int, day: date) -> int:
        """The part of an amount that the days after a day are worth, floor to the fen."""
        return of_minor * (self.days - self.days_used(day)) // self.days


@dataclass(frozen=True, slots=True)
class Worth:
    """What was given for a term: all of it, and the part that came from its holder, in fen."""

    paid_minor: int
    refundable_minor: int


FREE = Worth(0, 0)


def begin(account_id: UUID, plan: Plan, *, now: datetime, upgraded_from: UUID | None = None) -> Membership:
    """A new card of a plan, of one term."""
    ends_at = shop_midnight(plan.last_day(shop_day(now), 1) + timedelta(days=1))
    return Membership(new_id(), account_id, plan.id, now, ends_at, upgraded_from=upgraded_from)


def term_of(
    membership: Membership,
    plan: Plan,
    number: int,
    worth: Worth,
    *,
    purchase_id: UUID | None,
    code_id: UUID | None,
) -> Term:
    """The `number`th term of a membership, counted from 1; it begins when the one before it ends."""
    began_on = shop_day(membership.began_at)
    first_day = plan.last_day(began_on, number - 1) + timedelta(days=1)
    last_day = plan.last_day(began_on, number)
    return Term(
        id=new_id(),
        membership_id=membership.id,
        number=number,
        account_id=membership.account_id,
        purchase_id=purchase_id,
        code_id=code_id,
        is_trial=plan.kind is PlanKind.TRIAL,
        paid_minor=worth.paid_minor,
        refundable_minor=worth.refundable_minor,
        starts_at=membership.began_at if number == 1 else shop_midnight(first_day),
        ends_at=shop_midnight(last_day + timedelta(days=1)),
        first_day=first_day,
        last_day=last_day,
    )


def check_can_have(plan: Plan, living: Membership | None, *, has_had_trial: bool) -> None:
    """Raises MembershipRunning while somebody has another plan, TrialTaken for a second trial."""
    if living is not None and living.plan_id != plan.id:
        raise MembershipRunning(plan_id=living.plan_id, ends_at=living.ends_at)
    if has_had_trial:
        raise TrialTaken()


@dataclass(frozen=True, slots=True)
class Refunding:
    """What a refund now comes to: the unused days' part of what the holder paid, less what the benefits were worth to them.

    What was used in terms that are over is not counted: those were paid for in full.
    """

    unused_minor: int
    used_benefits_minor: int
    days_left: int
    by_term: tuple[tuple[UUID, int], ...]
    """What goes back of each term, by its id."""

    @property
    def amount(self) -> Money:
        """What goes back."""
        return Money(sum(minor for _, minor in self.by_term))


def refunding(terms: Sequence[Term], *, used_benefits_minor: int, day: date) -> Refunding:
    """What a refund on a day comes to; the terms are the running one and the coming ones, in their order.

    What benefits were worth is taken off the running term first. Never below zero, never more than was paid.
    """
    by_term, still_off, unused = [], used_benefits_minor, 0
    for term in terms:
        left = term.left_minor(term.refundable_minor, day)
        off = min(left, still_off)
        by_term.append((term.id, left - off))
        unused, still_off = unused + left, still_off - off
    days_left = sum(term.days - term.days_used(day) for term in terms)
    return Refunding(unused, used_benefits_minor, days_left, tuple(by_term))


def check_refunding(found: Refunding, amount_minor: int) -> None:
    """Raises NothingToRefund, MembershipAmountChanged when it is not what was shown."""
    if not found.amount.minor:
        raise NothingToRefund(unused=Money(found.unused_minor), used_benefits=Money(found.used_benefits_minor))
    if found.amount.minor != amount_minor:
        raise MembershipAmountChanged(amount=found.amount)


def credit_of(terms: Iterable[Term], day: date) -> Worth:
    """What the unused days of terms are worth in an upgrade on a day: each term's floor to the fen."""
    open_terms = list(terms)
    return Worth(
        sum(term.left_minor(term.paid_minor, day) for term in open_terms),
        sum(term.left_minor(term.refundable_minor, day) for term in open_terms),
    )


@dataclass(eq=False)
class MembershipRunning(Refusal):
    """Another plan runs. One of a higher rank is had by an upgrade; any other, once this one has ended."""

    plan_id: UUID
    ends_at: datetime

    code: ClassVar[str] = "MEMBERSHIP_RUNNING"
    zh: ClassVar[str] = "您已有其他会员卡在有效期内，可升级或到期后再开通"
    en: ClassVar[str] = "another membership runs until {ends_at:%Y-%m-%d %H:%M} UTC: upgrade it, or wait for its end"


@dataclass(eq=False)
class TrialTaken(Refusal):
    """A person has one trial, once."""

    code: ClassVar[str] = "TRIAL_TAKEN"
    zh: ClassVar[str] = "每人仅可体验一次"
    en: ClassVar[str] = "you have had your trial"


@dataclass(eq=False)
class NoMembership(Refusal):
    """Nobody can upgrade or give back what they do not have."""

    code: ClassVar[str] = "NO_MEMBERSHIP"
    zh: ClassVar[str] = "您当前没有有效的会员卡"
    en: ClassVar[str] = "you have no membership now"


@dataclass(eq=False)
class NotAnUpgrade(Refusal):
    """The plan's rank is not higher, or the unused days are worth more than the plan costs."""

    credit: Money
    price: Money

    code: ClassVar[str] = "NOT_AN_UPGRADE"
    zh: ClassVar[str] = "只能升级到更高等级，且折抵金额不超过新方案价格"
    en: ClassVar[str] = "this plan is no upgrade: not of a higher rank, or cheaper than what the unused days are worth"


@dataclass(eq=False)
class NothingToRefund(Refusal):
    """The benefits that were used are worth what the unused days are, or nothing was paid for them."""

    unused: Money
    used_benefits: Money

    code: ClassVar[str] = "NOTHING_TO_REFUND"
    zh: ClassVar[str] = "已享权益价值不低于剩余会费，无可退金额"
    en: ClassVar[str] = "nothing is left to give back: the benefits that were used are worth the unused days"


@dataclass(eq=False)
class MembershipAmountChanged(Refusal):
    """The amount is not what was shown: a day has begun since, or a benefit was used."""

    amount: Money

    code: ClassVar[str] = "MEMBERSHIP_AMOUNT_CHANGED"
    zh: ClassVar[str] = "金额已变化，请确认后重试"
    en: ClassVar[str] = "the amount has changed since it was shown; look at it again"
