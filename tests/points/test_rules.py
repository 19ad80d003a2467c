"""The rules of points without a database: what is earned, until when it counts, and what a part of an order gives back."""

from dataclasses import replace
from datetime import datetime

import pytest

from domain.foundation.errors import BadInput
from domain.points.rules import (
    FIRST,
    Earning,
    SpentLine,
    Terms,
    check_adjustment,
    check_terms,
    earned,
    expiry_after_return,
    kept,
)

MONTHLY = Terms(earned_per_yuan=1, spent_per_yuan=100, most_percent=50, months=1)


def at(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("given_at", "months", "expires_at"),
    [
        ("2026-11-11T12:00+08:00", 12, "2027-11-12T00:00+08:00"),
        ("2026-11-11T00:00+08:00", 1, "2026-12-12T00:00+08:00"),
        ("2026-11-10T23:59:59.999999+08:00", 1, "2026-12-11T00:00+08:00"),
        ("2027-01-31T12:00+08:00", 1, "2027-03-01T00:00+08:00"),
        ("2028-01-31T12:00+08:00", 1, "2028-03-01T00:00+08:00"),
        ("2028-01-29T12:00+08:00", 1, "2028-03-01T00:00+08:00"),
        ("2028-01-28T12:00+08:00", 1, "2028-02-29T00:00+08:00"),
        ("2028-02-29T12:00+08:00", 12, "2029-03-01T00:00+08:00"),
        ("2027-01-31T12:00+08:00", 2, "2027-04-01T00:00+08:00"),
        ("2026-12-31T16:30+00:00", 1, "2027-02-02T00:00+08:00"),
    ],
)
def test_points_count_to_the_end_of_their_last_day_at_the_shop(given_at, months, expires_at):
    assert replace(MONTHLY, months=months).expiry(at(given_at)) == at(expires_at)


def test_what_comes_back_late_counts_to_the_end_of_the_seventh_day():
    assert expiry_after_return(at("2027-02-22T00:00+08:00")) == at("2027-03-02T00:00+08:00")
    assert expiry_after_return(at("2027-02-22T23:59:59+08:00")) == at("2027-03-02T00:00+08:00")


@pytest.mark.parametrize(
    ("goods_minor", "per_yuan", "percent", "points"),
    [
        (0, 1, 100, 0),
        (99, 1, 100, 0),
        (199, 1, 100, 1),
        (199, 1, 150, 2),
        (100, 3, 100, 3),
        (10**15, 1000, 500, 5 * 10**16),
    ],
)
def test_points_are_earned_by_the_yuan_and_rounded_down(goods_minor, per_yuan, percent, points):
    assert earned(goods_minor, per_yuan, percent) == points


def test_a_refund_takes_back_what_it_had_earned_whatever_the_parts():
    earning = Earning(earned_per_yuan=1, points_percent=150, points=45, lot_id=None)  # of ¥30.00

    taken = 0
    for paid_minor in (2001, 2001, 1000, 0, 0):
        more = replace(earning, taken_back=taken).to_take_back(paid_minor)
        taken += more
        assert taken == 45 - paid_minor * 150 // 10_000


def test_what_expired_is_not_taken_back():
    earning = Earning(earned_per_yuan=1, points_percent=100, points=30, lot_id=None, expired=20)

    assert earning.to_take_back(3000) == 0
    assert earning.to_take_back(1000) == 0
    assert earning.to_take_back(500) == 5
    assert replace(earning, taken_back=5).to_take_back(0) == 5


def test_the_points_of_a_line_come_back_with_its_units_and_sum_to_all():
    assert [kept([SpentLine(100, 3, refunded)]) for refunded in range(4)] == [100, 67, 34, 0]
    assert kept([SpentLine(100, 3, 1), SpentLine(7, 1, 0), SpentLine(9, 1, 1)]) == 74


def test_a_market_has_rules_from_the_first_day():
    check_terms(FIRST.terms)
    assert (FIRST.version, FIRST.terms) == (0, Terms(1, 100, 50, 12))


@pytest.mark.parametrize(
    "wrong",
    [
        {"earned_per_yuan": -1},
        {"earned_per_yuan": 1001},
        {"spent_per_yuan": 0},
        {"spent_per_yuan": 100_001},
        {"most_percent": -1},
        {"most_percent": 101},
        {"months": 0},
        {"months": 121},
    ],
)
def test_terms_that_cannot_be_are_refused(wrong):
    with pytest.raises(BadInput):
        check_terms(replace(MONTHLY, **wrong))


@pytest.mark.parametrize(
    ("points", "reason"), [(0, "补发"), (1_000_001, "补发"), (-1_000_001, "补发"), (1, " "), (1, "a\0")]
)
def test_an_adjustment_is_of_some_points_and_for_a_reason(points, reason):
    with pytest.raises(BadInput):
        check_adjustment(points, reason)


def test_the_reason_loses_the_blanks_around_it():
    assert check_adjustment(-1, " 误发 ") == "误发"
