"""Drop-shipping (一件代发): what suppliers have to send for us, and their signed letters about the parcels they sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select

from domain.addresses.rules import Destination
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound, Refusal
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.orders import store as orders_store
from domain.orders.rules import Order, OrderState, shown_number
from domain.orders.tables import lines, orders
from domain.shipments import rules, shipping
from domain.shipments.rules import ROWS_AT_ONCE, Carrier
from domain.suppliers.rules import Letter, Supplier, SupplierEnded


@dataclass(frozen=True, slots=True)
class Sent:
    """A parcel a supplier tells of; no `units` means everything of its own that the order still waits for."""

    order_number: str
    carrier: Carrier
    tracking_number: str
    units: Mapping[int, int] | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Units of a supplier's that a paid, confirmed order waits for, and where they go."""

    order_id: UUID
    order_number: str
    paid_at: datetime
    position: int
    sku_id: UUID
    title: str
    units: int
    destination: Destination
    remark: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a parcel that was told of: its id, or why it is refused."""

    order_number: str
    shipment_id: UUID | None
    error: Refusal | BadInput | None = None


async def waiting(db: Database, supplier_id: UUID, *, first: int, after: str | None = None) -> Page[Waiting]:
    """What a supplier has to send, by order, the oldest first."""
    o, line = orders.c, lines.c
    to_ship = line.quantity - line.shipped - line.unsent
    found = (
        select(
            o.id, o.number, o.placed_at, o.paid_at, o.destination, o.remark,
            line.position, line.sku_id, line.title, to_ship.label("to_ship"),
        )
        .join_from(lines, orders)
        .where(line.supplier_id == supplier_id, o.state == OrderState.PAID, o.is_confirmed)
        .where(o.destination.isnot(None), to_ship > 0)
        .order_by(o.id, line.position)
    )  # fmt: skip
    if after is not None:
        order_id, position = read_cursor(after, UUID, int)
        found = found.where((o.id > order_id) | ((o.id == order_id) & (line.position > position)))
    rows = await db.rows(found.limit(page_size(first) + 1))
    return page_of([_waiting(row) for row in rows], first, lambda one: (str(one.order_id), one.position))


def read(body: bytes) -> list[Sent]:
    """`[{"order": "26111100100001", "carrier": "sf", "number": "SF...", "lines": {"1": 2}}, ...]`, `lines` optional.

    Raises BadInput when it cannot be read; a carrier we do not know is "other".
    """
    try:
        told = orjson.loads(body)
        if not isinstance(told, list) or not 1 <= len(told) <= ROWS_AT_ONCE:
            raise ValueError(f"a list of 1 to {ROWS_AT_ONCE} parcels is wanted")
        return [_sent(one) for one in told]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"the parcels cannot be read: {str(error)[:200]}") from None


async def take(db: Database, supplier: Supplier, letter: Letter, parcels: list[Sent], *, now: datetime) -> list[Heard]:
    """Send what the supplier says it sent, each in a transaction of its own; the letter is verified. In the same order.

    The same reference with the same parcels again sends nothing, and sends what a crash left. Raises SupplierEnded,
    IdempotencyConflict.
    """
    if supplier.ended_at is not None:
        raise SupplierEnded(supplier_id=supplier.id, ended_at=supplier.ended_at)
    return [
        await _hear(db, supplier, parcel, reference=letter.reference, number=number, now=now)
        for number, parcel in enumerate(parcels)
    ]


async def _hear(db: Database, supplier: Supplier, parcel: Sent, *, reference: str, number: int, now: datetime) -> Heard:
    try:
        return Heard(parcel.order_number, await _send(db, supplier, parcel, key=f"{reference}:{number}", now=now))
    except IdempotencyConflict:
        raise
    except (Refusal, BadInput) as error:
        return Heard(parcel.order_number, None, error)


async def _send(db: Database, supplier: Supplier, parcel: Sent, *, key: str, now: datetime) -> UUID:
    tracking_number = rules.check_tracking_number(parcel.carrier, parcel.tracking_number)
    units = None if parcel.units is None else {str(line): quantity for line, quantity in sorted(parcel.units.items())}
    request = {"order": parcel.order_number, "carrier": parcel.carrier, "number": tracking_number, "units": units}
    async with db.transaction() as tx:
        replay = await idempotency.begin(tx, owner_id=supplier.id, key=key, operation="supplier_sent", request=request)
        if replay:
            return UUID(replay.answer)
        order = await _order_of(tx, supplier, parcel.order_number)
        shipment = await shipping.send(
            tx,
            order,
            parcel.units,
            carrier=parcel.carrier,
            number=tracking_number,
            by=supplier.id,
            now=now,
            supplier_id=supplier.id,
        )
        await idempotency.finish(tx, owner_id=supplier.id, key=key, answer=str(shipment.id))
    return shipment.id


async def _order_of(tx: Transaction, supplier: Supplier, order_number: str) -> Order:
    """The order, locked. Raises NotFound where none of it is the supplier's: that it exists is not told."""
    found = await tx.value(select(orders.c.id).where(orders.c.number == _running(order_number)))
    order = await orders_store.lock(tx, found) if found else None
    theirs = (
        [line for line in await orders_store.lines_of(tx, found) if line.supplier_id == supplier.id] if found else []
    )
    if order is None or order.number != order_number or not theirs:
        raise NotFound(kind="order", id=order_number)
    return order


def _sent(told: Any) -> Sent:
    number, name = str(told["number"]), str(told["carrier"]).lower()
    order_number = str(told["order"])
    if not order_number.isascii() or not order_number.isdigit() or not 9 <= len(order_number) <= 20:
        raise ValueError(f"{order_number[:30]!r} is no order number")
    units = told.get("lines")
    if units is not None:
        units = {int(position): quantity for position, quantity in units.items()}
        if not units or any(type(quantity) is not int for quantity in units.values()):
            raise ValueError("lines are whole numbers of units by line")
    carrier = Carrier(name) if name in set(Carrier) else Carrier.OTHER
    return Sent(order_number, carrier, number, units)


def _waiting(row: Any) -> Waiting:
    return Waiting(
        order_id=row.id,
        order_number=shown_number(row.number, row.placed_at),
        paid_at=row.paid_at,
        position=row.position,
        sku_id=row.sku_id,
        title=row.title,
        units=row.to_ship,
        destination=Destination(**row.destination),
        remark=row.remark,
    )


def _running(order_number: str) -> int:
    """The running number in what people read out: after the six digits of the day."""
    return int(order_number[6:])
