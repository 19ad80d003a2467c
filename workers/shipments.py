"""What happens after goods have left: WeChat is told, parcels are followed, and at last the shopper counts as having them."""

from domain.foundation import metrics
from domain.orders.events import OrderGivenBack, OrderReceived, OrderShipped
from domain.shipments import following, queries, receiving, uploading, uploads
from domain.shipments.tracking import company_of
from domain.shipments.wechat import shipping_of
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

BATCH = 50


@hears(OrderShipped)
@hears(OrderReceived)
@hears(OrderGivenBack)
async def open_upload(context: WorkerContext, event: OrderShipped | OrderReceived | OrderGivenBack) -> None:
    """Have WeChat told how the order was sent, or that nothing more of it will be. Safe to run twice: what it knows is kept."""
    await uploads.open_if_more(context.market.db, event.order_id, now=context.now())


@hears(OrderGivenBack)
async def hasten_receipt(context: WorkerContext, event: OrderGivenBack) -> None:
    """Where nothing is left to send, parcels delivered before count. Safe to run twice: receipt only ever comes earlier."""
    await following.hasten_receipt(context.market.db, order_id=event.order_id)


@every(seconds=1.0)
async def upload_due(context: WorkerContext) -> None:
    """Tell WeChat. Safe to run twice: an order is told of by one at a time, and the same words twice change nothing."""
    wechat = shipping_of(context.market.settings)
    if wechat is not None:
        while await uploading.upload_due(context.market.db, wechat, now=context.now(), limit=BATCH) == BATCH:
            pass


@every(seconds=2.0)
async def follow_due(context: WorkerContext) -> None:
    """Have parcels followed and ask about silent ones. Safe to run twice: what is told twice is kept once."""
    company = company_of(context.market.settings)
    if company is not None:
        while await following.follow_due(context.market.db, company, now=context.now(), limit=BATCH) == BATCH:
            pass


@every(seconds=5.0)
async def receive_due(context: WorkerContext) -> None:
    """Count goods as received whose shoppers say nothing. Safe to run twice: a received order is not due any more."""
    await receiving.receive_due(context.market.db, now=context.now(), limit=BATCH)


@every(seconds=15.0)
async def count_uploads(context: WorkerContext) -> None:
    """Set the gauge an alarm looks at: what WeChat is yet to be told, and what it refuses to hear."""
    for state, count in (await queries.count_uploads(context.market.db)).items():
        metrics.shipping_uploads.labels(state.value).set(count)
