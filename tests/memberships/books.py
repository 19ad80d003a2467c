"""The books that memberships write in: quicker looked at than the whole market's."""

from sqlalchemy import func, select

from domain.audit import ledger, memberships, payments
from domain.foundation import clock
from domain.foundation.database import Database
from domain.ledger.rules import Account
from domain.ledger.tables import postings

CHECKS = (*memberships.CHECKS, *payments.CHECKS, *ledger.CHECKS)


async def assert_books(db: Database) -> None:
    """Raises AssertionError with the lines of the audit of memberships, payments and the ledger that differ."""
    differing = []
    async with db.reading() as reader:
        for check in CHECKS:
            differing += [line for line in await check.lines(reader, {"now": clock.now()}) if line.ok is False]
    assert differing == []


async def posted(db: Database) -> dict[Account, int]:
    """What stands on each account, fen: above zero where it is owed or earned; accounts with nothing are left out."""
    found = select(postings.c.account, -func.sum(postings.c.amount_minor)).group_by(postings.c.account)
    return {Account(account): int(minor) for account, minor in await db.rows(found) if minor}
