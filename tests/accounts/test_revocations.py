"""Revocations: what one process ends, every process refuses within seconds, and none asks the ledger to know it."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text, update
from structlog.testing import capture_logs

from api.services import Services
from domain.accounts import actions, refreshing, revocations, sessions
from domain.accounts.revocations import Revocations
from domain.accounts.rules import Principal
from domain.accounts.tables import accounts
from domain.accounts.tokens import Verifier
from domain.foundation import clock
from domain.foundation.database import Database
from domain.foundation.errors import NotSignedIn
from domain.foundation.runtime import Market
from tests.statements import count_statements

SECOND = timedelta(seconds=1)
TOKEN = timedelta(seconds=900)


@pytest.fixture
def sign_in(db, settings, now):
    """Somebody signs in; what their access token proves."""

    async def sign_in(name="amei", at=now):
        signed_in = await actions.sign_in_for_development(
            db, settings=settings, name=name, taken_on=(), device="", visitor="v" * 43, now=at
        )
        return Verifier(settings).principal(signed_in.access.text, now=at)

    return sign_in


@pytest.fixture
async def told(db, now):
    """A process that has looked at noon."""
    told = Revocations(db, token_seconds=900)
    await told.look(now)
    return told


@pytest.fixture
def sign_out(db):
    async def sign_out(principal, at):
        await sessions.end(db, account_id=principal.account_id, session_id=principal.session_id, now=at)

    return sign_out


async def disable(db, principal, at):
    async with db.transaction() as tx:
        await tx.execute(update(accounts).where(accounts.c.id == principal.account_id).values(disabled_at=at))


@asynccontextmanager
async def running(told):
    task = asyncio.create_task(told.run())
    try:
        yield
    finally:
        task.cancel()


async def until(is_so, seconds=5.0):
    """Wait until it is so; how many seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not is_so():
        assert loop.time() - began < seconds, f"not within {seconds} s"
        await asyncio.sleep(0.02)
    return loop.time() - began


async def test_before_its_first_look_a_process_trusts_nobody(sign_in, db, now):
    somebody = await sign_in()
    told = Revocations(db, token_seconds=900)
    with pytest.raises(ConnectionError):
        told.is_revoked(somebody)

    await told.look(now)

    assert not told.is_revoked(somebody)


async def test_a_session_that_ended_is_revoked_and_another_of_the_same_person_is_not(sign_in, sign_out, told, now):
    phone, pad = await sign_in(), await sign_in()
    await sign_out(phone, now + SECOND)

    await told.look(now + SECOND)

    assert (told.is_revoked(phone), told.is_revoked(pad)) == (True, False)


async def test_signing_out_everywhere_revokes_what_was_issued_before_and_nothing_after(sign_in, told, db, now):
    before, other = await sign_in(), await sign_in("xiaoli")
    without_session = Principal(before.account_id, issued_at=now.timestamp())
    await sessions.end_everywhere(db, account_id=before.account_id, now=now + SECOND)
    after = await sign_in(at=now + SECOND)

    await told.look(now + SECOND)

    revoked = [told.is_revoked(principal) for principal in (before, without_session, after, other)]
    assert revoked == [True, True, False, False]


async def test_a_disabled_account_is_revoked_however_it_was_disabled(sign_in, told, db, now):
    banned, other = await sign_in(), await sign_in("xiaoli")
    await disable(db, banned, now + SECOND)

    await told.look(now + SECOND)

    assert (told.is_revoked(banned), told.is_revoked(other)) == (True, False)


async def test_a_stolen_refresh_token_revokes_the_access_tokens_of_its_session(sign_in, told, settings, db, now):
    signed_in = await actions.sign_in_for_development(
        db, settings=settings, name="amei", taken_on=(), device="", visitor="v" * 43, now=now
    )
    principals = [Verifier(settings).principal(signed_in.access.text, now=now)]
    for minute in (0, 1):
        try:
            fresh = await refreshing.refresh(
                db, settings=settings, refresh_token=signed_in.refresh.text, now=now + timedelta(minutes=minute)
            )
            principals.append(Verifier(settings).principal(fresh.access.text, now=now))
        except refreshing.SessionEnded:
            pass

    await told.look(now + timedelta(minutes=1))

    assert [told.is_revoked(principal) for principal in principals] == [True, True]


async def test_a_process_that_starts_knows_what_may_still_matter(sign_in, sign_out, db, now):
    early, late, banned, unharmed = [await sign_in(name) for name in "abcd"]
    await sign_out(early, now - TOKEN - timedelta(minutes=2))
    await sign_out(late, now - TOKEN)
    await disable(db, banned, now + SECOND)

    started = Revocations(db, token_seconds=900)
    await started.look(now + SECOND)

    # the token of the first is over by itself for two minutes
    assert [started.is_revoked(p) for p in (early, late, banned, unharmed)] == [False, True, True, False]


async def test_what_is_older_than_any_token_is_forgotten(sign_in, sign_out, told, now):
    principal = await sign_in()
    await sign_out(principal, now)
    await told.look(now)

    await told.look(now + TOKEN + revocations.OVERLAP)
    assert told.is_revoked(principal)
    await told.look(now + TOKEN + revocations.OVERLAP + SECOND)

    assert not told.is_revoked(principal)
    assert (told._sessions, told._accounts) == ({}, {})


async def test_what_is_committed_late_is_heard_all_the_same(sign_in, sign_out, told, now):
    principal = await sign_in()
    await told.look(now + timedelta(seconds=59))
    await sign_out(principal, now)  # an operation that began at noon and took its time

    await told.look(now + timedelta(seconds=60))
    assert told.is_revoked(principal)


async def test_a_look_is_one_statement_and_reads_three_indices(told, db, now):
    with count_statements(db) as sent:
        await told.look(now + SECOND)

    assert len(sent) == 1
    async with db.transaction() as tx:
        await tx.execute(text("SET LOCAL enable_seqscan = off"))  # the tables of a test are too small for an index
        plan = "\n".join(await tx.column(text(f"EXPLAIN {revocations._REVOKED}"), {"since": now}))
    assert "Seq Scan" not in plan
    for index in ("account_sessions_ended_idx", "accounts_tokens_valid_from_idx", "accounts_disabled_at_idx"):
        assert index in plan


async def test_who_waits_for_a_change_hears_of_the_next_and_of_nothing_old(sign_in, sign_out, told, now):
    first, second = await sign_in(), await sign_in()
    await sign_out(first, now)
    waiting = asyncio.create_task(told.wait_for_change())
    await asyncio.sleep(0)

    await told.look(now)
    await asyncio.wait_for(waiting, 1)

    waiting = asyncio.create_task(told.wait_for_change())
    await asyncio.sleep(0)
    await told.look(now + SECOND)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await sign_out(second, now + SECOND)
    await told.look(now + SECOND)
    await asyncio.wait_for(waiting, 1)


async def test_every_process_refuses_within_five_seconds(sign_in, sign_out, settings, db):
    principal = await sign_in(at=clock.now())
    processes = [Revocations(db, token_seconds=900) for _ in range(3)]
    for process in processes:
        await process.try_to_look()
    assert not any(process.is_revoked(principal) for process in processes)

    async with running(processes[0]), running(processes[1]), running(processes[2]):
        await sign_out(principal, clock.now())
        took = await until(lambda: all(process.is_revoked(principal) for process in processes))

    assert took < 5


async def test_a_ban_is_heard_while_every_connection_of_the_process_is_taken(sign_in, settings, db):
    principal = await sign_in(at=clock.now())
    market = Market.open(settings.model_copy(update={"database_connections": 1}))
    told = Services.of(market).revocations
    await told.try_to_look()

    async with market.db.reading(), running(told):
        await disable(db, principal, clock.now())
        await until(lambda: told.is_revoked(principal))

    await told.close()
    await market.close()


async def test_a_ledger_out_of_reach_is_told_once_and_what_is_known_stays_known(
    sign_in, sign_out, settings, monkeypatch, capsys
):
    monkeypatch.setattr(revocations, "LOOK_EVERY_SECONDS", 0.02)
    mine = Database.connect(settings.database_url.get_secret_value())
    at = clock.now()
    gone, other = await sign_in(at=at), await sign_in("xiaoli", at=at)
    told = Revocations(mine, token_seconds=900)
    await sign_out(gone, at)
    await told.try_to_look()

    told._db = Database.connect("postgresql+asyncpg://nobody@127.0.0.1:9/nowhere")
    async with running(told):
        await until(lambda: told._failing)
        await sign_out(other, clock.now())
        await asyncio.sleep(0.3)
        assert (told.is_revoked(gone), told.is_revoked(other)) == (True, False)
        told._db = mine
        await until(lambda: told.is_revoked(other))

    out = capsys.readouterr().out
    assert (out.count("revocations_not_heard"), out.count("revocations_heard_again")) == (1, 1)
    assert told.is_revoked(gone)
    await mine.close()


async def test_whatever_goes_wrong_in_a_look_is_told_with_its_traceback_and_the_next_is_taken(
    sign_in, sign_out, db, monkeypatch
):
    monkeypatch.setattr(revocations, "LOOK_EVERY_SECONDS", 0.02)
    principal = await sign_in(at=clock.now())
    told = Revocations(db, token_seconds=900)
    await told.look(clock.now())
    await sign_out(principal, clock.now())

    with capture_logs() as logged:
        told._db = None
        async with running(told):
            await until(lambda: told._failing)
            await asyncio.sleep(0.2)
            told._db = db
            await until(lambda: told.is_revoked(principal))

    assert [(entry["event"], entry.get("error"), entry.get("exc_info")) for entry in logged] == [
        ("revocations_not_heard", "AttributeError", True),
        ("revocations_heard_again", None, None),
    ]


async def test_how_long_nothing_was_heard_is_measured_also_after_looking_has_ended(db, now):
    def age():
        return REGISTRY.get_sample_value("nightmarket_revocations_age_seconds")

    told = Revocations(db, token_seconds=900)
    async with running(told):
        await until(lambda: told._looked_at)
        assert 0 <= age() < 3

    before = age()
    await asyncio.sleep(0.05)
    assert age() >= before + 0.05
    await told.look(now)
    assert age() < 0.05


async def test_the_verifier_of_a_process_refuses_what_it_has_heard_of(settings, db, sign_out, now):
    signed_in = await actions.sign_in_for_development(
        db, settings=settings, name="amei", taken_on=(), device="", visitor="v" * 43, now=now
    )
    told = Revocations(db, token_seconds=900)
    await told.look(now)
    verifier = Verifier(settings, is_revoked=told.is_revoked)
    principal = verifier.principal(signed_in.access.text, now=now)

    await sign_out(principal, now)
    await told.look(now)

    with pytest.raises(NotSignedIn, match="revoked"):
        verifier.principal(signed_in.access.text, now=now)
