"""Units that come from outside and corrections, for many SKUs at once: counters and the ledger change together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text

from domain.foundation.database import Transaction
from domain.stock.rules import Cause, Level, Movement, Units
from domain.stock.tables import levels


async def lock_levels(tx: Transaction, sku_ids: Sequence[UUID]) -> dict[UUID, Level]:
    """The units of many SKUs, locked until the transaction ends; those that never had any are not in it."""
    c = levels.c
    rows = await tx.rows(
        select(c.sku_id, c.free, c.held, c.sold)
        .where(c.sku_id == func.any(list(sku_ids)))
        .order_by(c.sku_id)
        .with_for_update()
    )
    return {row.sku_id: Level(*row) for row in rows}


async def receive_many(tx: Transaction, units: Sequence[Units], *, cause: Cause, now: datetime) -> None:
    """Add units from outside to the free stock of many SKUs, each named once, in two statements."""
    await tx.execute(_RECEIVE, _columns(units))
    await tx.execute(_WRITE_MANY, _columns(units) | _about(Movement.RECEIVED, cause, now))


async def adjust_many(tx: Transaction, changes: Sequence[Units], *, cause: Cause, now: datetime) -> None:
    """Add to the free stock of many SKUs or, below zero, take from it; `lock_levels` has said that there is enough."""
    await tx.execute(_OPEN_LEVELS, {"sku_ids": _columns(changes)["sku_ids"]})
    await tx.execute(_ADJUST, _columns(changes))
    await tx.execute(_WRITE_MANY, _columns(changes) | _about(Movement.ADJUSTED, cause, now))


def _columns(units: Sequence[Units]) -> dict[str, list[Any]]:
    """SKUs and quantities, in lock order."""
    in_order = sorted(units, key=lambda some: some.sku_id)
    return {"sku_ids": [some.sku_id for some in in_order], "quantities": [some.quantity for some in in_order]}


def _about(movement: Movement, cause: Cause, now: datetime) -> dict[str, Any]:
    return {
        "movement": movement.value,
        "cause": cause.kind,
        "cause_id": cause.id,
        "by": cause.by,
        "reason": cause.reason,
        "moved_at": now,
    }


_RECEIVE = text("""
    INSERT INTO stock_levels (sku_id, total, free)
    SELECT sku_id, quantity, quantity
    FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:quantities AS bigint[])) AS given (sku_id, quantity)
    ON CONFLICT (sku_id) DO UPDATE SET total = stock_levels.total + EXCLUDED.total,
                                       free = stock_levels.free + EXCLUDED.free
""")
_OPEN_LEVELS = text("""
    INSERT INTO stock_levels (sku_id) SELECT * FROM unnest(CAST(:sku_ids AS uuid[])) ON CONFLICT DO NOTHING
""")
_ADJUST = text("""
    UPDATE stock_levels SET total = total + quantity, free = free + quantity
    FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:quantities AS bigint[])) AS given (id, quantity)
    WHERE sku_id = given.id
""")
_WRITE_MANY = text("""
    INSERT INTO stock_movements (sku_id, movement, quantity, cause, cause_id, by, reason, moved_at)
    SELECT sku_id, :movement, quantity, :cause, CAST(:cause_id AS uuid), CAST(:by AS uuid), :reason,
           CAST(:moved_at AS timestamptz)
    FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:quantities AS bigint[])) AS given (sku_id, quantity)
""")
