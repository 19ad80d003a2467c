"""How screens read shipments."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select, tuple_

from domain.foundation.database import Database
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.orders.tables import orders
from domain.shipments.rules import Shipment, TrackingEvent, Upload, UploadState
from domain.shipments.store import COLUMNS, EVENT_COLUMNS, e, event_of, s, shipment_of
from domain.shipments.tables import extensions, shipment_lines
from domain.shipments.uploads import UPLOAD_COLUMNS, u, upload_of


async def by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Shipment]:
    """Parcels that exist, by id, with what is in them."""
    return {shipment.id: shipment for shipment in await _with_units(db, s.id == func.any(list(ids)))}


async def by_order_ids(db: Database, order_ids: Sequence[UUID]) -> dict[UUID, list[Shipment]]:
    """The parcels of each order, oldest first; an empty list for an order without."""
    found: dict[UUID, list[Shipment]] = {order_id: [] for order_id in order_ids}
    for shipment in await _with_units(db, s.order_id == func.any(list(order_ids))):
        found[shipment.order_id].append(shipment)
    return found


async def events_by_shipment_ids(db: Database, shipment_ids: Sequence[UUID]) -> dict[UUID, list[TrackingEvent]]:
    """What was heard of each parcel, newest first; an empty list for one not heard of."""
    rows = await db.rows(
        select(e.shipment_id, *EVENT_COLUMNS)
        .where(e.shipment_id == func.any(list(shipment_ids)))
        .order_by(e.shipment_id, e.happened_at.desc(), e.told_at.desc())
    )
    found: dict[UUID, list[TrackingEvent]] = {shipment_id: [] for shipment_id in shipment_ids}
    for row in rows:
        found[row.shipment_id].append(event_of(row))
    return found


async def uploads_by_order_ids(db: Database, order_ids: Sequence[UUID]) -> dict[UUID, Upload]:
    """What WeChat was told of these orders, where it is to be told anything."""
    rows = await db.rows(select(*UPLOAD_COLUMNS).where(u.order_id == func.any(list(order_ids))))
    return {row.order_id: upload_of(row) for row in rows}


async def extended_by_order_ids(db: Database, order_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """True for each order whose receipt its shopper has put off; the others are not in it."""
    c = extensions.c
    return dict.fromkeys(await db.column(select(c.order_id).where(c.order_id == func.any(list(order_ids)))), True)


async def uploads(db: Database, state: UploadState, *, first: int, after: str | None = None) -> Page[Upload]:
    """Uploads in one state, those that wait longest first."""
    longest_first = select(*UPLOAD_COLUMNS).where(u.state == state).order_by(u.due_since, u.order_id)
    if after is not None:
        due_since, order_id = read_cursor(after, datetime, UUID)
        beyond = (u.due_since > due_since) | ((u.due_since == due_since) & (u.order_id > order_id))
        longest_first = longest_first.where(beyond)
    rows = await db.rows(longest_first.limit(page_size(first) + 1))
    return page_of([upload_of(row) for row in rows], first, lambda upload: (upload.due_since, str(upload.order_id)))


async def count_uploads(db: Database) -> dict[UploadState, int]:
    """How many uploads wait and how many were refused: what an alarm looks at."""
    open_states = [UploadState.DUE, UploadState.REFUSED]
    rows = await db.rows(select(u.state, func.count()).where(u.state == func.any(open_states)).group_by(u.state))
    found = {UploadState(state): int(count) for state, count in rows}
    return {state: found.get(state, 0) for state in open_states}


async def _with_units(db: Database, which: ColumnElement[bool]) -> list[Shipment]:
    rows = await db.rows(select(*COLUMNS).where(which).order_by(s.id))
    c = shipment_lines.c
    units: dict[UUID, dict[int, int]] = {row.id: {} for row in rows}
    inside = select(c.shipment_id, c.position, c.quantity).where(c.shipment_id == func.any(list(units)))
    for row in await db.rows(inside.order_by(c.position)):
        units[row.shipment_id][row.position] = row.quantity
    return [shipment_of(row, units[row.id]) for row in rows]


async def receivable(
    db: Database, *, now: datetime, after: tuple[datetime, UUID] | None, limit: int
) -> list[tuple[datetime, UUID]]:
    """Sent orders whose shoppers have had long enough, who has had longest first, behind the one named: moment and order."""
    o = orders.c
    # as the partial index says it, in its own words
    is_due = (o.receive_by <= now) & o.received_at.is_(None) & (o.state == literal_column("'shipped'"))
    due = select(o.receive_by, o.id).where(is_due)
    if after is not None:
        due = due.where(tuple_(o.receive_by, o.id) > after)
    return [(row.receive_by, row.id) for row in await db.rows(due.order_by(o.receive_by, o.id).limit(limit))]
