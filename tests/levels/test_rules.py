"""Levels without any service: which growth counts, how high it reaches, and which ladders can be."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain.benefits.rules import Benefit, BenefitKind
from domain.foundation.errors import BadInput
from domain.levels import rules
from domain.levels.rules import ChangeReason, Guarantee, Held, Ladder, NewLadder, Rung, Standing

SOMEBODY = UUID("0192f0c4-0000-7000-8000-000000000001")
NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
LATER, EARLIER = NOON + timedelta(days=30), NOON - timedelta(days=1)
FREE = Benefit(BenefitKind.FREE_DELIVERY, {"from_minor": 0})
LADDER = Ladder(1, (Rung("新客", 0), Rung("熟客", 100), Rung("贵客", 500)))


def at_shop(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC) - timedelta(hours=8)


def held(rank: int = 1, until: datetime | None = None, version: int = 1) -> Held:
    return Held(SOMEBODY, rank, until, version)


@pytest.mark.parametrize(("growth", "rank"), [(0, 1), (99, 1), (100, 2), (101, 2), (499, 2), (500, 3), (10**9, 3)])
def test_a_level_is_reached_with_exactly_its_growth(growth: int, rank: int) -> None:
    assert LADDER.rank_of(growth) == rank


@pytest.mark.parametrize(("minor", "growth"), [(0, 0), (99, 0), (100, 2), (199, 2), (19_990, 398)])
def test_growth_is_for_whole_yuan(minor: int, growth: int) -> None:
    assert rules.growth_of(minor, per_yuan=2) == growth


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        (at_shop(2026, 11, 30, 23, 59, 59), date(2026, 11, 1)),
        (at_shop(2026, 12, 1), date(2026, 12, 1)),
        (at_shop(2027, 12, 31, 23, 59, 59), date(2027, 12, 1)),
        (at_shop(2028, 1, 1), date(2028, 1, 1)),
        (at_shop(2028, 2, 29, 23, 59, 59), date(2028, 2, 1)),
    ],
)
def test_months_change_at_the_shops_midnight(moment: datetime, month: date) -> None:
    assert rules.month_of(moment) == month


@pytest.mark.parametrize(
    ("month", "end"),
    [
        (date(2026, 11, 1), at_shop(2027, 12, 1)),
        (date(2026, 12, 1), at_shop(2028, 1, 1)),
        (date(2027, 1, 1), at_shop(2028, 2, 1)),
        # the last moment is that of the 29th
        (date(2027, 2, 1), at_shop(2028, 3, 1)),
        (date(2028, 2, 1), at_shop(2029, 3, 1)),
    ],
)
def test_growth_counts_in_its_month_and_for_twelve_full_months_after_it(month: date, end: datetime) -> None:
    a_moment = timedelta(microseconds=1)

    assert LADDER.counts_until(month) == end
    assert LADDER.counted_from(end - a_moment) == month
    assert LADDER.counted_from(end) > month


def test_a_level_reached_on_the_31st_is_guaranteed_as_long_as_one_reached_on_the_first() -> None:
    assert LADDER.guaranteed_until(at_shop(2027, 1, 31, 23)) == at_shop(2028, 2, 1)
    assert LADDER.guaranteed_until(at_shop(2027, 1, 1)) == at_shop(2028, 2, 1)
    # a leap day's as long as that of the 1st of its month
    assert LADDER.guaranteed_until(at_shop(2028, 2, 29, 12)) == at_shop(2029, 3, 1)


NEW = LADDER.guaranteed_until(NOON)
THIRD, SECOND = Guarantee(3, LATER), Guarantee(2, LATER - timedelta(days=1))


@pytest.mark.parametrize(
    ("before", "growth", "guarantees", "standing"),
    [
        (held(), 99, [], Standing(1, None)),
        (held(), 100, [], Standing(2, NEW)),
        (held(), 500, [], Standing(3, NEW)),
        # more growth for the same level prolongs nothing
        (held(2, LATER), 499, [Guarantee(2, LATER)], Standing(2, LATER, Guarantee(2, LATER))),
        (held(2, LATER), 500, [Guarantee(2, LATER)], Standing(3, NEW)),
        # growth has decayed, and the guarantee holds until its very end
        (held(3, LATER), 0, [THIRD, SECOND], Standing(3, LATER, THIRD)),
        (held(3, NOON), 0, [Guarantee(3, NOON)], Standing(1, None)),
        (held(3, NOON), 100, [Guarantee(3, NOON)], Standing(2, NEW)),
        (held(3, NOON), 500, [Guarantee(3, NOON)], Standing(3, NEW)),
        # what made the third level was refunded: the second is still guaranteed, or growth alone decides
        (held(3, LATER), 50, [SECOND], Standing(2, SECOND.until, SECOND)),
        (held(3, LATER), 50, [], Standing(1, None)),
        (held(3, LATER), 100, [], Standing(2, LATER)),
        (held(3, LATER), 600, [], Standing(3, LATER)),
        # the ladder has become shorter
        (held(5, LATER), 0, [Guarantee(5, LATER)], Standing(3, LATER, Guarantee(5, LATER))),
    ],
)
def test_a_level_is_the_highest_that_growth_or_a_guarantee_gives(before, growth, guarantees, standing) -> None:
    assert rules.decide(LADDER, before, growth=growth, guarantees=guarantees, now=NOON) == standing


@pytest.mark.parametrize(
    ("before", "rank", "reason"),
    [
        (held(1), 2, ChangeReason.REACHED),
        (held(2, NOON), 2, ChangeReason.KEPT),
        (held(3, NOON), 2, ChangeReason.DECAYED),
        (held(3, LATER), 2, ChangeReason.REFUNDED),
        (held(3, LATER, version=0), 2, ChangeReason.LADDER),
    ],
)
def test_every_change_has_its_reason(before: Held, rank: int, reason: ChangeReason) -> None:
    assert rules.reason_of(before, rank, ladder=LADDER, now=NOON) is reason


def wish(*rungs: Rung, **figures: int) -> NewLadder:
    return NewLadder(rungs or LADDER.rungs, **figures)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (wish(Rung("唯一", 0)), "levels: 1; allowed: 2 to 10"),
        (wish(*(Rung(f"第{n}级", n) for n in range(11))), "levels: 11; allowed: 2 to 10"),
        (wish(Rung("新客", 0), Rung(" ", 9)), "level 2: title ''; allowed: 1 to 20 printable characters"),
        (wish(Rung("新客", 0), Rung("长" * 21, 9)), "level 2: title"),
        (wish(Rung("新客", 0), Rung("新客 ", 9)), "two levels have the same title"),
        (wish(Rung("新客", 1), Rung("熟客", 9)), "level 1 is everybody's"),
        (wish(Rung("新客", 0, (FREE,)), Rung("熟客", 9)), "level 1 is everybody's"),
        (wish(Rung("新客", 0), Rung("熟客", 9), Rung("贵客", 9)), "level 3: threshold 9; allowed: more than 9"),
        (wish(Rung("新客", 0), Rung("熟客", 10**9 + 1)), "level 2: threshold: 1000000001; allowed: 0 to 1000000000"),
        (wish(Rung("新客", 0), Rung("熟客", 9, (FREE, FREE))), "there twice"),
        (wish(growth_per_yuan=0), "growthPerYuan: 0; allowed: 1 to 100"),
        (wish(counting_months=37), "countingMonths: 37; allowed: 1 to 36"),
        (wish(guarantee_months=0), "guaranteeMonths: 0; allowed: 1 to 36"),
    ],
)
def test_a_ladder_that_cannot_be_is_refused_with_what_is_allowed(wanted: NewLadder, words: str) -> None:
    with pytest.raises(BadInput, match=words.replace("(", r"\(")):
        rules.check_ladder(wanted)


def test_the_first_ladder_is_one_that_could_be_set() -> None:
    first = rules.FIRST_LADDER

    rules.check_ladder(NewLadder(first.rungs, first.growth_per_yuan, first.counting_months, first.guarantee_months))
