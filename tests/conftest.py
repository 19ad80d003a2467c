"""Real engines for every test: one PostgreSQL and one Valkey for the run, a database of its own for each xdist worker."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from domain import migrations
from domain.foundation import embedded, reporting
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.redis import Gate
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings, fresh_secret
from tests.given import Given

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
"""Noon at the shop."""

_engines: embedded.Engines | None = None
_data_dir: Path | None = None


def pytest_configure(config: pytest.Config) -> None:
    global _engines, _data_dir
    # tracebacks without local variables, which take two seconds each to be printed
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    # a run that is stopped from outside takes its engines along
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _data_dir = Path(tempfile.mkdtemp(prefix="nm-"))
    _data_dir.chmod(0o711)  # as root, the engines run as another user who must pass through
    # tests that start engines below `tmp_path` need a way there for the engines' user, and pytest's own is closed again
    config.option.basetemp = config.option.basetemp or str(_data_dir / "tests")
    _engines = embedded.start(_data_dir)
    asyncio.run(_forget_at_power_cuts(_engines.database_url))
    os.environ["TEST_DATABASE_URL"] = _engines.database_url
    os.environ["TEST_REDIS_URL"] = _engines.redis_url
    os.environ["TEST_BROKER_URL"] = _engines.broker_url


async def _forget_at_power_cuts(database_url: str) -> None:
    """Nothing that these engines hold is to outlive the run; a process that is killed still loses nothing."""
    engine = create_async_engine(database_url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            await connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        await connection.execute(text("SELECT pg_reload_conf()"))
    await engine.dispose()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _engines is not None and _data_dir is not None:
        _engines.stop()
        shutil.rmtree(_data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def database_url(worker_id: str) -> Iterator[str]:
    """A fresh database, built by the migrations."""
    url = make_url(os.environ["TEST_DATABASE_URL"])
    name = f"test_{worker_id}"

    async def create() -> None:
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            await connection.execute(text(f"CREATE DATABASE {name}"))
        await engine.dispose()

    asyncio.run(create())
    mine = url.set(database=name).render_as_string(hide_password=False)
    migrations.upgrade(mine)
    yield mine


@pytest.fixture(scope="session")
def settings(database_url: str, worker_id: str) -> Settings:
    """Settings of this xdist worker: its own database, its own Redis database number."""
    number = int(worker_id.removeprefix("gw") or 0) if worker_id != "master" else 0

    def numbered(url: str) -> str:
        return url.replace("db=0", f"db={number}")

    return Settings(
        database_url=database_url,
        redis_url=numbered(os.environ["TEST_REDIS_URL"]),
        broker_url=numbered(os.environ["TEST_BROKER_URL"]),
        token_keys={"test": "t" * 32},
        pass_key=fresh_secret(),
        seal_key=fresh_secret(),
        development_login=True,
        console=False,  # its documents are read whenever an API is made; those of the console switch it on
        rate_limits=False,  # tests ask as fast as they can; those of the limits switch them on
        database_connections=20,
        log_level="WARNING",
    )


@pytest.fixture(scope="session")
async def market(settings: Settings) -> AsyncIterator[Market]:
    """Open connections to this worker's engines."""
    market = Market.open(settings)
    yield market
    await market.close()


@pytest.fixture
def db(market: Market, clean: None) -> Database:
    """The ledger, empty."""
    return market.db


@pytest.fixture
def gate(market: Market, clean: None) -> Gate:
    """The gate, empty."""
    return market.gate


DEADLOCK = "40P01"
LARGE_BYTES = 512 * 1024
"""From this size on a table is truncated: its space, and what the planner believes of it, go too."""


@pytest.fixture
async def clean(market: Market) -> None:
    """Every table empty, every key gone. Deleting from small tables takes 3 ms, truncating all of them 200."""
    for _ in range(5):
        try:
            return await _emptied(market)
        except DBAPIError as error:  # whoever is still at work may hold one table and want another
            if getattr(error.orig, "sqlstate", None) != DEADLOCK:
                raise
    raise AssertionError("somebody is still at work, and does not let go")


async def _emptied(market: Market) -> None:
    async with market.db.engine.begin() as connection:
        found = await connection.execute(
            text("""
                SELECT relname, pg_relation_size(oid) >= :large AS is_large FROM pg_class
                WHERE relnamespace = CAST('public' AS regnamespace) AND relkind IN ('r', 'p') AND relname <> 'alembic_version'
            """),
            {"large": LARGE_BYTES},
        )
        tables = {row.relname: row.is_large for row in found}
        # rows go, triggers stay: append-only tables are emptied as the superuser of the test database may
        await connection.execute(text("SET LOCAL session_replication_role = 'replica'"))
        # whoever is still at work is waited for
        await connection.execute(text(f"LOCK TABLE {', '.join(tables)}"))
        if large := [table for table, is_large in tables.items() if is_large]:
            await connection.execute(text(f"TRUNCATE {', '.join(large)} CASCADE"))
        deleting = "; ".join(f"DELETE FROM {table}" for table in tables)
        await connection.execute(text(f"DO $$ BEGIN {deleting}; END $$"))
        await connection.execute(text("SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"))
    await market.gate.flushdb()


@pytest.fixture
def given(market: Market, clean: None) -> Given:
    """Builders: `await given.product(...)`, `await given.sale(...)`."""
    return Given(market, now=NOON)


@pytest.fixture
def now() -> datetime:
    """Noon at the shop."""
    return NOON


@pytest.fixture
def somebody() -> UUID:
    """The id of a person."""
    return new_id()


@pytest.fixture(autouse=True)
def every_fault_is_new() -> None:
    """What an earlier test has reported is written in full again."""
    reporting.forget()
