"""What becomes of coupons: an order that ends gives its coupon back, one that late money revives takes it again.

Only checkout uses coupons, so orders of promotions are passed over.
"""

from domain.coupons import actions
from domain.orders.events import OrderCancelled, OrderGivenBack, OrderLapsed, OrderPaid
from workers.context import WorkerContext
from workers.hearing import hears


@hears(OrderPaid)
@hears(OrderLapsed)
@hears(OrderCancelled)
async def settle(context: WorkerContext, event: OrderPaid | OrderLapsed | OrderCancelled) -> None:
    """Safe to run twice: the order's own state decides."""
    if event.source is None:
        await actions.settle(context.market.db, order_id=event.order_id, now=context.now())


@hears(OrderGivenBack)
async def give_back(context: WorkerContext, event: OrderGivenBack) -> None:
    """What is refunded in part keeps its coupon. Safe to run twice: the order's own state decides."""
    if event.source is None and event.is_whole:
        await actions.settle(context.market.db, order_id=event.order_id, now=context.now())
