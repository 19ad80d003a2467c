"""The rule of a limit, stated twice: one table of cases through `spend` and through rate.lua."""

import pytest

from domain.foundation.rate_desk import _script
from domain.foundation.rates import FIGURES, Allowance, Rate, counted_address, spend

MINUTE_US = 60_000_000
THREE_AT_ONCE_THEN_ONE_A_MINUTE = Allowance(burst=3, per_minute=1)

# spent before (minutes until all has come back), cost -> spent afterwards, minutes to wait
CASES = [
    (0, 1, 1, 0),
    (0, 3, 3, 0),
    (0, 4, 0, 1),
    (2, 1, 3, 0),
    (2, 2, 2, 1),
    (3, 1, 3, 1),
    (3, 3, 3, 3),
    (5, 1, 5, 3),
    (-5, 3, 3, 0),
]


@pytest.mark.parametrize(("before", "cost", "after", "wait"), CASES)
def test_the_rule_in_python(before, cost, after, wait):
    now_us = 1_000 * MINUTE_US

    until_us, wait_us = spend(
        now_us + before * MINUTE_US, now_us=now_us, cost=cost, allowance=THREE_AT_ONCE_THEN_ONE_A_MINUTE
    )

    spent = now_us + after * MINUTE_US
    assert (until_us, wait_us) == (spent, wait * MINUTE_US)


@pytest.mark.parametrize(("before", "cost", "after", "wait"), [case for case in CASES if case[0] >= 0])
async def test_the_rule_in_the_gate(gate, before, cost, after, wait):
    if before:
        await gate.set("limit", await _now_us(gate) + before * MINUTE_US)

    waited_us, refused_by = await _script(gate, ["limit"], ["ask", 1, MINUTE_US, 3, cost])

    left_us = int(await gate.get("limit") or 0) - await _now_us(gate) if after else 0
    assert _minutes(waited_us) == wait
    assert refused_by == (1 if wait else 0)
    assert _minutes(left_us) == after
    if not wait:
        assert _minutes(await gate.pttl("limit") * 1000) == after


async def test_a_request_that_one_limit_refuses_is_charged_to_none(gate):
    await gate.set("tired", await _now_us(gate) + 3 * MINUTE_US)
    two = [2, MINUTE_US, 3, 1, MINUTE_US, 3, 1]

    answers = await _script(gate, ["fresh", "tired", "fresh", "other"], ["ask", *two, *two])

    assert answers[1::2] == [2, 0]
    assert _minutes(answers[0]) == 1
    assert answers[2] == 0
    assert _minutes(int(await gate.get("fresh")) - await _now_us(gate)) == 1, "charged by the second request only"


async def test_what_is_told_is_charged_whatever_the_limit_says_and_can_be_given_back(gate):
    ahead_us, _ = await _script(gate, ["limit"], ["tell", 1, MINUTE_US, 3, 7])
    less_us, _ = await _script(gate, ["limit"], ["tell", 1, MINUTE_US, 3, -5])
    none_us, _ = await _script(gate, ["limit"], ["tell", 1, MINUTE_US, 3, -5])

    assert [_minutes(us) for us in (ahead_us, less_us, none_us)] == [7, 2, 0]
    assert await gate.exists("limit") == 0


def test_every_class_has_figures():
    assert set(FIGURES) == set(Rate)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_an_address_stands_for_one_customer(address, counted):
    assert counted_address(address) == counted


def _minutes(us: float) -> int:
    """Whole minutes; what little time the test itself has taken is not counted."""
    minutes = round(us / MINUTE_US)
    assert abs(us - minutes * MINUTE_US) < MINUTE_US / 10
    return minutes


async def _now_us(gate) -> int:
    seconds, us = await gate.time()
    return seconds * 1_000_000 + us
