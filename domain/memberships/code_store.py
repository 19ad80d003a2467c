"""How activation codes and their batches are written and locked: the only SQL that changes them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, insert, select, text, update

from domain.foundation.database import Transaction
from domain.memberships.code_rules import Code, CodeBatch
from domain.memberships.tables import code_batches, codes

c, k = codes.c, code_batches.c
COLUMNS = (
    c.id, c.plan_id, c.batch_id, c.purchase_id, c.hash, c.valid_until, c.used_at, c.used_by, c.withdrawn_at,
)  # fmt: skip
BATCH_COLUMNS = (k.id, k.plan_id, k.title, k.pieces, k.valid_until, k.created_at, k.created_by)
_ADD = text("""
    INSERT INTO membership_codes (id, plan_id, batch_id, hash, valid_until)
    SELECT id, :plan_id, :batch_id, hash, :valid_until
    FROM unnest(CAST(:ids AS uuid[]), CAST(:hashes AS bytea[])) AS new (id, hash)
""")


async def add_batch(tx: Transaction, batch: CodeBatch, new: Sequence[tuple[UUID, bytes]]) -> None:
    """Write a new batch with its codes: id and hash of each."""
    await tx.execute(
        insert(code_batches).values({column.name: getattr(batch, column.name) for column in BATCH_COLUMNS})
    )
    values = {
        "plan_id": batch.plan_id,
        "batch_id": batch.id,
        "valid_until": batch.valid_until,
        "ids": [code_id for code_id, _ in new],
        "hashes": [hashed for _, hashed in new],
    }
    await tx.execute(_ADD, values)


async def add_gift(tx: Transaction, gift: Code) -> None:
    """Write the code of a gift that was paid."""
    await tx.execute(insert(codes).values({column.name: getattr(gift, column.name) for column in COLUMNS}))


async def lock(tx: Transaction, hashed: bytes) -> Code | None:
    """The code with this hash, locked until the transaction ends."""
    return await _lock(tx, c.hash == hashed)


async def lock_gift(tx: Transaction, purchase_id: UUID) -> Code | None:
    """The code of a gift, locked until the transaction ends; None before it is paid."""
    return await _lock(tx, c.purchase_id == purchase_id)


async def use(tx: Transaction, code: Code, *, by: UUID, now: datetime) -> None:
    """A locked code is used."""
    await tx.execute(update(codes).where(c.id == code.id).values(used_at=now, used_by=by))


async def withdraw(tx: Transaction, code: Code, *, now: datetime) -> None:
    """A locked code is good for nothing any more."""
    await tx.execute(update(codes).where(c.id == code.id).values(withdrawn_at=now))


async def _lock(tx: Transaction, which: ColumnElement[bool]) -> Code | None:
    row = await tx.one(select(*COLUMNS).where(which).with_for_update(key_share=True))
    return Code(*row) if row else None
