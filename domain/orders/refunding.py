"""How money and goods go back, as far as the order is concerned. Who may ask for it is the after-sales' affair: they call this
in their own transaction, with the order locked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from domain.foundation.database import Transaction
from domain.foundation.money import Money
from domain.ledger import store as ledger
from domain.ledger.rules import EntryKind
from domain.orders import postings, rules, store
from domain.orders.events import OrderGivenBack
from domain.orders.rules import Fulfilment, Line, LineRefund, Order, OrderState
from domain.payments import store as payments
from domain.stock import store as stock
from domain.stock.rules import Units


async def give_back(
    tx: Transaction, order: Order, refunds: Sequence[LineRefund], *, reason: str, cause_id: UUID, now: datetime
) -> UUID | None:
    """Money for these units goes back, and units that never left are free again; the refund's id, None when it is of nothing.

    An order whose last unit goes back is refunded, also where some of its money stays; one of which nothing is left to send
    is shipped. The database refuses more units than were bought and more money than was paid, whatever races for it;
    `cause_id` gives back once. Raises OrderNotRefundable unless the order has its money.
    """
    rules.check_refundable(order)
    amount = sum(refund.goods_minor + refund.freight_minor for refund in refunds)
    await store.add_refunded(tx, order, refunds)
    lines = await store.lines_of(tx, order.id)
    refund_id = await _ask_refund(tx, order, amount, reason=reason, cause_id=cause_id, now=now) if amount else None
    is_whole = all(line.refunded == line.quantity for line in lines)
    if is_whole:
        await _end(tx, order, lines, now=now)
    elif _is_sent(order, lines):
        await store.move(tx, order, OrderState.SHIPPED, shipped_at=now, receive_by=now + rules.RECEIVED_AFTER_SHIPPED)
    tx.record(
        OrderGivenBack(order.id, order.source, order.source_id, cause_id, amount, is_whole=is_whole, agreed_at=now)
    )
    await _free(tx, order, lines, {refund.position: refund.unsent for refund in refunds}, now=now)
    return refund_id


async def take_goods_back(
    tx: Transaction, order: Order, units: Mapping[int, int], *, cause_id: UUID, now: datetime
) -> None:
    """Sent units (by line position) that came back are free again; their suppliers are owed no more for them.

    The database refuses more than were refunded. `cause_id` takes back once.
    """
    lines = await store.lines_of(tx, order.id)
    await store.add_restocked(tx, order.id, units)
    owed = postings.supplied(EntryKind.SUPPLY_RETURNED, order, lines, units, cause_id=cause_id, at=now)
    await ledger.post(tx, owed, now=now)
    await _free(tx, order, lines, units, now=now)


async def _ask_refund(
    tx: Transaction, order: Order, amount_minor: int, *, reason: str, cause_id: UUID, now: datetime
) -> UUID:
    assert order.paid_with is not None, "money of an order that was free"
    amount = Money(amount_minor, order.total.currency)
    refund_id = await payments.ask_refund(tx, order.paid_with, amount=amount, reason=reason, cause_id=cause_id, now=now)
    entry = postings.refund_agreed(order, refund_id=refund_id, amount_minor=amount_minor, at=now)
    await ledger.post(tx, [entry], now=now)
    return refund_id


async def _end(tx: Transaction, order: Order, lines: Sequence[Line], *, now: datetime) -> None:
    """Nothing is left of the order: it is never received any more, so what stays of its money is earned now."""
    await store.move(tx, order, OrderState.REFUNDED, refunded_at=now)
    if order.received_at is None:
        await ledger.post(tx, postings.rest_kept(order, lines, now), now=now)


def _is_sent(order: Order, lines: Sequence[Line]) -> bool:
    """Whether no unit waits for a parcel any more, though the order does. What is fetched has no parcels."""
    waits = order.state is OrderState.PAID and order.fulfilment is Fulfilment.DELIVERY
    return waits and not any(line.to_ship for line in lines)


async def _free(
    tx: Transaction, order: Order, lines: Sequence[Line], units: Mapping[int, int], *, now: datetime
) -> None:
    freed = [Units(line.sku_id, units[line.position], line.allotment_id) for line in lines if units.get(line.position)]
    if freed:
        await stock.take_back(tx, order.id, freed, cause=store.cause_of([order.id]), now=now)
