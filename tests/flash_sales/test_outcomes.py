"""What becomes of a reserved ticket: paid, lapsed, paid too late; and of the sale when it is over."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from domain.flash_sales import actions, outcomes, reserving, tickets
from domain.flash_sales import gate as gates
from domain.flash_sales.rebuilding import Reconciler, rebuild
from domain.flash_sales.rules import SaleState, TicketState, WrongSaleState
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.foundation.money import LARGEST_MINOR
from domain.orders import actions as order_actions
from domain.orders import queries
from domain.orders.events import OrderPaidLate
from domain.orders.tables import orders
from domain.stock.queries import allotments_by_ids, levels_by_sku_ids
from domain.stock.rules import NotEnoughStock
from tests.audit import assert_clean


@pytest.fixture
def reserved(given, db, gate):
    """A sale whose tickets have been reserved: `sale, claims = await reserved(shoppers=2, units=1)`."""

    async def reserved(*, shoppers=1, **sale):
        made = await given.flash_sale(**sale)
        desk = given.desk()
        claims = [
            await desk.claim(
                leave=given.leave(made.item, id), shopper_id=id, quantity=1, request_id="request-1", now=given.now
            )
            for id in await given.shoppers(shoppers)
        ]
        await given.reserved_all(made.item)
        return made, claims

    return reserved


async def order_of(db, claimed):
    order_id = await db.value(select(orders.c.id).where(orders.c.source_id == claimed.ticket_id))
    return (await queries.by_ids(db, [order_id]))[order_id]


async def pay(given, db, order, *, now):
    payment = await given.money_for(order, at=now)
    await order_actions.take_payment(
        db, payable_id=order.id, payment_id=payment.id, amount_minor=order.total.minor, captured_at=now, now=now
    )
    return payment.id


async def lapse(given, db, gate, claims, *, at):
    await order_actions.lapse_due(db, now=at, limit=100)
    for claimed in claims:
        await outcomes.lapsed(db, gate, ticket_id=claimed.ticket_id, lapsed_at=at)


async def level_of(db, sale):
    level = (await allotments_by_ids(db, [sale.item.allotment_id]))[sale.item.allotment_id]
    return level.free, level.held, level.sold


async def test_a_paid_order_makes_its_ticket_paid_and_its_unit_sold(given, market, db, gate, reserved):
    sale, [claimed] = await reserved(units=3)
    order = await order_of(db, claimed)

    await pay(given, db, order, now=given.now)
    for _ in range(2):
        await outcomes.paid(db, ticket_id=claimed.ticket_id, paid_at=given.now)

    ticket = await tickets.find(db, gate, ticket_id=claimed.ticket_id)
    assert ticket.state is TicketState.PAID
    assert await level_of(db, sale) == (2, 0, 1)
    await assert_clean(market, in_flight=True)


async def test_an_unpaid_unit_goes_to_the_first_who_waits(given, market, db, gate, reserved):
    sale, claims = await reserved(shoppers=3, units=1, waiting_places=5)

    await lapse(given, db, gate, claims[:1], at=given.now + timedelta(minutes=15))
    await given.reserved_all(sale.item)

    found = [(await tickets.find(db, gate, ticket_id=c.ticket_id)).state for c in claims]
    assert found == [TicketState.LAPSED, TicketState.RESERVED, TicketState.WAITING]
    assert await level_of(db, sale) == (0, 1, 0)
    await assert_clean(market, in_flight=True)


async def test_who_lapsed_may_claim_again(given, db, gate, reserved):
    sale, claims = await reserved(units=1)
    shopper_id = (await order_of(db, claims[0])).shopper_id
    await lapse(given, db, gate, claims, at=given.now + timedelta(minutes=15))

    again = await given.desk().claim(
        leave=given.leave(sale.item, shopper_id),
        shopper_id=shopper_id,
        quantity=1,
        request_id="request-2",
        now=given.now,
    )
    batch = await reserving.reserve(db, gate, lane=sale.lane, limit=5, now=given.now)

    assert again.state is TicketState.QUEUED
    assert batch.reserved == 1


async def test_late_money_revives_the_order_while_a_unit_is_free(given, market, db, gate, reserved):
    sale, [claimed] = await reserved(units=1)
    order = await order_of(db, claimed)
    late = given.now + timedelta(minutes=16)
    await lapse(given, db, gate, [claimed], at=late)
    payment_id = await pay(given, db, order, now=late)

    revived = [
        await outcomes.paid_late(
            db, gate, ticket_id=claimed.ticket_id, order_id=order.id, payment_id=payment_id, now=late
        )
        for _ in range(2)
    ]

    assert [type(event) for event in await given.recorded(OrderPaidLate)] == [OrderPaidLate]
    assert revived == [True, True]
    assert (await order_of(db, claimed)).late_outcome == "revived"
    assert (await tickets.find(db, gate, ticket_id=claimed.ticket_id)).state is TicketState.PAID
    assert await level_of(db, sale) == (0, 0, 1)
    assert (await gates.figures(gate, lane=sale.lane)).free == 0
    await assert_clean(market, in_flight=True)


async def test_late_money_goes_back_when_the_unit_is_somebody_elses(given, market, db, gate, reserved):
    sale, claims = await reserved(shoppers=2, units=1, waiting_places=1)
    order = await order_of(db, claims[0])
    late = given.now + timedelta(minutes=16)
    await lapse(given, db, gate, claims[:1], at=late)
    await given.reserved_all(sale.item)
    payment_id = await pay(given, db, order, now=late)

    revived = [
        await outcomes.paid_late(
            db, gate, ticket_id=claims[0].ticket_id, order_id=order.id, payment_id=payment_id, now=late
        )
        for _ in range(2)
    ]

    assert revived == [False, False]
    assert (await order_of(db, claims[0])).late_outcome == "refunded"
    assert await level_of(db, sale) == (0, 1, 0)
    await assert_clean(market, in_flight=True)


async def test_an_empty_redis_is_rebuilt_under_a_new_epoch_and_old_passes_are_refused(
    given, market, db, gate, reserved
):
    sale, claims = await reserved(shoppers=2, units=5)
    await gate.flushdb()
    await gate.script_flush()

    mended = await Reconciler(db, gate).run([sale.sale])

    after = (await given.reread(sale.sale.id)).item
    figures = await gates.figures(gate, lane=sale.lane)
    shopper_id = (await order_of(db, claims[0])).shopper_id
    again = await given.desk().claim(
        leave=given.leave(after, shopper_id), shopper_id=shopper_id, quantity=1, request_id="request-1", now=given.now
    )
    assert mended == []
    assert (after.epoch, figures.free) == (sale.item.epoch + 1, 3)
    assert again.ticket_id == claims[0].ticket_id
    await assert_clean(market, in_flight=True)


async def test_a_gate_that_drifted_is_mended_once_the_difference_stays(given, db, gate, reserved):
    sale, _ = await reserved(units=5)
    await gate.hincrby(gates.keys(sale.lane).gate, "free", 2)
    reconciler = Reconciler(db, gate)

    mended = [await reconciler.run([(await given.reread(sale.sale.id)).sale]) for _ in range(6)]

    assert [len(each) for each in mended] == [0, 0, 0, 0, 1, 0]
    assert (await gates.figures(gate, lane=sale.lane)).free == 4


async def test_a_rebuild_keeps_the_queue_and_the_waiting_line(given, market, db, gate):
    sale = await given.flash_sale(units=2, waiting_places=5)
    desk = given.desk()
    claims = [
        await desk.claim(
            leave=given.leave(sale.item, id), shopper_id=id, quantity=1, request_id="request-1", now=given.now
        )
        for id in await given.shoppers(4)
    ]

    await rebuild(db, gate, item_id=sale.item.id, reason="test")

    states = [(t.state, t.position) for t in [await tickets.find(db, gate, ticket_id=c.ticket_id) for c in claims]]
    await given.reserved_all(sale.item)
    assert states == [
        (TicketState.QUEUED, 1),
        (TicketState.QUEUED, 2),
        (TicketState.WAITING, 1),
        (TicketState.WAITING, 2),
    ]
    assert await level_of(db, sale) == (0, 2, 0)
    await assert_clean(market)


async def test_a_batch_that_crashed_after_its_commit_is_found_decided(given, market, db, gate, monkeypatch):
    sale = await given.flash_sale(units=2)
    id = await given.shopper()
    leave = given.leave(sale.item, id)
    await given.desk().claim(leave=leave, shopper_id=id, quantity=1, request_id="request-1", now=given.now)

    async def crash(*_, **__):
        raise ConnectionResetError

    with monkeypatch.context() as patch, pytest.raises(ConnectionResetError):
        patch.setattr(gates, "drop_from_queue", crash)
        await reserving.reserve(db, gate, lane=sale.lane, limit=5, now=given.now)
    again = await reserving.reserve(db, gate, lane=sale.lane, limit=5, now=given.now)

    assert (again.reserved, again.repeated) == (0, 1)
    assert await level_of(db, sale) == (1, 1, 0)
    await assert_clean(market)


async def test_a_lax_gate_cannot_oversell_the_ledger(given, market, db, gate):
    sale = await given.flash_sale(units=2)
    await gate.hset(gates.keys(sale.lane).gate, "free", 5)
    desk = given.desk()
    claims = [
        await desk.claim(
            leave=given.leave(sale.item, id), shopper_id=id, quantity=1, request_id="request-1", now=given.now
        )
        for id in await given.shoppers(5)
    ]

    batch = await reserving.reserve(db, gate, lane=sale.lane, limit=10, now=given.now)

    states = [(await tickets.find(db, gate, ticket_id=c.ticket_id)).state for c in claims]
    assert (batch.reserved, batch.refused) == (2, 3)
    assert states == [TicketState.RESERVED] * 2 + [TicketState.REFUSED] * 3
    assert await level_of(db, sale) == (0, 2, 0)


async def test_warming_takes_free_stock_or_changes_nothing(given, db, gate):
    sale = await given.flash_sale(units=5, stocked=4, warm=False)
    await actions.schedule(db, sale_id=sale.sale.id, by=new_id(), now=given.now)

    with pytest.raises(NotEnoughStock) as refused:
        await actions.warm(db, gate, sale_id=sale.sale.id, now=given.now)

    [level] = await levels_by_sku_ids(db, [sale.item.sku_id])
    assert (refused.value.wanted, refused.value.free) == (5, 4)
    assert (level.free, level.held) == (4, 0)
    assert (await given.reread(sale.sale.id)).sale.state is SaleState.SCHEDULED


async def test_a_stopped_sale_settles_when_its_last_order_is_decided(given, market, db, gate, reserved):
    sale, claims = await reserved(shoppers=2, units=5)
    stopped_at = given.now + timedelta(minutes=1)
    await actions.stop(db, gate, sale_id=sale.sale.id, by=new_id(), now=stopped_at)
    await pay(given, db, await order_of(db, claims[0]), now=stopped_at)
    await outcomes.paid(db, ticket_id=claims[0].ticket_id, paid_at=stopped_at)

    too_early = await actions.settle(db, gate, sale_id=sale.sale.id, now=stopped_at)
    await lapse(given, db, gate, claims[1:], at=given.now + timedelta(minutes=15))
    settled = [await actions.settle(db, gate, sale_id=sale.sale.id, now=stopped_at) for _ in range(2)]

    [level] = await levels_by_sku_ids(db, [sale.item.sku_id])
    assert (too_early, settled) == (False, [True, False])
    assert (level.free, level.held, level.sold) == (4, 0, 1)
    assert (await given.reread(sale.sale.id)).sale.state is SaleState.SETTLED
    await assert_clean(market, in_flight=True)


async def test_a_draft_cannot_be_stopped(given, db, gate):
    sale = await given.flash_sale(warm=False)

    with pytest.raises(WrongSaleState):
        await actions.stop(db, gate, sale_id=sale.sale.id, by=new_id(), now=given.now)


async def test_movements_cannot_be_changed(given, db):
    await given.stocked_sku(3)

    for statement in ("UPDATE stock_movements SET quantity = 4", "DELETE FROM stock_movements"):
        with pytest.raises(Exception, match="append-only"):
            async with db.transaction() as tx:
                await tx.execute(text(statement))


async def test_late_money_for_a_settled_sale_goes_back_without_a_gate(given, market, db, gate, reserved):
    sale, [claimed] = await reserved(units=1)
    order = await order_of(db, claimed)
    late = given.now + timedelta(hours=2)
    await lapse(given, db, gate, [claimed], at=late)
    assert await actions.settle(db, gate, sale_id=sale.sale.id, now=late)
    await gate.flushdb()
    payment_id = await pay(given, db, order, now=late)

    revived = await outcomes.paid_late(
        db, gate, ticket_id=claimed.ticket_id, order_id=order.id, payment_id=payment_id, now=late
    )
    await outcomes.lapsed(db, gate, ticket_id=claimed.ticket_id, lapsed_at=late)

    assert revived is False
    assert (await order_of(db, claimed)).late_outcome == "refunded"
    await assert_clean(market, in_flight=True)


async def test_a_gate_that_is_cold_makes_the_event_come_again(given, market, db, gate, reserved):
    sale, [claimed] = await reserved(units=1)
    await gate.flushdb()

    with pytest.raises(gates.GateCold):
        await lapse(given, db, gate, [claimed], at=given.now + timedelta(minutes=16))
    await Reconciler(db, gate).run([sale.sale])
    await outcomes.lapsed(db, gate, ticket_id=claimed.ticket_id, lapsed_at=given.now + timedelta(minutes=16))

    assert (await gates.figures(gate, lane=sale.lane)).free == 1
    await assert_clean(market, in_flight=True)


async def test_the_waiting_line_ends_with_the_sale(given, market, db, gate, reserved):
    sale, claims = await reserved(shoppers=3, units=1, waiting_places=5)
    await actions.stop(db, gate, sale_id=sale.sale.id, by=new_id(), now=given.now)

    await lapse(given, db, gate, claims[:1], at=given.now + timedelta(minutes=15))
    await given.reserved_all(sale.item)

    found = [await tickets.find(db, gate, ticket_id=c.ticket_id) for c in claims]
    assert [t.state for t in found] == [TicketState.LAPSED, TicketState.ENDED, TicketState.ENDED]
    assert [t.poll_after_ms for t in found] == [None, None, None]
    assert await level_of(db, sale) == (1, 0, 0)
    await assert_clean(market, in_flight=True)


async def test_a_rebuild_of_many_buckets_promises_no_more_than_the_ledger_has(given, market, db, gate):
    sale = await given.flash_sale(units=10, buckets=2)
    desk, taken = given.desk(), 0
    for id in await given.shoppers(60):  # all units of one bucket are queued, none of the other
        if id.int % 2 == 0 and taken < 5:
            leave = given.leave(sale.item, id)
            await desk.claim(leave=leave, shopper_id=id, quantity=1, request_id="request-1", now=given.now)
            taken += 1
    await gate.hincrby(gates.keys(sale.item.lanes[1]).gate, "free", -5)
    await gate.hincrby(gates.keys(sale.item.lanes[0]).gate, "free", 5)
    for id in await given.shoppers(40):
        if id.int % 2 == 0 and taken < 10:
            leave = given.leave(sale.item, id)
            await desk.claim(leave=leave, shopper_id=id, quantity=1, request_id="request-1", now=given.now)
            taken += 1

    await rebuild(db, gate, item_id=sale.item.id, reason="test")

    free = [(await gates.figures(gate, lane=lane)).free for lane in sale.item.lanes]
    assert (taken, free) == (10, [0, 0])
    assert await given.reserved_all(sale.item) == 10
    await assert_clean(market)


async def test_a_queue_shortened_twice_counts_once(given, db, gate):
    sale = await given.flash_sale(units=3)
    id = await given.shopper()
    leave = given.leave(sale.item, id)
    claimed = await given.desk().claim(leave=leave, shopper_id=id, quantity=1, request_id="request-1", now=given.now)
    (entry,) = await gates.queue(gate, lane=sale.lane, limit=5)

    for _ in range(2):
        await gates.drop_from_queue(gate, lane=sale.lane, message_ids=[entry.message_id])

    assert (await gates.standing(gate, ticket_id=claimed.ticket_id)).position == 0
    assert (await gates.figures(gate, lane=sale.lane)).undrained == 0


async def test_the_dearest_order_of_a_sale_is_an_amount_that_can_be_reckoned_with(given):
    with pytest.raises(BadInput, match=f"sale_price_minor {LARGEST_MINOR // 2} times per_shopper 3 is"):
        await given.flash_sale(price_minor=LARGEST_MINOR // 2, per_shopper=3)

    await given.flash_sale(price_minor=LARGEST_MINOR // 2, per_shopper=2)
