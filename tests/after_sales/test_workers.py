"""What happens to after-sales by themselves."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from domain.after_sales.rules import AfterSaleState, Kind
from domain.foundation.ids import new_id
from domain.orders.rules import OrderState
from domain.payments.events import PaymentRefunded
from domain.payments.tables import payments
from tests.audit import assert_clean
from tests.audit.evening import Listener
from tests.given.after_sales import Goods
from workers import after_sales as worker
from workers.context import WorkerContext
from workers.hearing import hearers_of
from workers.main import FEATURES

S = AfterSaleState


@dataclass(frozen=True)
class At(WorkerContext):
    moment: datetime

    def now(self):
        return self.moment


@dataclass
class Clock:
    reads: int = 0


@dataclass(frozen=True)
class Ticking(At):
    """A second goes by whenever somebody looks at the clock."""

    clock: Clock = field(default_factory=Clock)

    def now(self):
        self.clock.reads += 1
        return self.moment + timedelta(seconds=self.clock.reads)


@pytest.fixture
def at(market):
    """A worker's context at a moment."""

    async def send(*_):
        raise AssertionError("no job of after-sales sends messages")

    return lambda moment: At(market, send, moment)


async def test_the_sweep_acts_on_every_deadline_once(given, at, monkeypatch):
    monkeypatch.setattr(worker, "BATCH", 2)
    order = await given.bought_and_received(Goods(8, 1000))
    asked = [await given.after_sale(order, {1: 1}) for _ in range(3)]
    to_send = await given.after_sale(order, {1: 1}, kind=Kind.RETURN, state=S.TO_SEND)
    sent = await given.after_sale(order, {1: 1}, kind=Kind.RETURN, state=S.SENT_BACK)

    await worker.act_on_deadlines(at(asked[0].due_at))
    early = [(await given.after_sale_again(one)).state for one in (*asked, to_send, sent)]
    for _ in range(2):
        await worker.act_on_deadlines(at(sent.due_at))

    assert early == [S.REFUNDING] * 3 + [S.TO_SEND, S.SENT_BACK]
    assert [(await given.after_sale_again(one)).state for one in (to_send, sent)] == [S.CLOSED, S.REFUNDING]
    assert await given.give_back_at_gateway() == 4
    await assert_clean(given.market, in_flight=True)


async def test_each_decision_of_a_sweep_has_its_own_moment(given, at):
    asked = [await given.after_sale(await given.bought_and_received(), kind=Kind.RETURN) for _ in range(3)]
    due_at = asked[0].due_at

    await worker.act_on_deadlines(Ticking(given.market, None, due_at))

    decided = [await given.after_sale_again(one) for one in asked]
    moments = {one.decided_at for one in decided}
    assert len(moments) == 3 and min(moments) > due_at
    assert {one.due_at - one.decided_at for one in decided} == {timedelta(days=7)}


async def test_one_that_cannot_be_acted_on_keeps_nobody_waiting(given, at):
    broken, other = [await given.after_sale(await given.bought()) for _ in range(2)]
    order = await given.order_again(broken.order_id)
    async with given.db.transaction() as tx:  # somebody has written into the books
        asked_all = {"refund_asked_minor": payments.c.amount_minor}
        await tx.execute(update(payments).where(payments.c.id == order.paid_with).values(asked_all))

    await worker.act_on_deadlines(at(other.due_at))

    assert await given.after_sale_again(broken) == broken
    assert (await given.after_sale_again(other)).state is S.REFUNDING


async def test_what_the_gateway_has_done_is_heard_once(given, at, now):
    asked = await given.after_sale(await given.bought(), state=S.REFUNDING)
    await given.give_back_at_gateway()
    (event,) = await given.recorded(PaymentRefunded)
    not_kept = PaymentRefunded("order", new_id(), new_id(), new_id(), None, 1990, now)
    of_something_else = PaymentRefunded("order", new_id(), new_id(), new_id(), new_id(), 1990, now)

    for heard in (event, event, not_kept, of_something_else):
        await worker.note_refunded(at(now), heard)

    assert (await given.after_sale_again(asked)).state is S.REFUNDED
    assert worker.note_refunded in hearers_of(event)
    assert "after_sales" in FEATURES
    await assert_clean(given.market, in_flight=True)


async def test_from_the_purchase_to_the_money_with_a_real_relay(given, market):
    listener = Listener(market, now=given.now)
    order = await given.ordered(Goods(2, 1000))
    await given.money_for(order)
    await listener.hear()

    asked = await given.after_sale(order, state=S.REFUNDING)
    await given.gateway_gives_back()
    await listener.hear()
    await listener.close()

    assert (await given.after_sale_again(asked)).state is S.REFUNDED
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    assert await given.account_balances() == {}
    await assert_clean(market)
