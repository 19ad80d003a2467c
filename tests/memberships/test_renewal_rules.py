"""When a renewal is told of, announced, charged and tried again: days of the shop's calendar, to the moment."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from domain.foundation.clock import SHOP_ZONE, shop_midnight
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.memberships import renewal_rules as rules
from domain.memberships.renewal_rules import Charge, ChargeState, Window

MICRO = timedelta(microseconds=1)


def shop(year, month, day, hour=0):
    return datetime(year, month, day, hour, tzinfo=SHOP_ZONE)


@pytest.mark.parametrize(
    ("ends_at", "told", "announced", "charged"),
    [
        (shop(2028, 3, 1), shop(2028, 2, 23, 9), shop(2028, 2, 27, 7), shop(2028, 2, 29, 9)),
        (shop(2027, 3, 1), shop(2027, 2, 22, 9), shop(2027, 2, 26, 7), shop(2027, 2, 28, 9)),
        (shop(2027, 1, 1), shop(2026, 12, 25, 9), shop(2026, 12, 29, 7), shop(2026, 12, 31, 9)),
    ],
    ids=["leap day", "month's end", "year's end"],
)
def test_a_card_is_charged_on_its_last_day(ends_at, told, announced, charged):
    told_at = rules.tell_at(ends_at)
    charged_at = rules.first_charge_at(ends_at, told_at=told_at)

    assert (told_at, charged_at, rules.announce_at(charged_at)) == (told, charged, announced)
    assert charged_at - told_at >= rules.TOLD_FOR_SURE


def test_members_are_told_at_nine_and_not_a_moment_before():
    ends_at = shop_midnight(date(2026, 12, 12))
    nine = shop(2026, 12, 5, 9)

    assert rules.told_until(nine) == ends_at
    assert rules.told_until(nine - MICRO) == ends_at - timedelta(days=1)


def test_who_is_told_late_is_charged_five_days_later_and_never_before():
    ends_at, late = shop(2026, 12, 12), shop(2026, 12, 11, 23)

    assert rules.first_charge_at(ends_at, told_at=late) == shop(2026, 12, 16, 23)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (shop(2026, 11, 11, 7), shop(2026, 11, 11, 7)),
        (shop(2026, 11, 11, 7) - MICRO, shop(2026, 11, 11, 7)),
        (shop(2026, 11, 11, 22) - MICRO, shop(2026, 11, 11, 22) - MICRO),
        (shop(2026, 11, 11, 22), shop(2026, 11, 12, 7)),
    ],
)
def test_charges_are_announced_from_seven_until_ten_at_night(now, then):
    assert rules.next_announcing(now) == then


def test_a_charge_is_tried_three_times_a_day_apart_and_then_waits_two_hours():
    now = shop(2026, 12, 11, 9)

    assert [rules.next_try(tries, now) - now for tries in (1, 2, 3)] == [
        timedelta(days=1),
        timedelta(days=1),
        timedelta(hours=2),
    ]


def test_a_gateway_that_does_not_answer_is_asked_again_ever_later_up_to_an_hour():
    now = shop(2026, 12, 11, 9)

    waits = [(rules.retry_at(now, failures) - now) / timedelta(minutes=1) for failures in (0, 1, 5, 6, 99)]

    assert waits == [1, 2, 32, 60, 60]


def test_a_charge_waits_for_the_window_that_its_gateway_names():
    ends_at, told_at = shop(2026, 12, 12), shop(2026, 12, 5, 9)
    charge = Charge(
        id=new_id(),
        contract_id=new_id(),
        membership_id=new_id(),
        term=2,
        amount=Money(3100),
        ends_at=ends_at,
        told_at=told_at,
        state=ChargeState.OPEN,
        due_at=told_at,
    )
    early, late = date(2026, 12, 10), date(2026, 12, 13)

    assert rules.first_try(charge, Window(early, late)) == shop(2026, 12, 11, 9)
    assert rules.first_try(charge, Window(late, late)) == shop(2026, 12, 13, 9)
    announced = replace(charge, first_day=early, last_day=late)
    assert [announced.is_announced_for(date(2026, 12, day)) for day in (9, 10, 13, 14)] == [False, True, True, False]
    assert not charge.is_announced_for(early)


def test_a_term_has_one_charge_whoever_names_it():
    membership_id = new_id()

    assert rules.charge_id(membership_id, 2) == rules.charge_id(membership_id, 2)
    assert len({rules.charge_id(membership_id, term) for term in range(2, 12)} | {rules.charge_id(new_id(), 2)}) == 11
