from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.foundation.errors import NotFound
from domain.foundation.money import Money
from domain.orders import rules
from domain.orders.rules import (
    HAS_MONEY,
    NEXT,
    LateOutcome,
    Order,
    OrderNotCancellable,
    OrderNotPayable,
    OrderState,
    Verdict,
)

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
SHOPPER, PAYMENT, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)


def order(state=OrderState.PLACED, **changes):
    given = {
        "id": UUID(int=9),
        "number": "26111100100001",
        "shopper_id": SHOPPER,
        "state": state,
        "total": Money(1990),
        "source": None,
        "source_id": None,
        "placed_at": NOON - timedelta(minutes=15),
        "pay_by": NOON,
    }
    return Order(**(given | changes))


PROMOTED = {"source": "flash_sale", "source_id": UUID(int=8)}


@pytest.mark.parametrize(
    ("given", "amount_minor", "verdict"),
    [
        (order(), 1990, Verdict.ACCEPT),
        (order(pay_by=NOON - timedelta(days=1)), 1990, Verdict.ACCEPT),
        (order(**PROMOTED), 1990, Verdict.ACCEPT),
        (order(), 1989, Verdict.GIVE_BACK),
        (order(OrderState.LAPSED), 1990, Verdict.REVIVE_IF_POSSIBLE),
        (order(OrderState.CANCELLED), 1990, Verdict.REVIVE_IF_POSSIBLE),
        (order(OrderState.LAPSED, **PROMOTED), 1990, Verdict.ASK_PROMOTION),
        (order(OrderState.LAPSED, **PROMOTED), 1, Verdict.GIVE_BACK),
        (order(OrderState.PAID, paid_with=PAYMENT), 1990, Verdict.KNOWN),
        (order(OrderState.PAID, paid_with=OTHER), 1990, Verdict.GIVE_BACK),
        (order(OrderState.LAPSED, paid_with=PAYMENT, paid_late_at=NOON), 1990, Verdict.KNOWN),
        (order(OrderState.LAPSED, paid_with=OTHER, paid_late_at=NOON), 1990, Verdict.GIVE_BACK),
    ],
)
def test_what_is_done_with_money(given, amount_minor, verdict):
    assert rules.judge(given, payment_id=PAYMENT, amount_minor=amount_minor) is verdict


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (order(OrderState.LAPSED, paid_late_at=NOON, paid_with=PAYMENT), True),
        (order(OrderState.LAPSED, paid_late_at=NOON, paid_with=OTHER), False),
        (order(OrderState.LAPSED), False),
        (order(OrderState.LAPSED, paid_late_at=NOON, paid_with=PAYMENT, late_outcome=LateOutcome.REFUNDED), False),
        (order(OrderState.PAID, paid_late_at=NOON, paid_with=PAYMENT, late_outcome=LateOutcome.REVIVED), False),
        (order(OrderState.PAID, paid_with=PAYMENT), False),
    ],
)
def test_late_money_is_decided_once(given, answer):
    assert rules.awaits_decision(given, PAYMENT) is answer


def test_an_order_can_be_asked_for_money_until_its_last_moment():
    rules.check_payable(order(), shopper_id=SHOPPER, now=NOON - timedelta(microseconds=1))

    with pytest.raises(OrderNotPayable):
        rules.check_payable(order(), shopper_id=SHOPPER, now=NOON)


@pytest.mark.parametrize("state", [OrderState.PAID, OrderState.LAPSED, OrderState.CANCELLED])
def test_only_a_placed_order_is_paid_or_cancelled(state):
    with pytest.raises(OrderNotPayable) as not_payable:
        rules.check_payable(order(state), shopper_id=SHOPPER, now=NOON - timedelta(minutes=1))
    with pytest.raises(OrderNotCancellable) as not_cancellable:
        rules.check_cancellable(order(state))

    assert (not_payable.value.state, not_cancellable.value.state) == (state, state)


def test_that_somebody_elses_order_exists_is_not_told():
    with pytest.raises(NotFound):
        rules.check_payable(order(), shopper_id=OTHER, now=NOON - timedelta(minutes=1))


def test_an_order_that_has_its_money_never_lacks_it_again():
    assert set(NEXT) == set(OrderState)
    assert all(NEXT[state] <= HAS_MONEY for state in HAS_MONEY)


def test_only_money_leads_to_a_parcel():
    before = {state for state, following in NEXT.items() if following & (HAS_MONEY - {OrderState.PAID})}

    assert before <= HAS_MONEY


def test_the_number_begins_with_the_shops_day():
    new_years_eve_in_greenwich = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)

    assert rules.shown_number(100_001, new_years_eve_in_greenwich) == "27010100100001"
