"""How paid goods reach the shopper, as far as the order is concerned. Parcels and pickups are others' affair: they call this
in their own transaction, with the order locked.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from domain.foundation.database import Transaction
from domain.ledger import store as ledger
from domain.ledger.rules import EntryKind
from domain.orders import postings, rules, store
from domain.orders.events import OrderReceived, OrderShipped
from domain.orders.rules import Order, OrderState, Receiver


async def ship(tx: Transaction, order: Order, units: Mapping[int, int], *, shipment_id: UUID, now: datetime) -> bool:
    """So many units of each line (by its position) leave; whether nothing is left to send. Suppliers are owed their cost.

    Raises OrderNotShippable unless the order is paid, OrderNotConfirmed, and TooManyUnits for more units than are left to
    send.
    """
    rules.check_shippable(order)
    lines = await store.lines_of(tx, order.id)
    rules.check_units(units, {line.position: line.to_ship for line in lines})
    await store.add_shipped(tx, order.id, units)
    owed = postings.supplied(EntryKind.SUPPLIED, order, lines, units, cause_id=shipment_id, at=now)
    await ledger.post(tx, owed, now=now)
    is_complete = all(line.to_ship == units.get(line.position, 0) for line in lines)
    if is_complete:
        receive_by = now + rules.RECEIVED_AFTER_SHIPPED
        await store.move(tx, order, OrderState.SHIPPED, shipped_at=now, receive_by=receive_by)
    tx.record(OrderShipped(order.id, order.source, order.source_id, shipment_id, is_complete, shipped_at=now))
    return is_complete


async def receive(tx: Transaction, order: Order, *, by: Receiver, now: datetime) -> None:
    """The shopper has the goods: what was prepaid is earned. Raises OrderNotReceivable unless everything was sent, or, for a
    pickup, paid; OrderNotConfirmed. A store's handover makes suppliers owed their cost.
    """
    rules.check_receivable(order, by)
    lines = await store.lines_of(tx, order.id)
    entries = postings.received(order, lines, now)
    if by is Receiver.STORE:
        units = {line.position: line.to_ship for line in lines if line.to_ship}
        await store.add_shipped(tx, order.id, units)
        # what a supplier brought to the store leaves with the shopper: owed now, so that a return has something to reverse
        entries += postings.supplied(EntryKind.SUPPLIED, order, lines, units, cause_id=order.id, at=now)
    await store.move(tx, order, OrderState.RECEIVED, received_at=now, received_by=by)
    await ledger.post(tx, entries, now=now)
    tx.record(OrderReceived(order.id, order.source, order.source_id, received_at=now))


async def move_receipt(tx: Transaction, order: Order, receive_by: datetime) -> None:
    """The clock is to say earlier, or later, that the shopper has the goods. Raises OrderNotReceivable unless they are all
    on their way.
    """
    rules.check_receivable(order, Receiver.TIME)
    await store.set_receive_by(tx, order, receive_by)
