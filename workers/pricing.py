"""What pricing learns from orders: for how much goods were really sold."""

from domain.orders.events import OrderPaid
from domain.orders.queries import lines_by_order_ids
from domain.pricing import deals
from domain.pricing.deals import Deal
from workers.context import WorkerContext
from workers.hearing import hears


@hears(OrderPaid)
async def count_deals(context: WorkerContext, event: OrderPaid) -> None:
    """Note the prices that were paid. Safe to run twice: an order's deals are counted once."""
    db = context.market.db
    lines = (await lines_by_order_ids(db, [event.order_id])).get(event.order_id, [])
    sold = [Deal(line.sku_id, line.quantity, line.total.minor) for line in lines]
    await deals.count(db, order_id=event.order_id, deals=sold, sold_at=event.paid_at, now=context.now())
