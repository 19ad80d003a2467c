"""What a ladder of levels is, which growth counts, and where on the ladder somebody stands. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, ClassVar
from uuid import UUID

from domain.benefits import rules as benefits
from domain.benefits.rules import Benefit, BenefitKind
from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.errors import BadInput, Refusal

FEWEST_LEVELS, MOST_LEVELS = 2, 10
LONGEST_TITLE = 20
MOST_GROWTH = 1_000_000_000
MOST_GROWTH_PER_YUAN = 100
MOST_MONTHS = 36


class ChangeReason(StrEnum):
    """Why somebody's level, or until when it is guaranteed, was decided anew."""

    REACHED = "reached"
    """Enough growth for a higher level."""
    KEPT = "kept"
    """The guarantee was over or refunded away, and there is still enough growth."""
    DECAYED = "decayed"
    """The guarantee was over, and growth that once counted does not any more."""
    REFUNDED = "refunded"
    """Orders without which the level would not have been reached were refunded."""
    LADDER = "ladder"
    """The ladder was changed."""


@dataclass(frozen=True, slots=True)
class Level:
    """Where somebody stands: 1 is the lowest level."""

    rank: int
    title: str


@dataclass(frozen=True, slots=True)
class Rung:
    """A level of a ladder: from how much growth on it is reached, and what it brings."""

    title: str
    threshold: int
    benefits: tuple[Benefit, ...] = ()

    def kept(self) -> dict[str, Any]:
        """The level as JSON."""
        return {"title": self.title, "threshold": self.threshold, "benefits": [each.kept() for each in self.benefits]}

    @classmethod
    def read(cls, kept: Any) -> "Rung":
        """The level that `kept` gave."""
        return cls(kept["title"], kept["threshold"], tuple(Benefit.read(each) for each in kept["benefits"]))


@dataclass(frozen=True, slots=True)
class Ladder:
    """The levels, from the lowest to the highest, and the rules of growth.

    An order that was received brings `growth_per_yuan` for each whole yuan of its goods that was paid and stays paid. It
    counts in the month of the receipt and for `counting_months` full months after it. A level that is reached is held at
    least until the end of the month that comes `guarantee_months` later. Months are the shop's.
    """

    version: int
    rungs: tuple[Rung, ...]
    growth_per_yuan: int = 1
    counting_months: int = 12
    guarantee_months: int = 12

    def rank_of(self, growth: int) -> int:
        """The highest level for which so much growth is enough."""
        return sum(rung.threshold <= growth for rung in self.rungs)

    def rung(self, rank: int) -> Rung:
        """The level of this rank; the highest for one that the ladder does not have any more."""
        return self.rungs[min(rank, len(self.rungs)) - 1]

    def growth_of(self, settled_minor: int) -> int:
        """The growth that so much settled spend (minor units) brings."""
        return growth_of(settled_minor, self.growth_per_yuan)

    def counted_from(self, now: datetime) -> date:
        """The first of the oldest month whose growth counts now."""
        return months_after(month_of(now), -self.counting_months)

    def counts_until(self, month: date) -> datetime:
        """The moment from which growth of this month counts no more."""
        return shop_midnight(months_after(month, self.counting_months + 1))

    def guaranteed_until(self, now: datetime) -> datetime:
        """The moment at which a level that is reached now is decided anew."""
        return shop_midnight(months_after(month_of(now), self.guarantee_months + 1))


@dataclass(frozen=True, slots=True)
class Guarantee:
    """A level that is held until this moment, whatever decays; its benefits came by this ladder, as this holding."""

    rank: int
    until: datetime
    ladder_version: int = 0
    holding_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The level that somebody has, as it was last decided. Nobody is guaranteed the lowest.

    `holding_id` names the benefits that came with it; None where there are none.
    """

    account_id: UUID
    rank: int
    guaranteed_until: datetime | None
    ladder_version: int
    holding_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The level that somebody has by right, until when it is guaranteed, and by which guarantee, if it is by one."""

    rank: int
    until: datetime | None
    by: Guarantee | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """The growth that counts, and up to which move it was summed up; 0 before the first."""

    counted: int = 0
    last_move: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A decision about somebody's level, as the history keeps it. `growth` is what counted then."""

    id: UUID
    account_id: UUID
    from_rank: int
    to_rank: int
    reason: ChangeReason
    ladder_version: int
    threshold: int
    growth: int
    counted_from: date
    last_move: int
    guaranteed_until: datetime | None
    holding_id: UUID | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class NewLadder:
    """A ladder that somebody wishes for."""

    rungs: tuple[Rung, ...]
    growth_per_yuan: int = 1
    counting_months: int = 12
    guarantee_months: int = 12


def decide(ladder: Ladder, held: Held, *, growth: int, guarantees: Iterable[Guarantee], now: datetime) -> Standing:
    """The level that is somebody's by right now, and until when: the highest that growth or a guarantee gives.

    Only a higher level, or a guarantee that is over, begins a new one: more growth, or a refund, prolongs none. A
    guarantee is of the level's rank: a later ladder may name it otherwise.
    """
    earned = ladder.rank_of(growth)
    living = [each for each in guarantees if now < each.until]
    best = max(living, key=lambda each: (each.rank, each.until), default=None)
    if best is not None and best.rank >= earned:
        return Standing(min(best.rank, len(ladder.rungs)), best.until, best)
    if earned == 1:
        return Standing(1, None)
    if earned <= held.rank and held.guaranteed_until is not None and now < held.guaranteed_until:
        return Standing(earned, held.guaranteed_until)
    return Standing(earned, ladder.guaranteed_until(now))


def reason_of(held: Held, rank: int, *, ladder: Ladder, now: datetime) -> ChangeReason:
    """Why a level that was held gives way to this one, or is guaranteed for longer."""
    if held.ladder_version != ladder.version:
        return ChangeReason.LADDER
    if rank > held.rank:
        return ChangeReason.REACHED
    if rank == held.rank:
        return ChangeReason.KEPT
    is_over = held.guaranteed_until is not None and held.guaranteed_until <= now
    return ChangeReason.DECAYED if is_over else ChangeReason.REFUNDED


def growth_of(settled_minor: int, per_yuan: int) -> int:
    """So much growth for each whole yuan."""
    return settled_minor // 100 * per_yuan


def month_of(moment: datetime) -> date:
    """The first day of the shop's month."""
    return shop_day(moment).replace(day=1)


def months_after(first_of_month: date, months: int) -> date:
    """The first of the month that comes so many months later."""
    year, month = divmod(first_of_month.year * 12 + first_of_month.month - 1 + months, 12)
    return date(year, month + 1, 1)


def check_ladder(wish: NewLadder) -> None:
    """Raises BadInput unless there are 2 to 10 levels with titles of their own and rising thresholds, the first at 0 and
    without benefits, and the figures are within their ranges.
    """
    _check_range("levels", len(wish.rungs), FEWEST_LEVELS, MOST_LEVELS)
    _check_range("growthPerYuan", wish.growth_per_yuan, 1, MOST_GROWTH_PER_YUAN)
    _check_range("countingMonths", wish.counting_months, 1, MOST_MONTHS)
    _check_range("guaranteeMonths", wish.guarantee_months, 1, MOST_MONTHS)
    for place, rung in enumerate(wish.rungs, 1):
        _check_rung(place, rung)
    _check_order(wish.rungs)


def _check_rung(place: int, rung: Rung) -> None:
    title = rung.title.strip()
    if not (1 <= len(title) <= LONGEST_TITLE and title.isprintable()):
        raise BadInput(f"level {place}: title {title[:40]!r}; allowed: 1 to {LONGEST_TITLE} printable characters")
    _check_range(f"level {place}: threshold", rung.threshold, 0, MOST_GROWTH)
    if rung.benefits:
        benefits.check(rung.benefits)


def _check_order(rungs: Sequence[Rung]) -> None:
    if rungs[0].threshold != 0 or rungs[0].benefits:
        raise BadInput("level 1 is everybody's: its threshold is 0, and it has no benefits")
    for place, (lower, higher) in enumerate(pairwise(rungs), 2):
        if higher.threshold <= lower.threshold:
            raise BadInput(
                f"level {place}: threshold {higher.threshold}; allowed: more than {lower.threshold}, that of the level below"
            )
    if len({rung.title.strip() for rung in rungs}) < len(rungs):
        raise BadInput("two levels have the same title; allowed: each its own")


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"{name}: {value}; allowed: {least} to {most}")


def _benefit(kind: BenefitKind, **terms: int) -> Benefit:
    return Benefit(kind, terms)


FIRST_LADDER = Ladder(
    version=0,
    rungs=(
        Rung("普通会员", 0),
        Rung("银卡会员", 1_000, (_benefit(BenefitKind.POINTS_MULTIPLIER, percent=110),)),
        Rung(
            "金卡会员",
            5_000,
            (
                _benefit(BenefitKind.POINTS_MULTIPLIER, percent=120),
                _benefit(BenefitKind.FREE_DELIVERY, from_minor=9_900),
            ),
        ),
        Rung(
            "铂金会员",
            20_000,
            (
                _benefit(BenefitKind.POINTS_MULTIPLIER, percent=150),
                _benefit(BenefitKind.FREE_DELIVERY, from_minor=4_900),
                _benefit(BenefitKind.SERVICE_LANE, rank=2),
            ),
        ),
        Rung(
            "钻石会员",
            50_000,
            (
                _benefit(BenefitKind.POINTS_MULTIPLIER, percent=200),
                _benefit(BenefitKind.FREE_DELIVERY, from_minor=0),
                _benefit(BenefitKind.SERVICE_LANE, rank=1),
            ),
        ),
    ),
)
"""In force until the merchant sets another."""


@dataclass(eq=False)
class LevelLadderChanged(Refusal):
    """Somebody else has set the ladder since: read it again. `version` is that of the ladder now."""

    version: int

    code: ClassVar[str] = "LEVEL_LADDER_CHANGED"
    zh: ClassVar[str] = "等级阶梯已被他人修改，请刷新后重试"
    en: ClassVar[str] = "the level ladder was set by somebody else since: read it again"
