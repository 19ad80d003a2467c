"""How shipments change: the only SQL that writes them, what was heard of them and what happened at receipt."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.database import Transaction
from domain.foundation.errors import NotFound
from domain.shipments.rules import CODES_LOCKED_FOR, Carrier, Shipment, ShipmentState, TrackingEvent
from domain.shipments.tables import extensions, shipment_lines, shipments, tracking_events, wrong_codes

LEASE = timedelta(minutes=10)
"""A parcel the tracking company is being asked about is nobody else's for so long."""

s = shipments.c
COLUMNS = (
    s.id, s.order_id, s.supplier_id, s.carrier, s.tracking_number, s.state, s.shipped_at, s.shipped_by, s.delivered_at,
    s.followed_at,
)  # fmt: skip

e = tracking_events.c
EVENT_COLUMNS = (e.happened_at, e.state, e.words, e.place)

_ADD_EVENTS = text("""
    INSERT INTO tracking_events (shipment_id, happened_at, state, words, place, told_at)
    SELECT CAST(:shipment_id AS uuid), happened_at, state, words, place, CAST(:now AS timestamptz)
    FROM unnest(CAST(:moments AS timestamptz[]), CAST(:states AS text[]), CAST(:words AS text[]),
                CAST(:places AS text[])) AS told (happened_at, state, words, place)
    ON CONFLICT DO NOTHING
""")


def shipment_of(row: Any, units: Mapping[int, int] | None = None) -> Shipment:
    """A shipment out of a row of `COLUMNS`."""
    return Shipment(
        id=row.id,
        order_id=row.order_id,
        supplier_id=row.supplier_id,
        carrier=Carrier(row.carrier),
        tracking_number=row.tracking_number,
        state=ShipmentState(row.state),
        shipped_at=row.shipped_at,
        shipped_by=row.shipped_by,
        delivered_at=row.delivered_at,
        followed_at=row.followed_at,
        units=units,
    )


def event_of(row: Any) -> TrackingEvent:
    """A tracking event out of a row of `EVENT_COLUMNS`."""
    return TrackingEvent(row.happened_at, ShipmentState(row.state), row.words, row.place)


async def add(tx: Transaction, shipment: Shipment, units: Mapping[int, int]) -> None:
    """Write a parcel and what is in it; the tracking company is told at the next round."""
    await tx.execute(
        insert(shipments).values(
            id=shipment.id,
            order_id=shipment.order_id,
            supplier_id=shipment.supplier_id,
            carrier=shipment.carrier,
            tracking_number=shipment.tracking_number,
            state=shipment.state,
            shipped_at=shipment.shipped_at,
            shipped_by=shipment.shipped_by,
            look_at=shipment.shipped_at,
        )
    )
    of_order = {"shipment_id": shipment.id, "order_id": shipment.order_id}
    await tx.execute(
        insert(shipment_lines),
        [{**of_order, "position": position, "quantity": quantity} for position, quantity in units.items()],
    )


async def is_taken(tx: Transaction, order_id: UUID, carrier: Carrier, number: str) -> bool:
    """Whether the locked order has a parcel with this number."""
    of_order = select(s.id).where(s.order_id == order_id, s.carrier == carrier, s.tracking_number == number)
    return await tx.value(of_order) is not None


async def order_id_of(tx: Transaction, shipment_id: UUID) -> UUID:
    """The order a parcel belongs to, which is to be locked before the parcel. Raises NotFound."""
    order_id = await tx.value(select(s.order_id).where(s.id == shipment_id))
    if order_id is None:
        raise NotFound.of("shipment", shipment_id)
    return UUID(str(order_id))


async def lock(tx: Transaction, shipment_id: UUID) -> Shipment:
    """A parcel, locked until the transaction ends. Raises NotFound."""
    row = await tx.one(select(*COLUMNS).where(s.id == shipment_id).with_for_update())
    if row is None:
        raise NotFound.of("shipment", shipment_id)
    return shipment_of(row)


async def ids_by_number(tx: Transaction, carriers: Iterable[Carrier], number: str) -> list[UUID]:
    """Parcels with this number, in the order in which they are to be locked; one parcel may hold several orders' goods."""
    found = select(s.id).where(s.tracking_number == number, s.carrier == func.any(list(carriers))).order_by(s.id)
    return list(await tx.column(found))


async def of_order(tx: Transaction, order_id: UUID) -> list[Shipment]:
    """An order's parcels, oldest first."""
    return [shipment_of(row) for row in await tx.rows(select(*COLUMNS).where(s.order_id == order_id).order_by(s.id))]


async def lines_of(tx: Transaction, shipment_ids: Sequence[UUID]) -> dict[UUID, dict[int, int]]:
    """What is in these parcels: units by line position."""
    c = shipment_lines.c
    rows = await tx.rows(
        select(c.shipment_id, c.position, c.quantity)
        .where(c.shipment_id == func.any(list(shipment_ids)))
        .order_by(c.position)
    )
    found: dict[UUID, dict[int, int]] = {shipment_id: {} for shipment_id in shipment_ids}
    for row in rows:
        found[row.shipment_id][row.position] = row.quantity
    return found


async def correct_number(tx: Transaction, shipment: Shipment, carrier: Carrier, number: str, *, now: datetime) -> None:
    """The parcel has another number than was written: what was heard of the wrong one is forgotten."""
    await tx.execute(delete(tracking_events).where(e.shipment_id == shipment.id))
    corrected = {"carrier": carrier, "tracking_number": number, "state": ShipmentState.SHIPPED}
    await tx.execute(
        update(shipments).where(s.id == shipment.id).values(corrected | {"followed_at": None, "look_at": now})
    )


async def add_events(tx: Transaction, shipment_id: UUID, told: Sequence[TrackingEvent], *, now: datetime) -> int:
    """Keep what was heard of a parcel; how much of it was new."""
    return await tx.execute(
        _ADD_EVENTS,
        {
            "shipment_id": shipment_id,
            "now": now,
            "moments": [event.happened_at for event in told],
            "states": [event.state for event in told],
            "words": [event.words for event in told],
            "places": [event.place for event in told],
        },
    )


async def events_of(tx: Transaction, shipment_id: UUID) -> list[TrackingEvent]:
    """All that was heard of a parcel."""
    return [event_of(row) for row in await tx.rows(select(*EVENT_COLUMNS).where(e.shipment_id == shipment_id))]


async def set_standing(
    tx: Transaction, shipment_id: UUID, state: ShipmentState, delivered_at: datetime | None, *, look_at: datetime | None
) -> None:
    """Where the parcel is now, and when it is asked about if nothing more is heard."""
    values = {"state": state, "delivered_at": delivered_at, "look_at": look_at}
    await tx.execute(update(shipments).where(s.id == shipment_id).values(values))


async def take_looks(tx: Transaction, *, now: datetime, limit: int) -> list[Shipment]:
    """Parcels to be followed or asked about now. They are the caller's for `LEASE`; if it dies, somebody else's then."""
    due = select(s.id).where(s.look_at <= now).order_by(s.look_at).limit(limit)
    mine = due.with_for_update(skip_locked=True).cte("due")
    taken = update(shipments).where(s.id == mine.c.id).values(look_at=now + LEASE).returning(*COLUMNS)
    return [shipment_of(row) for row in await tx.rows(taken)]


async def set_followed(tx: Transaction, shipment: Shipment, *, look_at: datetime | None, now: datetime) -> None:
    """The tracking company will tell of it by itself, unless its number was corrected meanwhile."""
    same = (s.id == shipment.id) & (s.tracking_number == shipment.tracking_number)
    await tx.execute(update(shipments).where(same).values(followed_at=now, look_at=look_at))


async def look_again(tx: Transaction, shipment_id: UUID, *, look_at: datetime | None) -> None:
    """Ask about the parcel then; None: no more. One that was delivered meanwhile is not asked about."""
    still = (s.id == shipment_id) & (s.state != ShipmentState.DELIVERED)
    await tx.execute(update(shipments).where(still).values(look_at=look_at))


async def wrong_codes_of(tx: Transaction, order_id: UUID, *, now: datetime) -> tuple[int, datetime | None]:
    """How many wrong codes were tried of late for a locked order, and when the last was."""
    c = wrong_codes.c
    row = await tx.one(select(c.tries, c.last_at).where(c.order_id == order_id, c.last_at > now - CODES_LOCKED_FOR))
    return (row.tries, row.last_at) if row else (0, None)


async def count_wrong_code(tx: Transaction, order_id: UUID, *, tries: int, now: datetime) -> None:
    """Another wrong code: the n-th of late."""
    new = insert(wrong_codes).values(order_id=order_id, tries=tries, last_at=now)
    changed = {"tries": new.excluded.tries, "last_at": new.excluded.last_at}
    await tx.execute(new.on_conflict_do_update(index_elements=[wrong_codes.c.order_id], set_=changed))


async def is_extended(tx: Transaction, order_id: UUID) -> bool:
    """Whether the order's shopper was given more time to receive it."""
    found = select(extensions.c.order_id).where(extensions.c.order_id == order_id)
    return await tx.value(found) is not None


async def note_extension(tx: Transaction, order_id: UUID, *, now: datetime) -> None:
    """The shopper was given more time; the database refuses a second note."""
    await tx.execute(insert(extensions).values(order_id=order_id, extended_at=now))
