"""How suppliers change: the only SQL that writes them, what they supply and the feeds they sent."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.database import Transaction
from domain.foundation.errors import NotFound
from domain.foundation.money import Money
from domain.suppliers.rules import FeedReport, SuppliedSku, Supplier
from domain.suppliers.tables import feeds, supplied_skus, suppliers

s = suppliers.c
COLUMNS = (s.id, s.code, s.name, s.created_at, s.ended_at)

sku = supplied_skus.c
SKU_COLUMNS = (sku.sku_id, sku.supplier_id, sku.supplier_code, sku.cost_minor)

f = feeds.c

# One statement for any number of SKUs; a swap of two codes is checked when it ends.
_ASSIGN = text("""
    INSERT INTO supplied_skus (sku_id, supplier_id, supplier_code, cost_minor)
    SELECT sku_id, CAST(:supplier_id AS uuid), code, cost
    FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:codes AS text[]), CAST(:costs AS bigint[])) AS new (sku_id, code, cost)
""")
_KNOWN = text("""
    SELECT supplier_code, sku_id FROM supplied_skus
    WHERE supplier_id = :supplier_id AND supplier_code = ANY(CAST(:codes AS text[]))
""")


def supplier_of(row: Any) -> Supplier:
    """A supplier out of a row of `COLUMNS`."""
    return Supplier(*row[: len(COLUMNS)])


def supplied_of(row: Any) -> SuppliedSku:
    """A supplied SKU out of a row of `SKU_COLUMNS`."""
    return SuppliedSku(row.sku_id, row.supplier_id, row.supplier_code, Money(row.cost_minor))


async def add(tx: Transaction, supplier: Supplier, key: bytes) -> bool:
    """Write a supplier; whether its code was free."""
    row = {"id": supplier.id, "code": supplier.code, "name": supplier.name, "created_at": supplier.created_at}
    return await tx.execute(insert(suppliers).values(feed_key=key, **row).on_conflict_do_nothing()) == 1


async def lock(tx: Transaction, supplier_id: UUID) -> Supplier:
    """A supplier, locked until the transaction ends. Raises NotFound."""
    # its key stays as it is: who places an order with its goods need not wait, as the longest feed takes a while
    row = await tx.one(select(*COLUMNS).where(s.id == supplier_id).with_for_update(key_share=True))
    if row is None:
        raise NotFound.of("supplier", supplier_id)
    return supplier_of(row)


async def set_key(tx: Transaction, supplier_id: UUID, key: bytes) -> None:
    """From now on this key signs."""
    await tx.execute(update(suppliers).where(s.id == supplier_id).values(feed_key=key))


async def end(tx: Transaction, supplier_id: UUID, *, now: datetime) -> None:
    """We work with it no more."""
    await tx.execute(update(suppliers).where(s.id == supplier_id).values(ended_at=now))


async def supplied_by_others(tx: Transaction, supplier_id: UUID, sku_ids: Iterable[UUID]) -> Any:
    """The first of these SKUs that another supplier, one that has not ended, sends: its id and the supplier's code."""
    theirs = (
        select(sku.sku_id, s.code)
        .join_from(supplied_skus, suppliers)
        .where(sku.sku_id == func.any(list(sku_ids)), sku.supplier_id != supplier_id, s.ended_at.is_(None))
        .order_by(sku.sku_id)
        .limit(1)
    )
    return await tx.one(theirs)


async def assign(tx: Transaction, supplier_id: UUID, assigned: Sequence[SuppliedSku]) -> None:
    """These SKUs are sent by the supplier, under these codes and at this cost from now on."""
    await tx.execute(delete(supplied_skus).where(sku.sku_id == func.any([one.sku_id for one in assigned])))
    await tx.execute(
        _ASSIGN,
        {
            "supplier_id": supplier_id,
            "sku_ids": [one.sku_id for one in assigned],
            "codes": [one.supplier_code for one in assigned],
            "costs": [one.cost.minor for one in assigned],
        },
    )


async def release(tx: Transaction, supplier_id: UUID, sku_id: UUID) -> bool:
    """We send this SKU ourselves again; whether the supplier sent it until now."""
    return await tx.execute(delete(supplied_skus).where(sku.supplier_id == supplier_id, sku.sku_id == sku_id)) == 1


async def skus_by_codes(tx: Transaction, supplier_id: UUID, codes: Sequence[str]) -> dict[str, UUID]:
    """The supplier's SKUs by its codes, as far as there are any."""
    rows = await tx.rows(_KNOWN, {"supplier_id": supplier_id, "codes": list(codes)})
    return {row.supplier_code: row.sku_id for row in rows}


async def sku_ids_of(tx: Transaction, supplier_id: UUID) -> list[UUID]:
    """Every SKU the supplier sends."""
    return list(await tx.column(select(sku.sku_id).where(sku.supplier_id == supplier_id).order_by(sku.sku_id)))


async def feed_of_reference(tx: Transaction, supplier_id: UUID, reference: str) -> Any:
    """The feed the supplier sent under this reference, if it did."""
    found = select(f.fingerprint, f.as_of, f.rows, f.changed, f.refused)
    return await tx.one(found.where(f.supplier_id == supplier_id, f.reference == reference))


async def newest_feed(tx: Transaction, supplier_id: UUID) -> datetime | None:
    """As of when the newest feed was; None before the first."""
    newest: datetime | None = await tx.value(select(func.max(f.as_of)).where(f.supplier_id == supplier_id))
    return newest


async def add_feed(
    tx: Transaction, supplier_id: UUID, report: FeedReport, *, feed_id: UUID, fingerprint: bytes, now: datetime
) -> None:
    """Remember a feed and what came of it."""
    await tx.execute(
        insert(feeds).values(
            id=feed_id,
            supplier_id=supplier_id,
            reference=report.reference,
            fingerprint=fingerprint,
            as_of=report.as_of,
            received_at=now,
            rows=report.rows,
            changed=report.changed,
            refused=report.refused,
        )
    )
