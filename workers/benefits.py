"""What the timetable does for holders of benefits: it gives what is due, and tries again what could not be given."""

from domain.benefits import granting
from workers.context import WorkerContext
from workers.timetable import every


@every(seconds=30)
async def grant_due(context: WorkerContext) -> None:
    """Coupons of months that have begun, gifts of birthdays that are here. Safe to run twice: a period has one grant."""
    while await granting.grant_due(context.market.db, now=context.now()) == granting.AT_ONCE:
        pass


@every(seconds=300)
async def retry_failed(context: WorkerContext) -> None:
    """What could not be given before, once its time has come. Safe to run twice: what was given keeps its key."""
    while await granting.retry_failed(context.market.db, now=context.now()) == granting.AT_ONCE:
        pass
