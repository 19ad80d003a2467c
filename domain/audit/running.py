"""Running the audit: every check of the ledger on one snapshot, exact while the market sells, then the gates."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import text

from domain.audit import (
    after_sales,
    audiences,
    benefits,
    bills,
    campaigns,
    chats,
    check_ins,
    coupons,
    customers,
    draws,
    flash_sales,
    gates,
    group_buys,
    levels,
    live_rooms,
    memberships,
    orders,
    outbox,
    payments,
    points,
    renewals,
    sharing,
    stock,
    super_users,
    trust,
)
from domain.audit import ledger as books
from domain.audit.checks import LedgerCheck
from domain.audit.rules import Line
from domain.foundation.database import Database, Reader
from domain.foundation.redis import Gate

LEDGER: tuple[LedgerCheck, ...] = (
    *stock.CHECKS,
    *orders.CHECKS,
    *payments.CHECKS,
    *after_sales.CHECKS,
    *books.CHECKS,
    *bills.CHECKS,
    *flash_sales.CHECKS,
    *audiences.CHECKS,
    *group_buys.CHECKS,
    *campaigns.CHECKS,
    *live_rooms.CHECKS,
    *coupons.CHECKS,
    *memberships.CHECKS,
    *renewals.CHECKS,
    *benefits.CHECKS,
    *points.CHECKS,
    *levels.CHECKS,
    *check_ins.CHECKS,
    *customers.CHECKS,
    *super_users.CHECKS,
    *chats.CHECKS,
    *draws.CHECKS,
    *sharing.CHECKS,
    *trust.CHECKS,
    *outbox.CHECKS,
)
GATES = "gates"
NAMES = (*(check.name for check in LEDGER), GATES)
"""What is looked at, in this order."""

_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
# A check reads whole tables: it takes longer than a screen may, and sorts and hashes in memory what fits.
_ROOM = ("SET LOCAL statement_timeout = '10min'", "SET LOCAL work_mem = '64MB'")


def _nobody(_: str) -> None:
    """Whom nobody tells."""


async def run(db: Database, gate: Gate, *, now: datetime, before: Callable[[str], object] = _nobody) -> list[Line]:
    """All lines, in the order of `NAMES`; `before` is called with each name as its turn comes.

    Changes nothing, takes no lock and needs memory for the lines only. While it runs the snapshot keeps vacuum from
    clearing rows that have died since.
    """
    async with snapshot(db) as ledger:
        found = await of_ledger(ledger, now=now, before=before)
    before(GATES)
    return found + await gates.lines(db, gate)


async def of_ledger(ledger: Reader, *, now: datetime, before: Callable[[str], object] = _nobody) -> list[Line]:
    """The ledger's part alone. Exact where the reader stays at one moment: in a snapshot, or when nobody writes."""
    found: list[Line] = []
    for check in LEDGER:
        before(check.name)
        found += await check.lines(ledger, {"now": now})
    return found


@asynccontextmanager
async def snapshot(db: Database) -> AsyncIterator[Reader]:
    """The ledger as it was at one moment, however long one looks."""
    async with db.engine.connect() as connection, connection.begin():
        for setting in (_SNAPSHOT, *_ROOM):
            await connection.execute(text(setting))
        yield Reader(connection)
