"""`nightmarket audit`: what it prints and how it ends."""

import asyncio
import json
import os

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli.audit import audit
from domain.audit import running
from domain.audit.rules import counted, yuan
from domain.foundation.ids import encode
from domain.foundation.settings import settings as cached_settings

app = typer.Typer()
app.command()(audit)


@pytest.fixture
def run(settings, monkeypatch):
    """Run the command on this test's market: `await run("--json")`."""
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("COLUMNS", "200")
    cached_settings.cache_clear()

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)  # a command runs a loop of its own

    yield run
    cached_settings.cache_clear()


async def test_clean_books_end_with_0(given, run):
    await given.order(await given.stocked_sku(3))

    result = await run()

    assert result.exit_code == 0
    assert "总量 = 可售 + 占用 + 已售" in result.stdout
    assert "1 placed order, 0 paid orders, 0 ended orders" in result.stdout
    assert "账实相符" in result.stdout
    assert "✗" not in result.stdout


async def test_a_difference_ends_with_1_and_is_named(given, db, run):
    order = await given.order(await given.stocked_sku(3))
    async with db.transaction() as tx:
        await tx.execute(text("UPDATE orders SET goods_minor = goods_minor + 1, total_minor = total_minor + 1"))

    result = await run()

    assert result.exit_code == 1
    assert encode("order", order.id) in result.stdout
    assert "1 of " in result.stdout


async def test_json_lines_say_the_same(given, db, run):
    order = await given.order(await given.stocked_sku(3))
    async with db.transaction() as tx:
        await tx.execute(text("UPDATE orders SET goods_minor = goods_minor + 1, total_minor = total_minor + 1"))

    result = await run("--json")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert {line["check"] for line in lines} >= set(running.NAMES) - {running.GATES}
    assert [(line["subject"], line["expected"], line["found"]) for line in lines if line["ok"] is False] == [
        ("1 order, ¥19.91", "0 differ", "1 differ"),
        (
            encode("order", order.id),
            "1990 goods - 0 discount + 0 freight, 0 refunded",
            "1991 goods - 0 discount + 0 freight = 1991, 0 refunded",
        ),
    ]


async def test_books_that_cannot_be_read_end_with_2(run, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://nobody@127.0.0.1:9/nothing")
    cached_settings.cache_clear()

    result = await run()

    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


async def test_a_database_without_a_schema_is_told_how_to_get_one(run, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", os.environ["TEST_DATABASE_URL"])  # the tests' own databases lie beside it
    cached_settings.cache_clear()

    result = await run()

    assert result.exit_code == 2
    assert "nightmarket migrate" in result.stderr


async def test_where_no_market_is_none_is_opened(run, monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "")
    cached_settings.cache_clear()

    result = await run("--data-dir", str(tmp_path / "nowhere"))

    assert result.exit_code == 2
    assert "there is no market in" in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_counts_are_told_in_words():
    assert counted([("SKUs", 244), ("orders", 1), ("¥", 597000)]) == "244 SKUs, 1 order, ¥5,970.00"
    assert [yuan(minor) for minor in (0, 5, -1990, 12345678901)] == ["¥0.00", "¥0.05", "-¥19.90", "¥123,456,789.01"]
