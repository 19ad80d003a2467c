"""Pokes: who watches a room is told that something of their own has changed there, and nobody else's shop is slowed by it."""

from datetime import timedelta

import pytest

from domain.flash_sales.tables import tickets
from domain.foundation.ids import new_id
from domain.group_buys import ending
from domain.live_rooms import running, store
from domain.live_rooms.rules import Channel, PromotionKind
from domain.live_rooms.watching import RoomWatch
from domain.orders.events import OrderCancelled, OrderGivenBack, OrderLapsed, OrderPaid
from tests.live_rooms.hearing import Heard, open_heard, told
from tests.statements import count_statements
from workers import flash_sales as flash_sale_jobs
from workers import live_rooms as jobs
from workers.context import WorkerContext
from workers.hearing import hearers_of


@pytest.fixture
async def context(market, clean, now):
    class AtNoon(WorkerContext):
        def now(self):
            return now

    return AtNoon(market, send=None)


@pytest.fixture
async def one(given):
    return await given.live_room()


@pytest.fixture
async def heard(market, one):
    """What everybody who watches the room is told of their own."""
    watch, heard = RoomWatch(market.db, market.gate), Heard()
    (await open_heard(watch, one.id)).listen(heard)
    yield heard
    await watch.close()


async def belongs(given, one, kind, target_id):
    async with given.db.transaction() as tx:
        await store.note_promotion(tx, one.id, kind, target_id, one.item.id, by=new_id(), now=given.now)


async def claimed(given, sale, count):
    """Shoppers and their tickets, still in the queue."""
    shoppers = await given.shoppers(count)
    claim, about = given.desk().claim, {"quantity": 1, "request_id": "request-1", "now": given.now}
    return {id: (await claim(leave=given.leave(sale.item, id), shopper_id=id, **about)).ticket_id for id in shoppers}


async def whispered(heard, expected):
    await told(1, lambda: len(heard.personal) >= len(expected))
    assert sorted(map(str, heard.personal)) == sorted(map(str, expected))
    heard.personal.clear()


async def test_whose_tickets_were_decided_is_told_so_in_one_message_a_batch(given, context, one, heard, db):
    sale = await given.flash_sale(units=30)
    await belongs(given, one, PromotionKind.FLASH_SALE, sale.sale.id)
    ticket_of = await claimed(given, sale, 30)

    await flash_sale_jobs.reserve(context, sale.lane)

    await whispered(heard, [(shopper_id, "ticket", ticket_id) for shopper_id, ticket_id in ticket_of.items()])


async def test_a_sale_that_no_room_has_started_is_asked_for_once(given, context, one, heard, db):
    sale = await given.flash_sale(units=30)
    await claimed(given, sale, 3)

    with count_statements(db) as sent:
        await flash_sale_jobs.reserve(context, sale.lane)
        await context.pokes.tickets(sale.sale.id, [(new_id(), new_id())])

    assert len([statement for statement in sent if "live_room" in statement]) == 1
    assert heard.personal == []


async def test_the_buyer_of_a_ticket_is_told_of_the_order_and_of_the_ticket(given, context, one, heard, db):
    sale = await given.flash_sale(units=1)
    await belongs(given, one, PromotionKind.FLASH_SALE, sale.sale.id)
    [(shopper_id, ticket_id)] = (await claimed(given, sale, 1)).items()
    await given.reserved_all(sale.item)
    order_id = await db.value(tickets.select().with_only_columns(tickets.c.order_id))

    for event in (
        OrderPaid(order_id, "flash_sale", ticket_id, given.now),
        OrderLapsed(order_id, "flash_sale", ticket_id, given.now),
        OrderCancelled(order_id, "flash_sale", ticket_id, given.now),
        OrderGivenBack(order_id, "flash_sale", ticket_id, new_id(), 990, True, given.now),
    ):
        assert jobs.poke_buyer in hearers_of(event)
        await jobs.poke_buyer(context, event)
        await whispered(heard, [(shopper_id, "order", order_id), (shopper_id, "ticket", ticket_id)])


async def test_the_buyer_of_something_on_the_shelf_is_told_of_the_order(given, context, one, heard):
    order, other = await given.order(one.sku_id), await given.order(one.sku_id)
    async with given.db.transaction() as tx:
        about = {"shopper_id": order.shopper_id, "channel": Channel.SHELF, "placed_at": given.now}
        await store.add_order(tx, order_id=order.id, room_id=one.id, **about)

    for order_id in (other.id, order.id):
        await jobs.poke_buyer(context, OrderPaid(order_id, None, None, given.now))

    await whispered(heard, [(order.shopper_id, "order", order.id)])


async def test_while_no_room_is_watched_an_order_costs_no_statement_of_its_own(given, context, one, heard, db):
    order = await given.order(one.sku_id)
    await running.end(db, given.bus, room_id=one.id, by=one.host, now=given.now - timedelta(hours=2))

    with count_statements(db) as sent:
        for _ in range(10):
            await jobs.poke_buyer(context, OrderPaid(order.id, None, None, given.now))
            await jobs.poke_members(context)

    assert len(sent) == 1
    assert heard.personal == []


async def test_members_of_a_group_that_has_ended_are_told_once(given, context, one, heard, db):
    campaign = await given.campaign(seats=2, fill_seconds=600)
    await belongs(given, one, PromotionKind.GROUP_BUY, campaign.id)
    filled, expiring = await given.group(campaign, members=2, paid=1), await given.group(campaign, members=2, paid=1)
    elsewhere = await given.group(members=2, paid=2, seats=2)
    await jobs.poke_members(context)
    first, second = await given.seats_of(filled)

    await given.pay_seat(second)
    await jobs.poke_buyer(context, OrderPaid(second.order_id, "group_buy", second.id, given.now))
    await whispered(heard, [(second.shopper_id, "order", second.order_id), (second.shopper_id, "group_buy", filled.id)])
    await jobs.poke_members(context)
    await jobs.poke_members(context)
    await whispered(heard, [(seat.shopper_id, "group_buy", filled.id) for seat in (first, second)])

    late = given.now + timedelta(hours=1)
    await given.seats_lapse(now=late)
    await ending.expire_due(db, now=late, limit=10)
    for _ in range(3):
        await context.pokes.ended_groups(now=late + timedelta(seconds=1))
    [left] = [seat for seat in await given.seats_of(expiring) if seat.state != "freed"]
    await whispered(heard, [(left.shopper_id, "group_buy", expiring.id)])
    assert elsewhere.id not in {id for _, _, id in heard.personal}
