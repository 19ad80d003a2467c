"""The gate against the ledger: it has the ledger's epoch, and what it admits is what the ledger has free.

Both move while we look, and no lock is taken. So the gate is read twice around one question to the ledger: two readings
that are the same bracket a moment at which the two can be compared. Anything else is looked at again.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError
from sqlalchemy import text

from domain.audit.rules import Line, counted, verdict
from domain.flash_sales import gate as gates
from domain.flash_sales import queries
from domain.flash_sales.gate import Entry, Figures
from domain.flash_sales.rules import Item, SaleState
from domain.foundation import ids
from domain.foundation.database import Database
from domain.foundation.redis import Gate
from domain.orders.events import OrderCancelled, OrderLapsed, OrderPaidLate

EPOCHS = "gates have the ledger's epoch"
UNITS = "gates admit what the ledger has free"
MOVING = "gates that would not stand still"
_ZH = {EPOCHS: "闸口版本 = 账本", UNITS: "闸口余量 = 账本余量", MOVING: "仍在变动的闸口"}

PATIENCE_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 0.1
LONGEST_QUEUE = 20_000
"""A longer queue says well enough that the market is moving; it is not read."""

# One statement, so that free units, decided tickets and events on their way are of one moment. The events are asked for
# only where the gate is not equal anyway: there may be many.
_LEDGER = text("""
    SELECT item.epoch, allotment.free, queue.undecided,
           CASE WHEN item.epoch = CAST(:gate_epoch AS int) AND allotment.free <> :gate_free + queue.undecided THEN (
               SELECT coalesce(sum(ticket.quantity), 0)
               FROM outbox_events AS event JOIN flash_sale_tickets AS ticket ON ticket.order_id = event.aggregate_id
               WHERE ticket.item_id = item.id AND event.kind = ANY(CAST(:news AS text[]))
                 AND event.delivered_at IS NULL AND event.dead_at IS NULL
           ) ELSE 0 END AS on_their_way
    FROM flash_sale_items AS item
    JOIN flash_sales AS sale ON sale.id = item.sale_id
    JOIN stock_allotments AS allotment ON allotment.id = item.allotment_id
    CROSS JOIN (
        SELECT coalesce(sum(queued.quantity), 0) AS undecided
        FROM unnest(CAST(:tickets AS uuid[]), CAST(:quantities AS int[])) AS queued (id, quantity)
        WHERE NOT EXISTS (SELECT FROM flash_sale_tickets AS ticket WHERE ticket.id = queued.id)
    ) AS queue
    WHERE item.id = :item_id AND sale.state = :warm
""")
# Until these are heard, units that the ledger has free are not yet, or not any more, free in the gate.
_NEWS = [OrderLapsed.kind, OrderCancelled.kind, OrderPaidLate.kind]


@dataclass(frozen=True, slots=True)
class _Reading:
    """All that the gate says of an item."""

    figures: tuple[Figures | None, ...]
    queued: tuple[Entry, ...]


async def lines(db: Database, gate: Gate, *, patience_seconds: float = PATIENCE_SECONDS) -> list[Line]:
    """The verdict on the gate of every warm item.

    What differs is looked at again until it agrees or patience ends: units of a hold that has just ended are nobody's
    for a moment. An item that did not stand still to the end is told as information.
    """
    warm = [item for sale in await queries.living(db) if sale.state is SaleState.WARM for item in sale.items]
    try:
        left, differing = await _look_until(db, gate, warm, deadline=time.monotonic() + patience_seconds)
    except RedisError as error:
        return [Line(UNITS, _items(warm), "an answer of the gate", repr(error), False, _ZH[UNITS])]
    found: list[Line] = []
    for check in (EPOCHS, UNITS):
        named = [line for line in differing if line.check == check]
        found += verdict(check, _ZH[check], subject=_items(warm), named=named, differing=len(named))
    if moving := len(left) - len(differing):
        found.append(Line(MOVING, "", "", f"{moving} of {_items(warm)}", None, _ZH[MOVING]))
    return found


async def _look_until(
    db: Database, gate: Gate, items: Sequence[Item], *, deadline: float
) -> tuple[list[Item], list[Line]]:
    """Items that never agreed; and of those that stood still at the last look, what differs."""
    while True:
        looks = [(item, await _look(db, gate, item)) for item in items]
        items = [item for item, look in looks if look is None or not look.ok]
        if not items or time.monotonic() >= deadline:
            return list(items), [look for _, look in looks if look is not None and not look.ok]
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _look(db: Database, gate: Gate, item: Item) -> Line | None:
    """How gate and ledger stand to each other; None when the gate moved meanwhile."""
    before = await _read(gate, item)
    if before is None:
        return None
    epochs = list(dict.fromkeys(figures.epoch if figures else None for figures in before.figures))
    gate_free = sum(figures.free for figures in before.figures if figures)
    asked = {
        "item_id": item.id,
        "warm": SaleState.WARM,
        "gate_epoch": epochs[0] if len(epochs) == 1 else None,
        "gate_free": gate_free,
        "tickets": [entry.ticket_id for entry in before.queued],
        "quantities": [entry.quantity for entry in before.queued],
        "news": _NEWS,
    }
    ledger = await db.one(_LEDGER, asked)
    if await _read(gate, item) != before:
        return None
    subject = ids.encode("saleitem", item.id)
    if ledger is None:  # stopped or settled since
        return Line(UNITS, subject, "", "", True)
    if epochs != [ledger.epoch]:
        shown = ", ".join("cold" if epoch is None else f"epoch {epoch}" for epoch in epochs)
        return Line(EPOCHS, subject, f"epoch {ledger.epoch}", shown, False, _ZH[EPOCHS])
    is_true = ledger.free - ledger.on_their_way <= gate_free + ledger.undecided <= ledger.free
    on_their_way = f", {ledger.on_their_way} of them on their way to it" if ledger.on_their_way else ""
    expected = f"{ledger.free} free in the ledger{on_their_way}"
    found = f"{gate_free} free in the gate, {ledger.undecided} queued"
    return Line(UNITS, subject, expected, found, is_true, _ZH[UNITS])


async def _read(gate: Gate, item: Item) -> _Reading | None:
    """The gate's side; None when its queue is too long to be read."""
    figures = tuple([await gates.figures(gate, lane=lane) for lane in item.lanes])
    if sum(lane.in_stream for lane in figures if lane) > LONGEST_QUEUE:
        return None
    queues = [await gates.queue(gate, lane=lane, limit=LONGEST_QUEUE) for lane in item.lanes]
    return _Reading(figures, tuple(entry for queue in queues for entry in queue))


def _items(items: Sequence[Item]) -> str:
    return counted([("warm items", len(items))])
