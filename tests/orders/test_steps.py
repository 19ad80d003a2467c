from datetime import UTC, datetime, timedelta

import pytest

from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.orders.rules import Order, OrderState
from domain.orders.steps import Around, OrderStep, steps_of

NOON = datetime(2026, 11, 11, 4, tzinfo=UTC)

T, LATER = OrderStep, NOON + timedelta(minutes=30)
JUST_BEFORE = LATER - timedelta(microseconds=1)


def order(state, *, source=None, receive_by=None, is_confirmed=True):
    return Order(
        id=new_id(),
        number="26111100100001",
        shopper_id=new_id(),
        state=state,
        total=Money(1990),
        source=source,
        source_id=new_id() if source else None,
        placed_at=NOON,
        pay_by=LATER,
        receive_by=receive_by,
        is_confirmed=is_confirmed,
    )


PLACED, FLASH = order(OrderState.PLACED), order(OrderState.PLACED, source="flash_sale")
PAID, SENT = order(OrderState.PAID), order(OrderState.SHIPPED, receive_by=LATER)
UNITS = Around(units_to_ask_for=2)
TO_ASK = T.REQUEST_AFTER_SALE


@pytest.mark.parametrize(
    ("which", "around", "now", "steps"),
    [
        (PLACED, UNITS, JUST_BEFORE, [T.PAY, T.CANCEL]),
        (PLACED, UNITS, LATER, [T.CANCEL]),
        (FLASH, UNITS, NOON, [T.PAY, T.CANCEL, T.SET_DESTINATION]),
        (PAID, UNITS, NOON, [TO_ASK]),
        (PAID, Around(), NOON, []),
        (order(OrderState.PAID, source="flash_sale"), UNITS, NOON, [T.SET_DESTINATION, TO_ASK]),
        (order(OrderState.PAID, source="flash_sale"), Around(has_left=True, units_to_ask_for=1), NOON, [TO_ASK]),
        (order(OrderState.PAID, source="group_buy", is_confirmed=False), UNITS, NOON, [T.SET_DESTINATION]),
        (SENT, UNITS, JUST_BEFORE, [T.CONFIRM_RECEIPT, T.EXTEND_RECEIPT, TO_ASK]),
        (SENT, UNITS, LATER, [T.CONFIRM_RECEIPT, TO_ASK]),
        (SENT, Around(is_extended=True), NOON, [T.CONFIRM_RECEIPT]),
        (order(OrderState.RECEIVED), Around(units_to_ask_for=2, ask_until=LATER), JUST_BEFORE, [TO_ASK]),
        (order(OrderState.RECEIVED), Around(units_to_ask_for=2, ask_until=LATER), LATER, []),
        (order(OrderState.REFUNDED), Around(), NOON, []),
        (order(OrderState.LAPSED), UNITS, NOON, []),
        (order(OrderState.CANCELLED), UNITS, NOON, []),
    ],
)
def test_what_a_shopper_can_do(which, around, now, steps):
    assert steps_of(which, around, now=now) == steps
