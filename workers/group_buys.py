"""Group-buys in the background: what became of the members' orders, groups whose time is over, and money that goes back."""

import structlog

from domain.foundation.reporting import note_failure
from domain.group_buys import actions, ending, outcomes, store
from domain.group_buys.joining import SOURCE
from domain.group_buys.rules import NEWS_TAKES
from domain.orders.events import OrderCancelled, OrderGivenBack, OrderLapsed, OrderPaid, OrderPaidLate
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

log = structlog.get_logger(__name__)

A_ROUND = 100
"""Groups, or seats, looked after at once."""


@every(seconds=0.5)
async def expire(context: WorkerContext) -> None:
    """End groups whose time is over, or was ended. Safe to run twice: an expired group is not open any more."""
    db = context.market.db
    while await ending.call_off_held(db, now=context.now(), limit=A_ROUND) == A_ROUND:
        pass
    while await ending.expire_due(db, now=context.now(), limit=A_ROUND, news_takes=NEWS_TAKES) == A_ROUND:
        pass


@every(seconds=30.0)
async def hear_again(context: WorkerContext) -> None:
    """Tell seats what their events have not. Safe to run twice: a seat that knows is not held."""
    told = await ending.hear_again(context.market.db, now=context.now(), limit=A_ROUND)
    if told:
        log.error("group_buy_news_lost", seats=told)


@every(seconds=0.5)
async def refund(context: WorkerContext) -> None:
    """Give the money of expired groups back. Safe to run twice: a refunded seat is not due any more."""
    while (await ending.refund_due(context.market.db, now=context.now(), limit=A_ROUND)).done == A_ROUND:
        pass


@every(seconds=5.0)
async def settle(context: WorkerContext) -> None:
    """Free what campaigns that are over have left."""
    db, now = context.market.db, context.now()
    async with db.reading() as reader:
        over = await store.to_settle(reader, now=now)
    for campaign_id in over:
        try:
            await actions.settle(db, campaign_id=campaign_id, now=now)
        except Exception as error:
            # one campaign's trouble must not keep the others waiting
            note_failure("group_buy_campaign_not_settled", error, campaign=str(campaign_id))


@hears(OrderPaid)
async def note_paid(context: WorkerContext, event: OrderPaid) -> None:
    """Safe to run twice: a paid seat stays paid."""
    if event.source == SOURCE and event.source_id:
        await outcomes.paid(context.market.db, seat_id=event.source_id, paid_at=event.paid_at)


@hears(OrderLapsed)
async def free_lapsed(context: WorkerContext, event: OrderLapsed) -> None:
    """Safe to run twice: a freed seat is held by nobody."""
    if event.source == SOURCE and event.source_id:
        await outcomes.ended_unpaid(context.market.db, seat_id=event.source_id, at=event.lapsed_at)


@hears(OrderCancelled)
async def free_cancelled(context: WorkerContext, event: OrderCancelled) -> None:
    """Safe to run twice: a freed seat is held by nobody."""
    if event.source == SOURCE and event.source_id:
        await outcomes.ended_unpaid(context.market.db, seat_id=event.source_id, at=event.cancelled_at)


@hears(OrderPaidLate)
async def decide_late_money(context: WorkerContext, event: OrderPaidLate) -> None:
    """Safe to run twice: an order that was revived or refused stays so."""
    if event.source == SOURCE:
        await outcomes.paid_late(
            context.market.db,
            seat_id=event.source_id,
            order_id=event.order_id,
            payment_id=event.payment_id,
            captured_at=event.captured_at,
            now=context.now(),
        )


@hears(OrderGivenBack)
async def free_given_back(context: WorkerContext, event: OrderGivenBack) -> None:
    """Safe to run twice: a refunded seat stays refunded."""
    if event.source == SOURCE and event.source_id and event.is_whole:
        await outcomes.given_back(context.market.db, seat_id=event.source_id, now=event.agreed_at)
