"""From ticket to order: a batch of the queue becomes orders in one transaction, or is refused by the ledger."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.flash_sales import gate as gates
from domain.flash_sales import store
from domain.flash_sales.gate import Entry
from domain.flash_sales.queries import Terms, terms_by_number
from domain.flash_sales.rules import Item
from domain.foundation import metrics
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id
from domain.foundation.redis import Gate
from domain.orders import store as orders
from domain.orders.rules import NewLine, NewOrder
from domain.stock import store as stock

SOURCE = "flash_sale"
"""How orders name a flash-sale ticket as their source."""


@dataclass(frozen=True)
class Batch:
    """What became of a batch of the queue."""

    reserved: int
    refused: int
    repeated: int
    sale_id: UUID
    decided: tuple[tuple[UUID, UUID], ...] = ()
    """The tickets that were reserved or refused, and whose they are."""

    @property
    def size(self) -> int:
        """Tickets taken off the queue."""
        return self.reserved + self.refused + self.repeated


async def reserve(db: Database, gate: Gate, *, lane: int, limit: int, now: datetime) -> Batch:
    """Decide the first `limit` tickets of a lane. Safe to run twice and side by side.

    The allotment is locked before the queue is read: two workers take turns, and a rebuild of the gate, which takes the
    same lock, never misses a batch in between. A crash before the commit leaves the queue as it was; a crash after it
    leaves tickets in the queue that the next run finds decided.
    """
    terms = await terms_by_number(db, lane >> 8)
    item = terms.item
    assert item.allotment_id is not None, "a queue exists only for a warm item"
    async with db.transaction() as tx:
        level = await stock.lock_allotment(tx, item.allotment_id)
        entries = await gates.queue(gate, lane=lane, limit=limit)
        if not entries:
            return Batch(0, 0, 0, item.sale_id)
        earlier = await store.decided_among(tx, item.id, entries)
        fresh = _first_of_each_request([entry for entry in entries if entry.ticket_id not in earlier])
        refusals = await _refusals(tx, item, fresh, free=level.free)
        accepted = [entry for entry in fresh if entry.ticket_id not in refusals]
        order_ids = {entry.ticket_id: new_id() for entry in accepted}
        if accepted:
            pay_by = now + timedelta(seconds=terms.pay_seconds)
            placed = [_order(terms, entry, order_ids[entry.ticket_id], pay_by) for entry in accepted]
            await orders.place_many(tx, placed, now=now)
        if fresh:
            decided = [(e, order_ids.get(e.ticket_id), refusals.get(e.ticket_id)) for e in fresh]
            claimed_at = [datetime.fromtimestamp(e.claimed_at_ms / 1000, UTC) for e in fresh]
            await store.add_tickets(tx, item, decided, claimed_at=claimed_at, now=now)
    await gates.drop_from_queue(gate, lane=lane, message_ids=[entry.message_id for entry in entries])
    await _tell_gate(gate, lane, fresh, refusals)
    metrics.reserved.inc(len(accepted))
    decided_of = tuple((entry.ticket_id, entry.shopper_id) for entry in fresh)
    return Batch(len(accepted), len(refusals), len(entries) - len(fresh), item.sale_id, decided_of)


def _first_of_each_request(entries: Sequence[Entry]) -> list[Entry]:
    """Without entries that repeat a request within the batch, which only a rebuilt gate can have let in.

    Nor those whose id another has drawn as well, once in 2^42: the ledger would refuse the whole batch for ever.
    """
    firsts: dict[tuple[UUID, str], Entry] = {}
    for entry in entries:
        firsts.setdefault((entry.shopper_id, entry.request_id), entry)
    return list({entry.ticket_id: entry for entry in reversed(firsts.values())}.values())[::-1]


async def _refusals(tx: Transaction, item: Item, entries: Sequence[Entry], *, free: int) -> dict[UUID, str]:
    """Why the ledger refuses tickets: none in normal running, since the gate has asked the same questions."""
    refusals: dict[UUID, str] = {}
    wanted: Counter[UUID] = Counter()
    for entry in entries:
        if entry.quantity > free:
            refusals[entry.ticket_id] = "sold_out"
        else:
            free -= entry.quantity
            wanted[entry.shopper_id] += entry.quantity
    within = await store.take_limits(tx, item, dict(wanted)) if wanted else set()
    for entry in entries:
        if entry.ticket_id not in refusals and entry.shopper_id not in within:
            refusals[entry.ticket_id] = "limit"
    for reason, count in Counter(refusals.values()).items():
        metrics.refused.labels(reason).inc(count)
    return refusals


def _order(terms: Terms, entry: Entry, order_id: UUID, pay_by: datetime) -> NewOrder:
    """The price includes delivery; how and where to is for the shopper to say, any time before it is sent."""
    item = terms.item
    line = NewLine(
        sku_id=item.sku_id,
        title=item.title,
        quantity=entry.quantity,
        unit_price_minor=item.sale_price_minor,
        allotment_id=item.allotment_id,
        supplier_id=terms.supplier_id,
        cost_minor=terms.cost_minor,
    )
    return NewOrder(
        id=order_id,
        shopper_id=entry.shopper_id,
        source=SOURCE,
        source_id=entry.ticket_id,
        lines=(line,),
        pay_by=pay_by,
    )


async def _tell_gate(gate: Gate, lane: int, entries: Sequence[Entry], refusals: dict[UUID, str]) -> None:
    """Best effort: what is missed here is found by the reconciler."""
    if refusals:
        quantities = {entry.ticket_id: entry.quantity for entry in entries}
        # beyond a shopper's limit the unit itself is still free; when sold out there is none to give
        units = {id: quantities[id] if reason == "limit" else 0 for id, reason in refusals.items()}
        await gates.give_back(gate, lane=lane, tickets=units)
