"""A statement as a CSV file for a spreadsheet, however long it is."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial

from domain.foundation import ids
from domain.foundation.database import Database
from domain.foundation.money import Money
from domain.foundation.sheets import cells, heading
from domain.ledger import queries
from domain.ledger.rules import CHART, KIND_ZH, Account, StatementLine

LINES_AT_A_TIME = 1_000
COLUMNS = (
    ("记账时间", "Recorded at"), ("发生时间", "Occurred at"), ("凭证", "Entry"), ("类型", "Kind"), ("订单", "Order"),
    ("借方", "Debit"), ("贷方", "Credit"), ("余额", "Balance"),
)  # fmt: skip


async def rows(
    db: Database,
    *,
    account: Account,
    subject: str = "",
    starts_at: datetime,
    ends_at: datetime,
) -> AsyncIterator[bytes]:
    """The rows of an account's statement: a heading, the opening balance, its lines, turnover and closing balance.

    Moments are the shop's, amounts are in yuan or whole points, balances are debit less credit. Reads a thousand
    lines at a time, on no connection in between, so a slow reader holds nothing. `sheets.in_chunks` makes fewer, larger
    pieces of it. Raises BadInput before the first row as `queries.statement` does.
    """
    unit = partial(Money, currency=CHART[account].currency)
    found = await queries.figures(db, account=account, subject=subject, starts_at=starts_at, ends_at=ends_at)
    yield heading(COLUMNS)
    yield cells([starts_at, None, None, "期初 opening", None, None, None, unit(found.opening_minor)])
    recorded_at, position, balance = starts_at, 0, found.opening_minor
    debit = credit = 0
    while True:
        lines = await queries.lines_after(
            db,
            account=account,
            subject=subject,
            ends_at=ends_at,
            last_recorded_at=recorded_at,
            last_position=position,
            balance_minor=balance,
            limit=LINES_AT_A_TIME,
        )
        for line in lines:
            yield _row(line, unit)
            debit, credit = debit + max(line.amount_minor, 0), credit + max(-line.amount_minor, 0)
        if len(lines) < LINES_AT_A_TIME:
            break
        recorded_at, position, balance = lines[-1].recorded_at, lines[-1].position, lines[-1].balance_minor
    closing = found.opening_minor + debit - credit
    yield cells([ends_at, None, None, "期末 closing", None, unit(debit), unit(credit), unit(closing)])


def _row(line: StatementLine, unit: Callable[[int], Money]) -> bytes:
    amount = line.amount_minor
    return cells(
        [
            line.recorded_at,
            line.occurred_at,
            ids.encode("entry", line.entry_id),
            f"{KIND_ZH[line.kind]} {line.kind}",
            line.about_id and ids.encode("order", line.about_id),
            unit(amount) if amount > 0 else None,
            unit(-amount) if amount < 0 else None,
            unit(line.balance_minor),
        ]
    )
