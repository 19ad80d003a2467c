"""Stripe's balance transactions as lines of a bill: nothing that moves money is passed over."""

from datetime import UTC, datetime

import pytest

from domain.payments.bill_rules import DifferenceKind, differences, lines_of
from domain.payments.rules import BillKind, BillRow
from domain.payments.stripe_reading import bill_row

NOON = datetime(2026, 11, 11, 4, tzinfo=UTC)
DISPUTE = {
    "id": "txn_1",
    "object": "balance_transaction",
    "type": "adjustment",
    "reporting_category": "dispute",
    "amount": -1990,
    "fee": 1500,
    "currency": "cny",
    "created": int(NOON.timestamp()),
    "source": {"id": "dp_1", "object": "dispute", "status": "needs_response", "metadata": {}},
}


def test_a_dispute_takes_money_and_its_fee():
    assert bill_row(DISPUTE) == BillRow(BillKind.REFUND, None, "dp_1", 1990, 1500, NOON, "adjustment")


def test_a_dispute_becomes_a_difference():
    found = list(differences("stripe", lines_of([bill_row(DISPUTE)]), before={}, after={}, expected=[]))

    [one] = found
    assert (one.kind, one.subject_id, one.reference) == (DifferenceKind.NOT_IN_BOOKS, None, "dp_1")
    assert (one.ours_minor, one.theirs_minor, one.is_repaired) == (None, 1990, False)


def test_a_dispute_won_on_the_same_day_has_moved_nothing():
    won = DISPUTE | {"id": "txn_2", "amount": 1990, "fee": -1500}

    assert lines_of([bill_row(DISPUTE), bill_row(won)]) == []


@pytest.mark.parametrize("type", ["stripe_fee", "transfer", "payment_failure_refund", "of tomorrow"])
def test_what_has_no_source_stands_under_its_own_name(type):
    row = bill_row(DISPUTE | {"type": type, "source": None})

    assert (row.reference, row.amount_minor, row.state) == ("txn_1", 1990, type)


@pytest.mark.parametrize("type", ["payout", "payout_cancel", "payout_failure", "payout_minimum_balance_hold"])
def test_a_payout_is_no_line(type):
    assert bill_row(DISPUTE | {"type": type}) is None


def test_money_of_another_currency_is_not_added_up():
    with pytest.raises(ValueError, match="a balance in usd"):
        bill_row(DISPUTE | {"currency": "usd"})
