"""What happens to orders by themselves: those nobody pays lapse."""

from domain.foundation import metrics
from domain.orders import actions
from workers.context import WorkerContext
from workers.timetable import every


@every(seconds=1.0)
async def lapse_due(context: WorkerContext) -> None:
    """Lapse what was not paid in time. Safe to run twice: a lapsed order is not due any more."""
    limit = context.market.settings.lapse_batch
    found = limit
    while found == limit:
        found = await actions.lapse_due(context.market.db, now=context.now(), limit=limit)
        metrics.lapsed.inc(found)
