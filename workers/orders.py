"""What happens to orders by themselves: those nobody pays lapse, and many that are paid at once are sold at once."""

from collections.abc import Sequence

from domain.foundation import metrics
from domain.orders import actions, paying_together
from domain.payments.events import PaymentCaptured
from workers.context import WorkerContext
from workers.hearing import runs_ahead
from workers.timetable import every


@every(seconds=1.0)
async def lapse_due(context: WorkerContext) -> None:
    """Lapse what was not paid in time. Safe to run twice: a lapsed order is not due any more."""
    limit = context.market.settings.lapse_batch
    found = limit
    while found == limit:
        found = await actions.lapse_due(context.market.db, now=context.now(), limit=limit)
        metrics.lapsed.inc(found)


@runs_ahead(PaymentCaptured)
async def pay_orders_together(context: WorkerContext, events: Sequence[PaymentCaptured]) -> None:
    """Sell in one transaction what waits for its money. Safe to run twice: a paid order is left alone."""
    for_orders = [event for event in events if event.payable == actions.PAYABLE]
    await paying_together.take_payments(context.market.db, for_orders, now=context.now())
