"""What happens to after-sales by themselves: the gateway gives money back, and the clock acts for whoever does nothing."""

from datetime import datetime
from uuid import UUID

from domain.after_sales import actions, deciding, queries
from domain.foundation.reporting import note_failure
from domain.orders.events import OrderShipped
from domain.payments.events import PaymentRefunded
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

BATCH = 100


@hears(PaymentRefunded)
async def note_refunded(context: WorkerContext, event: PaymentRefunded) -> None:
    """Safe to run twice: a refunded after-sale stays refunded. Money that nobody kept has no after-sale as its cause."""
    if event.cause_id is not None:
        db = context.market.db
        await actions.note_refunded(db, after_sale_id=event.cause_id, refunded_at=event.refunded_at)


@hears(OrderShipped)
async def put_off_receipt(context: WorkerContext, event: OrderShipped) -> None:
    """Safe to run twice: a receipt that waits for an open after-sale waits no longer for it the second time."""
    if event.is_complete:
        await actions.note_sent(context.market.db, order_id=event.order_id)


@every(seconds=5.0)
async def act_on_deadlines(context: WorkerContext) -> None:
    """Decide, close or pay where nobody has acted in time. Safe to run twice: what was acted on is not due any more."""
    db = context.market.db
    last: tuple[datetime, UUID] | None = None
    while due := await queries.due(db, now=context.now(), after=last, limit=BATCH):
        for last in due:
            try:
                # a sweep may be long, and what it decides sets deadlines of its own: each has its moment
                await deciding.act_on_deadline(db, after_sale_id=last[1], now=context.now())
            except Exception as error:
                # one after-sale's trouble must not keep the others waiting
                note_failure("deadline_not_acted_on", error, after_sale=str(last[1]))
