"""Check-ins without any service: what day of a streak brings what, and which rewards can be."""

from datetime import date, timedelta

import pytest

from domain.check_ins import rules
from domain.check_ins.rules import FIRST_REWARDS, Coming, Rewards, Streak, StreakReward
from domain.foundation.errors import BadInput

THIRD, SEVENTH = StreakReward(3, 10), StreakReward(7, 30)
WEEKLY = Rewards(1, 5, 7, (THIRD, SEVENTH))
TODAY = date(2026, 11, 11)


def days_later(days: int) -> date:
    return TODAY + timedelta(days=days)


@pytest.mark.parametrize(
    ("streak", "reward"), [(1, None), (3, THIRD), (6, None), (7, SEVENTH), (8, None), (10, THIRD), (14, SEVENTH)]
)
def test_after_the_last_day_of_the_cycle_the_rewards_begin_again(streak: int, reward: StreakReward | None) -> None:
    assert WEEKLY.reward_of(streak) == reward


def test_a_cycle_may_go_on_after_its_longest_reward() -> None:
    longer = Rewards(1, 5, 10, (THIRD,))

    assert [day for day in range(1, 25) if longer.reward_of(day)] == [3, 13, 23]


@pytest.mark.parametrize(
    ("streak", "has_come", "coming"),
    [
        (0, False, [Coming(days_later(2), THIRD), Coming(days_later(6), SEVENTH)]),
        (1, True, [Coming(days_later(2), THIRD), Coming(days_later(6), SEVENTH)]),
        (2, False, [Coming(TODAY, THIRD), Coming(days_later(4), SEVENTH)]),
        (3, True, [Coming(days_later(4), SEVENTH)]),
        # the cycle is over: tomorrow is its first day
        (7, True, [Coming(days_later(3), THIRD), Coming(days_later(7), SEVENTH)]),
        (7, False, [Coming(days_later(2), THIRD), Coming(days_later(6), SEVENTH)]),
        (13, False, [Coming(TODAY, SEVENTH)]),
    ],
)
def test_rewards_to_come_are_told_with_their_days(streak: int, has_come: bool, coming: list[Coming]) -> None:
    assert rules.coming(WEEKLY, streak, today=TODAY, has_come=has_come) == coming


@pytest.mark.parametrize(("days_ago", "days"), [(0, 4), (1, 4), (2, 0)])
def test_a_streak_is_over_when_a_day_was_missed(days_ago: int, days: int) -> None:
    last = days_later(-days_ago)

    assert Streak(last, last - timedelta(days=3), 4, 9).days_on(TODAY) == days


@pytest.mark.parametrize(
    ("daily_points", "cycle_days", "streak_rewards", "words"),
    [
        (-1, 7, (), "dailyPoints is -1; allowed: 0 to 10000"),
        (10_001, 7, (), "dailyPoints is 10001"),
        (5, 0, (), "cycleDays is 0; allowed: 1 to 366"),
        (5, 7, (StreakReward(8, 1),), "day of a reward is 8; allowed: 1 to 7"),
        (5, 7, (StreakReward(7, 0),), "day 7: points is 0; allowed: 1 to 10000"),
        (5, 7, (THIRD, StreakReward(3, 1)), "day 3 has two rewards; allowed: one"),
        (5, 30, tuple(StreakReward(day, 1) for day in range(1, 22)), "streakRewards is 21; allowed: 0 to 20"),
    ],
)
def test_rewards_that_cannot_be_are_refused_with_what_is_allowed(daily_points, cycle_days, streak_rewards, words):
    with pytest.raises(BadInput, match=words):
        rules.check_rewards(daily_points, cycle_days, streak_rewards)


def test_the_first_rewards_are_some_that_could_be_set() -> None:
    rules.check_rewards(FIRST_REWARDS.daily_points, FIRST_REWARDS.cycle_days, FIRST_REWARDS.streak_rewards)
