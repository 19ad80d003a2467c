"""The check of super users: clean with one who is and one who was, and then exactly one thing is wrong."""

from uuid import UUID

import pytest
from sqlalchemy import insert

from domain.audit import super_users as checks
from domain.foundation.ids import encode
from domain.super_users.tables import moves, super_users
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after


@pytest.fixture
async def fans(given) -> dict[str, UUID]:
    """One who is a super user, and one who was."""
    is_one, was_one = await given.shoppers(2)
    moved = {"version": 1, "facts": {}, "moved_at": given.now}
    come_and_gone = [(is_one, True), (was_one, True), (was_one, False)]
    rows = [{"account_id": who, "has_become": has_become, **moved} for who, has_become in come_and_gone]
    async with given.db.transaction() as tx:
        await tx.execute(insert(moves), rows)
        await tx.execute(insert(super_users).values(account_id=is_one, since=given.now, version=1))
    return {"is_one": is_one, "was_one": was_one}


def who(name):
    return lambda fans: {encode("account", fans[name])}


CORRUPTIONS = [
    Corruption(
        "one who has left and is still one",
        "INSERT INTO super_users (account_id, since, version) SELECT :was_one, since, 1 FROM super_users",
        (checks.HISTORY,),
        who("was_one"),
    ),
    Corruption("one who is none", "DELETE FROM super_users", (checks.HISTORY,), who("is_one")),
    Corruption(
        "one since another day",
        "UPDATE super_users SET since = since - interval '1 day'",
        (checks.HISTORY,),
        who("is_one"),
    ),
    Corruption(
        "one without a history",
        "DELETE FROM super_user_moves WHERE account_id = :is_one",
        (checks.HISTORY,),
        who("is_one"),
    ),
]


async def test_super_users_leave_clean_books(given, fans):
    await assert_clean(given.market)


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
async def test_exactly_what_was_corrupted_is_found(given, fans, corruption):
    lines = await found_after(given.db, corruption.sql, fans, now=given.now)

    check_found(lines, corruption, fans)
