"""What staff can do with suppliers: take one on, say what it sends, pay it, and part."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import encode, new_id
from domain.foundation.money import LARGEST_MINOR, Money
from domain.ledger import store as ledger
from domain.ledger.rules import Account, EntryKind, moved
from domain.stock import receiving
from domain.stock.rules import Cause, Units
from domain.suppliers import queries, rules, store
from domain.suppliers.rules import SuppliedSku, Supplier
from domain.trail import store as trail


async def create(
    db: Database, *, code: str, name: str, by: UUID, idempotency_key: str, now: datetime
) -> tuple[Supplier, bytes | None]:
    """A new supplier and the key that signs its letters, which is told this once; None when the key is used again.

    Raises SupplierCodeTaken, BadInput, IdempotencyConflict.
    """
    rules.check_code(code)
    name = rules.check_text("name", name, 120)
    request = {"code": code, "name": name}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="create_supplier", request=request
        )
        if replay:
            return await store.lock(tx, UUID(replay.answer)), None
        supplier, key = Supplier(new_id(), code, name, now), rules.new_key()
        if not await store.add(tx, supplier, key):
            raise rules.SupplierCodeTaken(supplier_code=code)
        await _note(tx, "create_supplier", supplier.id, by=by, now=now, code=code)
        await idempotency.finish(tx, owner_id=by, key=idempotency_key, answer=str(supplier.id))
    return supplier, key


async def renew_key(db: Database, *, supplier_id: UUID, by: UUID, now: datetime) -> tuple[Supplier, bytes]:
    """Another key, told this once: what the old one signs is refused from now on. Raises NotFound, SupplierEnded."""
    async with db.transaction() as tx:
        supplier = await _active(tx, supplier_id)
        key = rules.new_key()
        await store.set_key(tx, supplier_id, key)
        await _note(tx, "renew_supplier_key", supplier_id, by=by, now=now)
    return supplier, key


async def assign(db: Database, *, supplier_id: UUID, skus: Sequence[SuppliedSku], by: UUID, now: datetime) -> Supplier:
    """The supplier sends these SKUs from now on, at this cost; orders that stand keep their sender and cost.

    A second call changes nothing. Raises NotFound, SupplierEnded, SkuSupplied, SupplierSkuCodeTaken, BadInput.
    """
    assigned = _checked(skus)
    async with db.transaction() as tx:
        supplier = await _active(tx, supplier_id)
        theirs = await store.supplied_by_others(tx, supplier_id, [one.sku_id for one in assigned])
        if theirs:
            raise rules.SkuSupplied(sku_id=theirs.sku_id, by_supplier=theirs.code)
        wanted = {one.supplier_code: one.sku_id for one in assigned}
        changed = set(wanted.values())
        for code, sku_id in (await store.skus_by_codes(tx, supplier_id, list(wanted))).items():
            if sku_id != wanted[code] and sku_id not in changed:
                raise rules.SupplierSkuCodeTaken(supplier_code=code)
        await store.assign(tx, supplier_id, assigned)
        facts = {encode("sku", one.sku_id): [one.supplier_code, one.cost.minor] for one in assigned}
        await _note(tx, "assign_supplied_skus", supplier_id, by=by, now=now, skus=facts)
    return supplier


async def release(db: Database, *, supplier_id: UUID, sku_id: UUID, by: UUID, now: datetime) -> Supplier:
    """We send this SKU ourselves from now on: its free units go, as they were the supplier's. A second call changes nothing.

    Raises NotFound.
    """
    async with db.transaction() as tx:
        supplier = await store.lock(tx, supplier_id)
        if await store.release(tx, supplier_id, sku_id):
            await _write_off(tx, [sku_id], supplier_id, by=by, now=now)
            await _note(tx, "release_supplied_sku", supplier_id, by=by, now=now, sku=encode("sku", sku_id))
    return supplier


async def end(db: Database, *, supplier_id: UUID, by: UUID, now: datetime) -> Supplier:
    """Part with a supplier: its free units go, its doors close. What it is owed stays owed. A second call changes nothing.

    Raises NotFound.
    """
    async with db.transaction() as tx:
        supplier = await store.lock(tx, supplier_id)
        if supplier.ended_at is not None:
            return supplier
        await store.end(tx, supplier_id, now=now)
        await _write_off(tx, await store.sku_ids_of(tx, supplier_id), supplier_id, by=by, now=now)
        await _note(tx, "end_supplier", supplier_id, by=by, now=now)
    return replace(supplier, ended_at=now)


async def record_payment(
    db: Database, *, supplier_id: UUID, amount: Money, note: str, by: UUID, idempotency_key: str, now: datetime
) -> Supplier:
    """Write down that a supplier was paid from the bank. The same key again pays nothing.

    Raises NotFound, MoreThanOwed, BadInput, IdempotencyConflict.
    """
    if not 0 < amount.minor <= LARGEST_MINOR:
        raise BadInput(f"amount is {amount.minor}; allowed: 1 to {LARGEST_MINOR}")
    note = rules.check_text("note", note, 200)
    request = {"supplier": supplier_id, "amount": amount.minor, "note": note}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="record_supplier_payment", request=request
        )
        supplier = await store.lock(tx, supplier_id)  # two payments at once: the second sees what is left
        if replay:
            return supplier
        owed = await queries.owed(tx, supplier_id)
        if amount.minor > owed:
            raise rules.MoreThanOwed(amount=amount, owed=Money(owed))
        payment_id = new_id()
        entry = moved(
            EntryKind.SUPPLIER_PAID,
            cause_id=payment_id,
            about_id=None,  # of no order: whose account it is, the subject says
            at=now,
            amount_minor=amount.minor,
            debit=Account.SUPPLIERS,
            debit_subject=str(supplier_id),
            credit=Account.BANK,
        )
        await ledger.post(tx, [entry], now=now)
        await _note(tx, "record_supplier_payment", supplier_id, by=by, now=now, amount_minor=amount.minor, note=note)
        await idempotency.finish(tx, owner_id=by, key=idempotency_key, answer=str(payment_id))
    return supplier


async def note_settlement(db: Database, *, supplier_id: UUID, month: str, by: UUID, now: datetime) -> None:
    """Keep that a month's settlement was fetched as a file, before its first byte leaves. Raises NotFound."""
    if not await queries.by_ids(db, [supplier_id]):
        raise NotFound("supplier", encode("supplier", supplier_id))
    async with db.transaction() as tx:
        await _note(tx, "fetch_export", supplier_id, by=by, now=now, file="settlement", month=month)


def _checked(skus: Sequence[SuppliedSku]) -> list[SuppliedSku]:
    if not 1 <= len(skus) <= rules.ASSIGNED_AT_ONCE:
        raise BadInput(f"{len(skus)} SKUs; allowed: 1 to {rules.ASSIGNED_AT_ONCE}")
    for one in skus:
        rules.check_cost(one.cost.minor)
    clean = [replace(one, supplier_code=rules.check_text("supplierCode", one.supplier_code, 80)) for one in skus]
    if len({one.sku_id for one in clean}) < len(clean) or len({one.supplier_code for one in clean}) < len(clean):
        raise BadInput("a SKU, or a supplier's code, is named twice")
    return clean


async def _active(tx: Transaction, supplier_id: UUID) -> Supplier:
    supplier = await store.lock(tx, supplier_id)
    if supplier.ended_at is not None:
        raise rules.SupplierEnded(supplier_id=supplier_id, ended_at=supplier.ended_at)
    return supplier


async def _write_off(tx: Transaction, sku_ids: Sequence[UUID], supplier_id: UUID, *, by: UUID, now: datetime) -> None:
    """Nobody can send the supplier's free units any more; held ones are promised and stay."""
    levels = await receiving.lock_levels(tx, sku_ids)
    gone = [Units(level.id, -level.free) for level in levels.values() if level.free]
    if gone:
        await receiving.adjust_many(tx, gone, cause=Cause("supplier_ended", supplier_id, by=by), now=now)


async def _note(tx: Transaction, deed: str, supplier_id: UUID, *, by: UUID, now: datetime, **facts: object) -> None:
    await trail.note(tx, by=by, deed=deed, subject="supplier", subject_id=supplier_id, now=now, **facts)
