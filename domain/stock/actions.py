"""What staff can do with stock."""

from datetime import datetime
from uuid import UUID

from domain.foundation import idempotency
from domain.foundation.database import Database
from domain.foundation.errors import BadInput
from domain.stock import receiving, store
from domain.stock.rules import Cause, Level, NotEnoughStock, StockChanged, Units
from domain.trail import store as trail

LARGEST_CHANGE = 100_000_000


async def adjust(
    db: Database,
    *,
    sku_id: UUID,
    change: int,
    expected_free: int,
    reason: str,
    by: UUID,
    idempotency_key: str,
    now: datetime,
) -> Level:
    """Add to (or, below zero, take from) free stock; gives back the new level.

    Compare-and-swap: raises StockChanged when free stock is not `expected_free`, and NotEnoughStock when the change
    would take more than is free. The same key again changes nothing and answers with the level as it is then.
    """
    if change == 0 or abs(change) > LARGEST_CHANGE:
        raise BadInput(f"change is {change}; allowed: -{LARGEST_CHANGE} to {LARGEST_CHANGE}, not 0")
    if not reason.strip() or len(reason) > 500 or "\0" in reason:
        raise BadInput("reason must say why, in 1 to 500 characters")
    request = {"sku": sku_id, "change": change, "expected_free": expected_free, "reason": reason}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="adjust_stock", request=request
        )
        level = await store.lock_level(tx, sku_id)
        if replay:
            return level
        if level.free != expected_free:
            raise StockChanged(expected_free=expected_free, free=level.free)
        if level.free + change < 0:
            raise NotEnoughStock(sku_id=sku_id, wanted=-change, free=level.free)
        cause = Cause("adjustment", sku_id, by=by, reason=reason.strip())
        await receiving.adjust_many(tx, [Units(sku_id, change)], cause=cause, now=now)
        facts = {"change": change, "reason": cause.reason}
        await trail.note(tx, by=by, deed="adjust_stock", subject="sku", subject_id=sku_id, now=now, **facts)
        return await store.lock_level(tx, sku_id)
