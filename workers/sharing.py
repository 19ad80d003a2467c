"""What came of share links: visits become those of whoever signs in, and orders that are paid count for their link."""

from domain.accounts.events import AccountSignedIn
from domain.orders import queries as orders
from domain.orders.events import OrderPaid
from domain.sharing import attributing, visiting
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

AT_ONCE = 5_000


@hears(AccountSignedIn)
async def claim_visits(context: WorkerContext, event: AccountSignedIn) -> None:
    """Safe to run twice: what was claimed waits no more."""
    await visiting.claim(
        context.market.db,
        visitor=event.visitor,
        shopper_id=event.account_id,
        signed_in_at=event.signed_in_at,
        now=context.now(),
    )


@hears(OrderPaid)
async def count_paid(context: WorkerContext, event: OrderPaid) -> None:
    """Note which link the order came of, if its promotion has not when it was placed, and that it is paid.

    Safe to run twice: an order comes of one link, and is paid once.
    """
    db = context.market.db
    order = (await orders.by_ids(db, [event.order_id]))[event.order_id]
    async with db.transaction() as tx:
        link_id = await attributing.attribute(
            tx, order_id=order.id, shopper_id=order.shopper_id, placed_at=order.placed_at
        )
        if link_id is not None:
            await attributing.paid(tx, order_id=order.id, paid_at=event.paid_at)


@every(seconds=600)
async def forget_visits(context: WorkerContext) -> None:
    """Drop what was opened by nobody known and counts no more. Safe to run twice: what is gone is gone."""
    while await visiting.forget(context.market.db, now=context.now(), limit=AT_ONCE) == AT_ONCE:
        pass
