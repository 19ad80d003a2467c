"""kill -9 in the middle of a sale: nothing oversold, nothing lost, the books clean. `make faults` runs each many times."""

import asyncio
import os
import time
from collections import Counter

import pytest
from sqlalchemy import func, select, text

from domain.accounts import actions as accounts
from domain.flash_sales import gate as gates
from domain.flash_sales import queries
from domain.foundation import clock
from domain.foundation.ids import new_id
from domain.foundation.locks import TIMETABLE
from domain.foundation.runtime import Market
from domain.orders.tables import orders
from tests.audit import assert_clean
from tests.faults.crowd import Crowd
from tests.given import Given
from tests.running import house_of_its_own

RUNS = int(os.environ.get("FAULT_RUNS", "1"))
UNITS, SHOPPERS = 60, 240
RECOVERY_SECONDS = 20
EVERYBODY_KNOWS = Counter({"RESERVED": UNITS, "FLASH_SALE_SOLD_OUT": SHOPPERS - UNITS})


@pytest.fixture(scope="module")
def house():
    """A market of its own, whose fallen processes are started again once a second as `nightmarket up` does."""
    with house_of_its_own() as house:
        asyncio.run(until_somebody_leads(house))
        yield house


async def until_somebody_leads(house):
    market = Market.open(house.settings)
    held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock")
    async with asyncio.timeout(30):
        while not await market.db.value(held, {"lock": TIMETABLE}):
            await asyncio.sleep(0.1)
    await market.close()


@pytest.fixture
async def open_market(house):
    market = Market.open(house.settings)
    yield market
    await market.close()


async def sale_under(house, market):
    """A sale with a crowd in front of it."""
    given = Given(market, now=clock.now())
    sale = await given.flash_sale(units=UNITS)
    async with market.db.transaction() as tx:
        names = [str(new_id()) for _ in range(SHOPPERS)]
        people = await accounts.open_many(tx, provider="development", subjects=names, now=clock.now())
    return sale, Crowd(house.url, house.settings, sale.item.id), people


async def once(crowd, *, claimed):
    """Wait until so many of the crowd have claimed."""
    async with asyncio.timeout(RECOVERY_SECONDS):
        while crowd.claimed < claimed:
            await asyncio.sleep(0.005)


async def orders_of(market, sale):
    return await market.db.value(
        select(func.count()).select_from(orders).where(orders.c.source == "flash_sale", orders.c.source_id.in_(
            select(queries.tickets.c.id).where(queries.tickets.c.item_id == sale.item.id)))
    )  # fmt: skip


async def until_rebuilt(market, sale):
    """Until the gate stands under a new epoch."""
    async with asyncio.timeout(RECOVERY_SECONDS):
        while (await queries.sales_by_ids(market.db, [sale.sale.id]))[sale.sale.id].items[0].epoch == sale.item.epoch:
            await asyncio.sleep(0.1)


async def until_decided(market, sale):
    """Until the queue is empty; how many seconds it took."""
    started = time.monotonic()
    while any(await gates.queue_lengths(market.gate, sale.item.lanes)):
        assert time.monotonic() - started < RECOVERY_SECONDS, "the queue is not drained"
        await asyncio.sleep(0.05)
    return time.monotonic() - started


@pytest.mark.parametrize("run", range(RUNS))
async def test_a_worker_killed_in_mid_sale_is_replaced_and_its_work_is_done(house, open_market, run):
    sale, crowd, people = await sale_under(house, open_market)

    async def kill():
        await once(crowd, claimed=10 + run)
        house.members["worker-1"].kill()

    await asyncio.gather(crowd.shop(people), kill())
    await until_decided(open_market, sale)

    assert await orders_of(open_market, sale) == UNITS
    assert crowd.ended == EVERYBODY_KNOWS
    await assert_clean(open_market, in_flight=True)


@pytest.mark.parametrize("run", range(RUNS))
async def test_an_api_killed_in_mid_sale_takes_nothing_twice(house, open_market, run):
    sale, crowd, people = await sale_under(house, open_market)

    async def kill():
        await once(crowd, claimed=10 + run)
        house.members["api"].kill()

    await asyncio.gather(crowd.shop(people), kill())
    await until_decided(open_market, sale)

    assert await orders_of(open_market, sale) == UNITS
    assert crowd.refused["no answer"] > 0
    assert crowd.ended == EVERYBODY_KNOWS
    await assert_clean(open_market, in_flight=True)


@pytest.mark.parametrize("run", range(RUNS))
async def test_a_redis_that_comes_back_empty_is_rebuilt_and_old_passes_are_refused(house, open_market, run):
    sale, crowd, people = await sale_under(house, open_market)

    async def lose_everything():
        await once(crowd, claimed=10 + run)
        await asyncio.to_thread(house.engines.gate.restart_empty)

    await asyncio.gather(crowd.shop(people), lose_everything())
    await until_decided(open_market, sale)

    await until_rebuilt(open_market, sale)

    assert (await orders_of(open_market, sale), crowd.ended) == (UNITS, EVERYBODY_KNOWS), crowd.refused
    await assert_clean(open_market, in_flight=True)


async def test_the_house_has_no_dead_events(open_market):
    assert await open_market.db.value(text("SELECT count(*) FROM outbox_events WHERE dead_at IS NOT NULL")) == 0
