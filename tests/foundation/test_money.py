"""Money: whole fen, and never a float."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.foundation.money import LARGEST_MINOR, Money

AMOUNTS = st.integers(-LARGEST_MINOR + 1, LARGEST_MINOR - 1)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("19.90", 1990),
        ("19.9", 1990),
        ("19", 1900),
        ("0", 0),
        ("0.01", 1),
        ("-0.05", -5),
        ("-0", 0),
        ("007", 700),
        (" 19.90 ", 1990),
        ("9999999999999.99", 10**15 - 1),
    ],
)
def test_an_amount_is_read_to_the_fen(text, minor):
    assert Money.parse(text) == Money(minor, "CNY")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "19.",
        ".9",
        "19.900",
        "1,990",
        "1e3",
        "+5",
        "--5",
        "5-",
        "¥5",
        "NaN",
        "0x10",
        "1_000",
        "1 0",
        "5\n0",
        "1" * 14,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"is not an amount; allowed: digits with at most two decimals, like 19.90"):
        Money.parse(text)


@pytest.mark.parametrize(
    ("minor", "text"),
    [(1990, "19.90"), (5, "0.05"), (0, "0.00"), (-5, "-0.05"), (-100, "-1.00"), (210_000_000_000, "2100000000.00")],
)
def test_an_amount_is_written_with_two_decimals(minor, text):
    assert Money(minor).amount == text


@given(AMOUNTS)
def test_every_amount_comes_back_from_its_text(minor):
    money = Money(minor)

    assert Money.parse(money.amount) == money


@given(AMOUNTS, AMOUNTS)
def test_no_two_amounts_are_written_alike(one, other):
    assert (Money(one).amount == Money(other).amount) == (one == other)


def test_the_same_number_in_another_currency_is_another_amount():
    assert Money.parse("1", "CNY") != Money.parse("1", "HKD")
