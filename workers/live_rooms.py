"""Live rooms in the background: which orders were placed in a room, reminders, and what nobody has told or ended."""

from domain.live_rooms import reminding, running, store, telling
from domain.live_rooms.rules import Channel
from domain.orders.events import OrderCancelled, OrderGivenBack, OrderLapsed, OrderPaid
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

REMINDERS = 200
"""Sent in one round."""
A_ROUND = 20
"""Rooms ended, and sales told of, at once."""


@hears(OrderPaid)
async def note_order(context: WorkerContext, event: OrderPaid) -> None:
    """An order of a sale that was started in a room belongs to the room. Safe to run twice: it is noted once.

    Orders from the shelf are noted by checkout itself.
    """
    if event.source not in {Channel.FLASH_SALE, Channel.GROUP_BUY}:
        return
    async with context.market.db.transaction() as tx:
        room_id = await store.room_of_order(tx, event.source, event.source_id)
        if room_id is not None:
            await store.note_sold(tx, event.order_id, room_id, Channel(event.source))


@hears(OrderPaid)
@hears(OrderLapsed)
@hears(OrderCancelled)
@hears(OrderGivenBack)
async def poke_buyer(context: WorkerContext, event: OrderPaid | OrderLapsed | OrderCancelled | OrderGivenBack) -> None:
    """Whoever watches the room that their order belongs to looks it up. Safe to run twice: they look twice."""
    await context.pokes.order(event.order_id, now=context.now())


@every(seconds=1.0)
async def poke_members(context: WorkerContext) -> None:
    """So do the members of groups that have ended."""
    await context.pokes.ended_groups(now=context.now())


@every(seconds=5.0)
async def remind(context: WorkerContext) -> None:
    """Remind those who reserved a room that begins. Safe to run twice: whoever was reminded is not due any more."""
    messenger = reminding.messenger_of(context.market.settings)
    if messenger is not None:
        await reminding.remind(context.market.db, messenger, now=context.now(), limit=REMINDERS)


@every(seconds=5.0)
async def tell_untold(context: WorkerContext) -> None:
    """Tell rooms of sales that run there unknown to them. Safe to run twice: a room is told of each once."""
    await telling.tell_untold(context.market.db, context.bus, now=context.now(), limit=A_ROUND)


@every(seconds=60.0)
async def end_forgotten(context: WorkerContext) -> None:
    """End rooms that have been on for a day. Safe to run twice: an ended room stays ended."""
    await running.end_forgotten(context.market.db, context.bus, now=context.now(), limit=A_ROUND)
