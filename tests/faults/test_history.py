"""A history made up at random: orders that are paid twice, late or never, sent in parts, and given back in parts.

`make faults` lives it with 10,000 orders. Whatever happened, the books are clean in the end.
"""

import asyncio
import logging
import os
from collections import Counter
from datetime import timedelta
from random import Random

from sqlalchemy import func, select

from domain.after_sales.tables import after_sales
from domain.foundation.outbox import events
from domain.orders.tables import orders
from domain.payments.tables import payments, refunds
from domain.pricing.freight import Zone
from domain.pricing.rules import Fulfilment
from tests.audit import assert_clean
from tests.faults.lives import Life, Shop, give_back

ORDERS = int(os.environ.get("HISTORY_ORDERS", "60"))
AT_ONCE = 12
UNITS_FOR_EACH_ORDER = 0.07
"""Of each SKU: nearly enough for all, so that some come too late."""


async def shop_of(given, orders):
    """Forty SKUs of several prices, units for nearly everybody, and freight."""
    skus = [
        await given.sku(units=2 + round(orders * UNITS_FOR_EACH_ORDER), price_minor=price)
        for price in (1, 990, 1990, 3300, 12_345) * 8
    ]
    people = [(shopper_id := await given.shopper(), await given.home_of(shopper_id)) for _ in range(60)]
    await given.freight(Zone((), first_minor=800, more_minor=333, free_from_minor=9_900))
    return Shop(given.db, skus, await given.pickup_store(), await given.shopper(), people, given.now)


async def test_a_made_up_history_ends_with_clean_books(given, market):
    shop = await shop_of(given, ORDERS)
    seed = os.environ.get("HISTORY_SEED") or Random().randrange(2**32)
    logging.warning("the history of seed %s", seed)  # shown when it fails
    told: Counter[str] = Counter()
    at_once = asyncio.Semaphore(AT_ONCE)

    async def live(number):
        async with at_once:
            await Life(shop, number, Random(f"{seed}-{number}"), told).live()

    async with asyncio.TaskGroup() as lives:
        for number in range(ORDERS):
            lives.create_task(live(number))
    in_the_end = given.now + timedelta(days=400)
    while await give_back(given.db, now=in_the_end):
        pass

    async def count(table, *conditions):
        return await given.db.value(select(func.count()).select_from(table).where(*conditions))

    assert told["placed"] == await count(orders) > ORDERS * 0.5
    assert await count(refunds, refunds.c.state == "due") == 0
    assert await count(events, events.c.dead_at.isnot(None)) == 0
    # it was a history worth telling
    assert await count(orders, orders.c.late_outcome.isnot(None)) > 0
    assert await count(payments, payments.c.state == "refunded") > 0
    assert await count(after_sales, after_sales.c.state == "refunded") > 0
    assert await count(orders, orders.c.fulfilment == Fulfilment.PICKUP) > 0
    logging.warning("%s", told)
    await assert_clean(market, in_flight=True)
