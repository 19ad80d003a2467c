"""`nightmarket staff`: what is handed out, once, and what stays said."""

import asyncio
import logging
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from pydantic import SecretStr
from sqlalchemy import select, text
from typer.testing import CliRunner, Result

from cli.main import app
from domain.accounts import finding, passwords, people
from domain.accounts.enrolling import OPERATOR, Enrolment, account_called
from domain.accounts.rules import Role
from domain.accounts.staff_rules import PasswordChangeNeeded, SignInRefused
from domain.accounts.tables import roles
from domain.foundation import clock
from domain.foundation.settings import settings as cached_settings
from domain.trail import queries as trail
from tests.accounts.enrolled import OWN, member_of

MINUTE = timedelta(minutes=1)


@pytest.fixture
def run(db, settings, monkeypatch):
    """`await run("add", "amei", "--role", "admin")`."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(CHEAPEST))
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("NIGHTMARKET_SEAL_KEY", settings.seal_key.get_secret_value())
    cached_settings.cache_clear()

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["staff", *arguments])

    yield run
    cached_settings.cache_clear()


def handed_out(found: Result) -> Enrolment:
    assert found.exit_code == 0, found.stderr
    lines = dict(line.split(maxsplit=1) for line in found.stdout.splitlines()[:3])
    return Enrolment(lines["name"], lines["password"], lines["app"])


async def test_what_is_handed_out_signs_in_once_a_password_was_chosen(run, db, settings):
    amei = await member_of(db, settings, handed_out(await run("add", "amei", "--role", "admin", "--role", "finance")))
    now = clock.now()

    with pytest.raises(PasswordChangeNeeded):
        await amei.sign_in(now)
    signed_in = await amei.change_password(OWN, now + MINUTE)

    assert signed_in.principal.roles == {Role.SHOPPER, Role.ADMIN, Role.FINANCE}
    [*_, added] = (await trail.page(db, first=9)).rows
    assert (added.deed, added.by, added.subject_id) == ("add_staff", OPERATOR, amei.id)
    assert dict(added.facts) == {"username": "amei", "roles": ["admin", "finance"]}
    given_by = await db.column(select(roles.c.given_by).where(roles.c.account_id == amei.id))
    assert given_by == [OPERATOR, OPERATOR]


async def test_nothing_of_it_reaches_a_log_or_the_ledger(run, db, caplog):
    with caplog.at_level(logging.DEBUG):
        made = handed_out(await run("add", "amei", "--role", "admin"))

    secret = made.uri.partition("secret=")[2].partition("&")[0]
    dump = await db.rows(text("SELECT staff_credentials::text, staff_deeds::text FROM staff_credentials, staff_deeds"))
    assert len(secret) == 32
    for kept in (caplog.text, repr(dump)):
        assert made.password not in kept
        assert secret not in kept


async def test_a_reset_hands_out_both_anew(run, db, settings):
    before = await member_of(db, settings, handed_out(await run("add", "amei", "--role", "host")))
    await before.change_password(OWN, clock.now())

    after = await member_of(db, settings, handed_out(await run("reset", "amei")))

    assert after.id == before.id
    assert await finding.sessions_by_account_ids(db, [after.id], now=clock.now()) == {}
    with pytest.raises(SignInRefused):
        await before.sign_in(clock.now() + MINUTE, password=OWN)
    await after.change_password(OWN, clock.now() + MINUTE)


async def test_roles_are_given_and_taken(run, db):
    await run("add", "amei", "--role", "merchandiser")

    changed = await run("roles", "amei", "--give", "finance", "--give", "host", "--take", "merchandiser")

    assert (changed.exit_code, changed.stdout) == (0, "finance host shopper\n")
    account_id = await account_called(db, "amei")
    assert (await finding.by_ids(db, [account_id]))[account_id].roles == {Role.SHOPPER, Role.FINANCE, Role.HOST}


async def test_who_is_disabled_is_listed_as_such_like_everybody_else(run, db, settings):
    boss = await member_of(db, settings, handed_out(await run("add", "boss", "--role", "admin")))
    await boss.change_password(OWN, clock.now())
    await run("add", "amei", "--role", "finance")
    await run("add", "xiaoli", "--role", "merchandiser")

    disabled = await run("disable", "amei", "--why", "离职")
    listed = await run("list")

    assert (disabled.exit_code, disabled.stdout) == (0, "amei is disabled\n")
    lines = [line for line in listed.stdout.splitlines() if "│" in line]
    rows = [[cell.strip() for cell in line.split("│")] for line in lines]
    assert [row[:2] for row in rows] == [["amei", "finance"], ["boss", "admin"], ["xiaoli", "merchandiser"]]
    assert rows[0][2].startswith("disabled at 20")
    assert [row[2] for row in rows[1:]] == ["active", "has the one-time password"]


async def test_the_last_admin_stays(run, db):
    await run("add", "boss", "--role", "admin")

    taken, banned = await run("roles", "boss", "--take", "admin"), await run("disable", "boss", "--why", "误点")

    for refused in (taken, banned):
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "last admin" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", "Amei", "--role", "admin"], "allowed: 2 to 64"),
        (["add", "amei", "--role", "admin"], "called amei"),
        (["reset", "nobody"], "no account with id nobody"),
        (["roles", "amei", "--give", "shopper"], "everybody"),
        (["disable", "amei", "--why", " "], "allowed: 1 to 200"),
        (["add", "xiaoli", "--role", "emperor"], "emperor"),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence(run, db, arguments, told):
    await run("add", "amei", "--role", "finance")

    refused = await run(*arguments)

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert told in " ".join(refused.stderr.split())
    assert [deed.deed for deed in (await trail.page(db, first=9)).rows] == ["add_staff"]


async def test_without_a_seal_key_nobody_is_enrolled(run, db, monkeypatch):
    monkeypatch.delenv("NIGHTMARKET_SEAL_KEY")
    cached_settings.cache_clear()

    refused = await run("add", "amei", "--role", "admin")

    assert refused.exit_code == 2
    assert "NIGHTMARKET_SEAL_KEY must be set" in refused.stderr
    assert cached_settings().seal_key == SecretStr("")


async def test_a_role_given_by_an_admin_reaches_the_next_session(run, db, settings):
    amei = await member_of(db, settings, handed_out(await run("add", "amei", "--role", "host")))
    await people.give_role(db, account_id=amei.id, role=Role.LEADER, by=OPERATOR, now=clock.now())

    signed_in = await amei.change_password(OWN, clock.now())

    assert signed_in.principal.roles == {Role.SHOPPER, Role.HOST, Role.LEADER}
