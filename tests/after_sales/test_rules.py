from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest

from domain.after_sales import inputs, rules
from domain.after_sales.rules import (
    GIVEN_BACK,
    MOVES,
    NEXT,
    OPEN,
    WAITS,
    AfterSale,
    AfterSaleLine,
    AfterSaleMoved,
    AfterSaleState,
    AfterSaleTooLate,
    AgreedTooMuch,
    Kind,
    Party,
    Reason,
    Step,
)
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.money import Money
from domain.orders.rules import Order, OrderState

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
SHOPPER, OTHER = UUID(int=1), UUID(int=2)

S = AfterSaleState
LEGAL = {
    (S.REQUESTED, Step.WITHDRAW), (S.REQUESTED, Step.APPROVE), (S.REQUESTED, Step.REJECT),
    (S.TO_SEND, Step.WITHDRAW), (S.TO_SEND, Step.SEND_BACK),
    (S.SENT_BACK, Step.ACCEPT_GOODS), (S.SENT_BACK, Step.REFUSE_GOODS),
}  # fmt: skip


def after_sale(state=S.REQUESTED, **changes):
    given = {
        "id": UUID(int=9),
        "order_id": UUID(int=8),
        "shopper_id": SHOPPER,
        "kind": Kind.RETURN,
        "state": state,
        "reason": Reason.QUALITY,
        "words": "",
        "evidence": (),
        "asked": Money(1990),
        "agreed": None,
        "requested_at": NOON,
    }
    return AfterSale(**(given | changes))


@pytest.mark.parametrize(("state", "step"), list(product(S, Step)))
def test_every_state_and_every_step(state, step):
    found = after_sale(state)

    if (state, step) in LEGAL:
        rules.check_step(found, step)
    else:
        with pytest.raises(AfterSaleMoved) as refused:
            rules.check_step(found, step)
        assert refused.value.state is state
    assert (step in rules.steps_of(found, MOVES[step].by)) is ((state, step) in LEGAL)


def test_the_table_of_states_is_whole():
    assert set(NEXT) == set(S)
    assert {state for state, after in NEXT.items() if not after} == {S.REFUNDED, S.REJECTED, S.WITHDRAWN, S.CLOSED}
    assert set(WAITS) == OPEN
    assert not OPEN & GIVEN_BACK
    assert all(S.WITHDRAWN in NEXT[state] for state in MOVES[Step.WITHDRAW].starts)


@pytest.mark.parametrize(
    ("state", "party", "hours"),
    [(S.REQUESTED, Party.STAFF, 48), (S.TO_SEND, Party.SHOPPER, 7 * 24), (S.SENT_BACK, Party.STAFF, 10 * 24)],
)
def test_who_is_waited_for_and_how_long(state, party, hours):
    assert after_sale(state).waits_for is party
    assert rules.due_at(state, NOON) == NOON + timedelta(hours=hours)


@pytest.mark.parametrize("state", sorted(set(S) - OPEN))
def test_nobody_is_waited_for_when_it_is_over(state):
    assert after_sale(state).waits_for is None
    assert rules.due_at(state, NOON) is None


@pytest.mark.parametrize(
    ("reason", "days"),
    [
        (Reason.NOT_WANTED, 7),
        (Reason.OTHER, 7),
        (Reason.DAMAGED, 15),
        (Reason.WRONG_GOODS, 15),
        (Reason.NOT_ARRIVED, 15),
        (Reason.QUALITY, 15),
    ],
)
def test_seven_days_to_change_ones_mind_and_fifteen_for_the_merchants_fault(reason, days):
    order = received_order()
    last = NOON + timedelta(days=days)

    rules.check_in_time(order, reason, last - timedelta(microseconds=1))

    with pytest.raises(AfterSaleTooLate) as refused:
        rules.check_in_time(order, reason, last)
    assert refused.value.ended_at == last


def received_order():
    return Order(
        id=UUID(int=8),
        number="26111100100001",
        shopper_id=SHOPPER,
        state=OrderState.RECEIVED,
        total=Money(1990),
        source=None,
        source_id=None,
        placed_at=NOON,
        pay_by=NOON,
        received_at=NOON,
    )


def test_staff_agree_to_less_never_to_more():
    assert [rules.check_agreed(after_sale(), agreed) for agreed in (None, 1990, 1)] == [1990, 1990, 1]
    assert rules.check_agreed(after_sale(asked=Money(0)), None) == 0

    with pytest.raises(AgreedTooMuch):
        rules.check_agreed(after_sale(), 1991)
    for nothing in (0, -1):
        with pytest.raises(BadInput):
            rules.check_agreed(after_sale(), nothing)


def test_what_is_written_is_looked_at():
    assert inputs.check_words("  坏了 ") == "坏了"
    assert inputs.check_evidence(["https://pictures.example/1.jpg"]) == ["https://pictures.example/1.jpg"]
    assert inputs.check_parcel(" sf ", " SF1 ") == ("sf", "SF1")

    refused = [
        (inputs.check_words, "x" * 501),
        (inputs.check_words, "a\0b"),
        (inputs.check_evidence, ["https://pictures.example/1.jpg"] * 10),
        (inputs.check_evidence, ["http://pictures.example/1.jpg"]),
        (inputs.check_evidence, ["https:///1.jpg"]),
        (inputs.check_evidence, ["https://pictures.example/a\0"]),
        (inputs.check_evidence, ["https://pictures.example/" + "a" * 500]),
    ]
    for check, value in refused:
        with pytest.raises(BadInput):
            check(value)
    for carrier, number in (("", "1"), ("sf", " "), ("x" * 21, "1"), ("sf", "1" * 41), ("sf", "1\0")):
        with pytest.raises(BadInput):
            inputs.check_parcel(carrier, number)
    with pytest.raises(BadInput):
        inputs.check_words(" ", needed=True)
    with pytest.raises(BadInput):
        rules.check_sensible(Kind.RETURN, Reason.NOT_ARRIVED)


def test_only_what_was_sent_back_is_restocked():
    lines = [AfterSaleLine(1, 3, 1, 300, 0)]

    inputs.check_restock({1: 2}, lines)
    inputs.check_restock({1: 0}, lines)

    for restock in ({1: 3}, {1: -1}, {2: 0}):
        with pytest.raises(BadInput):
            inputs.check_restock(restock, lines)


def test_that_somebody_elses_after_sale_exists_is_not_told():
    rules.check_owner(after_sale(), SHOPPER)

    with pytest.raises(NotFound):
        rules.check_owner(after_sale(), OTHER)
