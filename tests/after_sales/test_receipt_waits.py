"""Who has said that something is wrong does not count as having the goods: the clock waits while an after-sale is open."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from domain.after_sales import actions, deciding
from domain.after_sales.rules import AfterSaleState, Kind, Reason
from domain.foundation.ids import new_id
from domain.orders.events import OrderGivenBack, OrderShipped
from domain.orders.rules import OrderState, Receiver
from domain.shipments import following, receiving
from domain.shipments.rules import ShipmentState, TrackingEvent
from domain.shipments.tracking import Push
from tests.audit import assert_clean
from tests.given.after_sales import Goods
from workers import after_sales as worker
from workers import shipments as shipments_worker
from workers.context import WorkerContext
from workers.hearing import hearers_of

S = AfterSaleState
DAY = timedelta(days=1)


@dataclass(frozen=True)
class At(WorkerContext):
    moment: datetime

    def now(self):
        return self.moment


@pytest.fixture
def at(market):
    """A worker's context at a moment."""

    async def send(*_):
        raise AssertionError("no hearer here sends messages")

    return lambda moment: At(market, send, moment)


async def receive_by(given, order):
    return (await given.order_again(order.id)).receive_by


async def sweep(given, now):
    return await receiving.receive_due(given.db, now=now, limit=10)


async def test_through_every_open_state_and_on_when_it_is_over(given):
    order = await given.bought(Goods(2, 1000))
    await given.shipped(order)
    late = given.now + 14 * DAY

    asked = await given.after_sale(order, {1: 1}, kind=Kind.RETURN, now=late)
    while_asked = await receive_by(given, order)
    to_send = await deciding.act_on_deadline(given.db, after_sale_id=asked.id, now=asked.due_at)
    while_to_send = await receive_by(given, order)
    sent = await actions.send_back(
        given.db,
        after_sale_id=asked.id,
        shopper_id=order.shopper_id,
        carrier="sf",
        number="SF1",
        idempotency_key="sent-back-1",
        now=to_send.due_at - DAY,
    )
    while_sent = await receive_by(given, order)

    assert [while_asked, while_to_send, while_sent] == [one.due_at + 15 * DAY for one in (asked, to_send, sent)]
    assert await sweep(given, sent.due_at) == 0
    await deciding.act_on_deadline(given.db, after_sale_id=asked.id, now=sent.due_at)
    assert await receive_by(given, order) == while_sent
    assert await sweep(given, while_sent) == 1
    assert (await given.order_again(order.id)).received_by is Receiver.TIME
    await given.give_back_at_gateway()
    await assert_clean(given.market, in_flight=True)


async def test_what_is_later_anyway_stays(given):
    order = await given.bought(Goods(2, 1000))
    await given.shipped(order)
    mine = {"order_id": order.id, "shopper_id": order.shopper_id, "now": given.now}
    await receiving.extend(given.db, **mine, idempotency_key="more-time-1")

    await given.after_sale(order, {1: 1})

    assert await receive_by(given, order) == given.now + 22 * DAY


async def test_an_order_that_is_not_sent_or_was_received_waits_for_nothing(given):
    paid, received = await given.bought(), await given.bought_and_received()

    await given.after_sale(paid)
    await given.after_sale(received)

    assert await receive_by(given, paid) is None
    assert (await given.order_again(received.id)).receive_by == received.receive_by


async def test_a_delivery_does_not_bring_it_forward(given):
    order = await given.bought(Goods(2, 1000))
    parcel = await given.shipped(order)
    await given.after_sale(order, {1: 1}, reason=Reason.NOT_ARRIVED)
    waits_until = await receive_by(given, order)

    await deliver(given, parcel, given.now + DAY)

    assert await receive_by(given, order) == waits_until == given.now + 17 * DAY


async def test_what_is_sent_while_one_is_open_waits_too(given, at):
    order = await given.bought(Goods(2, 1000))
    await given.shipped(order, {1: 1})
    asked = await given.after_sale(order, {1: 1}, kind=Kind.RETURN, state=S.SENT_BACK)
    await given.shipped(order)
    event = (await given.recorded(OrderShipped))[-1]
    before = await receive_by(given, order)

    for _ in range(2):
        await worker.put_off_receipt(at(given.now), event)

    assert before == given.now + 15 * DAY
    assert await receive_by(given, order) == asked.due_at + 15 * DAY == given.now + 25 * DAY
    assert worker.put_off_receipt in hearers_of(event)


async def test_what_counts_as_sent_because_the_rest_was_given_back_waits_too(given, at):
    order = await given.bought(Goods(3, 1000))
    parcel = await given.shipped(order, {1: 2})
    await deliver(given, parcel, given.now)
    broken = await given.after_sale(order, {1: 1}, reason=Reason.DAMAGED)
    await given.after_sale(order, {1: 1}, reason=Reason.NOT_WANTED, state=S.REFUNDING)
    [event] = await given.recorded(OrderGivenBack)

    await shipments_worker.hasten_receipt(at(given.now), event)

    assert (await given.order_again(order.id)).state is OrderState.SHIPPED
    assert await receive_by(given, order) == broken.due_at + 15 * DAY


async def deliver(given, parcel, moment):
    seen = TrackingEvent(moment, ShipmentState.DELIVERED, f"已签收 {new_id()}", "")
    await following.take_push(given.db, Push((parcel.carrier,), parcel.tracking_number, [seen]), now=moment)
