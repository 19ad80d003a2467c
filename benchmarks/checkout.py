"""Orders per second out of carts with three lines, each a durable commit: `placeOrder` without the edge, against a bare
transaction that writes the very same rows with prepared statements and asks no question.

One process, twenty connections. Everybody buys once: what is left in the carts is not what is measured.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import insert

from benchmarks.figures import Figure
from domain.accounts import actions as accounts
from domain.addresses.tables import addresses
from domain.carts.tables import cart_lines, carts
from domain.checkout import actions
from domain.checkout.rules import Wish
from domain.foundation import clock
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.pricing import actions as pricing
from domain.pricing.freight import Measure, Template, Zone
from domain.pricing.rules import Fulfilment
from domain.products.rules import Kept, Listing, Variant
from domain.products.writing import write
from domain.stock import receiving
from domain.stock.rules import Cause, Units
from tests.statements import count_statements

CONNECTIONS = 20
PRODUCTS, SKUS_OF_EACH = 12, 250
BUYERS_PER_SECOND = 600
"""How many are made ready for each second of a run: more than any machine has served so far."""
PRICE_MINOR, FREIGHT_MINOR, UNITS = 1000, 600, 1_000_000
HOME = {
    "recipient": "林小满", "phone": "13812345678", "province": "上海市", "city": "上海市", "district": "静安区",
    "region_code": "310106", "street": "南京西路 1 号",
}  # fmt: skip
PAY_WITHIN = timedelta(minutes=30)


@dataclass(frozen=True)
class Buyer:
    """A shopper with three lines in a cart, and where they are to be sent."""

    shopper_id: UUID
    address_id: UUID
    sku_ids: tuple[UUID, UUID, UUID]


Place = Callable[[Buyer], Awaitable[object]]


async def measure(url: str, *, seconds: float) -> list[Figure]:
    """Baskets of everybody's own goods, and baskets with one popular SKU; ours and bare, one after the other."""
    db = Database.connect(url, connections=CONNECTIONS)
    bare = await asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=CONNECTIONS, max_size=CONNECTIONS)
    assert bare is not None
    try:
        sku_ids = await goods(db)
        parcel = Template(
            new_id(), "压测", Measure.PIECE, [Zone((), first_measure=9, first_minor=FREIGHT_MINOR)], is_default=True
        )
        await pricing.write_template(db, parcel, by=new_id(), now=clock.now(), is_new=True)
        (first,) = await buyers(db, baskets(sku_ids), 1)
        figures = [
            Figure("SQL statements of an order of 3 lines", await statements(db, first), "statements", target="<= 15")
        ]
        for name, popular in (("goods of their own", None), ("one popular SKU in each", sku_ids[-1])):
            rates = []
            for place in (bare_place(bare), our_place(db)):
                crowd = await buyers(db, baskets(sku_ids, popular), int(seconds * BUYERS_PER_SECOND) + CONNECTIONS)
                rates.append(await per_second(place, crowd, seconds=seconds))
            ceiling, ours = rates
            figures.append(Figure(f"orders of 3 lines out of carts, {name}", ours, "orders/s, each durable", ceiling))
        return figures
    finally:
        await bare.close()
        await db.close()


async def statements(db: Database, buyer: Buyer) -> int:
    with count_statements(db) as sent:
        await our_place(db)(buyer)
    return len(sent)


async def per_second(place: Place, crowd: Sequence[Buyer], *, seconds: float) -> float:
    """As many at once as there are connections, each buyer as soon as another one is served."""
    waiting, until, served = iter(crowd), time.perf_counter() + seconds, 0
    started = time.perf_counter()

    async def serve() -> None:
        nonlocal served
        while time.perf_counter() < until:
            if (buyer := next(waiting, None)) is None:
                return
            await place(buyer)
            served += 1

    await asyncio.gather(*(serve() for _ in range(CONNECTIONS)))
    return served / (time.perf_counter() - started)


def our_place(db: Database) -> Place:
    """The order that the market places."""

    async def place(buyer: Buyer) -> None:
        wish = Wish(buyer.shopper_id, None, Fulfilment.DELIVERY, address_id=buyer.address_id)
        await actions.place(
            db,
            wish,
            expected_total_minor=3 * PRICE_MINOR + FREIGHT_MINOR,
            idempotency_key=str(new_id()),
            pay_within=PAY_WITHIN,
            now=clock.now(),
        )

    return place


BARE = (
    "INSERT INTO idempotency_keys (owner_id, key, fingerprint, answer) VALUES ($1, $2, $3, $4)",
    "DELETE FROM cart_lines WHERE cart_id = (SELECT id FROM carts WHERE shopper_id = $1)",
    """INSERT INTO orders (id, shopper_id, state, goods_minor, total_minor, currency, placed_at, pay_by, fulfilment, destination)
       VALUES ($1, $2, 'placed', $3, $3, 'CNY', $4, $5, 'delivery', $6)""",
    f"""INSERT INTO order_lines (order_id, position, sku_id, title, quantity, unit_price_minor, total_minor, explanation)
        SELECT $1, position, sku_id, '压测商品', 1, {PRICE_MINOR}, {PRICE_MINOR}, $3
        FROM unnest($2::uuid[]) WITH ORDINALITY AS line (sku_id, position)""",
    """INSERT INTO stock_holds (id, order_id, sku_id, quantity, held_at)
       SELECT *, $4::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], ARRAY[1, 1, 1])""",
    "SELECT 1 FROM stock_levels WHERE sku_id = ANY($1::uuid[]) ORDER BY sku_id FOR UPDATE",
    "UPDATE stock_levels SET free = free - 1, held = held + 1 WHERE sku_id = ANY($1::uuid[]) AND free > 0",
    """INSERT INTO stock_movements (sku_id, movement, quantity, cause, cause_id, moved_at)
       SELECT sku_id, 'held', 1, 'order', $2, $3::timestamptz FROM unnest($1::uuid[]) AS moved (sku_id)""",
)


def bare_place(pool: asyncpg.Pool) -> Place:
    """The rows of such an order, written by hand: no price is asked for, nothing is checked but what the tables check."""
    destination = orjson.dumps(HOME).decode()
    facts = {"unit_minor": PRICE_MINOR, "quantity": 1}
    explanation = orjson.dumps([{"rule": "list", "minor": PRICE_MINOR, "facts": facts}]).decode()

    async def place(buyer: Buyer) -> None:
        order_id, now, skus = new_id(), clock.now(), list(buyer.sku_ids)
        given = (
            (buyer.shopper_id, str(new_id()), b"x" * 16, f'"{order_id}"'),
            (buyer.shopper_id,),
            (order_id, buyer.shopper_id, 3 * PRICE_MINOR, now, now + PAY_WITHIN, destination),
            (order_id, skus, explanation),
            ([new_id() for _ in skus], [order_id] * 3, skus, now),
            (skus,),
            (skus,),
            (skus, order_id, now),
        )
        async with pool.acquire() as connection, connection.transaction():
            for statement, values in zip(BARE, given, strict=True):
                await connection.execute(statement, *values)

    return place


async def goods(db: Database) -> list[UUID]:
    """Three thousand SKUs, more of each than anybody buys."""
    now = clock.now()
    variants = tuple(Variant((str(number),), PRICE_MINOR) for number in range(SKUS_OF_EACH))
    kept = [
        Kept(
            new_id(),
            tuple(new_id() for _ in variants),
            Listing(f"bench-{new_id()}", "压测商品", variants, option_names=("款",)),
        )
        for _ in range(PRODUCTS)
    ]
    sku_ids = [sku_id for one in kept for sku_id in one.sku_ids]
    async with db.transaction() as tx:
        await write(tx, kept, now=now)
        units = [Units(sku_id, UNITS) for sku_id in sku_ids]
        await receiving.receive_many(tx, units, cause=Cause("benchmark", kept[0].id), now=now)
    return sku_ids


def baskets(sku_ids: Sequence[UUID], popular: UUID | None = None) -> Iterator[tuple[UUID, UUID, UUID]]:
    """Three SKUs each time, that nobody else has at the same time; or two of them, and the popular one."""
    others = itertools.cycle(sku_ids[:-1])
    while True:
        yield next(others), next(others), popular or next(others)


async def buyers(db: Database, goods: Iterator[tuple[UUID, UUID, UUID]], count: int) -> list[Buyer]:
    """People with full carts."""
    now = clock.now()
    async with db.transaction() as tx:
        names = [str(new_id()) for _ in range(count)]
        shopper_ids = await accounts.open_many(tx, provider="development", subjects=names, now=now)
        people = [Buyer(shopper_id, new_id(), next(goods)) for shopper_id in shopper_ids]
        when = {"created_at": now, "updated_at": now}
        homes = [{"id": one.address_id, "shopper_id": one.shopper_id, **HOME, **when} for one in people]
        await tx.execute(insert(addresses), homes)
        cart_ids = {one.shopper_id: new_id() for one in people}
        await tx.execute(
            insert(carts), [{"id": id, "shopper_id": owner, "touched_at": now} for owner, id in cart_ids.items()]
        )
        await tx.execute(
            insert(cart_lines),
            [_line(cart_ids[one.shopper_id], sku_id, now) for one in people for sku_id in one.sku_ids],
        )
    return people


def _line(cart_id: UUID, sku_id: UUID, now: datetime) -> dict[str, object]:
    return {"cart_id": cart_id, "sku_id": sku_id, "quantity": 1, "seen_price_minor": PRICE_MINOR, "added_at": now}
