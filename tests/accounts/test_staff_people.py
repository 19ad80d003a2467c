"""What admins do with people: roles, bans, sessions that end, and how they find them."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import insert, select

from domain.accounts import finding, people, sessions
from domain.accounts.actions import account_of, give_roles
from domain.accounts.revocations import Revocations
from domain.accounts.rules import AccountDisabled, Role
from domain.accounts.staff_rules import LastAdmin, SecondFactorMissing
from domain.accounts.tables import accounts, identities, roles, staff_credentials
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.trail import queries as trail
from tests.accounts.enrolled import MINUTE, member, newcomer, quick

__all__ = ["member", "newcomer", "quick"]


@pytest.fixture
def admin(db, given, now):
    """`await admin("boss")`: somebody with the role, who signs in as staff unless said otherwise."""

    async def admin(name="老板", *, is_enrolled=True):
        account_id = await given.shopper(name)
        factors = {"password_hash": "", "totp_sealed": b"", "must_change_password": False, "changed_at": now}
        async with db.transaction() as tx:
            await give_roles(tx, account_id=account_id, given=[Role.ADMIN], by=None, now=now)
            if is_enrolled:
                new = insert(staff_credentials).values(account_id=account_id, username=account_id.hex, **factors)
                await tx.execute(new)
        return account_id

    return admin


@pytest.fixture
def sign_in(db, settings, now):
    """`await sign_in(account_id)`: a session."""

    async def sign_in(account_id, at=now):
        async with db.transaction() as tx:
            account = await account_of(tx, account_id)
            return await sessions.start(tx, settings=settings, account=account, device="手机", now=at)

    return sign_in


async def seen(db, account_id):
    return (await finding.by_ids(db, [account_id]))[account_id]


async def deeds(db):
    return [
        (deed.deed, deed.subject_id, deed.by, dict(deed.facts)) for deed in (await trail.page(db, first=50)).rows[::-1]
    ]


async def test_a_role_is_given_once_and_noted_once(db, given, now, somebody):
    host = await given.shopper("小主播")
    give = {"account_id": host, "role": Role.HOST, "by": somebody, "now": now}

    await people.give_role(db, **give)
    await people.give_role(db, **give)

    assert (await seen(db, host)).roles == {Role.SHOPPER, Role.HOST}
    assert await deeds(db) == [("give_role", host, somebody, {"role": "host"})]


@pytest.mark.parametrize("role", [Role.MERCHANDISER, Role.FINANCE, Role.ADMIN])
async def test_a_role_behind_the_counter_is_for_those_who_sign_in_as_staff(db, given, member, now, somebody, role):
    shopper, amei = await given.shopper(), await member()

    with pytest.raises(SecondFactorMissing):
        await people.give_role(db, account_id=shopper, role=role, by=somebody, now=now)
    assert (await seen(db, shopper)).roles == {Role.SHOPPER}
    assert "give_role" not in [deed for deed, *_ in await deeds(db)]

    await people.give_role(db, account_id=amei.id, role=role, by=somebody, now=now)
    assert (await amei.sign_in(now)).principal.roles == {Role.SHOPPER, role}


async def test_a_role_that_is_taken_ends_sessions_and_tokens(db, settings, given, sign_in, now, somebody):
    host, other = await given.shopper("小主播"), await given.shopper()
    await people.give_role(db, account_id=host, role=Role.HOST, by=somebody, now=now)
    theirs, another = await sign_in(host), await sign_in(other)
    revocations = Revocations(db, token_seconds=900)
    take = {"account_id": host, "role": Role.HOST, "by": somebody, "now": now + MINUTE}

    await people.take_role(db, **take)
    await people.take_role(db, **take)

    await revocations.look(now + MINUTE)
    assert revocations.is_revoked(theirs.principal)
    assert not revocations.is_revoked(another.principal)
    assert await finding.sessions_by_account_ids(db, [host, other], now=now) == {other: 1}
    assert (await seen(db, host)).roles == {Role.SHOPPER}
    assert [deed for deed, *_ in await deeds(db)] == ["give_role", "take_role"]


async def test_nobody_is_given_or_loses_what_everybody_is(db, given, now, somebody):
    shopper = await given.shopper()

    for change in (people.give_role, people.take_role):
        with pytest.raises(BadInput, match="everybody"):
            await change(db, account_id=shopper, role=Role.SHOPPER, by=somebody, now=now)


async def test_a_ban_is_told_with_its_reason_ends_sessions_and_opens_no_other(
    db, settings, given, sign_in, now, somebody
):
    shopper = await given.shopper("amei")
    signed_in = await sign_in(shopper)
    revocations = Revocations(db, token_seconds=900)
    ban = {"account_id": shopper, "why": " 恶意退货 ", "by": somebody, "idempotency_key": "ban-amei"}

    await people.ban(db, **ban, now=now + MINUTE)
    await people.ban(db, **ban, now=now + 2 * MINUTE)
    await people.ban(db, **ban | {"idempotency_key": "ban-again", "why": "又一次"}, now=now + 3 * MINUTE)

    await revocations.look(now + 3 * MINUTE)
    assert revocations.is_revoked(signed_in.principal)
    person = await seen(db, shopper)
    assert (person.disabled_at, person.disabled_by, person.disabled_why) == (now + MINUTE, somebody, "恶意退货")
    assert await finding.sessions_by_account_ids(db, [shopper], now=now) == {}
    assert await deeds(db) == [("ban_account", shopper, somebody, {"why": "恶意退货"})]
    with pytest.raises(AccountDisabled):
        await sign_in(shopper, now + 4 * MINUTE)


async def test_whoever_is_let_in_again_signs_in_anew_and_a_late_repeat_bans_nobody(db, given, sign_in, now, somebody):
    shopper = await given.shopper()
    ban = {"account_id": shopper, "why": "误会", "by": somebody, "idempotency_key": "ban-amei"}
    await people.ban(db, **ban, now=now)

    for _ in range(2):
        await people.unban(db, account_id=shopper, by=somebody, now=now + MINUTE)
    await people.ban(db, **ban, now=now + 2 * MINUTE)

    person = await seen(db, shopper)
    assert (person.disabled_at, person.disabled_by, person.disabled_why) == (None, None, None)
    assert [deed for deed, *_ in await deeds(db)] == ["ban_account", "unban_account"]
    await sign_in(shopper, now + 3 * MINUTE)
    with pytest.raises(IdempotencyConflict):
        await people.ban(db, **ban | {"why": "另一个原因"}, now=now)


@pytest.mark.parametrize("why", ["", "  ", "长" * 201, "a\0b"])
async def test_a_ban_says_why(db, given, now, somebody, why):
    shopper = await given.shopper()

    with pytest.raises(BadInput, match="allowed"):
        await people.ban(db, account_id=shopper, why=why, by=somebody, idempotency_key="ban-amei", now=now)
    assert (await seen(db, shopper)).disabled_at is None


async def test_sessions_are_ended_each_time_somebody_says_so(db, given, sign_in, now, somebody):
    shopper = await given.shopper()
    await sign_in(shopper)
    await sign_in(shopper)
    assert await finding.sessions_by_account_ids(db, [shopper], now=now) == {shopper: 2}

    await people.end_sessions(db, account_id=shopper, by=somebody, now=now + MINUTE)

    assert await finding.sessions_by_account_ids(db, [shopper], now=now) == {}
    assert await deeds(db) == [("end_sessions_of", shopper, somebody, {})]
    await sign_in(shopper, now + 2 * MINUTE)


async def test_the_last_admin_stays(db, admin, now, sign_in):
    boss, gone = await admin("老板"), await admin("前老板")
    await people.ban(db, account_id=gone, why="离职", by=boss, idempotency_key="ban-gone", now=now)
    await sign_in(boss)

    for _ in range(2):
        with pytest.raises(LastAdmin):
            await people.ban(db, account_id=boss, why="误点", by=boss, idempotency_key="ban-self", now=now)
        with pytest.raises(LastAdmin):
            await people.take_role(db, account_id=boss, role=Role.ADMIN, by=boss, now=now)

    person = await seen(db, boss)
    assert (person.roles, person.disabled_at) == ({Role.SHOPPER, Role.ADMIN}, None)
    assert await finding.sessions_by_account_ids(db, [boss], now=now) == {boss: 1}
    assert [deed for deed, *_ in await deeds(db)] == ["ban_account"]


async def test_whoever_cannot_sign_in_as_staff_is_no_admin_to_leave_alone(db, admin, now):
    boss, ghost = await admin("老板"), await admin("幽灵", is_enrolled=False)

    with pytest.raises(LastAdmin):
        await people.ban(db, account_id=boss, why="误点", by=boss, idempotency_key="ban-self", now=now)
    with pytest.raises(LastAdmin):
        await people.take_role(db, account_id=boss, role=Role.ADMIN, by=boss, now=now)
    await people.take_role(db, account_id=ghost, role=Role.ADMIN, by=boss, now=now)

    assert [(await seen(db, one)).roles for one in (boss, ghost)] == [{Role.SHOPPER, Role.ADMIN}, {Role.SHOPPER}]


async def test_an_admin_may_go_while_another_stays(db, admin, now):
    boss, other = await admin("老板"), await admin("二老板")

    await people.take_role(db, account_id=boss, role=Role.ADMIN, by=boss, now=now)

    with pytest.raises(LastAdmin):
        await people.take_role(db, account_id=other, role=Role.ADMIN, by=other, now=now)


@pytest.mark.parametrize("round", range(3))
async def test_of_admins_who_end_each_other_at_once_one_is_left(db, admin, now, round):
    bosses = [await admin(f"老板 {n}") for n in range(6)]

    def end(number):
        next_one = bosses[(number + 1) % 6]
        if number % 2:
            return people.take_role(db, account_id=next_one, role=Role.ADMIN, by=bosses[number], now=now)
        why = {"why": "政变", "idempotency_key": f"coup-{number}-{round}"}
        return people.ban(db, account_id=next_one, by=bosses[number], now=now, **why)

    outcomes = await asyncio.gather(*(end(number) for number in range(6)), return_exceptions=True)

    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"NoneType": 5, "LastAdmin": 1}
    left = select(accounts.c.id).join_from(accounts, roles).where(accounts.c.disabled_at.is_(None))
    assert len(await db.rows(left.where(roles.c.role == Role.ADMIN))) == 1
    assert len(await deeds(db)) == 5


async def test_a_ban_against_a_sign_in_leaves_no_session(db, member, now, somebody):
    amei = await member()
    await people.end_sessions(db, account_id=amei.id, by=somebody, now=now)

    for step in range(4):
        at = now + step * MINUTE
        banned = people.ban(db, account_id=amei.id, why="离职", by=somebody, idempotency_key=f"ban-amei-{step}", now=at)
        await asyncio.gather(amei.sign_in(at), banned, return_exceptions=True)

        assert (await seen(db, amei.id)).disabled_at == at
        assert await finding.sessions_by_account_ids(db, [amei.id], now=now) == {}
        await people.unban(db, account_id=amei.id, by=somebody, now=at)


async def test_nobody_who_is_not_there_is_changed(db, now, somebody):
    nobody = {"account_id": new_id(), "by": somebody, "now": now}

    for change in (
        people.give_role(db, role=Role.HOST, **nobody),
        people.take_role(db, role=Role.HOST, **nobody),
        people.ban(db, why="误点", idempotency_key="ban-nobody", **nobody),
        people.unban(db, **nobody),
        people.end_sessions(db, **nobody),
    ):
        with pytest.raises(NotFound):
            await change
    assert await deeds(db) == []


async def test_people_are_found_by_role_ban_and_name(db, given, member, admin, now, somebody):
    mei, wei = await given.shopper("小梅 50%_off"), await given.shopper("小伟")
    amei, boss = await member("amei.lin", Role.FINANCE), await admin("老板")
    await people.ban(db, account_id=wei, why="误点", by=somebody, idempotency_key="ban-wei-1", now=now)

    async def found(**about):
        return {person.id for person in (await finding.page(db, first=10, **about)).rows}

    assert await found() == await found(role=Role.SHOPPER) == {mei, wei, amei.id, boss}
    assert await found(role=Role.ADMIN) == {boss}
    assert await found(role=Role.FINANCE) == await found(text=" AMEI.lin ") == {amei.id}
    assert await found(role=Role.HOST) == set()
    assert await found(is_banned=True) == {wei}
    assert await found(is_banned=False, text="小") == {mei}
    assert await found(text="%_") == {mei}
    assert await found(text="o_f") == await found(text="\\") == set()
    for text in ("长" * 101, "a\0b"):
        with pytest.raises(BadInput, match="allowed"):
            await found(text=text)


async def test_people_come_in_pages_the_newest_first(db, given):
    everybody = await given.shoppers(5)

    first = await finding.page(db, first=3)
    second = await finding.page(db, first=3, after=first.cursors[-1])

    assert [person.id for person in (*first.rows, *second.rows)] == sorted(everybody, reverse=True)
    assert (first.has_next, second.has_next) == (True, False)


async def test_an_admin_sees_neither_openid_nor_phone(db, given, now):
    shopper = await given.shopper("小梅")
    async with db.transaction() as tx:
        for provider, subject in (("wechat", "oX7-secret-openid"), ("phone", "+8613800138021")):
            row = {"provider": provider, "subject": subject, "account_id": shopper, "created_at": now}
            await tx.execute(insert(identities).values(row))

    person = await seen(db, shopper)

    assert "openid" not in repr(person)
    assert person.phone == "138****8021"


async def test_a_role_given_while_another_takes_it_is_one_or_the_other(db, given, now, somebody):
    host = await given.shopper()

    await asyncio.gather(
        *(people.give_role(db, account_id=host, role=Role.HOST, by=somebody, now=now) for _ in range(5)),
        *(people.take_role(db, account_id=host, role=Role.HOST, by=somebody, now=now) for _ in range(5)),
    )

    noted = [deed for deed, *_ in await deeds(db)]
    is_host = Role.HOST in (await seen(db, host)).roles
    assert noted == ["give_role", "take_role"] * (len(noted) // 2) + ["give_role"] * is_host
