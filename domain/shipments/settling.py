"""A month with a supplier line by line: what it sent, what came back, what it was paid. The sums are the ledger's."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.foundation.database import Database
from domain.foundation.money import Money
from domain.foundation.pages import LARGEST_PAGE, Page, page_of, page_size, read_cursor
from domain.foundation.sheets import cells, heading
from domain.ledger.rules import KIND_ZH, Account, EntryKind
from domain.orders.rules import shown_number
from domain.suppliers.rules import month_bounds

COLUMNS = (
    ("时间", "at"),
    ("类型", "kind"),
    ("订单号", "order"),
    ("行", "line"),
    ("商品", "title"),
    ("供应商货号", "code"),
    ("数量", "units"),
    ("单件成本", "unit cost"),
    ("应付", "owed"),
)

# Entries of the month on the supplier's account, each with the lines it is about where a parcel, or a store's handover,
# tells them. What came back and what was paid is one row an entry: the after-sale and the bank know the rest.
_LINES = text("""
    WITH entry AS (
        SELECT e.id, e.kind, e.cause_id, e.about_id, p.recorded_at, -p.amount_minor AS owed_minor
        FROM ledger_postings AS p JOIN ledger_entries AS e ON e.id = p.entry_id
        WHERE p.account = :account AND p.subject = CAST(:supplier_id AS text)
          AND p.recorded_at >= :starts_at AND p.recorded_at < :ends_at
    ),
    sent AS (
        SELECT entry.id, line.position, line.quantity
        FROM entry JOIN shipment_lines AS line ON line.shipment_id = entry.cause_id WHERE entry.kind = :supplied
        UNION ALL
        SELECT entry.id, line.position, line.shipped
        FROM entry JOIN order_lines AS line ON line.order_id = entry.cause_id
        WHERE entry.kind = :supplied AND line.supplier_id = CAST(:supplier_id AS uuid) AND line.shipped > 0
    )
    SELECT entry.id, entry.kind, entry.recorded_at, entry.about_id AS order_id, o.number, o.placed_at,
           coalesce(sent.position, 0) AS position, line.title, code.supplier_code, sent.quantity, line.cost_minor,
           coalesce(line.cost_minor * sent.quantity, entry.owed_minor) AS owed_minor
    FROM entry
    LEFT JOIN orders AS o ON o.id = entry.about_id
    LEFT JOIN sent ON sent.id = entry.id
    LEFT JOIN order_lines AS line ON line.order_id = entry.about_id AND line.position = sent.position
    LEFT JOIN supplied_skus AS code
           ON code.sku_id = line.sku_id AND code.supplier_id = CAST(:supplier_id AS uuid)
    WHERE (entry.recorded_at, entry.id, coalesce(sent.position, 0))
          > (CAST(:last_at AS timestamptz), CAST(:last_id AS uuid), CAST(:last_position AS integer))
    ORDER BY entry.recorded_at, entry.id, coalesce(sent.position, 0)
    LIMIT :limit
""")


class SettlementKind(StrEnum):
    """Why more or less is owed to a supplier: the kinds of entries on its account."""

    SHIPPED = EntryKind.SUPPLIED.value
    RETURNED = EntryKind.SUPPLY_RETURNED.value
    PAID = EntryKind.SUPPLIER_PAID.value


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """Units a supplier sent, and what it is owed for them; or, without units, what came back (below zero) or was paid."""

    entry_id: UUID
    kind: SettlementKind
    at: datetime
    order_id: UUID | None
    order_number: str | None
    position: int
    title: str | None
    supplier_code: str | None
    units: int | None
    cost_minor: int | None
    owed_minor: int


async def lines(
    db: Database, supplier_id: UUID, month: str, *, first: int, after: str | None = None
) -> Page[SettlementLine]:
    """The month's lines, oldest first; their `owed_minor` add up to what the settlement says."""
    starts_at, ends_at = month_bounds(month)
    last = read_cursor(after, datetime, UUID, int) if after else (starts_at, UUID(int=0), -1)
    rows = await db.rows(
        _LINES,
        {
            "account": Account.SUPPLIERS,
            "supplied": EntryKind.SUPPLIED,
            "supplier_id": str(supplier_id),
            "starts_at": starts_at,
            "ends_at": ends_at,
            "last_at": last[0],
            "last_id": last[1],
            "last_position": last[2],
            "limit": page_size(first) + 1,
        },
    )
    return page_of([_line(row) for row in rows], first, lambda line: (line.at, str(line.entry_id), line.position))


async def sheet(db: Database, supplier_id: UUID, month: str) -> AsyncIterator[bytes]:
    """The month as a CSV file, row by row: no cell is run as a formula."""
    yield heading(COLUMNS)
    after = None
    while True:
        page = await lines(db, supplier_id, month, first=LARGEST_PAGE, after=after)
        for line in page.rows:
            yield _row(line)
        if not page.has_next:
            return
        after = page.cursors[-1]


def _row(line: SettlementLine) -> bytes:
    cost = None if line.cost_minor is None else Money(line.cost_minor)
    return cells(
        [
            line.at,
            KIND_ZH[EntryKind(line.kind)],
            line.order_number,
            line.position or None,
            line.title,
            line.supplier_code,
            line.units,
            cost,
            Money(line.owed_minor),
        ]
    )


def _line(row: Any) -> SettlementLine:
    return SettlementLine(
        entry_id=row.id,
        kind=SettlementKind(row.kind),
        at=row.recorded_at,
        order_id=row.order_id if row.number else None,
        order_number=shown_number(row.number, row.placed_at) if row.number else None,
        position=row.position,
        title=row.title,
        supplier_code=row.supplier_code,
        units=row.quantity,
        cost_minor=row.cost_minor,
        owed_minor=row.owed_minor,
    )
