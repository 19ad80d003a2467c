"""`nightmarket statement`: CSV on the standard output, and how it ends."""

import asyncio

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from domain.foundation.settings import settings as cached_settings


@pytest.fixture
def run(settings, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    cached_settings.cache_clear()

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["statement", *arguments])

    yield run
    cached_settings.cache_clear()


async def test_both_days_are_in_the_statement(given, run):
    await given.posted(given.movement(1990))

    found = await run("--account", "prepaid", "--from", "2026-11-11", "--to", "2026-11-11")

    lines = found.stdout_bytes.decode("utf-8-sig").splitlines()
    assert found.exit_code == 0
    assert [line.rpartition(",")[2] for line in lines] == ["余额 Balance", "0.00", "-19.90", "-19.90"]
    assert [line.partition(",")[0] for line in (lines[1], lines[-1])] == ["2026-11-11 00:00:00", "2026-11-12 00:00:00"]


async def test_what_cannot_be_written_is_said_in_a_sentence(db, run):
    found = await run("--account", "gateway", "--from", "2026-11-11", "--to", "2026-11-12")

    assert found.exit_code == 2
    assert "which gateway" in found.stderr
    assert found.stdout == ""
