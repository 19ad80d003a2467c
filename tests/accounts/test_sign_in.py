"""Signing in: one account behind one identity, however many doors open at once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from domain.accounts.actions import give_roles, open_many, sign_in
from domain.accounts.rules import Account, AccountDisabled, Principal, Role
from domain.accounts.tables import accounts, identities, roles


async def count(db, table):
    return await db.value(select(func.count()).select_from(table))


@pytest.fixture
def visit(db, now):
    """Somebody signs in."""

    async def visit(subject="amei", *, provider="wechat", name="阿美", at=now):
        return await sign_in(db, provider=provider, subject=subject, display_name=name, now=at)

    return visit


@pytest.fixture
def give(db, now):
    """Somebody is given roles."""

    async def give(account, *given, by=None, at=now):
        async with db.transaction() as tx:
            await give_roles(tx, account_id=account.id, given=given, by=by, now=at)

    return give


async def test_the_first_visit_opens_an_account_and_the_next_finds_it(visit, db, now):
    first = await visit()
    again = await visit(name="另一个名字", at=now + timedelta(days=1))

    assert first == Account(first.id, "阿美", frozenset({Role.SHOPPER}), now)
    assert again == first
    assert (await count(db, accounts), await count(db, identities)) == (1, 1)


async def test_50_first_visits_at_once_open_one_account(visit, db):
    visitors = await asyncio.gather(*(visit(name=f"顾客 {n}") for n in range(50)))

    assert len({account.id for account in visitors}) == 1
    assert len(set(visitors)) == 1
    assert (await count(db, accounts), await count(db, identities)) == (1, 1)


async def test_50_first_visits_of_10_people_at_once_open_10_accounts(visit, db):
    visitors = await asyncio.gather(*(visit(f"shopper-{n % 10}") for n in range(50)))

    assert len({account.id for account in visitors}) == 10
    assert (await count(db, accounts), await count(db, identities)) == (10, 10)


async def test_the_same_name_at_another_provider_is_another_person(visit, db):
    assert (await visit(provider="wechat")).id != (await visit(provider="phone")).id
    assert await count(db, accounts) == 2


async def test_a_disabled_account_does_not_sign_in(visit, db, now):
    account = await visit()
    async with db.transaction() as tx:
        await tx.execute(update(accounts).where(accounts.c.id == account.id).values(disabled_at=now))

    with pytest.raises(AccountDisabled) as refused:
        await visit()

    assert refused.value.disabled_at == now
    assert refused.value.message("en") == "this account was disabled at 2026-11-11 04:00 UTC"
    assert await count(db, accounts) == 1


async def test_roles_are_added_to_a_shopper_s_and_one_that_is_held_keeps_its_date(visit, give, db, now, somebody):
    account = await visit()

    await give(account, Role.HOST)
    await give(account, Role.HOST, Role.FINANCE, by=somebody, at=now + timedelta(days=1))
    await give(account)

    assert (await visit()).roles == {Role.SHOPPER, Role.HOST, Role.FINANCE}
    given = await db.rows(select(roles.c.role, roles.c.given_at, roles.c.given_by).order_by(roles.c.role))
    assert [tuple(row) for row in given] == [
        ("finance", now + timedelta(days=1), somebody),
        ("host", now, None),
    ]


async def test_the_roles_of_one_are_not_another_s(visit, give):
    await give(await visit("amei"), Role.ADMIN)

    assert (await visit("xiaoli")).roles == {Role.SHOPPER}


async def test_many_accounts_open_at_once_in_the_order_of_their_names(visit, db, now):
    names = [f"shopper-{n}" for n in range(300)]

    async with db.transaction() as tx:
        opened = await open_many(tx, provider="wechat", subjects=names, now=now)
        assert await open_many(tx, provider="wechat", subjects=[], now=now) == []

    assert [(await visit(name)).id for name in names[::100]] == opened[::100]
    assert await count(db, accounts) == 300


@pytest.mark.parametrize(
    ("role", "is_staff"),
    [
        (Role.SHOPPER, False),
        (Role.HOST, False),
        (Role.LEADER, False),
        (Role.MERCHANDISER, True),
        (Role.FINANCE, True),
        (Role.ADMIN, True),
    ],
)
def test_who_works_behind_the_counter_is_staff(role, is_staff, somebody):
    assert Principal(somebody, frozenset({Role.SHOPPER, role})).is_staff == is_staff
