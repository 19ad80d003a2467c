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
from domain.orders.rules import LineRefund, Order, OrderState
from domain.payments import store as payments
from domain.stock import store as stock
from domain.stock.rules import Units


async def give_back(
    tx: Transaction, order: Order, refunds: Sequence[LineRefund], *, reason: str, cause_id: UUID, now: datetime
) -> UUID | None:
    """Money for these units goes back, and units that never left are free again; the refund's id, None when it is of nothing.

    The database refuses more units than were bought and more money than was paid, whatever races for it; `cause_id` gives
    back once. Raises OrderNotRefundable unless the order has its money.
    """
    rules.check_refundable(order)
    amount = sum(refund.goods_minor + refund.freight_minor for refund in refunds)
    lines = {line.position: line for line in await store.lines_of(tx, order.id)}
    await store.add_refunded(tx, order, refunds)
    refund_id = None
    if amount:
        assert order.paid_with is not None, "money of an order that was free"
        refund_id = await payments.ask_refund(
            tx, order.paid_with, amount=Money(amount, order.total.currency), reason=reason, cause_id=cause_id, now=now
        )
        entry = postings.refund_agreed(order, refund_id=refund_id, amount_minor=amount, at=now)
        await ledger.post(tx, [entry], now=now)
    asked = {refund.position: refund for refund in refunds}
    is_whole = all(
        line.refunded + (asked[position].quantity if position in asked else 0) == line.quantity
        for position, line in lines.items()
    )
    left = sum(line.to_ship - (asked[position].unsent if position in asked else 0) for position, line in lines.items())
    if is_whole:
        await store.move(tx, order, OrderState.REFUNDED, refunded_at=now)
    elif order.state is OrderState.PAID and left == 0 and order.fulfilment is rules.Fulfilment.DELIVERY:
        # nothing waits for a parcel any more: what was sent before was all there is
        await store.move(tx, order, OrderState.SHIPPED, shipped_at=now, receive_by=now + rules.RECEIVED_AFTER_SHIPPED)
    tx.record(
        OrderGivenBack(order.id, order.source, order.source_id, cause_id, amount, is_whole=is_whole, agreed_at=now)
    )
    freed = [
        Units(line.sku_id, asked[position].unsent, line.allotment_id)
        for position, line in lines.items()
        if position in asked and asked[position].unsent
    ]
    if freed:
        await stock.take_back(tx, order.id, freed, cause=store.cause_of([order.id]), now=now)
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
    freed = [Units(line.sku_id, units[line.position], line.allotment_id) for line in lines if units.get(line.position)]
    if freed:
        await stock.take_back(tx, order.id, freed, cause=store.cause_of([order.id]), now=now)
