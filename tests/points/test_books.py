"""Points in the books: beside the money, in statements and files, and never as yuan."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from domain.accounts.rules import Role
from domain.foundation.ids import new_id
from domain.foundation.money import POINTS_CURRENCY, Money
from domain.ledger import actions, exporting, queries
from domain.ledger.rules import Account, Balance, EntryKind, moved
from tests.api.conftest import api, app, ask, post

__all__ = ["api", "app", "ask", "post"]

DAY = timedelta(days=1)
TRIAL_BALANCE = """{ trialBalance { isBalanced debit { minor } credit { minor } pointsDebit pointsCredit
  balances { account balance { amount minor currency } } } }"""
STATEMENT = """{ accountStatement(account: POINTS, startsAt: "2026-11-11T00:00:00+08:00",
  endsAt: "2026-11-12T00:00:00+08:00") { opening { amount } credit { amount } closing { amount currency }
  nodes { kind amount { amount currency } balance { amount } } } }"""


@pytest.fixture
async def books(given):
    """¥19.90 that was paid, and 1,990 points that were given."""
    await given.posted(given.movement(1990))
    return await given.shopper_with_points(1990)


@pytest.fixture
def finance(ask, somebody):
    """Ask as somebody of finance."""

    async def asked(query):
        return (await ask(query, {}, by=somebody, roles=[Role.FINANCE])).data

    return asked


def test_points_have_no_decimals():
    assert [Money(minor, POINTS_CURRENCY).amount for minor in (1990, 0, -5)] == ["1990", "0", "-5"]
    assert Money(1990).amount == "19.90"


async def test_the_trial_balance_adds_up_money_and_points_apart(books, finance):
    found = await finance(TRIAL_BALANCE)

    assert (found["isBalanced"], found["debit"], found["credit"]) == (True, {"minor": 1990}, {"minor": 1990})
    assert (found["pointsDebit"], found["pointsCredit"]) == (1990, 1990)
    shown = {each["account"]: each["balance"] for each in found["balances"]}
    assert shown["PREPAID"] == {"amount": "-19.90", "minor": -1990, "currency": "CNY"}
    assert shown["POINTS"] == {"amount": "-1990", "minor": -1990, "currency": "PTS"}
    assert shown["POINTS_GIVEN"] == {"amount": "1990", "minor": 1990, "currency": "PTS"}


async def test_a_statement_of_points_is_in_points(books, finance):
    found = await finance(STATEMENT)

    assert (found["opening"], found["credit"]) == ({"amount": "0"}, {"amount": "1990"})
    assert found["closing"] == {"amount": "-1990", "currency": "PTS"}
    assert found["nodes"] == [
        {"kind": "POINTS_GIVEN", "amount": {"amount": "-1990", "currency": "PTS"}, "balance": {"amount": "-1990"}}
    ]


async def test_a_file_of_points_has_whole_points(given, books):
    period = {"starts_at": given.now - DAY, "ends_at": given.now + DAY}

    rows = [row.decode() async for row in exporting.rows(given.db, account=Account.POINTS, **period)]

    assert [row.strip().split(",")[-3:] for row in rows[1:]] == [
        ["", "", "0"],
        ["", "1990", "-1990"],
        ["0", "1990", "-1990"],
    ]
    assert "发放积分 points_given" in rows[2]


async def test_a_checkpoint_keeps_both(given, books):
    before = await queries.trial_balance(given.db)

    await actions.checkpoint(given.db, now=given.now)
    await given.points(books, 10)

    async with given.db.reading() as reader:
        points = await queries.balance_of(reader, Account.POINTS)
        prepaid = await queries.balance_of(reader, Account.PREPAID)
    assert points == Balance(Account.POINTS, "", "PTS", 0, 2000)
    assert prepaid == Balance(Account.PREPAID, "", "CNY", 0, 1990)
    assert prepaid in before


@pytest.mark.parametrize(
    ("debit", "currency"),
    [(Account.POINTS_GIVEN, "CNY"), (Account.RECEIPTS, "PTS")],
)
async def test_the_database_keeps_points_and_money_apart(given, debit, currency):
    entry = moved(
        EntryKind.POINTS_GIVEN,
        cause_id=new_id(),
        about_id=None,
        at=given.now,
        amount_minor=1,
        debit=debit,
        credit=Account.POINTS,
        currency=currency,
    )

    with pytest.raises(IntegrityError, match="ledger_postings_currency_check"):
        await given.posted(entry)
