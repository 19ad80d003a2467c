"""What happens to the gateways' bills by themselves: each day's is compared with our books."""

from domain.payments import bills
from domain.payments.gateways import gateways_of
from workers.context import WorkerContext
from workers.timetable import every


@every(seconds=600.0)
async def compare_bills(context: WorkerContext) -> None:
    """Compare what the gateways have published. Safe to run twice: a day is compared once, whoever does it."""
    for gateway in gateways_of(context.market.settings).values():
        await bills.compare_due(context.market.db, gateway, now=context.now())
