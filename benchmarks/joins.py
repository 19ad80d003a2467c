"""Joins of group-buys per second, each a seat with its order and a durable commit: through GraphQL over HTTP and through the
domain alone, against a bare transaction that writes the very same rows with prepared statements and asks no question.

Twenty connections, groups of a hundred. Ours and the bare one take turns, a quarter of the time each time; everybody joins once.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson

from benchmarks import load
from benchmarks.figures import Figure
from cli.house import House
from domain.accounts import actions as accounts
from domain.accounts.rules import Principal, Role
from domain.accounts.tokens import issue
from domain.foundation import clock
from domain.foundation.database import Database
from domain.foundation.ids import encode, new_id
from domain.foundation.runtime import Market
from domain.group_buys import actions, joining
from domain.group_buys.rules import Campaign, Item, NewCampaign, NewItem
from domain.products.rules import Kept, Listing, Variant
from domain.products.writing import write
from domain.stock import receiving
from domain.stock.rules import Cause, Units
from tests.statements import count_statements

CONNECTIONS = 20
SEATS, GROUPS, ITEMS = 100, 20, 50
ROUNDS = 4
UNITS = 1_000_000
PRICE_MINOR, PER_SHOPPER = 990, 1
PAY_WITHIN = timedelta(minutes=15)
JOIN = """
mutation Join($input: JoinGroupBuyInput!) {
  joinGroupBuy(input: $input) {
    __typename
    ... on GroupBuySeat { id number state }
    ... on UserError { code message }
  }
}
"""


@dataclass(frozen=True)
class Joiner:
    """Somebody, the group they are about to join, and what they choose there."""

    shopper_id: UUID
    group_id: UUID
    item: Item


Join = Callable[[Joiner], Awaitable[object]]


async def measure(url: str, *, seconds: float) -> list[Figure]:
    """Joiners of fifty SKUs, and of one that everybody wants; without the edge."""
    db = Database.connect(url, connections=CONNECTIONS)
    pool = await asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=CONNECTIONS, max_size=CONNECTIONS)
    assert pool is not None
    try:
        campaign = await campaign_of(db)
        figures = [Figure("SQL statements of a join", await statements(db, campaign), "statements", target="<= 15")]
        for name, items in (("of 50 SKUs", campaign.items), ("of one popular SKU", campaign.items[:1])):
            bare, ours = Pace(), Pace()
            for _ in range(ROUNDS):
                for pace, join in ((bare, bare_join(pool)), (ours, our_join(db))):
                    await pace.go(join, await joiners(db, campaign, items), seconds=seconds / ROUNDS)
            figures.append(
                Figure(f"joins of group-buys, {name}", ours.per_second, "joins/s, each durable", bare.per_second)
            )
        return figures
    finally:
        await pool.close()
        await db.close()


async def through_graphql(house: House, market: Market, *, seconds: float) -> list[Figure]:
    """The same over HTTP, by as many connections, against the bare transaction in this process; they take turns, too."""
    url = house.settings.database_url.get_secret_value()
    pool = await asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=CONNECTIONS, max_size=CONNECTIONS)
    assert pool is not None
    kinds: Counter[str] = Counter()

    def count(status: int, body: bytes) -> None:
        kinds["seat" if b'"GroupBuySeat"' in body else body[:300].decode()] += 1

    try:
        campaign, bare, served, spent = await campaign_of(market.db), Pace(), 0, 0.0
        for _ in range(ROUNDS):
            crowd = await joiners(market.db, campaign, campaign.items)
            await bare.go(bare_join(pool), crowd, seconds=seconds / ROUNDS)
            crowd = await joiners(market.db, campaign, campaign.items)
            result = await load.run(
                f"{house.url}/graphql",
                _bodies(market, crowd),
                connections=CONNECTIONS,
                seconds=seconds / ROUNDS,
                answered=count,
            )
            served, spent = served + result.requests, spent + result.seconds
    finally:
        await pool.close()
    assert set(kinds) == {"seat"}, kinds
    return [Figure("joins through GraphQL over HTTP", served / spent, "joins/s, each durable", bare.per_second)]


class Pace:
    """How many were served in how many seconds, over several turns."""

    def __init__(self) -> None:
        self._served, self._spent = 0, 0.0

    async def go(self, join: Join, crowd: Sequence[Joiner], *, seconds: float) -> None:
        """As many at once as there are connections, each joiner as soon as another one is served."""
        waiting, started = iter(crowd), time.perf_counter()

        async def serve() -> None:
            while time.perf_counter() - started < seconds and (joiner := next(waiting, None)) is not None:
                await join(joiner)
                self._served += 1

        await asyncio.gather(*(serve() for _ in range(CONNECTIONS)))
        self._spent += time.perf_counter() - started

    @property
    def per_second(self) -> float:
        """Over all turns together."""
        return self._served / self._spent


def our_join(db: Database) -> Join:
    """The join that the market does."""

    async def join(joiner: Joiner) -> None:
        await joining.join(
            db,
            group_id=joiner.group_id,
            item_id=joiner.item.id,
            quantity=1,
            shopper_id=joiner.shopper_id,
            idempotency_key=str(new_id()),
            now=clock.now(),
        )

    return join


BARE = (
    "INSERT INTO idempotency_keys (owner_id, key, fingerprint, answer) VALUES ($1, $2, $3, $4)",
    """INSERT INTO group_buy_seats (id, group_id, number, shopper_id, item_id, quantity, order_id, state, is_newcomers, held_at)
       VALUES ($1, $2, $3, $4, $5, 1, $6, 'held', false, $7)""",
    f"INSERT INTO group_buy_shoppers (campaign_id, shopper_id, units, most) VALUES ($1, $2, 1, {PER_SHOPPER})",
    """INSERT INTO group_buy_events (group_id, number, kind, seat, taken, paid, happened_at)
       VALUES ($1, $2, 'joined', $3, $3, 0, $4)""",
    f"""INSERT INTO orders (id, shopper_id, state, goods_minor, total_minor, currency, source, source_id, is_confirmed,
                           placed_at, pay_by)
       VALUES ($1, $2, 'placed', {PRICE_MINOR}, {PRICE_MINOR}, 'CNY', 'group_buy', $3, false, $4, $5)""",
    f"""INSERT INTO order_lines (order_id, position, sku_id, title, allotment_id, quantity, unit_price_minor, total_minor)
       VALUES ($1, 1, $2, '压测商品', $3, 1, {PRICE_MINOR}, {PRICE_MINOR})""",
    "INSERT INTO stock_holds (id, order_id, sku_id, allotment_id, quantity, held_at) VALUES ($1, $2, $3, $4, 1, $5)",
    "UPDATE stock_allotments SET free = free - 1, held = held + 1 WHERE id = $1 AND free > 0",
    """INSERT INTO stock_movements (sku_id, allotment_id, movement, quantity, cause, cause_id, moved_at)
       VALUES ($1, $2, 'held', 1, 'order', $3, $4)""",
)
COUNT_IN = """
    UPDATE group_buys SET taken = taken + 1, events = events + 1 WHERE id = $1 AND state = 'open' AND taken < seats
    RETURNING campaign_id, taken, events
"""


def bare_join(pool: asyncpg.Pool) -> Join:
    """The rows of such a join, written by hand: nothing is asked, and nothing checked but what the tables check."""

    async def join(joiner: Joiner) -> None:
        seat_id, order_id, now = new_id(), new_id(), clock.now()
        shopper_id, group_id, item = joiner.shopper_id, joiner.group_id, joiner.item
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(BARE[0], shopper_id, str(new_id()), b"x" * 32, f'"{seat_id}"')
            campaign_id, number, event = await connection.fetchrow(COUNT_IN, group_id)
            given = (
                (seat_id, group_id, number, shopper_id, item.id, order_id, now),
                (campaign_id, shopper_id),
                (group_id, event, number, now),
                (order_id, shopper_id, seat_id, now, now + PAY_WITHIN),
                (order_id, item.sku_id, item.allotment_id),
                (new_id(), order_id, item.sku_id, item.allotment_id, now),
                (item.allotment_id,),
                (item.sku_id, item.allotment_id, order_id, now),
            )
            for statement, values in zip(BARE[1:], given, strict=True):
                await connection.execute(statement, *values)

    return join


async def statements(db: Database, campaign: Campaign) -> int:
    """What one join costs."""
    (joiner, *_) = await joiners(db, campaign, campaign.items)
    with count_statements(db) as sent:
        await our_join(db)(joiner)
    return len(sent)


async def campaign_of(db: Database) -> Campaign:
    """A campaign of one product with fifty SKUs, more of each than anybody buys."""
    now, by = clock.now(), new_id()
    variants = tuple(Variant((str(number),), 2 * PRICE_MINOR) for number in range(ITEMS))
    listing = Listing(f"bench-{new_id()}", "压测商品", variants, option_names=("款",))
    kept = Kept(new_id(), tuple(new_id() for _ in variants), listing)
    async with db.transaction() as tx:
        await write(tx, [kept], now=now)
        units = [Units(sku_id, UNITS) for sku_id in kept.sku_ids]
        await receiving.receive_many(tx, units, cause=Cause("benchmark", kept.id), now=now)
    wish = NewCampaign(
        title="压测",
        opens_at=now,
        closes_at=now + timedelta(days=1),
        seats=SEATS,
        fill_seconds=86_400,
        items=tuple(NewItem(sku_id, PRICE_MINOR, UNITS) for sku_id in kept.sku_ids),
        per_shopper=PER_SHOPPER,
    )
    draft = await actions.create(db, wish, by=by, idempotency_key=str(new_id()), now=now)
    return await actions.publish(db, campaign_id=draft.id, by=by, now=now)


async def joiners(db: Database, campaign: Campaign, items: Sequence[Item]) -> list[Joiner]:
    """As many new people as new groups have seats for; one after the other joins another group, and chooses another item."""
    now = clock.now()
    async with db.transaction() as tx:
        names = [str(new_id()) for _ in range(GROUPS * SEATS)]
        shopper_ids = await accounts.open_many(tx, provider="development", subjects=names, now=now)
    openers, others = shopper_ids[:GROUPS], shopper_ids[GROUPS:]
    opened = await asyncio.gather(*(_opened(db, campaign, opener, now=now) for opener in openers))
    group_ids = [joined.group.id for joined in opened]
    chosen = zip(others, itertools.cycle(group_ids), itertools.cycle(items), strict=False)
    return [Joiner(shopper_id, group_id, item) for shopper_id, group_id, item in chosen]


async def _opened(db: Database, campaign: Campaign, opener: UUID, *, now: datetime) -> joining.Joined:
    return await joining.open_group(
        db,
        campaign_id=campaign.id,
        item_id=campaign.items[0].id,
        quantity=1,
        shopper_id=opener,
        idempotency_key=str(new_id()),
        now=now,
    )


def _bodies(market: Market, crowd: Sequence[Joiner]) -> Iterator[load.Body]:
    now = clock.now()
    for number, joiner in enumerate(crowd):
        token = issue(market.settings, Principal(joiner.shopper_id, frozenset({Role.SHOPPER})), now=now).text
        lines = f"authorization: Bearer {token}\r\nx-forwarded-for: 10.2.{number >> 8 & 255}.{number & 255}\r\n"
        wish = {"groupBuyId": encode("groupbuy", joiner.group_id), "itemId": encode("groupitem", joiner.item.id)}
        input = {**wish, "idempotencyKey": f"join-{number:010d}"}
        yield lines.encode(), orjson.dumps({"query": JOIN, "variables": {"input": input}})
