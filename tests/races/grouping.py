"""What races of group-buys share: many at once, and money that comes while nobody has heard of it."""

import asyncio
import os
import random
from datetime import timedelta

from sqlalchemy import func, select

from domain.foundation.ids import new_id
from domain.group_buys import ending
from domain.orders import actions as orders

OVER = timedelta(hours=1)
"""When the time of a group is over."""
GROUPS = 20 if "FAULT_RUNS" in os.environ else 8


async def gather(*work):
    """Everything at once, raised exceptions as outcomes."""
    return await asyncio.gather(*work, return_exceptions=True)


async def shuffled(*work):
    """Everything at once, begun in random order; the outcomes in the order given."""
    begun = {}
    for number in random.sample(range(len(work)), len(work)):
        begun[number] = asyncio.ensure_future(work[number])
        await asyncio.sleep(random.choice((0, 0, 0.002, 0.005)))
    return await gather(*(begun[number] for number in range(len(work))))


async def count(db, table, *conditions):
    """How many rows."""
    return await db.value(select(func.count()).select_from(table).where(*conditions))


async def money_comes(given, seat, *, at=None):
    """The seat's order takes its money; nobody has heard of it yet."""
    order = await given.order_again(seat.order_id)
    payment = await given.money_for(order, at=at)
    await orders.take_payment(
        given.db,
        payable_id=order.id,
        payment_id=payment.id,
        amount_minor=payment.amount.minor,
        captured_at=at or given.now,
        now=at or given.now,
    )


def complete(given, group, *, now=None):
    """The merchant completes the group."""
    return ending.complete(
        given.db,
        group_id=group.id,
        by=new_id(),
        reason="门店活动",
        idempotency_key=f"complete-{new_id()}",
        now=now or given.now,
    )
