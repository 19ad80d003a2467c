"""What WeChat has to be told: the only SQL that writes shipping uploads, and what a telling is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, text, update

from domain.foundation.database import Database, Transaction
from domain.orders.rules import Fulfilment, Line, Order, OrderState
from domain.shipments.rules import Shipment, Upload, UploadState
from domain.shipments.tables import uploads

GATEWAY = "wechat"
"""Whose money waits for the telling."""
LEASE = timedelta(minutes=1)
"""An order of which WeChat is being told is nobody else's for so long: much longer than the slowest answer may take."""
PARCELS_TOLD = 10
WORDS_OF_ITEMS = 120
"""Both are limits of upload_shipping_info: entries of `shipping_list`, and characters of `item_desc`."""

u = uploads.c
UPLOAD_COLUMNS = (
    u.order_id, u.state, u.told, u.is_all_told, u.attempts, u.retry_at, u.error, u.due_since, u.uploaded_at,
)  # fmt: skip

# Opened once there is something to tell; opened again when there is more than WeChat knows, so hearing twice changes nothing.
_OPEN = text("""
    WITH sent AS (
        SELECT o.id, o.state <> 'paid' AS is_complete,
               (SELECT count(*) FROM shipments WHERE order_id = o.id) AS parcels,
               (o.fulfilment = 'pickup' AND o.received_at IS NOT NULL) AS is_handed_over
        FROM orders AS o JOIN payments AS p ON p.id = o.paid_with AND p.gateway = :gateway
        WHERE o.id = :order_id AND o.state <> 'refunded'  -- no money is left that could be settled
    )
    INSERT INTO shipping_uploads AS upload (order_id, state, retry_at, due_since)
    SELECT id, 'due', CAST(:now AS timestamptz), CAST(:now AS timestamptz) FROM sent WHERE parcels > 0 OR is_handed_over
    ON CONFLICT (order_id) DO UPDATE
    SET state = 'due', retry_at = EXCLUDED.retry_at, attempts = 0, error = NULL,
        due_since = CASE upload.state WHEN 'due' THEN upload.due_since ELSE EXCLUDED.due_since END
    WHERE (SELECT upload.told < parcels OR (is_complete AND NOT upload.is_all_told) FROM sent)
""")

# Once all of an order's money goes back WeChat has none of it to settle, and refuses to hear of it.
_DROP_IF_REFUNDED = text("""
    UPDATE shipping_uploads SET state = 'uploaded', retry_at = NULL, error = :why
    WHERE order_id = :order_id AND state <> 'uploaded'
      AND (SELECT state FROM orders WHERE id = :order_id) = 'refunded'
""")
REFUNDED_WHOLE = "refunded whole: nothing more is to be told"


@dataclass(frozen=True, slots=True)
class Taken:
    """An order of which WeChat is to be told now; `until` names this try: another one, or more to tell, has another."""

    order_id: UUID
    attempts: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel as WeChat is told of it."""

    shipment: Shipment
    items: str


@dataclass(frozen=True, slots=True)
class Telling:
    """All that WeChat is told of an order: whose payment it is, and every parcel so far; none for a pickup.

    `was_split`: it was told of some parcels before, and that they are not all.
    """

    order_id: UUID
    payment_id: UUID
    openid: str | None
    is_pickup: bool
    is_complete: bool
    was_split: bool
    parcels: tuple[Parcel, ...]
    items: str
    phone: str = ""


def upload_of(row: Any) -> Upload:
    """An upload out of a row of `UPLOAD_COLUMNS`."""
    return Upload(**{**row._mapping, "state": UploadState(row.state)})


def telling_of(
    order: Order,
    lines: list[Line],
    shipments: list[Shipment],
    units: Mapping[UUID, Mapping[int, int]],
    openid: str | None,
    upload: Upload,
) -> Telling:
    """What WeChat is told of an order; of more parcels than it takes, the newest."""
    assert order.paid_with is not None, f"order {order.id} was paid by nobody"
    titles = {line.position: line.title for line in lines}
    parcels = [Parcel(shipment, described(titles, units[shipment.id])) for shipment in shipments]
    return Telling(
        order_id=order.id,
        payment_id=order.paid_with,
        openid=openid,
        is_pickup=order.fulfilment is Fulfilment.PICKUP,
        is_complete=order.state is not OrderState.PAID,
        was_split=upload.told > 0 and not upload.is_all_told,
        parcels=tuple(parcels[-PARCELS_TOLD:]),
        items=described(titles, {line.position: line.quantity for line in lines}),
        phone=order.destination.phone if order.destination else "",
    )


def described(titles: Mapping[int, str], units: Mapping[int, int]) -> str:
    """Units by line position in words, within WeChat's limit: `桂花酒酿*2;米酒*1`."""
    words = ";".join(f"{titles[position]}*{quantity}" for position, quantity in units.items())
    return words if len(words) <= WORDS_OF_ITEMS else words[: WORDS_OF_ITEMS - 1] + "…"


async def open_if_more(db: Database, order_id: UUID, *, now: datetime) -> None:
    """See that WeChat is told of an order it has the money of, if there is more than it knows; and is not, once all the
    money goes back. Safe to call twice.
    """
    async with db.transaction() as tx:
        await tx.execute(_OPEN, {"gateway": GATEWAY, "order_id": order_id, "now": now})
        await drop_if_refunded(tx, order_id)


async def drop_if_refunded(tx: Transaction, order_id: UUID) -> bool:
    """Have WeChat told nothing more of an order that was refunded whole, nor staff asked to look; whether it was to be."""
    return await tx.execute(_DROP_IF_REFUNDED, {"order_id": order_id, "why": REFUNDED_WHOLE}) == 1


async def tell_again(tx: Transaction, order_id: UUID, *, now: datetime) -> bool:
    """WeChat is to be told everything anew; whether it is to be told of this order at all."""
    fresh = {"state": UploadState.DUE, "retry_at": now, "told": 0, "is_all_told": False}
    changed = update(uploads).where(u.order_id == order_id)
    return await tx.execute(changed.values(**fresh, attempts=0, error=None, due_since=now)) == 1


async def lock(tx: Transaction, order_id: UUID) -> Upload | None:
    """An order's upload, locked until the transaction ends."""
    row = await tx.one(select(*UPLOAD_COLUMNS).where(u.order_id == order_id).with_for_update())
    return upload_of(row) if row else None


async def take_due(tx: Transaction, *, now: datetime, limit: int) -> list[Taken]:
    """Orders of which WeChat is to be told now. They are the caller's for `LEASE`; if it dies, somebody else's after."""
    # written out, not bound: a prepared plan uses a partial index only if it can see that its condition holds
    is_due = (u.state == literal_column("'due'")) & (u.retry_at <= now)
    due = select(u.order_id).where(is_due).order_by(u.retry_at).limit(limit)
    mine = due.with_for_update(skip_locked=True).cte("mine")
    taken = update(uploads).where(u.order_id == mine.c.order_id).values(retry_at=now + LEASE, attempts=u.attempts + 1)
    return [Taken(*row) for row in await tx.rows(taken.returning(u.order_id, u.attempts, u.retry_at))]


async def note_told(tx: Transaction, taken: Taken, telling: Telling, *, parcels: int, now: datetime) -> None:
    """WeChat knows of these parcels. If there was more to tell meanwhile, that stays due."""
    told = {"told": parcels, "is_all_told": telling.is_complete}
    await _end(tx, taken, state=UploadState.UPLOADED, retry_at=None, error=None, uploaded_at=now, **told)


async def note_refused(tx: Transaction, taken: Taken, *, error: str) -> None:
    """WeChat refuses to hear it: somebody has to look."""
    await _end(tx, taken, state=UploadState.REFUSED, retry_at=None, error=error[:1000])


async def put_off(tx: Transaction, taken: Taken, *, retry_at: datetime, error: str) -> None:
    """WeChat did not answer, or not now: tell it later."""
    await _end(tx, taken, retry_at=retry_at, error=error[:1000])


_END = update(uploads).where(
    u.order_id == bindparam("of_order"), u.state == UploadState.DUE, u.retry_at == bindparam("until")
)


async def _end(tx: Transaction, taken: Taken, **values: Any) -> None:
    await tx.execute(_END.values(values), {"of_order": taken.order_id, "until": taken.until})
