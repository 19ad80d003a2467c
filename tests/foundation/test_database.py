"""Transactions: all of it or nothing, events included, and what comes after the commit."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, MultipleResultsFound
from structlog.testing import capture_logs

from domain.accounts.tables import accounts
from domain.foundation import outbox
from domain.foundation.database import Database
from domain.foundation.errors import Refusal
from tests.given.bells import BellRang, new_bell, ring


@dataclass(eq=False)
class BellCracked(Refusal):
    bell_id: UUID

    code: ClassVar[str] = "BELL_CRACKED"
    zh: ClassVar[str] = "钟裂了"
    en: ClassVar[str] = "the bell is cracked"


@asynccontextmanager
async def listening(db):
    """The notices of the outbox that PostgreSQL sends within the block."""
    heard = []
    async with db.reading() as reader:
        driver = (await reader.connection.get_raw_connection()).driver_connection
        await driver.add_listener(outbox.CHANNEL, lambda *notice: heard.append(notice))
        yield heard
        await reader.value(text("SELECT 1"))  # what was sent before this answer has arrived
        await driver.reset()


async def count(db, table):
    return await db.value(select(func.count()).select_from(table))


def a_person(now, id=None):
    return insert(accounts).values(id=id or new_bell(), display_name="阿美", created_at=now)


async def test_what_a_transaction_wrote_and_recorded_stands_after_it(db, given, now):
    bell = new_bell()

    async with db.transaction() as tx:
        changed = await tx.execute(a_person(now))
        tx.record(BellRang(bell, 1))
        tx.record(BellRang(bell, 2))
        assert await count(db, accounts) == 0  # as others see it

    assert changed == 1
    assert await count(db, accounts) == 1
    assert await given.recorded() == [BellRang(bell, 1), BellRang(bell, 2)]


@pytest.mark.parametrize("raised", [BellCracked(UUID(int=1)), RuntimeError("no"), asyncio.CancelledError()])
async def test_leaving_by_an_exception_undoes_all_and_drops_the_events(db, given, now, raised):
    called = []

    with pytest.raises(type(raised)) as left:
        async with db.transaction() as tx:
            await tx.execute(a_person(now))
            tx.record(BellRang(new_bell(), 1))
            tx.after_commit(lambda: called.append("after"))
            raise raised

    assert left.value is raised
    assert await count(db, accounts) == 0
    assert await given.recorded() == []
    assert called == []


async def test_a_statement_that_fails_undoes_what_went_before(db, given, now):
    id = new_bell()

    with pytest.raises(IntegrityError):
        async with db.transaction() as tx:
            await tx.execute(a_person(now, id))
            tx.record(BellRang(new_bell(), 1))
            await tx.execute(a_person(now, id))

    assert await count(db, accounts) == 0
    assert await given.recorded() == []


async def test_events_that_cannot_be_kept_undo_the_change_they_tell_of(db, given, now):
    with pytest.raises(DBAPIError):
        async with db.transaction() as tx:
            await tx.execute(a_person(now))
            tx.record(BellRang(new_bell(), 1, sound="\0"))  # no text of PostgreSQL

    assert await count(db, accounts) == 0
    assert await given.recorded() == []


async def test_a_refusal_leaves_a_block_of_reading_as_it_is(db):
    cracked = BellCracked(UUID(int=1))

    with pytest.raises(BellCracked) as left:
        async with db.reading():
            raise cracked

    assert left.value is cracked


async def test_the_relay_is_woken_once_by_a_transaction_and_only_when_it_commits(db):
    bell = new_bell()

    async with listening(db) as heard:
        with pytest.raises(BellCracked):
            async with db.transaction() as tx:
                tx.record(BellRang(bell, 1))
                raise BellCracked(bell)
        async with db.transaction() as tx:
            await tx.value(text("SELECT 1"))
        await ring(db, BellRang(bell, 1), BellRang(bell, 2), BellRang(bell, 3))

    assert len(heard) == 1


async def test_after_the_commit_others_see_it_and_no_connection_is_held(db, now):
    seen = []

    async def look():
        seen.append((await count(db, accounts), db.engine.pool.checkedout()))

    async with db.transaction() as tx:
        await tx.execute(a_person(now))
        tx.after_commit(look)
        assert seen == []

    assert seen == [(1, 0)]


async def test_what_fails_after_the_commit_is_logged_and_forgotten(db, now):
    called = []

    async def fail():
        raise RuntimeError("no cache")

    async def succeed():
        called.append("next")

    with capture_logs() as logged:
        async with db.transaction() as tx:
            await tx.execute(a_person(now))
            tx.after_commit(fail)
            tx.after_commit(succeed)

    assert called == ["next"]
    assert await count(db, accounts) == 1
    assert [(line["event"], line["log_level"]) for line in logged] == [("after_commit_failed", "warning")]
    assert "fail" in logged[0]["call"]


async def test_a_commit_that_fails_calls_nobody_afterwards(db, now):
    called = []

    async def note():
        called.append("after")

    with pytest.raises(Exception, match=r"connection|closed|terminat"):
        async with db.transaction() as tx:
            await tx.execute(a_person(now))
            tx.after_commit(note)
            mine = await tx.value(text("SELECT pg_backend_pid()"))
            await db.value(text("SELECT pg_terminate_backend(:pid, 2000)"), {"pid": mine})

    assert called == []
    assert await count(db, accounts) == 0


async def test_a_connection_that_read_writes_in_transactions_again(db, settings, now):
    one_connection = Database.connect(settings.database_url.get_secret_value(), connections=1)
    await one_connection.value(text("SELECT 1"))

    with pytest.raises(BellCracked):
        async with one_connection.transaction() as tx:
            await tx.execute(a_person(now))
            raise BellCracked(UUID(int=1))

    assert await count(one_connection, accounts) == 0
    await one_connection.close()


async def test_reading_sees_the_newest_commit_at_each_statement(db, now):
    async with db.reading() as reader:
        before = await reader.value(select(func.count()).select_from(accounts))
        async with db.transaction() as tx:
            await tx.execute(a_person(now))
        after = await reader.value(select(func.count()).select_from(accounts))

    assert (before, after) == (0, 1)


async def test_one_row_none_or_a_complaint(db):
    assert await db.one(text("SELECT 1 WHERE false")) is None
    assert tuple(await db.one(text("SELECT 1, 2"))) == (1, 2)
    assert await db.column(text("SELECT generate_series(1, 3)")) == [1, 2, 3]
    assert await db.value(text("SELECT 1 WHERE false")) is None
    with pytest.raises(MultipleResultsFound):
        await db.one(text("SELECT generate_series(1, 2)"))


async def test_what_a_savepoint_did_is_undone_by_itself_events_and_all(db, given, now):
    bell, called = new_bell(), []

    async def call(name):
        called.append(name)

    async with db.transaction() as tx:
        tx.record(BellRang(bell, 1))
        tx.after_commit(lambda: call("before"))
        with pytest.raises(BellCracked) as left:
            async with tx.savepoint():
                await tx.execute(a_person(now))
                tx.record(BellRang(bell, 2))
                tx.after_commit(lambda: call("within"))
                raise BellCracked(bell)
        tx.record(BellRang(bell, 3))
        tx.after_commit(lambda: call("after"))

    assert left.value == BellCracked(bell)
    assert await count(db, accounts) == 0
    assert await given.recorded() == [BellRang(bell, 1), BellRang(bell, 3)]
    assert called == ["before", "after"]


async def test_what_a_savepoint_did_stands_with_its_transaction(db, given, now):
    bell = new_bell()

    async with db.transaction() as tx:
        async with tx.savepoint():
            await tx.execute(a_person(now))
            tx.record(BellRang(bell, 1))
        with pytest.raises(IntegrityError):
            async with tx.savepoint():
                async with tx.savepoint():
                    tx.record(BellRang(bell, 2))
                await tx.execute(a_person(now, bell))
                await tx.execute(a_person(now, bell))

    assert await count(db, accounts) == 1
    assert await given.recorded() == [BellRang(bell, 1)]
