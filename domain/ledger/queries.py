"""How screens and the audit read the ledger: balances, statements, and what happened to an order's money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text

from domain.foundation.database import AnyRow, Database, Reader
from domain.foundation.errors import BadInput
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.ledger.rules import (
    CHART,
    DIVIDED,
    Account,
    Balance,
    EntryKind,
    Figures,
    PostedEntry,
    Posting,
    StatementLine,
    running,
)
from domain.ledger.tables import entries, postings

_END = 2**63 - 1
"""Beyond every position."""

# One statement, so that checkpoint and rest are of one moment.
BALANCES = """
    WITH newest AS (SELECT max(position) AS position FROM ledger_checkpoints WHERE position <= CAST(:at_position AS bigint)),
    part AS (
        SELECT account, subject, currency, debit_minor, credit_minor
        FROM ledger_checkpoints WHERE position = (SELECT position FROM newest)
        UNION ALL
        SELECT account, subject, currency, coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0),
               coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0)
        FROM ledger_postings
        WHERE position > coalesce((SELECT position FROM newest), 0) AND position <= CAST(:at_position AS bigint)
        GROUP BY 1, 2, 3
    )
    SELECT account, subject, currency, sum(debit_minor) AS debit_minor, sum(credit_minor) AS credit_minor
    FROM part GROUP BY 1, 2, 3
"""
_BALANCES = text(f"{BALANCES} ORDER BY 1, 2, 3")
# The opening balance is today's less what came since: what one asks about is mostly not long ago.
_FIGURES = text(f"""
    WITH balance AS ({BALANCES}),
    today AS (
        SELECT coalesce(sum(debit_minor - credit_minor), 0) AS minor FROM balance
        WHERE account = :account AND subject = :subject AND currency = :currency
    ),
    since AS (
        SELECT coalesce(sum(amount_minor), 0) AS minor,
               coalesce(sum(amount_minor) FILTER (WHERE recorded_at < :ends_at AND amount_minor > 0), 0) AS debit,
               coalesce(-sum(amount_minor) FILTER (WHERE recorded_at < :ends_at AND amount_minor < 0), 0) AS credit
        FROM ledger_postings
        WHERE account = :account AND subject = :subject AND currency = :currency AND recorded_at >= :starts_at
    )
    SELECT today.minor - since.minor AS opening, since.debit, since.credit FROM today, since
""")  # noqa: S608 - made of this module's own text
_LINES = text("""
    SELECT posting.position, posting.entry_id, entry.kind, entry.about_id, entry.occurred_at, posting.recorded_at,
           posting.amount_minor
    FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.id = posting.entry_id
    WHERE account = :account AND subject = :subject AND currency = :currency
      AND (posting.recorded_at, posting.position) > (:last_recorded_at, :last_position)
      AND posting.recorded_at < :ends_at
    ORDER BY posting.recorded_at, posting.position LIMIT :limit
""")

_AHEAD = text("""
    WITH newest AS (SELECT position, made_at FROM ledger_checkpoints ORDER BY position DESC LIMIT 1)
    SELECT (SELECT coalesce(max(position), 0) FROM ledger_postings) - coalesce((SELECT position FROM newest), 0) AS ahead,
           (SELECT made_at FROM newest) AS made_at
""")
_ENTRIES = (
    select(*entries.c, postings.c.account, postings.c.subject, postings.c.currency, postings.c.amount_minor)
    .join_from(entries, postings)
    .order_by(postings.c.position)
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A page of what was posted on an account's subject in a period, by when it was recorded."""

    figures: Figures
    page: Page[StatementLine]


async def balances(reader: Reader, at_position: int | None = None) -> list[Balance]:
    """What was posted on every account and subject, up to and with a position, or all that is committed.

    Costs what reading the postings since the newest checkpoint costs.
    """
    rows = await reader.rows(_BALANCES, {"at_position": _END if at_position is None else at_position})
    return [
        Balance(Account(row.account), row.subject, row.currency, int(row.debit_minor), int(row.credit_minor))
        for row in rows
    ]


async def balance_of(reader: Reader, account: Account, subject: str = "") -> Balance:
    """What was posted on a subject of an account so far; costs what all balances cost."""
    wanted = (account, subject, CHART[account].currency)
    found = (one for one in await balances(reader) if (one.account, one.subject, one.currency) == wanted)
    return next(found, Balance(*wanted, 0, 0))


async def since_checkpoint(db: Database) -> tuple[int, datetime | None]:
    """How many positions the ledger is ahead of the newest checkpoint, and when that was made, if ever."""
    row = await db.one(_AHEAD)
    assert row is not None
    return row.ahead, row.made_at


async def trial_balance(db: Database) -> list[Balance]:
    """Every balance of one moment, in the order of the chart; debits and credits are equal in each currency."""
    async with db.reading() as reader:
        found = await balances(reader)
    chart = list(CHART)
    return sorted(found, key=lambda balance: (balance.currency, chart.index(balance.account), balance.subject))


async def statement(
    db: Database,
    *,
    account: Account,
    subject: str = "",
    starts_at: datetime,
    ends_at: datetime,
    first: int,
    after: str | None = None,
) -> Statement:
    """A page of what was recorded on an account from `starts_at` until before `ends_at`, oldest first.

    A cursor carries the balance, so page 1,000 costs what page 1 costs. Raises BadInput for a period that ends before it
    starts, and for an account that stands by subject when none is named.
    """
    found = await figures(db, account=account, subject=subject, starts_at=starts_at, ends_at=ends_at)
    last_recorded_at, last_position, balance_minor = (
        (starts_at, 0, found.opening_minor) if after is None else read_cursor(after, datetime, int, int)
    )
    rows = await lines_after(
        db,
        account=account,
        subject=subject,
        ends_at=ends_at,
        last_recorded_at=max(last_recorded_at, starts_at),
        last_position=last_position,
        balance_minor=balance_minor,
        limit=page_size(first) + 1,
    )
    return Statement(found, page_of(rows, first, lambda line: (line.recorded_at, line.position, line.balance_minor)))


async def figures(
    db: Database,
    *,
    account: Account,
    subject: str,
    starts_at: datetime,
    ends_at: datetime,
) -> Figures:
    """Opening balance and turnover of a period. Raises BadInput as `statement` does."""
    if "\0" in subject:
        raise BadInput("a subject is text without NUL")
    if account in DIVIDED and not subject:
        raise BadInput(f"{account} stands by subject: say {DIVIDED[account]}")
    if ends_at < starts_at:
        raise BadInput(f"the period ends ({ends_at.isoformat()}) before it starts ({starts_at.isoformat()})")
    row = await db.one(
        _FIGURES,
        {
            "account": account,
            "subject": subject,
            "currency": CHART[account].currency,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "at_position": _END,
        },
    )
    assert row is not None
    return Figures(int(row.opening), int(row.debit), int(row.credit))


async def lines_after(
    db: Database,
    *,
    account: Account,
    subject: str,
    ends_at: datetime,
    last_recorded_at: datetime,
    last_position: int,
    balance_minor: int,
    limit: int,
) -> list[StatementLine]:
    """At most `limit` lines that follow a line (its moment, position and balance), oldest first."""
    rows = await db.rows(
        _LINES,
        {
            "account": account,
            "subject": subject,
            "currency": CHART[account].currency,
            "last_recorded_at": last_recorded_at,
            "last_position": last_position,
            "ends_at": ends_at,
            "limit": limit,
        },
    )
    left = running(balance_minor, [row.amount_minor for row in rows])
    return [
        StatementLine(
            position=row.position,
            entry_id=row.entry_id,
            kind=EntryKind(row.kind),
            about_id=row.about_id,
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
            amount_minor=row.amount_minor,
            balance_minor=balance,
        )
        for row, balance in zip(rows, left, strict=True)
    ]


async def of_orders(db: Database, order_ids: Sequence[UUID]) -> dict[UUID, list[PostedEntry]]:
    """Every entry about each of these orders, in the order in which they were written."""
    rows = await db.rows(_ENTRIES.where(entries.c.about_id == func.any(list(order_ids))))
    by_entry: dict[UUID, list[AnyRow]] = {}
    for row in rows:
        by_entry.setdefault(row.id, []).append(row)
    found: dict[UUID, list[PostedEntry]] = {}
    for parts in by_entry.values():
        found.setdefault(parts[0].about_id, []).append(_entry_of(parts))
    return found


async def of_order(db: Database, order_id: UUID) -> list[PostedEntry]:
    """Every entry about an order: the whole story of its money and points. None when there is no such order, or it was free."""
    return (await of_orders(db, [order_id])).get(order_id, [])


async def entry(reader: Reader, entry_id: UUID) -> PostedEntry:
    """An entry that stands in the books."""
    return _entry_of(await reader.rows(_ENTRIES.where(entries.c.id == entry_id)))


def _entry_of(parts: Sequence[AnyRow]) -> PostedEntry:
    entry = parts[0]
    return PostedEntry(
        id=entry.id,
        kind=EntryKind(entry.kind),
        cause_id=entry.cause_id,
        about_id=entry.about_id,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        postings=tuple(
            Posting(Account(part.account), part.amount_minor, part.subject, part.currency) for part in parts
        ),
    )
