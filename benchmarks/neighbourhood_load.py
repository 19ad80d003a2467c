"""Filling a market with made-up neighbourhoods, by COPY: as many as a chain of shops has, in a few minutes."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import asyncpg

from benchmarks.neighbourhood_rows import COLUMNS, Rows
from benchmarks.neighbourhoods import DAYS, SEATS, Ids, Size, Storyteller, neighbourhoods
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.group_buys import actions
from domain.group_buys.rules import Campaign, NewCampaign, NewItem
from domain.products.rules import Kept, Listing, Variant
from domain.products.writing import write
from domain.stock import receiving
from domain.stock.rules import Cause, Units

CAMPAIGNS = 48
UNITS = 1_000_000
PRICE_MINOR = 3990
FLUSHED = 100
"""Neighbourhoods of which the rows are kept in memory before they are copied."""
STORES = """
    INSERT INTO stores (id, code, name, region_code, address, opens_at, closes_at, created_at, updated_at)
    SELECT id, 'bench-' || number, '邻里店 ' || number, '310106', '南京西路 ' || number || ' 号', '09:00', '21:00', $2, $2
    FROM unnest($1::uuid[]) WITH ORDINALITY AS store (id, number)
"""


async def fill(
    url: str, *, size: Size, now: datetime, progress: Callable[[int], object] = lambda people: None, seed: int = 1
) -> None:
    """Fill an empty market with neighbourhoods as they would be now. `progress` is told how many people are in."""
    dice, ids, since = random.Random(seed), Ids(), now - timedelta(days=DAYS + 1)
    db = Database.connect(url)
    try:
        campaigns = await _campaigns(db, since)
    finally:
        await db.close()
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        store_ids = [ids.at(since) for _ in range(20)]
        await connection.execute(STORES, store_ids, since)
        rows = Rows(dice, ids, store_ids, now=now)
        teller, loaded = Storyteller(dice, ids, campaigns, now=now), 0
        for number, neighbourhood in enumerate(neighbourhoods(dice, ids, size, since=since)):
            rows.add_people(neighbourhood, since)
            for story in teller.of(neighbourhood):
                rows.add(story)
            if number == 0:
                for story in teller.again(neighbourhood, groups=size.busiest, keenest=size.keenest):
                    rows.add(story)
            rows.add_limits()
            loaded += 1 + len(neighbourhood.people)
            if number % FLUSHED == 0:
                await rows.copy_to(connection)
                progress(loaded)
        await rows.copy_to(connection)
        await rows.settle_stock(connection)
        await connection.execute(f"VACUUM ANALYZE {', '.join(COLUMNS)}")
        progress(loaded)
    finally:
        await connection.close()


async def _campaigns(db: Database, since: datetime) -> list[Campaign]:
    """As merchandisers make them: each about a product of its own with three SKUs, all of them still under way."""
    made, by = [], new_id()
    for number in range(CAMPAIGNS):
        variants = tuple(Variant((kind,), PRICE_MINOR * 2) for kind in ("原味", "桂花", "玫瑰"))
        listing = Listing(f"bench-group-{number}", f"苏式糕点 {number} 号", variants, option_names=("口味",))
        kept = Kept(new_id(), tuple(new_id() for _ in variants), listing)
        async with db.transaction() as tx:
            await write(tx, [kept], now=since)
            units = [Units(sku_id, UNITS) for sku_id in kept.sku_ids]
            await receiving.receive_many(tx, units, cause=Cause("benchmark", kept.id), now=since)
        wish = NewCampaign(
            title=f"{listing.title} 拼团",
            opens_at=since,
            closes_at=since + timedelta(days=DAYS + 20),
            seats=SEATS[number % len(SEATS)],
            fill_seconds=86_400,
            items=tuple(NewItem(sku_id, PRICE_MINOR, UNITS) for sku_id in kept.sku_ids),
            pay_seconds=86_400,
            per_shopper=10_000,
        )
        draft = await actions.create(db, wish, by=by, idempotency_key=str(new_id()), now=since)
        made.append(await actions.publish(db, campaign_id=draft.id, by=by, now=since))
    return made
