"""Where parcels are: what the tracking company brings, and what it is asked about parcels not heard of for long."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from domain.foundation.database import Database, Transaction
from domain.orders import fulfilling
from domain.orders import queries as orders
from domain.orders import store as orders_store
from domain.orders.rules import Order, OrderState
from domain.shipments import rules, store
from domain.shipments.rules import CARRIERS, Shipment, ShipmentState, TrackingEvent
from domain.shipments.tracking import Push, TrackingCompany, TrackingFailed

log = structlog.get_logger(__name__)

SILENCE = timedelta(hours=24)
"""After so long without a word of a parcel the company is asked."""
FOLLOWED_FOR = timedelta(days=60)
"""A parcel that has not arrived by then is staff's affair."""


async def take_push(db: Database, push: Push, *, now: datetime) -> int:
    """Keep what a verified push tells; how much of it was new. The same one again, or an older one, changes nothing."""
    async with db.transaction() as tx:
        ids = await store.ids_by_number(tx, push.carriers, push.number)
    return sum([await _hear(db, shipment_id, push.number, push.events, now) for shipment_id in ids])


async def follow_due(db: Database, company: TrackingCompany, *, now: datetime, limit: int) -> int:
    """Have new parcels followed, and ask about silent ones; how many were due. Safe side by side.

    What the company does not answer is tried again after ten minutes.
    """
    async with db.transaction() as tx:
        due = await store.take_looks(tx, now=now, limit=limit)
    found = await orders.by_ids(db, [shipment.order_id for shipment in due])
    calls = (_look(db, company, shipment, _phone(found[shipment.order_id]), now) for shipment in due)
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
    return len(due)


async def hasten_receipt(db: Database, *, order_id: UUID) -> None:
    """Bring receipt forward where all parcels of a sent order were delivered before it counted as sent: its last units were
    given back instead. A second call changes nothing, nor does one for an order that still waits for a parcel.
    """
    async with db.transaction() as tx:
        await _hasten_receipt(tx, await orders_store.lock(tx, order_id))


async def _look(db: Database, company: TrackingCompany, shipment: Shipment, phone: str, now: datetime) -> None:
    is_over = now >= shipment.shipped_at + FOLLOWED_FOR or not CARRIERS[shipment.carrier].tracking
    if is_over:
        async with db.transaction() as tx:
            await store.look_again(tx, shipment.id, look_at=None)
        return
    try:
        if shipment.followed_at is None:
            await company.follow(shipment, phone=phone)
            async with db.transaction() as tx:
                await store.set_followed(tx, shipment, look_at=now + SILENCE, now=now)
        else:
            events = await company.ask(shipment, phone=phone)
            await _hear(db, shipment.id, shipment.tracking_number, events, now)
    except TrackingFailed as failure:
        log.warning("tracking_failed", shipment=str(shipment.id), error=str(failure))


async def _hear(db: Database, shipment_id: UUID, number: str, events: Sequence[TrackingEvent], now: datetime) -> int:
    """Keep what was told of a parcel, and where it is by all that was ever told; how much was new."""
    async with db.transaction() as tx:
        order = await orders_store.lock(tx, await store.order_id_of(tx, shipment_id))
        shipment = await store.lock(tx, shipment_id)
        if shipment.tracking_number != number:  # corrected while the company was telling of the wrong one
            return 0
        believed = [event for event in events if rules.is_believable(event, shipment, now)]
        new = await store.add_events(tx, shipment_id, believed, now=now)
        state, delivered_at = rules.standing(await store.events_of(tx, shipment_id), shipment)
        look_at = None if state is ShipmentState.DELIVERED else now + SILENCE
        await store.set_standing(tx, shipment_id, state, delivered_at, look_at=look_at)
        if state is ShipmentState.DELIVERED and shipment.state is not ShipmentState.DELIVERED:
            await _hasten_receipt(tx, order)
    return new


async def _hasten_receipt(tx: Transaction, order: Order) -> None:
    """All parcels of a sent order are delivered: its shopper counts as having the goods a week later."""
    if order.state is not OrderState.SHIPPED or order.receive_by is None:
        return
    delivered = [shipment.delivered_at for shipment in await store.of_order(tx, order.id)]
    last = max((moment for moment in delivered if moment is not None), default=None)
    if last is None or None in delivered:
        return
    is_extended = await store.is_extended(tx, order.id)
    receive_by = rules.receive_by_after_delivery(order, last, is_extended=is_extended)
    if receive_by != order.receive_by:
        await fulfilling.move_receipt(tx, order, receive_by)


def _phone(order: Order) -> str:
    return order.destination.phone if order.destination else ""
