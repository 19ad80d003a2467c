"""How parcels leave: one, many at once from a list, and a number that was written wrongly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput, IdempotencyConflict, Refusal
from domain.foundation.ids import encode, new_id
from domain.orders import fulfilling
from domain.orders import rules as orders
from domain.orders import store as orders_store
from domain.orders.rules import Order
from domain.shipments import rules, store, uploads
from domain.shipments.rules import ROWS_AT_ONCE, Carrier, Shipment, ShipmentState
from domain.trail import store as trail

KEY_OF_BATCH = 60
"""Characters of a list's idempotency key, at most: each row adds its number."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is to be sent of one order; no `units` means everything that is left."""

    order_id: UUID
    carrier: Carrier
    tracking_number: str
    units: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a row: a parcel, or why there is none."""

    row: Row
    shipment: Shipment | None
    error: Refusal | BadInput | None = None


async def ship(
    db: Database,
    *,
    order_id: UUID,
    lines: Mapping[int, int] | None,
    carrier: Carrier,
    tracking_number: str,
    by: UUID,
    idempotency_key: str,
    now: datetime,
) -> Shipment:
    """Send units of an order (by line position; None: all that are left) in one parcel. The same key again sends nothing.

    Raises NotFound, OrderNotShippable, OrderNotConfirmed, TooManyUnits, MixedSenders, TrackingNumberTaken, BadInput,
    IdempotencyConflict.
    """
    number = rules.check_tracking_number(carrier, tracking_number)
    request = {"order": order_id, "lines": _as_text(lines), "carrier": carrier, "number": number}
    async with db.transaction() as tx:
        replay = await idempotency.begin(tx, owner_id=by, key=idempotency_key, operation="ship_order", request=request)
        if replay:
            return await store.lock(tx, UUID(replay.answer))
        order = await orders_store.lock(tx, order_id)
        shipment = await send(tx, order, lines, carrier=carrier, number=number, by=by, now=now)
        facts = {"shipment": encode("shipment", shipment.id), "carrier": carrier, "tracking_number": number}
        await trail.note(
            tx,
            by=by,
            deed="ship_order",
            subject="order",
            subject_id=order_id,
            now=now,
            **facts,
            units=_as_text(shipment.units),
        )
        await idempotency.finish(tx, owner_id=by, key=idempotency_key, answer=str(shipment.id))
    return shipment


async def ship_many(
    db: Database, rows: Sequence[Row], *, by: UUID, idempotency_key: str, now: datetime
) -> list[Answer]:
    """Send parcels of up to 100 orders, each in a transaction of its own; each row's answer, in their order.

    The same key with the same rows again sends nothing, and sends what a crash left unsent.
    """
    if not 1 <= len(rows) <= ROWS_AT_ONCE:
        raise BadInput(f"{len(rows)} rows; allowed: 1 to {ROWS_AT_ONCE}")
    if len(idempotency.check_key(idempotency_key)) > KEY_OF_BATCH:
        raise BadInput(f"the idempotency key of a list has 8 to {KEY_OF_BATCH} characters")
    return [
        await _answer(db, row, by=by, key=f"{idempotency_key}:{number}", now=now) for number, row in enumerate(rows)
    ]


async def send(
    tx: Transaction,
    order: Order,
    lines: Mapping[int, int] | None,
    *,
    carrier: Carrier,
    number: str,
    by: UUID,
    now: datetime,
    supplier_id: UUID | None = None,
) -> Shipment:
    """A parcel of a locked order leaves; `supplier_id` says that it must be this supplier's.

    An open after-sale does not stop it: whoever decides that finds, under the same lock, what has left by then.
    """
    orders.check_shippable(order)
    kept = await orders_store.lines_of(tx, order.id)
    theirs = kept if supplier_id is None else [line for line in kept if line.supplier_id == supplier_id]
    units = rules.choose_units(theirs, lines)
    orders.check_units(units, {line.position: line.to_ship for line in theirs})
    sender = rules.check_one_sender(kept, units)
    if not units:
        raise orders.OrderNotShippable(order_id=order.id, state=order.state, has_destination=True)
    if await store.is_taken(tx, order.id, carrier, number):
        raise rules.TrackingNumberTaken(carrier=carrier, tracking_number=number)
    shipment = Shipment(new_id(), order.id, sender, carrier, number, ShipmentState.SHIPPED, now, by, units=dict(units))
    await fulfilling.ship(tx, order, units, shipment_id=shipment.id, now=now)
    await store.add(tx, shipment, units)
    return shipment


async def correct(
    db: Database, *, shipment_id: UUID, carrier: Carrier, tracking_number: str, by: UUID, now: datetime
) -> Shipment:
    """Give a parcel on its way the number it really has: it is followed anew, and WeChat is told again.

    Raises NotFound, ShipmentDelivered, TrackingNumberTaken, BadInput. A second call changes nothing.
    """
    number = rules.check_tracking_number(carrier, tracking_number)
    async with db.transaction() as tx:
        await orders_store.lock(tx, await store.order_id_of(tx, shipment_id))
        before = await store.lock(tx, shipment_id)
        if (before.carrier, before.tracking_number) == (carrier, number):
            return before
        if before.delivered_at is not None:
            raise rules.ShipmentDelivered(shipment_id=shipment_id, delivered_at=before.delivered_at)
        if await store.is_taken(tx, before.order_id, carrier, number):
            raise rules.TrackingNumberTaken(carrier=carrier, tracking_number=number)
        await store.correct_number(tx, before, carrier, number, now=now)
        await uploads.tell_again(tx, before.order_id, now=now)
        await trail.note(
            tx,
            by=by,
            deed="correct_tracking_number",
            subject="order",
            subject_id=before.order_id,
            now=now,
            shipment=encode("shipment", shipment_id),
            before=f"{before.carrier} {before.tracking_number}",
            after=f"{carrier} {number}",
        )
    return replace(before, carrier=carrier, tracking_number=number, state=ShipmentState.SHIPPED, followed_at=None)


async def _answer(db: Database, row: Row, *, by: UUID, key: str, now: datetime) -> Answer:
    try:
        shipment = await ship(
            db,
            order_id=row.order_id,
            lines=row.units,
            carrier=row.carrier,
            tracking_number=row.tracking_number,
            by=by,
            idempotency_key=key,
            now=now,
        )
    except IdempotencyConflict:
        raise  # another list under the same key: that is about the list, not about the row
    except (Refusal, BadInput) as error:
        return Answer(row, None, error)
    return Answer(row, shipment)


def _as_text(units: Mapping[int, int] | None) -> dict[str, int] | None:
    return None if units is None else {str(position): quantity for position, quantity in sorted(units.items())}
