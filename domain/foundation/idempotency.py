"""Same key, same answer: what a write with an idempotency key did is remembered with a fingerprint of its request."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    Column,
    DateTime,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Uuid,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from domain.foundation.database import Database, Reader, Transaction
from domain.foundation.errors import BadInput, IdempotencyConflict
from domain.foundation.tables import metadata

KEY_SHAPE = re.compile(r"[A-Za-z0-9_.:-]{8,64}")

keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner_id", Uuid, nullable=False),
    Column("key", String(64), nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("answer", JSONB),
    Column("used_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    PrimaryKeyConstraint("owner_id", "key"),
    # the chore's question: which are old enough to be forgotten?
    Index("idempotency_keys_used_at_idx", "used_at"),
)


_FORGET = text("""
    DELETE FROM idempotency_keys WHERE (owner_id, key) IN (
      SELECT owner_id, key FROM idempotency_keys WHERE used_at < now() - make_interval(days => :days) LIMIT :limit)
""")


@dataclass(frozen=True)
class Replay:
    """The answer that an earlier call with the same key and request gave."""

    answer: Any


def check_key(key: str) -> str:
    """The key itself. Raises BadInput unless it is 8 to 64 letters, digits or `_.:-`."""
    if not KEY_SHAPE.fullmatch(key):
        raise BadInput(f"idempotency key {key[:80]!r} is malformed; allowed: 8 to 64 letters, digits or _ . : -")
    return key


def fingerprint(operation: str, request: dict[str, Any]) -> bytes:
    """16 bytes that stand for the request: equal for equal content, whatever the order of its keys."""
    content = orjson.dumps([operation, request], option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.blake2b(content, digest_size=16).digest()


async def begin(
    tx: Transaction, *, owner_id: UUID, key: str, operation: str, request: dict[str, Any], answer: Any = None
) -> Replay | None:
    """Take the key for this transaction; a Replay when it was used for the same request before.

    Two calls at once: the second waits for the first to commit, then replays it; if the first rolled back, the second
    does the work. An `answer` that is known before the work is done needs no `finish`. Raises IdempotencyConflict when the
    key was used for another request.
    """
    mark = fingerprint(operation, request)
    values = {"owner_id": owner_id, "key": check_key(key), "fingerprint": mark}
    if answer is not None:
        values["answer"] = answer
    if await tx.execute(insert(keys).values(values).on_conflict_do_nothing()):
        return None
    replay = await recall(tx, owner_id=owner_id, key=key, operation=operation, request=request)
    assert replay is not None
    return replay


async def recall(
    reader: Reader | Database, *, owner_id: UUID, key: str, operation: str, request: dict[str, Any]
) -> Replay | None:
    """The Replay that `begin` would give, without taking the key: for what must be done before the transaction.

    None says nothing of a call that is under way. Raises IdempotencyConflict as `begin` does.
    """
    found = select(keys.c.fingerprint, keys.c.answer).where(keys.c.owner_id == owner_id, keys.c.key == check_key(key))
    row = await reader.one(found)
    if row is None:
        return None
    if row.fingerprint != fingerprint(operation, request):
        raise IdempotencyConflict(key=key)
    return Replay(row.answer)


async def finish(tx: Transaction, *, owner_id: UUID, key: str, answer: Any) -> None:
    """Remember what the call gave back: JSON, enough to give the same answer again."""
    await tx.execute(update(keys).where(keys.c.owner_id == owner_id, keys.c.key == key).values(answer=answer))


async def forget(tx: Transaction, *, days: int = 30, limit: int = 10_000) -> int:
    """Drop keys older than `days`, at most `limit` of them; how many went."""
    return await tx.execute(_FORGET, {"days": days, "limit": limit})
