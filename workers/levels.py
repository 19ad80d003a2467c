"""What becomes of growth and levels: received orders and their refunds move growth, and the timetable ends guarantees."""

from domain.levels import actions
from domain.orders.events import OrderGivenBack, OrderReceived
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

AT_ONCE = 200


@hears(OrderReceived)
async def grow(context: WorkerContext, event: OrderReceived) -> None:
    """Safe to run twice: what the order is worth by now decides."""
    await actions.settle(context.market.db, order_id=event.order_id, cause_id=event.order_id, now=context.now())


@hears(OrderGivenBack)
async def take_back(context: WorkerContext, event: OrderGivenBack) -> None:
    """Of an order that was received. Safe to run twice: what the order is worth by now decides."""
    await actions.settle(context.market.db, order_id=event.order_id, cause_id=event.cause_id, now=context.now())


@every(seconds=5)
async def review_due(context: WorkerContext) -> None:
    """Decide anew what is guaranteed no more. Safe to run twice: what was decided is not due."""
    while await actions.review_due(context.market.db, now=context.now(), limit=AT_ONCE) == AT_ONCE:
        pass


@every(seconds=5)
async def climb(context: WorkerContext) -> None:
    """Move people to the ladder in force. Safe to run twice: who was moved stands on it."""
    while await actions.climb(context.market.db, now=context.now(), limit=AT_ONCE) == AT_ONCE:
        pass
