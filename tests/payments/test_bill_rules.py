"""Where a bill and our books differ, and which days are to be compared: rules without a service."""

from datetime import date, datetime, timedelta

import pytest

from domain.foundation.clock import SHOP_ZONE, shop_midnight
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.payments.bill_rules import (
    Booked,
    DifferenceKind,
    check_words,
    days_to_compare,
    differences,
    lines_of,
    missed,
    newest_published,
)
from domain.payments.rules import BillKind, BillRow

DAY = date(2026, 11, 11)
ID = new_id()


def row(amount=1990, *, id=ID, kind=BillKind.PAYMENT, state="SUCCESS"):
    return BillRow(kind, id, "ref", amount, 12, shop_midnight(DAY), state)


def booked(amount=1990, *, id=ID, kind=BillKind.PAYMENT, gateway="wechat", done=True):
    return Booked(kind, id, gateway, "ref", amount, shop_midnight(DAY) if done else None)


def compared(rows, *ours, after=None, expected=()):
    books = {(one.kind, one.id): one for one in ours}
    later = {(one.kind, one.id): one for one in after} if after is not None else books
    found = differences("wechat", lines_of(rows), before=books, after=later, expected=expected)
    return [(one.kind, one.ours_minor, one.theirs_minor, one.is_repaired) for one in found]


def test_what_agrees_does_not_differ():
    assert compared([row()], booked(), expected=[booked()]) == []


@pytest.mark.parametrize("ours", [[], [booked(gateway="stripe")], [booked(id=new_id())]])
def test_money_that_our_books_do_not_know_at_all(ours):
    assert compared([row()], *ours) == [(DifferenceKind.NOT_IN_BOOKS, None, 1990, False)]


def test_a_number_that_cannot_be_ours():
    assert compared([row(id=None)]) == [(DifferenceKind.NOT_IN_BOOKS, None, 1990, False)]


def test_a_lost_notice_differs_and_is_repaired_when_asking_has_booked_it():
    unknown = booked(done=False)

    assert [one.id for one in missed("wechat", lines_of([row()]), {(unknown.kind, unknown.id): unknown})] == [ID]
    assert compared([row()], unknown) == [(DifferenceKind.NOT_IN_BOOKS, 1990, 1990, False)]
    assert compared([row()], unknown, after=[booked()]) == [(DifferenceKind.NOT_IN_BOOKS, 1990, 1990, True)]


def test_another_amount_is_told_whether_we_have_booked_it_or_not():
    for ours in (booked(), booked(done=False)):
        assert compared([row(2000)], ours) == [(DifferenceKind.AMOUNT, 1990, 2000, False)]


def test_what_we_have_and_the_bill_has_not():
    assert compared([], expected=[booked()]) == [(DifferenceKind.NOT_IN_BILL, 1990, None, False)]


def test_what_is_under_way_there_is_not_done_here():
    under_way = row(kind=BillKind.REFUND, state="PROCESSING")

    assert compared([under_way], booked(kind=BillKind.REFUND, done=False)) == []
    assert compared([under_way], booked(kind=BillKind.REFUND), expected=[booked(kind=BillKind.REFUND)]) == [
        (DifferenceKind.STATE, 1990, 1990, False)
    ]


def test_a_refund_that_was_taken_back_is_nothing():
    rows = [row(kind=BillKind.REFUND, state="failed"), row(-1990, kind=BillKind.REFUND, state="failed")]
    done = booked(kind=BillKind.REFUND)

    assert compared(rows, booked(kind=BillKind.REFUND, done=False)) == []
    assert compared(rows, done, expected=[done]) == [(DifferenceKind.NOT_IN_BILL, 1990, None, False)]


def test_a_payment_that_stands_twice_in_a_bill_has_another_amount():
    assert compared([row(), row()], booked()) == [(DifferenceKind.AMOUNT, 1990, 3980, False)]


def at_the_shop(hour, minute=0):
    return datetime(2026, 11, 12, hour, minute, tzinfo=SHOP_ZONE)


def test_a_days_bill_is_out_at_ten_the_next_morning():
    assert newest_published(at_the_shop(9, 59)) == date(2026, 11, 10)
    assert newest_published(at_the_shop(10)) == DAY


def test_missed_days_are_caught_up_with_oldest_first():
    now = at_the_shop(10)

    assert days_to_compare(None, [], now=now) == []
    assert days_to_compare(now, [], now=now) == []
    assert days_to_compare(shop_midnight(date(2026, 11, 9)), [date(2026, 11, 10)], now=now) == [date(2026, 11, 9), DAY]
    # one second earlier is another day at the shop
    assert len(days_to_compare(shop_midnight(DAY) - timedelta(seconds=1), [], now=now)) == 2


def test_not_more_than_a_month_is_caught_up_with():
    due = days_to_compare(shop_midnight(date(2026, 1, 1)), [], now=at_the_shop(10))

    assert (len(due), due[0], due[-1]) == (31, date(2026, 10, 12), DAY)


@pytest.mark.parametrize("words", ["", "  ", "词" * 501, "a\0b"])
def test_words_that_say_nothing_are_refused(words):
    with pytest.raises(BadInput, match="allowed: 1 to 500"):
        check_words(words)
