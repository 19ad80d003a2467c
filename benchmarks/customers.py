"""Customers at scale: `python -m benchmarks.customers` makes up three years of orders, works everybody out once, then lives
another day and brings them up to date; and asks what screens ask. `--people` and `--orders` say how many.

The engines are its own and forget at power cuts. Whoever keeps rows (accounts, orders, shares, memberships) keeps them as
the metrics read them; nothing is entered in the ledger of money or of stock.
"""

import argparse
import asyncio
import json
import math
import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import text

from benchmarks.figures import Figure, show
from domain import migrations
from domain.customers import figures, queries, refreshing, standing
from domain.foundation import embedded, logs
from domain.foundation.clock import shop_day
from domain.foundation.database import Database
from domain.insights import member_days, members

TODAY = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
YEARS = timedelta(days=1_095)
AT_ONCE = 100_000
ASKED = 200

# Made when the rows are there: much faster. Those of keys stay.
_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename IN ('orders', 'order_lines') AND indexname LIKE '%\\_idx'
"""
# Some buy often and most seldom: the square of a die favours low numbers.
_PEOPLE = """
    INSERT INTO accounts (id, display_name, created_at)
    SELECT uuidv7(), '顾客', :since FROM generate_series(1, :people)
"""
_NUMBERED = """
    CREATE TABLE numbered AS SELECT (row_number() OVER (ORDER BY id) - 1)::int AS number, id FROM accounts;
    ALTER TABLE numbered ADD PRIMARY KEY (number)
"""
_GOODS = """
    INSERT INTO products (id, handle, title, state, lowest_price_minor, highest_price_minor, currency, words,
                          created_at, updated_at)
    SELECT uuidv7(), 'goods', '桂花酒酿', 'draft', 1990, 1990, 'CNY', '', :since, :since;
    INSERT INTO skus (id, product_id, position, options, price_minor, cost_minor, created_at, updated_at)
    SELECT uuidv7(), id, number, ARRAY[number::text], 1990, 900, :since, :since
    FROM products CROSS JOIN generate_series(1, 100) AS number;
    INSERT INTO sku_costs (sku_id, since, cost_minor) SELECT id, :since, 900 FROM skus;
    INSERT INTO share_links (id, token, sharer_id, target_kind, target_id, channel, campaign, created_at)
    SELECT uuidv7(), lpad(number::text, 16, '0'), id, 'product', uuidv7(), 'friend', '', :since
    FROM numbered WHERE number % 100 = 7;
    INSERT INTO membership_plans (id, name, kind, price_minor, months, benefits, rank, is_renewable, created_at, created_by)
    SELECT uuidv7(), '年卡', 'yearly', 36500, 12, '[]', 10, true, :since, uuidv7();
    INSERT INTO memberships (id, account_id, plan_id, began_at, ends_at, ended_at, end_reason)
    SELECT uuidv7(), numbered.id, plan.id, began_at, began_at + interval '365 days',
           CASE WHEN began_at + interval '365 days' < :today THEN began_at + interval '365 days' END,
           CASE WHEN began_at + interval '365 days' < :today THEN 'expired' END
    FROM membership_plans AS plan CROSS JOIN numbered
    CROSS JOIN LATERAL (SELECT CAST(:since AS timestamptz) + numbered.number % 1000 * interval '1 day' AS began_at) AS began
    WHERE number % 20 = 3
"""
_ORDERS = """
    WITH dice AS MATERIALIZED (
      SELECT number, CAST(floor(power(random(), 2) * :people) AS int) AS shopper, 1000 + CAST(random() * 20000 AS bigint) AS goods,
             random() < 0.02 AS is_whole, random() < 0.05 AS is_shared, 1 + CAST(floor(random() * 100) AS int) AS sku,
             CAST(:starts_at AS timestamptz)
               + number / CAST(:orders AS float8) * (CAST(:ends_at AS timestamptz) - :starts_at) AS paid_at
      FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS number
    ), made AS MATERIALIZED (
      SELECT dice.*, numbered.id AS shopper_id, uuidv7(paid_at - clock_timestamp()) AS id
      FROM dice JOIN numbered ON numbered.number = shopper
    ), placed AS (
      INSERT INTO orders (id, shopper_id, state, goods_minor, total_minor, currency, placed_at, pay_by, paid_at, paid_with,
                          received_at, received_by, refunded_at, refunded_minor)
      SELECT id, shopper_id, CASE WHEN is_whole THEN 'refunded' ELSE 'received' END, goods, goods, 'CNY', paid_at, paid_at, paid_at,
             id, paid_at, 'shopper', CASE WHEN is_whole THEN paid_at END, CASE WHEN is_whole THEN goods ELSE 0 END
      FROM made
    ), shared AS (
      INSERT INTO share_attributions (order_id, link_id, sharer_id, shopper_id, opened_at, placed_at, paid_at)
      SELECT made.id, link.id, sharer_id, shopper_id, made.paid_at, made.paid_at, made.paid_at
      FROM made JOIN numbered AS sharer ON sharer.number = shopper / 100 * 100 + 7
      JOIN share_links AS link ON link.sharer_id = sharer.id AND link.sharer_id <> shopper_id WHERE is_shared
    )
    INSERT INTO order_lines (order_id, position, sku_id, title, quantity, unit_price_minor, total_minor, shipped, refunded,
                             restocked, refunded_goods_minor)
    SELECT made.id, 1, skus.id, '桂花酒酿', 1, goods, goods, 1, is_whole::int, is_whole::int,
           CASE WHEN is_whole THEN goods ELSE 0 END
    FROM made JOIN skus ON skus.position = made.sku
"""


async def fill(
    db: Database, *, people: int, orders: int, progress: Callable[[int], object] = lambda done: None
) -> None:
    """Three years of orders until now, in an empty market. `progress` is told how many orders there are."""
    since = TODAY - YEARS
    moments = {"since": since, "today": TODAY}
    for script, facts in ((_PEOPLE, {"people": people}), (_NUMBERED, {}), (_GOODS, {})):
        for statement in script.split(";"):
            await _run(db, statement, moments | facts)
    indexes = await db.rows(text(_INDEXES))
    for index in indexes:
        await _run(db, f"DROP INDEX {index.indexname}", {})
    for first in range(0, orders, AT_ONCE):
        last = min(first + AT_ONCE, orders) - 1
        await add_orders(db, people=people, of=orders, first=first, last=last, starts_at=since, ends_at=TODAY)
        progress(last + 1)
    for index in indexes:
        await _run(db, index.indexdef, {})
    await _run(db, "ANALYZE", {})


async def add_orders(
    db: Database, *, people: int, of: int, first: int, last: int, starts_at: datetime, ends_at: datetime
) -> None:
    """The orders `first` to `last` of so many, spread evenly over the time."""
    facts = {"people": people, "orders": of, "first": first, "last": last, "starts_at": starts_at, "ends_at": ends_at}
    await _run(db, _ORDERS, facts)


async def measure(db: Database, *, people: int, a_days_orders: int, server: int | None = None) -> list[Figure]:
    """Everybody worked out, then a day more; and how long answers take. `server`: PostgreSQL's process, whose memory counts."""
    memory = _Memory(server)
    found = [await _timed("everybody worked out", lambda: refreshing.refresh(db, now=TODAY))]
    found.append(await _timed("everybody counted together", lambda: standing.stand(db, now=TODAY)))
    found.append(await _timed("members' days of three years", lambda: member_days.keep(db, now=TODAY)))
    tomorrow = TODAY + timedelta(days=1)
    await add_orders(
        db, people=people, of=a_days_orders, first=0, last=a_days_orders - 1, starts_at=TODAY, ends_at=tomorrow
    )
    await _run(
        db,
        "INSERT INTO customer_changes (account_id) SELECT shopper_id FROM orders WHERE paid_at >= :today",
        {"today": TODAY},
    )
    found.append(await _timed("a day's refresh", lambda: refreshing.refresh(db, now=tomorrow)))
    found.append(await _timed("everybody counted together again", lambda: standing.stand(db, now=tomorrow)))
    found.append(await _timed("members' day", lambda: member_days.keep(db, now=tomorrow)))
    found += await _answers(db)
    found.append(Figure("this process at most", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB"))
    if server is not None:
        found.append(Figure("a connection of PostgreSQL at most", memory.most(), "MB of its own"))
    return found


async def _answers(db: Database) -> list[Figure]:
    ids: list[UUID] = list(
        await db.column(text("SELECT account_id FROM customers TABLESAMPLE BERNOULLI (10) LIMIT 5000"))
    )
    dice, day, page = Random(1), shop_day(TODAY), await queries.highest(db, first=100)
    month, year = day - timedelta(days=31), day - timedelta(days=365)

    async def values() -> object:
        async with db.reading() as reader:
            return await queries.values_of(reader, dice.sample(ids, min(100, len(ids))))

    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "values of 100 customers": values,
        "20 customers": lambda: queries.by_ids(db, dice.sample(ids, min(20, len(ids)))),
        "the 100 of the highest value": lambda: queries.highest(db, first=100),
        "the next 100": lambda: queries.highest(db, first=100, after=page.cursors[-1]),
        "ladder of 36 months within 90 days": lambda: figures.repurchase_ladder(
            db, first=day - timedelta(days=1_060), last=day, within_days=90
        ),
        "RFM segments": lambda: figures.segments(db),
        "Pareto by margin": lambda: figures.pareto(db),
        "growth of a year": lambda: figures.growth(db, first=year, last=day),
        "membership of a month": lambda: members.figures(db, first=month, last=day),
        "membership of a year": lambda: members.figures(db, first=year, last=day),
    }
    return [await _p95(name, ask) for name, ask in asked.items()]


async def _p95(name: str, ask: Callable[[], Awaitable[object]]) -> Figure:
    took = []
    for _ in range(ASKED):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    return Figure(f"{name}, p95", sorted(took)[math.ceil(ASKED * 0.95) - 1] * 1_000, "ms", target="< 50")


async def _timed(name: str, work: Callable[[], Awaitable[object]]) -> Figure:
    began = time.perf_counter()
    done = await work()
    took = time.perf_counter() - began
    return Figure(f"{name} ({int(done):,})" if isinstance(done, int) and done > 1 else name, took, "s")


async def _run(db: Database, statement: str, facts: dict[str, object]) -> None:
    async with db.transaction() as tx:
        await tx.execute(text("SET LOCAL statement_timeout = 0"))
        await tx.execute(text("SET LOCAL session_replication_role = replica"))  # foreign keys hold as the rows are made
        used = {name: value for name, value in facts.items() if f":{name}" in statement}
        await tx.execute(text(statement), used)


class _Memory:
    """Looks five times a second at what PostgreSQL's processes have for themselves."""

    def __init__(self, server: int | None) -> None:
        self._server, self._most = server, 0.0
        if server is not None:
            threading.Thread(target=self._watch, daemon=True).start()

    def most(self) -> float:
        """The most that any one of them has had, in MB."""
        return self._most

    def _watch(self) -> None:
        while True:
            for process in Path("/proc").glob("[0-9]*"):
                self._most = max(self._most, _own_memory(process, of=self._server))
            time.sleep(0.2)


def _own_memory(process: Path, *, of: int | None) -> float:
    """What a child of a process has for itself, in MB; 0 of anybody else's."""
    try:
        told = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    except OSError:
        return 0.0
    return int(told["RssAnon"].split()[0]) / 1024 if int(told["PPid"]) == of and "RssAnon" in told else 0.0


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.customers", description=__doc__)
    parser.add_argument("--people", type=int, default=11_000)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument(
        "--day-orders", type=int, help="of the day that is lived; a share of --orders where it is left out"
    )
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a table")
    given = parser.parse_args()
    logs.configure(level="WARNING")
    folder = Path(tempfile.mkdtemp(prefix="nm-bench-"))
    folder.chmod(0o711)
    tell = Console(stderr=True)
    try:
        with embedded.start(folder, redis=False, broker=False) as engines:
            migrations.upgrade(engines.database_url)
            found = asyncio.run(_bench(engines.database_url, given, tell, server=_server_of(folder)))
        tell.print(json.dumps({"load": os.getloadavg(), "cores": os.cpu_count()}))
        show(found, as_json=given.json)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _bench(url: str, given: argparse.Namespace, tell: Console, *, server: int | None) -> list[Figure]:
    db = Database.connect(url, connections=4)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            async with db.reading() as reader:
                await reader.connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
                await reader.connection.execute(text("SELECT pg_reload_conf()"))
        with Progress(console=tell, transient=True, disable=not tell.is_terminal) as progress:
            task = progress.add_task("orders", total=given.orders)
            began = time.perf_counter()
            await fill(
                db,
                people=given.people,
                orders=given.orders,
                progress=lambda done: progress.update(task, completed=done),
            )
        filled = Figure(f"{given.orders:,} orders of {given.people:,} people made", time.perf_counter() - began, "s")
        a_day = given.day_orders or max(1, given.orders * 3 // 1_000)
        return [filled, *await measure(db, people=given.people, a_days_orders=a_day, server=server)]
    finally:
        await db.close()


def _server_of(folder: Path) -> int | None:
    """PostgreSQL's process, where the system shows processes as files."""
    pid = next(folder.rglob("postmaster.pid"), None)
    return int(pid.read_text().split()[0]) if pid and Path("/proc/self/status").exists() else None


if __name__ == "__main__":
    main()
