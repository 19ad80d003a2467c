"""Small chores: the outbox's figures, and forgetting what nobody needs any more."""

from datetime import timedelta

from domain.foundation import idempotency, metrics, outbox
from workers.context import WorkerContext
from workers.timetable import every

KEEP_DELIVERED = timedelta(days=7)
AT_ONCE = 10_000


@every(seconds=5)
async def count_outbox(context: WorkerContext) -> None:
    """Set the gauges of waiting and dead events."""
    backlog = await outbox.backlog(context.market.db)
    metrics.events_waiting.set(backlog.waiting)
    metrics.events_dead.set(backlog.dead)


@every(seconds=600)
async def forget(context: WorkerContext) -> None:
    """Drop delivered events of last week and idempotency keys of last month."""
    db, before = context.market.db, context.now() - KEEP_DELIVERED
    gone = AT_ONCE
    while gone == AT_ONCE:
        async with db.transaction() as tx:
            gone = await outbox.forget_delivered(tx, before=before, limit=AT_ONCE)
    gone = AT_ONCE
    while gone == AT_ONCE:
        async with db.transaction() as tx:
            gone = await idempotency.forget(tx, limit=AT_ONCE)
