"""How staff sign in: all three or nothing, five wrong codes, no code twice, and nothing told to whoever guesses."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import CHEAPEST
from cryptography.exceptions import InvalidTag
from sqlalchemy import select, update
from structlog.testing import capture_logs

from domain.accounts import enrolling, passwords, people, staff
from domain.accounts.rules import AccountDisabled, LoginSwitchedOff, Role
from domain.accounts.staff_rules import (
    LOCKED_FOR,
    TRIES,
    PasswordChangeNeeded,
    PasswordTooWeak,
    SignInRefused,
    StaffLocked,
    UsernameTaken,
    Weakness,
)
from domain.accounts.tables import accounts, sessions, staff_credentials
from domain.accounts.tokens import Verifier
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import encode, new_id
from domain.trail import queries as trail
from tests.accounts.enrolled import MINUTE, OWN, Member, member, member_of, newcomer, quick
from tests.statements import count_statements

__all__ = ["member", "newcomer", "quick"]

STEP = timedelta(seconds=30)


async def kept(member: Member):
    """What the ledger knows of the sign-in."""
    columns = ("failures", "locked_until", "totp_step", "must_change_password", "password_hash")
    wanted = select(*(staff_credentials.c[name] for name in columns))
    row = await member.db.one(wanted.where(staff_credentials.c.account_id == member.id))
    return row._asdict()


async def living_sessions(db, account_id):
    living = select(sessions.c.id).where(sessions.c.account_id == account_id, sessions.c.ended_at.is_(None))
    return set(await db.column(living))


async def fail(member: Member, times: int, at):
    for _ in range(times):
        with pytest.raises(SignInRefused):
            await member.sign_in(at, code=member.wrong_code(at))


async def test_name_password_and_code_open_a_session_in_ones_roles(member, settings, db, now):
    amei = await member("amei", Role.MERCHANDISER)
    before = await living_sessions(db, amei.id)

    signed_in = await amei.sign_in(now, username=" AMEI ")

    assert signed_in.principal.account_id == amei.id
    assert signed_in.principal.roles == {Role.SHOPPER, Role.MERCHANDISER}
    assert Verifier(settings).principal(signed_in.access.text, now=now) == signed_in.principal
    assert await living_sessions(db, amei.id) == before | {signed_in.principal.session_id}


@pytest.mark.parametrize(("wrong", "counted"), [("username", 0), ("password", 0), ("code", 1), ("all", 0)])
async def test_whatever_is_wrong_the_refusal_is_the_same(member, db, now, wrong, counted):
    amei = await member()
    before = await living_sessions(db, amei.id)
    wrongs = {"username": "ameı", "password": "lantern-market-8", "code": amei.wrong_code(now)}
    said = wrongs if wrong == "all" else {wrong: wrongs[wrong]}

    with pytest.raises(SignInRefused):
        await amei.sign_in(now, **said)

    assert await living_sessions(db, amei.id) == before
    assert (await kept(amei))["failures"] == counted


@pytest.mark.parametrize("username", ["", "nobody", "a\0b", "阿美", "%", "a" * 5000])
async def test_nobody_s_name_is_refused_like_any_other(newcomer, now, username):
    amei = await newcomer()

    with pytest.raises(SignInRefused):
        await amei.sign_in(now, username=username)


async def test_an_unknown_name_costs_the_hash_and_the_statements_of_a_wrong_password(member, db, now, monkeypatch):
    amei = await member()
    checked = []
    verify = passwords._verify
    monkeypatch.setattr(passwords, "_verify", lambda kept, password: checked.append(kept) or verify(kept, password))

    async def statements(**wrong):
        with count_statements(db) as sent, pytest.raises(SignInRefused):
            await amei.sign_in(now, **wrong)
        return [statement.split()[0] for statement in sent]

    unknown, wrong = await statements(username="nobody"), await statements(password="wrong-wrong-1")

    assert unknown == ["SELECT", "SELECT"]
    assert wrong == ["SELECT", "SELECT", "UPDATE"]
    assert len(checked) == 2
    assert extract_parameters(checked[0]) == extract_parameters(checked[1])


async def test_a_right_password_with_a_wrong_code_costs_the_statements_of_a_wrong_password(member, db, now):
    amei = await member()

    async def statements(**wrong):
        with count_statements(db) as sent, pytest.raises(SignInRefused):
            await amei.sign_in(now, **wrong)
        return sent

    wrong = await statements(password="wrong-wrong-1")
    assert await statements(code=amei.wrong_code(now)) == wrong
    await fail(amei, 4, now)
    assert await statements(code=amei.wrong_code(now)) == await statements(password="wrong-wrong-1") == wrong


async def test_whoever_knows_a_name_only_keeps_nobody_out(member, now):
    amei = await member()
    before = await kept(amei)

    for n in range(2 * TRIES):
        with pytest.raises(SignInRefused):
            await amei.sign_in(now, password=f"wrong-wrong-{n}", code=amei.wrong_code(now))

    assert await kept(amei) == before
    await amei.sign_in(now)


async def test_an_unknown_name_takes_as_long_as_a_wrong_password(member, db, settings, now, monkeypatch):
    amei = await member()
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())
    fresh = await passwords.hashed(OWN)
    async with db.transaction() as tx:
        await tx.execute(update(staff_credentials).values(password_hash=fresh))

    async def quickest(**wrong):
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            with pytest.raises(SignInRefused):
                await amei.sign_in(now, **wrong)
            taken.append(time.perf_counter() - began)
        return min(taken)

    unknown, wrong = await quickest(username="nobody"), await quickest(password="wrong-wrong-1")

    assert 0.5 < unknown / wrong < 2


async def test_signing_in_asks_postgresql_eight_times(member, db, now):
    amei = await member("amei", Role.ADMIN)

    with count_statements(db) as sent:
        await amei.sign_in(now)

    assert [statement.split()[0] for statement in sent] == [
        "SELECT",  # the hash
        "SELECT",  # the credentials, locked
        "UPDATE",  # the code is used up
        "INSERT",  # the deed
        "SELECT",  # the account, held
        "SELECT",  # its roles
        "INSERT",  # the session
        "INSERT",  # its refresh token
    ]


async def test_sign_ins_and_locks_are_on_the_trail_and_wrong_tries_are_not(member, db, now):
    amei = await member()
    await amei.sign_in(now)
    await fail(amei, 5, now + MINUTE)
    with pytest.raises(SignInRefused):
        await amei.sign_in(now + MINUTE, password="wrong-wrong-1")

    [locked, signed_in, *_] = (await trail.page(db, first=9, by=amei.id)).rows
    assert (signed_in.deed, signed_in.subject, signed_in.subject_id) == ("sign_in", "account", amei.id)
    assert (signed_in.facts, signed_in.done_at) == ({"device": "前台"}, now)
    until = (now + MINUTE + LOCKED_FOR).isoformat()
    assert (locked.deed, locked.facts, locked.done_at) == ("sign_in_locked", {"until": until}, now + MINUTE)
    assert [deed.deed for deed in (await trail.page(db, first=9, by=amei.id)).rows[2:]] == ["change_password"]


async def test_no_code_is_taken_twice(member, now):
    amei = await member()
    await amei.sign_in(now)

    for at in (now, now + STEP):
        with pytest.raises(SignInRefused):
            await amei.sign_in(at, code=amei.code(now))
    await amei.sign_in(now + STEP)


async def test_of_20_sign_ins_with_one_code_at_once_one_opens_a_session(member, db, now):
    amei = await member()
    before = await living_sessions(db, amei.id)

    outcomes = await asyncio.gather(*(amei.sign_in(now) for _ in range(20)), return_exceptions=True)

    # to the others the code is a wrong one, and they lock; whoever comes first of all is let in
    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"SignedIn": 1, "SignInRefused": 19}
    assert len(await living_sessions(db, amei.id) - before) == 1


async def test_after_five_wrong_codes_the_right_ones_are_told_until_when(member, now):
    amei = await member()
    await fail(amei, 5, now)

    with pytest.raises(StaffLocked) as refused:
        await amei.sign_in(now)

    assert refused.value.locked_until == now + LOCKED_FOR
    assert (await kept(amei))["failures"] == 5


async def test_under_a_lock_whoever_guesses_learns_nothing(member, now):
    amei = await member()
    await fail(amei, 5, now)
    locked = await kept(amei)

    for wrong in ({"password": "wrong-wrong-1"}, {"code": amei.wrong_code(now)}, {"username": "nobody"}):
        with pytest.raises(SignInRefused):
            await amei.sign_in(now, **wrong)

    assert await kept(amei) == locked


async def test_a_code_that_was_told_of_the_lock_is_used_up(member, now):
    amei = await member()
    await fail(amei, 5, now)
    before_the_end = now + LOCKED_FOR - timedelta(seconds=10)
    with pytest.raises(StaffLocked):
        await amei.sign_in(before_the_end)

    with pytest.raises(SignInRefused):
        await amei.sign_in(now + LOCKED_FOR, code=amei.code(before_the_end))


async def test_a_lock_ends_by_itself_and_success_begins_anew(member, now):
    amei = await member()
    await fail(amei, 5, now)

    await amei.sign_in(now + LOCKED_FOR)

    assert {name: (await kept(amei))[name] for name in ("failures", "locked_until")} == {
        "failures": 0,
        "locked_until": None,
    }
    await fail(amei, 4, now + LOCKED_FOR + MINUTE)
    await amei.sign_in(now + LOCKED_FOR + MINUTE)


async def test_20_wrong_codes_at_once_are_five_and_a_lock(member, now):
    amei = await member()

    with capture_logs() as logged:
        outcomes = await asyncio.gather(
            *(amei.sign_in(now, code=amei.wrong_code(now)) for _ in range(20)), return_exceptions=True
        )

    assert Counter(map(type, outcomes)) == {SignInRefused: 20}
    assert logged == [{"event": "staff_locked", "account": encode("account", amei.id), "log_level": "warning"}]
    found = await kept(amei)
    assert (found["failures"], found["locked_until"]) == (5, now + LOCKED_FOR)


async def test_four_wrong_codes_at_once_are_counted_as_four(member, now):
    amei = await member()

    await asyncio.gather(*(amei.sign_in(now, code=amei.wrong_code(now)) for _ in range(4)), return_exceptions=True)

    assert (await kept(amei))["failures"] == 4
    await amei.sign_in(now)


async def test_the_lock_of_one_is_not_another_s(member, now):
    amei, xiaoli = await member("amei"), await member("xiaoli")
    await fail(amei, 5, now)

    assert (await xiaoli.sign_in(now)).principal.account_id == xiaoli.id


async def test_the_first_password_is_for_changing_it_only(newcomer, db, now):
    amei = await newcomer()

    with pytest.raises(PasswordChangeNeeded):
        await amei.sign_in(now)
    assert await living_sessions(db, amei.id) == set()

    signed_in = await amei.change_password(OWN, now + MINUTE)
    assert await living_sessions(db, amei.id) == {signed_in.principal.session_id}
    with pytest.raises(SignInRefused):
        await amei.sign_in(now + 2 * MINUTE)
    await replace(amei, password=OWN).sign_in(now + 2 * MINUTE)


async def test_who_guesses_is_not_told_that_a_password_is_for_once(newcomer, now):
    amei = await newcomer()

    with pytest.raises(SignInRefused):
        await amei.sign_in(now, code=amei.wrong_code(now))


async def test_a_new_password_ends_every_other_session(member, db, settings, given, now):
    amei = await member("amei", Role.ADMIN)
    before = await amei.sign_in(now)

    after = await amei.change_password("paper-lantern-7", now + MINUTE)

    assert await living_sessions(db, amei.id) == {after.principal.session_id}
    valid_from = await db.value(select(accounts.c.tokens_valid_from).where(accounts.c.id == amei.id))
    read = Verifier(settings).principal
    assert read(before.access.text, now=now).issued_at < valid_from.timestamp()
    assert read(after.access.text, now=now + MINUTE).issued_at >= valid_from.timestamp()
    noted = [deed for deed, _ in await given.noted_deeds()]
    assert noted == ["add_staff", "change_password", "sign_in", "change_password"]


async def test_a_weak_password_uses_up_neither_code_nor_try(newcomer, now):
    amei = await newcomer()
    before = await kept(amei)

    for new, weakness in ((amei.password, Weakness.OLD), ("short", Weakness.TOO_SHORT)):
        with pytest.raises(PasswordTooWeak) as refused:
            await amei.change_password(new, now)
        assert refused.value.weakness == weakness

    assert await kept(amei) == before
    await amei.change_password(OWN, now)


async def test_a_device_with_too_long_a_name_uses_up_neither_code_nor_try(member, db, settings, now):
    amei = await member()
    before = await kept(amei)
    said = {"settings": settings, "device": "x" * 101, "now": now}

    with pytest.raises(BadInput):
        await staff.sign_in(db, attempt=amei.attempt(now, password="wrong-wrong-1"), **said)
    with pytest.raises(BadInput):
        await staff.change_password(db, attempt=amei.attempt(now), new_password="another-market-9", **said)

    assert await kept(amei) == before


async def test_changing_a_password_needs_all_three_and_counts_wrong_codes(member, now):
    amei = await member()
    before = await kept(amei)
    new = "paper-lantern-7"

    for wrong in ({"password": "wrong-wrong-1"}, {"code": amei.wrong_code(now)}, {"username": "nobody"}):
        with pytest.raises(SignInRefused):
            await amei.change_password(new, now, **wrong)

    assert await kept(amei) == before | {"failures": 1}
    await fail(amei, 4, now)
    with pytest.raises(StaffLocked):
        await amei.change_password(new, now)


async def test_a_sign_in_with_the_password_of_a_moment_ago_fails(member, db, now):
    amei = await member()
    async with db.transaction() as tx:  # somebody is about to change it
        await tx.execute(select(staff_credentials).with_for_update())
        signing_in = asyncio.create_task(amei.sign_in(now))
        await asyncio.sleep(0.1)
        changed = await passwords.hashed("paper-lantern-7")
        await tx.execute(update(staff_credentials).values(password_hash=changed))

    with pytest.raises(SignInRefused):
        await signing_in


async def test_a_banned_one_is_told_only_who_they_are_when_all_is_right(member, db, now):
    amei = await member("amei", Role.FINANCE)
    await people.ban(db, account_id=amei.id, why="离职", by=new_id(), idempotency_key="ban-amei", now=now)

    with pytest.raises(SignInRefused):
        await amei.sign_in(now, password="wrong-wrong-1")
    with pytest.raises(AccountDisabled) as refused:
        await amei.sign_in(now)

    assert refused.value.disabled_at == now
    assert await living_sessions(db, amei.id) == set()


async def test_a_hash_of_older_parameters_is_made_anew_at_the_next_sign_in(member, db, now, monkeypatch):
    amei = await member()
    before = await kept(amei)
    stronger = PasswordHasher.from_parameters(replace(CHEAPEST, time_cost=2))
    monkeypatch.setattr(passwords, "_hasher", stronger)

    await fail(amei, 1, now)
    assert (await kept(amei))["password_hash"] == before["password_hash"]
    await amei.sign_in(now)

    after = (await kept(amei))["password_hash"]
    assert extract_parameters(after).time_cost == 2
    await amei.sign_in(now + MINUTE)
    assert (await kept(amei))["password_hash"] == after


async def test_without_a_seal_key_staff_do_not_sign_in(member, settings, db, now):
    amei = await member()
    bare = settings.model_copy(update={"seal_key": type(settings.seal_key)("")})

    for known in ("amei", "nobody"):
        with pytest.raises(LoginSwitchedOff):
            await replace(amei, settings=bare, username=known).sign_in(now)
    with pytest.raises(LoginSwitchedOff):
        await enrolling.add(db, settings=bare, username="xiaoli", given=[], now=now)


async def test_under_another_seal_key_it_is_a_fault_of_ours_and_no_try(member, settings, now):
    amei = await member()
    other = settings.model_copy(update={"seal_key": type(settings.seal_key)("o" * 32)})

    with pytest.raises(InvalidTag):
        await replace(amei, settings=other).sign_in(now)

    assert (await kept(amei))["failures"] == 0


async def test_nothing_that_is_handed_out_is_kept_as_it_is(newcomer, db, given):
    amei = await newcomer("amei", Role.ADMIN)

    rows = await db.rows(select(staff_credentials))
    secret = amei.uri.partition("secret=")[2].partition("&")[0]
    assert amei.password not in repr(rows)
    assert secret not in repr(rows)
    assert secret.encode() not in rows[0].totp_sealed
    assert repr(enrolling.Enrolment("amei", "p", "u")) == "Enrolment(username='amei')"
    assert await given.noted_deeds() == [("add_staff", "account")]


async def test_of_two_of_one_name_there_is_one(db, settings, given, now, quick):
    outcomes = await asyncio.gather(
        *(enrolling.add(db, settings=settings, username="amei", given=[Role.ADMIN], now=now) for _ in range(5)),
        return_exceptions=True,
    )

    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"Enrolment": 1, "UsernameTaken": 4}
    assert {outcome.username for outcome in outcomes if isinstance(outcome, UsernameTaken)} == {"amei"}
    assert len(await db.rows(select(accounts.c.id))) == 1
    assert await given.noted_deeds() == [("add_staff", "account")]


async def test_a_reset_gives_both_factors_anew_and_ends_sessions_and_lock(member, db, settings, now):
    amei = await member()
    await fail(amei, 5, now)
    again = await member_of(
        db, settings, await enrolling.reset(db, settings=settings, username="amei", now=now + MINUTE)
    )

    assert again.id == amei.id
    assert (again.password, again.uri) != (amei.password, amei.uri)
    assert await living_sessions(db, amei.id) == set()
    with pytest.raises(SignInRefused):
        await amei.sign_in(now + 2 * MINUTE)
    with pytest.raises(PasswordChangeNeeded):
        await again.sign_in(now + 2 * MINUTE)
    await again.change_password("paper-lantern-7", now + 3 * MINUTE)


async def test_nobody_is_reset_who_is_not_there(db, settings, now):
    with pytest.raises(NotFound):
        await enrolling.reset(db, settings=settings, username="nobody", now=now)
    with pytest.raises(BadInput):
        await enrolling.reset(db, settings=settings, username="No Body", now=now)
