"""What happens after money has moved, and what no notice told: the sweeps that ask the gateways."""

import asyncio
from datetime import datetime
from typing import Protocol

from domain.foundation.database import Database
from domain.orders import actions as orders
from domain.payments import actions
from domain.payments.events import PaymentCaptured
from domain.payments.gateways import Gateway, gateways_of
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

BATCH = 50


class Sweep(Protocol):
    """Does what is due at one gateway, at most `limit` of it; how many were due."""

    async def __call__(self, db: Database, gateway: Gateway, *, now: datetime, limit: int) -> int: ...  # noqa: D102


@hears(PaymentCaptured)
async def pay_order(context: WorkerContext, event: PaymentCaptured) -> None:
    """Hand the money to the order it is for. Safe to run twice: an order knows the payment it was paid with."""
    if event.payable == orders.PAYABLE:
        await orders.take_payment(
            context.market.db,
            payable_id=event.payable_id,
            payment_id=event.payment_id,
            amount_minor=event.amount_minor,
            captured_at=event.captured_at,
            now=context.now(),
        )


@every(seconds=1.0)
async def reconcile_pending(context: WorkerContext) -> None:
    """Find the money whose notice was lost. Safe to run twice: what is found goes the way of a notice."""
    await _at_every_gateway(context, actions.reconcile_pending)


@every(seconds=1.0)
async def refund_due(context: WorkerContext) -> None:
    """Give money back. Safe to run twice: a refund is given once, whoever asks for it."""
    await _at_every_gateway(context, actions.refund_due)


async def _at_every_gateway(context: WorkerContext, sweep: Sweep) -> None:
    """Sweep until nothing is due, at all gateways side by side, each to its end: one's trouble is not its neighbours'."""

    async def sweep_out(gateway: Gateway) -> None:
        while await sweep(context.market.db, gateway, now=context.now(), limit=BATCH) == BATCH:
            pass

    gateways = gateways_of(context.market.settings).values()
    for outcome in await asyncio.gather(*map(sweep_out, gateways), return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
