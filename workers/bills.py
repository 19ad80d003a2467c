"""What happens to the gateways' bills by themselves: each day's is compared with our books."""

import asyncio

from domain.payments import bills
from domain.payments.gateways import gateways_of
from workers.context import WorkerContext
from workers.timetable import every


@every(seconds=600.0)
async def compare_bills(context: WorkerContext) -> None:
    """Compare what the gateways have published. Safe to run twice: a day is compared once, whoever does it."""
    db, now = context.market.db, context.now()
    gateways = gateways_of(context.market.settings).values()
    compared = (bills.compare_due(db, gateway, now=now) for gateway in gateways)
    # one gateway's trouble is not the others': every one has its turn, then the first error is told
    for outcome in await asyncio.gather(*compared, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
