"""Small chores: the figures of the outbox and of stuck money, and forgetting what nobody needs any more."""

from datetime import timedelta

from domain.accounts import sessions
from domain.back_office import stuck
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


@every(seconds=15)
async def count_stuck_money(context: WorkerContext) -> None:
    """Set the gauges an alarm looks at. Safe to run twice: it only reads."""
    found = await stuck.count(context.market.db, now=context.now())
    metrics.refunds_due.set(found.refunds_due)
    metrics.refunds_overdue.set(found.refunds_overdue)
    metrics.receipts_unmatched.set(found.receipts_unmatched)
    metrics.bill_differences_open.set(found.bill_differences_open)
    metrics.after_sales_overdue.set(found.after_sales_overdue)
    metrics.group_refunds_overdue.set(found.group_refunds_overdue)
    metrics.group_refunds_oldest.set(found.group_refunds_oldest_seconds)


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


@every(seconds=600)
async def forget_sessions(context: WorkerContext) -> None:
    """Drop what is left of sessions that nobody can continue. Safe to run twice: what is gone is gone."""
    while await sessions.forget(context.market.db, now=context.now(), limit=AT_ONCE) == AT_ONCE:
        pass
