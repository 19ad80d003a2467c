"""How screens and doors read suppliers; what they are owed comes out of the ledger."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, text

from domain.foundation.database import AnyRow, Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.ledger.rules import Account, EntryKind
from domain.suppliers import rules
from domain.suppliers.rules import Settlement, SuppliedSku, Supplier
from domain.suppliers.store import COLUMNS, SKU_COLUMNS, s, sku, supplied_of, supplier_of
from domain.suppliers.tables import supplied_skus, suppliers

# Owed is credit: below zero in the books, above zero here. A month is the shop's, by when it came to stand in the books.
_SETTLEMENT = text("""
    SELECT coalesce(-sum(amount_minor) FILTER (WHERE posting.recorded_at < :starts_at), 0) AS opening,
           coalesce(-sum(amount_minor) FILTER (WHERE is_in AND kind = :supplied), 0) AS shipped,
           coalesce(sum(amount_minor) FILTER (WHERE is_in AND kind = :returned), 0) AS returned,
           coalesce(sum(amount_minor) FILTER (WHERE is_in AND kind = :paid), 0) AS paid
    FROM (SELECT *, recorded_at >= :starts_at AS is_in FROM ledger_postings
          WHERE account = :account AND subject = :subject AND recorded_at < :ends_at) AS posting
    JOIN ledger_entries AS entry ON entry.id = posting.entry_id
""")
_OWED = text(
    "SELECT coalesce(-sum(amount_minor), 0) FROM ledger_postings WHERE account = :account AND subject = :subject"
)


async def by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Supplier]:
    """Suppliers that exist, by id."""
    rows = await db.rows(select(*COLUMNS).where(s.id == func.any(list(ids))))
    return {row.id: supplier_of(row) for row in rows}


async def newest(db: Database, *, first: int, after: str | None = None) -> Page[Supplier]:
    """Every supplier, newest first."""
    newest_first = select(*COLUMNS).order_by(s.id.desc())
    if after is not None:
        newest_first = newest_first.where(s.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([supplier_of(row) for row in rows], first, lambda supplier: (str(supplier.id),))


async def with_key(db: Database, code: str) -> tuple[Supplier, bytes] | None:
    """A supplier and the key that signs its letters."""
    row = await db.one(select(*COLUMNS, suppliers.c.feed_key).where(s.code == code))
    return (supplier_of(row), row.feed_key) if row else None


async def skus_of(db: Database, supplier_id: UUID, *, first: int, after: str | None = None) -> Page[SuppliedSku]:
    """What a supplier sends, by its own codes."""
    by_code = select(*SKU_COLUMNS).where(sku.supplier_id == supplier_id).order_by(sku.supplier_code)
    if after is not None:
        by_code = by_code.where(sku.supplier_code > read_cursor(after, str)[0])
    rows = await db.rows(by_code.limit(page_size(first) + 1))
    return page_of([supplied_of(row) for row in rows], first, lambda one: (one.supplier_code,))


async def supplied_by_sku_ids(db: Reader | Database, sku_ids: Sequence[UUID]) -> dict[UUID, SuppliedSku]:
    """Who sends these SKUs and at what cost, as far as a supplier does that we still work with."""
    found = select(*SKU_COLUMNS).join_from(supplied_skus, suppliers)
    rows = await db.rows(found.where(sku.sku_id == func.any(list(sku_ids)), s.ended_at.is_(None)))
    return {row.sku_id: supplied_of(row) for row in rows}


async def settlement(db: Database, supplier_id: UUID, month: str) -> Settlement:
    """What the month with a supplier comes to, out of the ledger. Raises BadInput for what is no month."""
    starts_at, ends_at = rules.month_bounds(month)
    about = {**_of(supplier_id), "starts_at": starts_at, "ends_at": ends_at}
    kinds = {"supplied": EntryKind.SUPPLIED, "returned": EntryKind.SUPPLY_RETURNED, "paid": EntryKind.SUPPLIER_PAID}
    row: AnyRow | None = await db.one(_SETTLEMENT, {**about, **kinds})
    assert row is not None
    opening, shipped, returned, paid = map(int, row)
    return Settlement(supplier_id, month, opening, shipped, returned, paid)


async def owed(reader: Reader | Database, supplier_id: UUID) -> int:
    """What a supplier is owed now, in minor units."""
    return int(await reader.value(_OWED, _of(supplier_id)))


def _of(supplier_id: UUID) -> dict[str, str]:
    return {"account": Account.SUPPLIERS, "subject": str(supplier_id)}
