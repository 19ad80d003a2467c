"""What asking and deciding share: how an after-sale begins, and that an open one keeps the clock from saying "received"."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.after_sales import amounts, rules, store
from domain.after_sales.amounts import Wish
from domain.after_sales.rules import AfterSale, AfterSaleState
from domain.foundation.database import Transaction
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.orders import fulfilling
from domain.orders import store as orders
from domain.orders.rules import Order, OrderState


async def open_for(
    tx: Transaction, order: Order, wish: Wish, *, words: str = "", evidence: Sequence[str] = (), now: datetime
) -> AfterSale:
    """Write a request for units of a locked order, at the amounts of the rule. Raises what `amounts.quote` raises."""
    taken = await store.taken_of(tx, order.id)
    lines = amounts.quote(order, await orders.lines_of(tx, order.id), taken, wish, now=now)
    new = AfterSale(
        id=new_id(),
        order_id=order.id,
        shopper_id=order.shopper_id,
        kind=wish.kind,
        state=AfterSaleState.REQUESTED,
        reason=wish.reason,
        words=words,
        evidence=evidence,
        asked=Money(amounts.asked_minor(lines), order.total.currency),
        agreed=None,
        requested_at=now,
        due_at=rules.due_at(AfterSaleState.REQUESTED, now),
    )
    await store.add(tx, new, lines)
    return new


async def put_off_receipt(tx: Transaction, order_id: UUID) -> None:
    """Have the clock wait with "received" while an after-sale of the order is open; never shorter than it would.

    To be called after every move into an open state, and when a locked order is sent while one is open. A second call
    changes nothing.
    """
    order = await orders.lock(tx, order_id)  # as it is after what was done to it
    open_until = await store.open_until(tx, order_id)
    if order.state is not OrderState.SHIPPED or order.receive_by is None or open_until is None:
        return
    receive_by = rules.receivable_from(open_until)
    if receive_by > order.receive_by:
        await fulfilling.move_receipt(tx, order, receive_by)
