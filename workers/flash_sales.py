"""Flash sales in the background: reserving, warming, settling, and keeping the gates true."""

from datetime import datetime

import structlog

from domain.flash_sales import actions, outcomes, queries, rebuilding, reserving
from domain.flash_sales import gate as gates
from domain.flash_sales.reserving import SOURCE
from domain.flash_sales.rules import WARM_AHEAD, Sale, SaleState
from domain.foundation.errors import Refusal
from domain.foundation.reporting import note_failure
from domain.orders.events import OrderCancelled, OrderLapsed, OrderPaid, OrderPaidLate
from workers.broker import actor
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

log = structlog.get_logger(__name__)


@actor(queue="reserve", max_retries=3)
async def reserve(context: WorkerContext, lane: int) -> None:
    """Turn a lane's queue into orders until it is empty. Safe to run twice and side by side: see `reserving.reserve`."""
    market = context.market
    while True:
        batch = await reserving.reserve(
            market.db, market.gate, lane=lane, limit=market.settings.reserve_batch, now=context.now()
        )
        if batch.size == 0:
            break
        await context.pokes.tickets(batch.sale_id, batch.decided)
        await gates.stay_awake(market.gate, lane=lane)
    await gates.fall_asleep(market.gate, lane=lane)


@every(seconds=0.02)
async def wake_lanes(context: WorkerContext) -> None:
    """Send a worker to every lane with a queue that nobody looks after. A lane whose worker died is woken again."""
    market = context.market
    sales = await _watched.sales(context)
    lanes = [lane for sale in sales if sale.state is not SaleState.SCHEDULED for i in sale.items for lane in i.lanes]
    for lane, length in zip(lanes, await gates.queue_lengths(market.gate, lanes), strict=True):
        if length and await gates.wake(market.gate, lane=lane):
            await context.send("reserve", lane)


@every(seconds=0.5)
async def open_and_close(context: WorkerContext) -> None:
    """Warm what opens soon, settle what is over, and level the buckets of what is open."""
    for sale in await queries.living(context.market.db):
        try:
            await _look_after(context, sale, context.now())
        except Exception as error:
            # one sale's trouble must not keep the others from opening
            note_failure("sale_not_looked_after", error, sale=str(sale.id))


async def _look_after(context: WorkerContext, sale: Sale, now: datetime) -> None:
    market = context.market
    if sale.state is SaleState.SCHEDULED:
        if sale.begins_at - WARM_AHEAD <= now < sale.closes_at:
            await _warm(context, sale)
    elif sale.state is SaleState.STOPPED or now >= sale.closes_at:
        await actions.settle(market.db, market.gate, sale_id=sale.id, now=now)
    else:
        for item in sale.items:
            await rebuilding.balance(market.gate, item)


async def _warm(context: WorkerContext, sale: Sale) -> None:
    market = context.market
    try:
        await actions.warm(market.db, market.gate, sale_id=sale.id, now=context.now())
    except Refusal as refusal:
        # tried again at the next round: a merchandiser may bring the missing stock before the sale opens
        log.error("sale_not_warmed", sale=str(sale.id), begins_at=sale.begins_at.isoformat(), why=str(refusal))


@every(seconds=1.0)
async def reconcile(context: WorkerContext) -> None:
    """Compare the gates with the ledger and rebuild what is cold, of an old epoch, or different for good."""
    sales = await queries.living(context.market.db)
    await _watched.reconciler(context).run(sales)


@hears(OrderPaid)
async def note_paid(context: WorkerContext, event: OrderPaid) -> None:
    """Safe to run twice: a paid ticket stays paid."""
    if event.source == SOURCE and event.source_id:
        await outcomes.paid(context.market.db, ticket_id=event.source_id, paid_at=event.paid_at)


@hears(OrderLapsed)
async def return_lapsed(context: WorkerContext, event: OrderLapsed) -> None:
    """Safe to run twice: the gate knows a ticket that was given back."""
    if event.source == SOURCE and event.source_id:
        market = context.market
        await outcomes.lapsed(market.db, market.gate, ticket_id=event.source_id, lapsed_at=event.lapsed_at)


@hears(OrderCancelled)
async def return_cancelled(context: WorkerContext, event: OrderCancelled) -> None:
    """Safe to run twice: the gate knows a ticket that was given back."""
    if event.source == SOURCE and event.source_id:
        market = context.market
        await outcomes.lapsed(market.db, market.gate, ticket_id=event.source_id, lapsed_at=event.cancelled_at)


@hears(OrderPaidLate)
async def decide_late_money(context: WorkerContext, event: OrderPaidLate) -> None:
    """Safe to run twice: an order that was revived or refused stays so."""
    if event.source == SOURCE:
        market = context.market
        await outcomes.paid_late(
            market.db,
            market.gate,
            ticket_id=event.source_id,
            order_id=event.order_id,
            payment_id=event.payment_id,
            now=context.now(),
        )


class _Watched:
    """What the leader remembers between rounds: the living sales, asked for twice a second, and the reconciler."""

    def __init__(self) -> None:
        self._sales: list[Sale] = []
        self._asked_at = 0.0
        self._reconciler: rebuilding.Reconciler | None = None

    async def sales(self, context: WorkerContext) -> list[Sale]:
        """The living sales of at most half a second ago."""
        now = context.now().timestamp()
        if now - self._asked_at > 0.5:
            self._sales = await queries.living(context.market.db)
            self._asked_at = now
        return self._sales

    def reconciler(self, context: WorkerContext) -> rebuilding.Reconciler:
        """The process's reconciler."""
        if self._reconciler is None:
            self._reconciler = rebuilding.Reconciler(context.market.db, context.market.gate)
        return self._reconciler


_watched = _Watched()
