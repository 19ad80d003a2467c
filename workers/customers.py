"""What customers are worth, and what is told of them all: kept up with what becomes of orders, shares and costs."""

from domain.customers import refreshing, standing, store
from domain.insights import member_days
from domain.orders.events import OrderGivenBack, OrderPaid
from domain.products.events import SkuCostSet
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every


@hears(OrderPaid)
@hears(OrderGivenBack)
async def note_changed(context: WorkerContext, event: OrderPaid | OrderGivenBack) -> None:
    """Heard after `workers.sharing`, so that it is known whose link the order came of. Safe to run twice: a customer who is
    noted again is worked out again, to the same.
    """
    async with context.market.db.transaction() as tx:
        await store.note_order(tx, event.order_id)


@hears(SkuCostSet)
async def note_buyers(context: WorkerContext, event: SkuCostSet) -> None:
    """Safe to run twice, for the same reason."""
    async with context.market.db.transaction() as tx:
        await store.note_buyers_of(tx, event.sku_id, since=event.since)


@every(seconds=5)
async def keep_up(context: WorkerContext) -> None:
    """Work out whoever has changed, then count everybody together now and then. Safe to run twice, and by two at once."""
    db = context.market.db
    await refreshing.refresh(db, now=context.now())
    await standing.stand(db, now=context.now())


@every(seconds=60)
async def keep_member_days(context: WorkerContext) -> None:
    """Add up what the day has brought of members so far. Safe to run twice: what was made a moment ago is left alone."""
    await member_days.keep(context.market.db, now=context.now())
