"""Claims per second through GraphQL over HTTP, against a bare endpoint and against the script called directly; then the
orders per second that a worker drains from the queue those claims have left, each a durable commit.

One core serves, the other asks. The gate's Valkey shares the asking core.
"""

import asyncio
import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import orjson
from sqlalchemy import insert

from benchmarks import load
from benchmarks.figures import Figure
from cli.house import House, answers, free_port
from domain.accounts import actions as accounts
from domain.accounts.rules import Principal, Role
from domain.accounts.tokens import issue
from domain.flash_sales import actions, passes, queries, reserving
from domain.flash_sales import gate as gates
from domain.flash_sales.rules import Item
from domain.foundation import clock
from domain.foundation.ids import new_id, new_ticket_id
from domain.foundation.runtime import Market
from domain.products.tables import products, skus
from domain.stock import store as stock
from domain.stock.rules import Cause, Movement, Units

SERVER_CORE, ASKING_CORE = 0, 1
UNITS = 2_000_000
SHOPPERS = 5_000
CLAIM = """
mutation Claim($input: ClaimFlashSaleInput!) {
  claimFlashSale(input: $input) {
    __typename
    ... on FlashSaleTicket { id state position pollAfterMs }
    ... on UserError { code message }
  }
}
"""


async def sale_of_one_item(market: Market) -> Item:
    """A warm sale of two million units."""
    now = clock.now()
    product_id, sku_id = new_id(), new_id()
    async with market.db.transaction() as tx:
        common = {"created_at": now, "updated_at": now}
        prices = {"lowest_price_minor": 1000, "highest_price_minor": 1000, "currency": "CNY"}
        await tx.execute(
            insert(products).values(
                id=product_id,
                handle=str(product_id),
                title="压测商品",
                state="published",
                published_at=now,
                words="",
                **prices,
                **common,
            )
        )
        await tx.execute(insert(skus).values(id=sku_id, product_id=product_id, position=1, price_minor=1000, **common))
        units = Units(sku_id, UNITS)
        await stock.receive(tx, units, movement=Movement.RECEIVED, cause=Cause("benchmark", sku_id), now=now)
    sale = await actions.create(
        market.db,
        title="压测",
        opens_at=now - timedelta(minutes=1),
        closes_at=now + timedelta(hours=1),
        pay_seconds=86_400,
        items=[actions.NewItem(sku_id, 500, UNITS, per_shopper=10_000)],
        by=new_id(),
        idempotency_key=str(new_id()),
        now=now,
    )
    await actions.schedule(market.db, sale_id=sale.id, by=new_id(), now=now)
    await actions.warm(market.db, market.gate, sale_id=sale.id, now=now)
    return (await queries.sales_by_ids(market.db, [sale.id]))[sale.id].items[0]


async def shoppers(market: Market) -> list[UUID]:
    async with market.db.transaction() as tx:
        names = [str(new_id()) for _ in range(SHOPPERS)]
        return await accounts.open_many(tx, provider="development", subjects=names, now=clock.now())


def requests(market: Market, item: Item, shopper_ids: list[UUID]) -> Iterator[tuple[bytes, bytes]]:
    """Endless claims: another shopper each time, with a token, a pass and an idempotency key of their own."""
    now = clock.now()
    key = market.settings.signing_secret
    now_ms = int(now.timestamp() * 1000)
    people = []
    for shopper_id in shopper_ids:
        leave = passes.Pass(
            shopper_id,
            item.id,
            item.number,
            item.epoch,
            item.buckets,
            item.per_shopper,
            now_ms + 3_600_000,
            now_ms + 3_600_000,
        )
        token = issue(market.settings, Principal(shopper_id, frozenset({Role.SHOPPER})), now=now).text
        people.append((f"authorization: Bearer {token}\r\n".encode(), passes.sign(key, leave)))
    query = CLAIM
    for number, (authorization, leave) in enumerate(itertools.cycle(people)):
        claim = {"pass": leave, "quantity": 1, "idempotencyKey": f"claim-{number:010d}"}
        yield authorization, orjson.dumps({"query": query, "variables": {"input": claim}})


async def through_graphql(
    house: House, market: Market, *, seconds: float
) -> tuple[load.LoadResult, Counter[str], Item]:
    item = await sale_of_one_item(market)
    bodies = requests(market, item, await shoppers(market))
    kinds: Counter[str] = Counter()

    def count(status: int, body: bytes) -> None:
        kinds["ticket" if b'"FlashSaleTicket"' in body else body[:200].decode()] += 1

    # once round every shopper first: each token is verified once, as its shopper's sign-in and pass would have done
    await load.run(f"{house.url}/graphql", bodies, connections=64, seconds=30, requests_at_most=SHOPPERS)
    result = await load.run(f"{house.url}/graphql", bodies, connections=64, seconds=seconds, answered=count)
    return result, kinds, item


async def bare(market: Market, *, seconds: float) -> load.LoadResult:
    """The same bodies to the bare endpoint."""
    port = free_port("127.0.0.1", 0)
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.bare", str(port)])
    try:
        while answers(f"http://127.0.0.1:{port}/graphql") is None:
            await asyncio.sleep(0.05)
        load.pin(server, SERVER_CORE)
        claim = {"pass": "p" * 103, "quantity": 1, "idempotencyKey": "claim-0000000001"}
        body = orjson.dumps({"query": CLAIM, "variables": {"input": claim}})
        lines = f"authorization: Bearer {'t' * 250}\r\n".encode()
        url = f"http://127.0.0.1:{port}/graphql"
        await load.run(url, itertools.repeat((lines, body)), connections=64, seconds=1)
        return await load.run(url, itertools.repeat((lines, body)), connections=64, seconds=seconds)
    finally:
        server.terminate()
        server.wait()


async def script_alone(market: Market, *, seconds: float) -> float:
    """Claims per second of the Lua script, 64 a call, two calls under way: what the gate itself can take."""
    item = await sale_of_one_item(market)
    lane, done, started = item.lanes[0], 0, time.perf_counter()
    people = [new_id().hex for _ in range(SHOPPERS)]
    numbers = itertools.count()

    async def claim_on() -> None:
        nonlocal done
        while time.perf_counter() - started < seconds:
            batch = []
            for _ in range(64):
                number = next(numbers)
                batch.append((people[number % SHOPPERS], f"claim-{number:010d}", new_ticket_id(lane).hex, 1))
            await gates.claim(market.gate, lane=lane, epoch=item.epoch, now_ms=int(time.time() * 1000), claims=batch)
            done += 64

    await asyncio.gather(claim_on(), claim_on())
    return done / (time.perf_counter() - started)


async def drained(market: Market, item: Item, *, seconds: float) -> float:
    """Orders per second out of the queue, by one worker's loop."""
    orders, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        batch = await reserving.reserve(
            market.db, market.gate, lane=item.lanes[0], limit=market.settings.reserve_batch, now=clock.now()
        )
        orders += batch.reserved
        if batch.size == 0:
            break
    return orders / (time.perf_counter() - started)


async def measure(house: House, market: Market, *, seconds: float) -> list[Figure]:
    """On a house whose workers have been stopped: what is measured runs alone. The ceiling is taken before and after."""
    before = await bare(market, seconds=seconds)
    result, kinds, item = await through_graphql(house, market, seconds=seconds)
    assert set(kinds) == {"ticket"}, kinds
    orders_per_second = await drained(market, item, seconds=seconds)
    alone = await script_alone(market, seconds=seconds)
    after = await bare(market, seconds=seconds)
    bare_rate = (before.per_second + after.per_second) / 2
    return [
        Figure("bare Starlette endpoint", bare_rate, "answers/s"),
        Figure("claims through GraphQL over HTTP", result.per_second, "claims/s", bare_rate, ">= 0.20"),
        Figure("claims, against the script called directly", result.per_second, "claims/s", alone),
        Figure("claim, median", result.p50_ms, "ms"),
        Figure("claim, p99", result.p99_ms, "ms"),
        Figure("durable orders drained by one worker loop", orders_per_second, "orders/s", result.per_second, ">= 1.0"),
    ]


def stop_workers(house: House) -> None:
    """Leave only the API and the engines running, the API on a core of its own."""
    for name, member in house.members.items():
        if name.startswith("worker"):
            member.ask_to_stop()
            member.wait(20)
    api = house.members["api"]
    assert api.process is not None
    load.pin(api.process, SERVER_CORE)
