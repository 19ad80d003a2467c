"""What becomes of points: received orders earn them, orders that end or go back return them, and unused ones expire."""

from domain.benefits.queries import privileges_of
from domain.orders import queries as orders
from domain.orders.events import OrderCancelled, OrderGivenBack, OrderLapsed, OrderPaid, OrderReceived
from domain.points import actions
from domain.points.rules import Cause
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

BATCH = 500


@hears(OrderReceived)
async def earn(context: WorkerContext, event: OrderReceived) -> None:
    """Safe to run twice: an order earns once. How much, its shopper's privileges say, as they were when it was received."""
    db = context.market.db
    shopper_id = (await orders.by_ids(db, [event.order_id]))[event.order_id].shopper_id
    held = (await privileges_of(db, [shopper_id], now=event.received_at))[shopper_id]
    await actions.earn(db, order_id=event.order_id, points_percent=held.points_percent, now=context.now())


@hears(OrderGivenBack)
async def give_back(context: WorkerContext, event: OrderGivenBack) -> None:
    """Safe to run twice: a refund moves points once, to where the order's own state says."""
    await actions.give_back(
        context.market.db, order_id=event.order_id, cause=Cause.REFUND, cause_id=event.cause_id, now=context.now()
    )


@hears(OrderLapsed)
@hears(OrderCancelled)
async def give_back_unpaid(context: WorkerContext, event: OrderLapsed | OrderCancelled) -> None:
    """Safe to run twice: the order's own state decides. Only checkout spends points."""
    if event.source is None:
        await actions.give_back(
            context.market.db, order_id=event.order_id, cause=Cause.ORDER, cause_id=event.order_id, now=context.now()
        )


@hears(OrderPaid)
async def spend_again(context: WorkerContext, event: OrderPaid) -> None:
    """Safe to run twice: only an order that late money has revived lacks its points, and once it has them, it has them."""
    if event.source is None:
        await actions.spend_again(context.market.db, order_id=event.order_id, now=context.now())


@every(seconds=10.0)
async def expire_due(context: WorkerContext) -> None:
    """Nobody can spend what is over, whether this has run or not: it keeps the books. Safe to run twice, side by side."""
    while await actions.expire_due(context.market.db, now=context.now(), limit=BATCH):
        pass
