"""Whoever dies at any statement of any step loses nothing: asked again with the same key, the step is done, once."""

import os
from contextlib import contextmanager
from itertools import count

import pytest
from sqlalchemy import event, func, select

from domain.after_sales import actions, arriving, deciding
from domain.after_sales.amounts import Wish
from domain.after_sales.rules import AfterSaleState, Kind, Reason
from domain.foundation.ids import new_id
from domain.payments.tables import refunds
from domain.trail.tables import deeds
from tests.audit import assert_clean
from tests.given.after_sales import Goods

S = AfterSaleState
STEPS = {
    "request": (None, S.REQUESTED),
    "withdraw": (S.REQUESTED, S.WITHDRAWN),
    "approve_return": (S.REQUESTED, S.TO_SEND),
    "approve_refund": (S.REQUESTED, S.REFUNDING),
    "reject": (S.REQUESTED, S.REJECTED),
    "send_back": (S.TO_SEND, S.SENT_BACK),
    "accept_goods": (S.SENT_BACK, S.REFUNDING),
    "refuse_goods": (S.SENT_BACK, S.REJECTED),
    "refund_unasked": (None, S.REFUNDING),
    "clock_approves": (S.REQUESTED, S.REFUNDING),
    "clock_pays": (S.SENT_BACK, S.REFUNDING),
}


class Died(Exception):
    """The process is gone."""


@contextmanager
def dying_at(db, number):
    """Die instead of sending the statement of this number, counted from 0."""
    sent = count()

    def die(*_):
        if next(sent) == number:
            raise Died

    event.listen(db.engine.sync_engine, "before_cursor_execute", die)
    try:
        yield
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", die)


async def take(given, step, order, found, staff):
    """One step, with the same key whenever it is taken."""
    mine = {"shopper_id": order.shopper_id, "now": given.now, "idempotency_key": "key-of-step"}
    theirs = {"by": staff, "now": given.now, "idempotency_key": "key-of-step"}
    if step == "request":
        return await actions.request(given.db, order_id=order.id, wish=wish_of(step), **mine)
    if step == "refund_unasked":
        return await deciding.refund(given.db, order_id=order.id, units={1: 2}, words="无货", **theirs)
    if step.startswith("clock"):
        return await deciding.act_on_deadline(given.db, after_sale_id=found.id, now=found.due_at)
    if step.startswith("approve"):
        return await deciding.approve(given.db, after_sale_id=found.id, **theirs)
    if step in {"reject", "refuse_goods"}:
        say_no = deciding.reject if step == "reject" else arriving.refuse_goods
        return await say_no(given.db, after_sale_id=found.id, words="不", **theirs)
    if step == "accept_goods":
        return await arriving.accept_goods(given.db, after_sale_id=found.id, restock={1: 1}, **theirs)
    if step == "send_back":
        return await actions.send_back(given.db, after_sale_id=found.id, carrier="sf", number="1", **mine)
    return await actions.withdraw(given.db, after_sale_id=found.id, **mine)


def wish_of(step):
    return Wish(Kind.REFUND if step in {"approve_refund", "clock_approves"} else Kind.RETURN, Reason.DAMAGED, {1: 2})


EVERY = 1 if "FAULT_RUNS" in os.environ else 3
"""Statements from one death to the next; `make faults` dies at each."""


EVERYDAY = {"request", "approve_refund", "accept_goods", "clock_pays"}
"""The steps whose deaths the tests try; `make faults` tries all."""


@pytest.mark.parametrize(
    "step", [step if step in EVERYDAY else pytest.param(step, marks=pytest.mark.faults) for step in STEPS]
)
async def test_a_step_that_dies_anywhere_is_done_once_when_it_is_taken_again(given, step):
    start, end = STEPS[step]
    died = 0
    for number in count(step=EVERY):
        order = await given.bought_and_received(Goods(3, 1000, freight_minor=30))
        wish, staff = wish_of(step), new_id()
        found = start and await given.after_sale(order, wish.units, kind=wish.kind, reason=wish.reason, state=start)
        before = await books_of(given, staff)

        with dying_at(given.db, number):
            try:
                await take(given, step, order, found, staff)
                is_over = True
            except Died:
                is_over, died = False, died + 1
                assert await books_of(given, staff) == before
        again = await take(given, step, order, found, staff)

        done = await given.after_sale_again(again or found)
        assert done.state is end
        once = (before[0] + (end is S.REFUNDING), before[1] + (step not in UNNOTED))
        assert await books_of(given, staff) == once
        if is_over:
            break
    assert died >= 4 // EVERY
    await given.give_back_at_gateway()
    await assert_clean(given.market, in_flight=True)


UNNOTED = {"request", "withdraw", "send_back", "clock_approves", "clock_pays"}


async def books_of(given, staff):
    """How many refunds there are, and how many deeds of this person."""
    noted = select(func.count()).select_from(deeds).where(deeds.c.by == staff)
    return await given.db.value(select(func.count()).select_from(refunds)), await given.db.value(noted)
