"""Many at once, at the gate and in the ledger: exact counts."""

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial

from sqlalchemy import func, select, text

from domain.flash_sales import actions, reserving, tickets
from domain.flash_sales import gate as gates
from domain.flash_sales.desk import Claimed
from domain.flash_sales.rules import FlashSaleLimitReached, FlashSaleSoldOut, TicketState
from domain.flash_sales.tables import tickets as ticket_table
from domain.foundation.ids import new_id
from domain.orders.tables import orders
from domain.stock import store as stock
from domain.stock.queries import allotments_by_ids, levels_by_sku_ids
from tests.audit import assert_clean


async def gather(*work):
    return await asyncio.gather(*work, return_exceptions=True)


async def orders_of(db):
    return await db.value(select(func.count()).select_from(orders))


async def test_one_shopper_with_limit_one_claims_200_times_at_once(given, market, db, gate):
    sale = await given.flash_sale(units=50)
    shopper_id = await given.shopper()
    claim = partial(
        given.desk().claim, leave=given.leave(sale.item, shopper_id), shopper_id=shopper_id, quantity=1, now=given.now
    )

    outcomes = await gather(*(claim(request_id=f"request-{n}") for n in range(200)))
    await given.reserved_all(sale.item)

    assert Counter(map(type, outcomes)) == {Claimed: 1, FlashSaleLimitReached: 199}
    assert await orders_of(db) == 1
    await assert_clean(market)


async def test_the_last_unit_is_claimed_once(given, market, db):
    sale = await given.flash_sale(units=1)
    shoppers = await given.shoppers(20)
    desks = [given.desk(), given.desk()]  # two API processes

    outcomes = await gather(
        *(
            desks[n % 2].claim(
                leave=given.leave(sale.item, id), shopper_id=id, quantity=1, request_id="request-1", now=given.now
            )
            for n, id in enumerate(shoppers)
        )
    )
    await given.reserved_all(sale.item)

    assert Counter(map(type, outcomes)) == {Claimed: 1, FlashSaleSoldOut: 19}
    assert await orders_of(db) == 1
    await assert_clean(market)


async def test_the_same_request_50_times_at_once_is_one_ticket(given, market, db):
    sale = await given.flash_sale(units=50, per_shopper=5)
    shopper_id = await given.shopper()
    claim = partial(
        given.desk().claim, leave=given.leave(sale.item, shopper_id), shopper_id=shopper_id, quantity=1, now=given.now
    )

    outcomes = await gather(*(claim(request_id="request-1") for _ in range(50)))
    await given.reserved_all(sale.item)

    assert len({claimed.ticket_id for claimed in outcomes}) == 1
    assert await orders_of(db) == 1
    await assert_clean(market)


async def test_two_workers_drain_one_stream(given, market, db, gate):
    sale = await given.flash_sale(units=400)
    desk = given.desk()
    for id in await given.shoppers(400):
        leave = given.leave(sale.item, id)
        await desk.claim(leave=leave, shopper_id=id, quantity=1, request_id="request-1", now=given.now)

    async def drain() -> int:
        reserved = 0
        while (batch := await reserving.reserve(db, gate, lane=sale.lane, limit=20, now=given.now)).size:
            reserved += batch.reserved
        return reserved

    reserved = await asyncio.gather(drain(), drain(), drain())

    states = await db.rows(select(ticket_table.c.state, func.count()).group_by(ticket_table.c.state))
    level = (await allotments_by_ids(db, [sale.item.allotment_id]))[sale.item.allotment_id]
    assert sum(reserved) == 400
    assert [tuple(row) for row in states] == [("reserved", 400)]
    assert await orders_of(db) == 400
    assert (level.free, level.held, level.sold) == (0, 400, 0)
    assert (await gates.queue_lengths(gate, [sale.lane])) == [0]
    await assert_clean(market)


async def test_a_rebuild_in_the_middle_of_the_rush_oversells_nothing(given, market, db, gate):
    from domain.flash_sales.rebuilding import rebuild

    sale = await given.flash_sale(units=60, waiting_places=10)
    shoppers = await given.shoppers(200)
    desk = given.desk()

    async def shop(shopper_id):
        for _ in range(4):  # a refused pass is asked for again, as a client does
            item = (await given.reread(sale.sale.id)).item
            try:
                return await desk.claim(
                    leave=given.leave(item, shopper_id),
                    shopper_id=shopper_id,
                    quantity=1,
                    request_id="request-1",
                    now=given.now,
                )
            except Exception as refused:
                last = refused
                await asyncio.sleep(0.01)
        return last

    async def drain():
        for _ in range(30):
            await reserving.reserve(db, gate, lane=sale.lane, limit=7, now=given.now)
            await asyncio.sleep(0.005)

    async def rebuild_often():
        for _ in range(6):
            await asyncio.sleep(0.02)
            await rebuild(db, gate, item_id=sale.item.id, reason="test")

    await asyncio.gather(*(shop(id) for id in shoppers), drain(), rebuild_often())
    await given.reserved_all(sale.item)

    states = dict(await db.rows(select(ticket_table.c.state, func.count()).group_by(ticket_table.c.state)))
    level = (await allotments_by_ids(db, [sale.item.allotment_id]))[sale.item.allotment_id]
    assert states == {"reserved": 60}
    assert (level.free, level.held) == (0, 60)
    await assert_clean(market)


async def test_units_that_lapse_at_once_all_reach_the_waiting_line(given, market, db, gate):
    from domain.flash_sales import outcomes
    from domain.orders import actions as order_actions

    sale = await given.flash_sale(units=30, waiting_places=30, pay_seconds=60)
    shoppers = await given.shoppers(60)
    desk = given.desk()
    claims = [
        await desk.claim(
            leave=given.leave(sale.item, id), shopper_id=id, quantity=1, request_id="request-1", now=given.now
        )
        for id in shoppers
    ]
    await given.reserved_all(sale.item)
    later = given.now.replace(hour=5)

    await order_actions.lapse_due(db, now=later, limit=100)
    lapsed = [c.ticket_id for c in claims[:30]] * 3  # every event heard three times, side by side
    await asyncio.gather(*(outcomes.lapsed(db, gate, ticket_id=id, lapsed_at=later) for id in lapsed))
    await given.reserved_all(sale.item)

    found = [await tickets.find(db, gate, ticket_id=claimed.ticket_id) for claimed in claims]
    assert Counter(ticket.state for ticket in found[:30]) == {TicketState.LAPSED: 30}
    assert Counter(ticket.state for ticket in found[30:]) == {TicketState.RESERVED: 30}
    assert (await gates.figures(gate, lane=sale.lane)).free == 0
    await assert_clean(market, in_flight=True)


async def test_settling_waits_for_an_allotment_before_it_takes_any_sku(given, market, db, gate):
    """Allotments by id, then SKUs by id, as everybody else: so nobody waits in a ring."""
    sale = await a_sale_of_two(given)
    first, second = sorted(sale.items, key=lambda item: item.allotment_id)

    async with db.transaction() as tx:
        await stock.lock_allotment(tx, second.allotment_id)
        settling = asyncio.create_task(actions.settle(db, gate, sale_id=sale.id, now=sale.closes_at))
        await somebody_waits(db)
        async with asyncio.timeout(5):
            await stock.lock_level(tx, first.sku_id)

    assert await settling
    assert {(level.free, level.held) for level in await levels_by_sku_ids(db, [first.sku_id, second.sku_id])} == {
        (3, 0)
    }
    await assert_clean(market)


async def a_sale_of_two(given):
    items = [actions.NewItem(await given.stocked_sku(3), sale_price_minor=990, units=3) for _ in range(2)]
    window = {"opens_at": given.now - timedelta(minutes=1), "closes_at": given.now + timedelta(hours=1)}
    sale = await actions.create(
        given.db, title="午夜抢购", **window, pay_seconds=900, items=items, by=new_id(), idempotency_key="sale-0001",
        now=given.now,
    )  # fmt: skip
    await actions.schedule(given.db, sale_id=sale.id, by=new_id(), now=given.now)
    return await actions.warm(given.db, given.market.gate, sale_id=sale.id, now=given.now)


async def somebody_waits(db):
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(5):
        while not await db.value(waiting):
            await asyncio.sleep(0.01)
