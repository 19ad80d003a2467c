"""The price ladder, to the second."""

from datetime import UTC, datetime, time

import pytest

from domain.foundation.errors import BadInput
from domain.pricing.ladders import Ladder, check, laddered, percent_off, steps
from tests.pricing.baskets import LADDER, STORE


@pytest.mark.parametrize(
    ("at", "percent"),
    [
        ("00:00:00", 0),
        ("12:00:00", 0),
        ("18:59:59", 0),
        ("18:59:59.999999", 0),
        ("19:00:00", 10),
        ("19:00:00.000001", 10),
        ("19:29:59", 10),
        ("19:29:59.999999", 10),
        ("19:30:00", 20),
        ("19:59:59.999999", 20),
        ("20:00:00", 30),
        ("20:29:59", 30),
        ("20:30:00", 40),
        ("21:00:00", 50),
        ("21:30:00", 60),
        ("22:00:00", 70),
        ("22:30:00", 80),
        ("22:59:59.999999", 80),
        ("23:00:00", 90),
        ("23:29:59", 90),
        ("23:29:59.999999", 90),
        ("23:30:00", 100),
        ("23:59:59", 100),
        ("23:59:59.999999", 100),
    ],
)
def test_every_step_begins_and_ends_to_the_instant(at: str, percent: int) -> None:
    moment = datetime.fromisoformat(f"2026-11-11T{at}+08:00")

    assert percent_off(LADDER, moment) == percent
    assert percent_off(LADDER, moment.astimezone(UTC)) == percent


def test_at_midnight_every_price_is_back() -> None:
    assert percent_off(LADDER, datetime.fromisoformat("2026-11-12T00:00:00+08:00")) == 0
    assert percent_off(LADDER, datetime(2026, 11, 11, 15, 59, 59, 999999, UTC)) == 100
    assert percent_off(LADDER, datetime(2026, 11, 11, 16, 0, tzinfo=UTC)) == 0


def test_a_ladder_can_be_drawn() -> None:
    assert [(f"{step.at:%H:%M}", step.percent_off) for step in steps(LADDER)] == [
        ("19:00", 10),
        ("19:30", 20),
        ("20:00", 30),
        ("20:30", 40),
        ("21:00", 50),
        ("21:30", 60),
        ("22:00", 70),
        ("22:30", 80),
        ("23:00", 90),
        ("23:30", 100),
    ]


@pytest.mark.parametrize(
    "ladder",
    [
        LADDER,
        Ladder(STORE, time(0), 1, 1, time(23, 59)),
        Ladder(STORE, time(18, 45), 45, 30, time(23)),
        Ladder(STORE, time(20), 720, 5, time(22)),
    ],
)
def test_what_is_drawn_is_what_counts(ladder: Ladder) -> None:
    drawn = list(steps(ladder))

    for minute in range(24 * 60):
        at = time(*divmod(minute, 60))
        held = [step.percent_off for step in drawn if step.at <= at]
        moment = datetime.fromisoformat(f"2026-11-11T{at:%H:%M}:00+08:00")
        assert percent_off(ladder, moment) == (held[-1] if held else 0)
    assert drawn[-1].percent_off == 100


@pytest.mark.parametrize(
    ("list_minor", "percent", "minor"), [(999, 10, 899), (1, 10, 0), (1000, 100, 0), (1000, 0, 1000), (33, 50, 16)]
)
def test_what_does_not_divide_is_the_shoppers(list_minor: int, percent: int, minor: int) -> None:
    assert laddered(list_minor, percent) == minor


@pytest.mark.parametrize(
    "ladder",
    [
        Ladder(STORE, time(23, 30), 30, 10, time(19)),
        Ladder(STORE, time(19), 30, 10, time(19)),
        Ladder(STORE, time(19, 0, 1), 30, 10, time(23, 30)),
        Ladder(STORE, time(19), 0, 10, time(23, 30)),
        Ladder(STORE, time(19), 721, 10, time(23, 30)),
        Ladder(STORE, time(19), 30, 0, time(23, 30)),
        Ladder(STORE, time(19), 30, 101, time(23, 30)),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(ladder: Ladder) -> None:
    with pytest.raises(BadInput, match="allowed"):
        check(ladder)
