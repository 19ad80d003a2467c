"""What happens to carts by themselves: those of guests who do not come back are forgotten."""

from domain.carts import actions
from workers.context import WorkerContext
from workers.timetable import every

AT_ONCE = 1_000


@every(seconds=600)
async def forget_guests(context: WorkerContext) -> None:
    """Drop guests' carts untouched for 30 days. Safe to run twice: what is gone is gone."""
    while await actions.forget(context.market.db, now=context.now(), limit=AT_ONCE) == AT_ONCE:
        pass
