"""What a day's check-in brings, and what comes of coming day after day. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal

MOST_POINTS = 10_000
LONGEST_CYCLE = 366
MOST_REWARDS = 20
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StreakReward:
    """What the check-in on this day of a cycle brings besides the day's points: points, or a coupon of the batch.

    Of a reward that is a coupon, `points` are given in its place when none can be given.
    """

    day: int
    points: int
    batch_id: UUID | None = None

    def kept(self) -> dict[str, Any]:
        """The reward as JSON."""
        batch = {"batch_id": str(self.batch_id)} if self.batch_id else {}
        return {"day": self.day, "points": self.points, **batch}

    @classmethod
    def read(cls, kept: Any) -> Self:
        """The reward that `kept` gave."""
        batch_id = kept.get("batch_id")
        return cls(kept["day"], kept["points"], UUID(batch_id) if batch_id else None)


@dataclass(frozen=True, slots=True)
class Rewards:
    """A version of what check-ins bring. After `cycle_days` of a streak the rewards begin again; the streak goes on."""

    version: int
    daily_points: int
    cycle_days: int
    streak_rewards: tuple[StreakReward, ...]

    def cycle_day(self, streak: int) -> int:
        """Which day of its cycle a streak has come to; the first is 1."""
        return (streak - 1) % self.cycle_days + 1

    def reward_of(self, streak: int) -> StreakReward | None:
        """What a streak brings on its day of this number besides the day's points."""
        day = self.cycle_day(streak)
        return next((reward for reward in self.streak_rewards if reward.day == day), None)


@dataclass(frozen=True, slots=True)
class Streak:
    """Days in a row on which somebody came, to `last_day`; `longest` of all their streaks. The shop's days."""

    last_day: date
    began_on: date
    days: int
    longest: int

    def days_on(self, today: date) -> int:
        """The days in a row that somebody has today: a streak that was not gone on with yesterday is over."""
        return self.days if self.last_day >= today - ONE_DAY else 0


@dataclass(frozen=True, slots=True)
class Given:
    """What a day of a streak has brought besides the day's points: a coupon, or points.

    `missing` is the code of the refusal for which there was no coupon of the batch, and points came in its place.
    """

    id: UUID
    batch_id: UUID | None
    coupon_id: UUID | None
    points: int
    missing: str | None


@dataclass(frozen=True, slots=True)
class CheckIn:
    """Somebody came on this day of the shop: the `streak`th in a row. `points` are the day's own."""

    id: UUID
    account_id: UUID
    day: date
    streak: int
    points: int
    rewards_version: int
    reward: Given | None = None


@dataclass(frozen=True, slots=True)
class Coming:
    """A reward that is still to come in this cycle, and the day on which whoever misses none will have it."""

    on: date
    reward: StreakReward


def coming(rewards: Rewards, streak: int, *, today: date, has_come: bool) -> list[Coming]:
    """The streak rewards of the cycle that `streak` days have come to, the nearest first."""
    next_day = today + ONE_DAY if has_come else today
    done = rewards.cycle_day(streak) if streak else 0
    if done == rewards.cycle_days:
        done = 0
    return [
        Coming(next_day + (reward.day - done - 1) * ONE_DAY, reward)
        for reward in rewards.streak_rewards
        if reward.day > done
    ]


def check_rewards(daily_points: int, cycle_days: int, streak_rewards: Sequence[StreakReward]) -> None:
    """Raises BadInput for figures out of range, and for two rewards on one day."""
    _check_range("dailyPoints", daily_points, 0, MOST_POINTS)
    _check_range("cycleDays", cycle_days, 1, LONGEST_CYCLE)
    _check_range("streakRewards", len(streak_rewards), 0, MOST_REWARDS)
    for reward in streak_rewards:
        _check_range("day of a reward", reward.day, 1, cycle_days)
        _check_range(f"day {reward.day}: points", reward.points, 1, MOST_POINTS)
    days = [reward.day for reward in streak_rewards]
    if twice := next((day for day in days if days.count(day) > 1), None):
        raise BadInput(f"day {twice} has two rewards; allowed: one")


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"{name} is {value}; allowed: {least} to {most}")


FIRST_REWARDS = Rewards(
    version=0,
    daily_points=5,
    cycle_days=30,
    streak_rewards=(StreakReward(7, 20), StreakReward(14, 50), StreakReward(30, 150)),
)
"""In force until the merchant sets others."""


@dataclass(eq=False)
class CheckInRewardsChanged(Refusal):
    """Somebody else has set the rewards since: read them again. `version` is that of the rewards now."""

    version: int

    code: ClassVar[str] = "CHECK_IN_REWARDS_CHANGED"
    zh: ClassVar[str] = "签到奖励已被他人修改，请刷新后重试"
    en: ClassVar[str] = "the rewards of check-ins were set by somebody else since: read them again"
