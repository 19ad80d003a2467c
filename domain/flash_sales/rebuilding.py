"""The gate out of the ledger: filling it under a new epoch, moving units between its buckets, and finding what drifted."""

from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from domain.flash_sales import gate as gates
from domain.flash_sales import store
from domain.flash_sales.rules import Item, Sale, SaleState
from domain.foundation import metrics
from domain.foundation.database import Database
from domain.foundation.ids import lane_of
from domain.foundation.redis import Gate
from domain.foundation.reporting import note_failure
from domain.stock import store as stock

log = structlog.get_logger(__name__)

LONGEST_QUEUE = 1_000_000


async def rebuild(db: Database, gate: Gate, *, item_id: UUID, reason: str) -> int:
    """Fill an item's gate from the ledger under a new epoch, which it gives back. Passes of older epochs are refused.

    The allotment stays locked throughout, so no batch is reserved and no hold ends meanwhile. Queue and waiting line
    keep what Redis still has of them. A crash on the way leaves an epoch that the ledger does not know: the reconciler
    rebuilds again.
    """
    async with db.transaction() as tx:
        item = await store.lock_item(tx, item_id)
        sale = await store.lock(tx, item.sale_id)
        assert item.allotment_id is not None and sale is not None
        level = await stock.lock_allotment(tx, item.allotment_id)
        known = await store.known_tickets(tx, item.id)
        epoch = item.epoch + 1
        decided = {ticket.ticket_id for ticket in known}
        # all lanes are cold before any opens again: a cold lane's queue cannot grow, and no lane sells on the old share
        for lane in item.lanes:
            await gates.cool(gate, lane=lane)
        queued = {lane: await _drop_decided(gate, lane, decided) for lane in item.lanes}
        shares = _shares(max(level.free - sum(queued.values()), 0), len(item.lanes))
        for lane, share in zip(item.lanes, shares, strict=True):
            await gates.load_known(gate, lane=lane, tickets=[t for t in known if lane_of(t.ticket_id) == lane])
            await gates.fill(
                gate,
                lane=lane,
                epoch=epoch,
                is_open=sale.state is SaleState.WARM,
                ledger_free=share + queued[lane],
                per_shopper=item.per_shopper,
                places=-(-item.waiting_places // len(item.lanes)),
            )
            # whoever waited while units came back is served now
            await gates.give_back(gate, lane=lane, tickets={})
        await store.set_epoch(tx, item.id, epoch=epoch, run_id=await gates.run_id(gate, lane=item.lanes[0]))
    metrics.gates_rebuilt.labels(reason).inc()
    log.info("gate_rebuilt", item=str(item_id), epoch=epoch, free=level.free, known=len(known), reason=reason)
    return epoch


def _shares(units: int, buckets: int) -> list[int]:
    """Units split as evenly as whole units can be."""
    share, rest = divmod(units, buckets)
    return [share + (bucket < rest) for bucket in range(buckets)]


async def _drop_decided(gate: Gate, lane: int, decided: set[UUID]) -> int:
    """Take tickets that the ledger has decided off a cold lane's queue; how many units the others are to have."""
    entries = await gates.queue(gate, lane=lane, limit=LONGEST_QUEUE)
    await gates.drop_from_queue(
        gate, lane=lane, message_ids=[entry.message_id for entry in entries if entry.ticket_id in decided]
    )
    return sum(entry.quantity for entry in entries if entry.ticket_id not in decided)


@dataclass(frozen=True)
class Difference:
    """What the gate and the ledger say of the free units of an item."""

    item_id: UUID
    ledger: int
    gate: int | None


async def look(db: Database, gate: Gate, item: Item) -> Difference | None:
    """The difference between gate and ledger; None when they agree or when too much moves to tell."""
    assert item.allotment_id is not None
    before = [await gates.figures(gate, lane=lane) for lane in item.lanes]
    if any(figures is not None and figures.in_stream for figures in before):
        return None
    async with db.transaction() as tx:
        level = await stock.lock_allotment(tx, item.allotment_id)
        after = [await gates.figures(gate, lane=lane) for lane in item.lanes]
    if before != after:
        return None
    if any(figures is None for figures in after):
        return Difference(item.id, level.free, None)
    free = sum(figures.free for figures in after if figures)
    return None if free == level.free else Difference(item.id, level.free, free)


LIVING = frozenset({SaleState.WARM, SaleState.STOPPED})
"""A stopped sale still gives units back, and late money may still take them."""
SIGHTINGS = 5
"""How often in a row a difference must be seen: units of a hold that has just ended are on their way to the gate."""


class Reconciler:
    """Keeps the gates true to the ledger. Remembers what it saw, because only a difference that stays is one."""

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db = db
        self._gate = gate
        self._seen: dict[UUID, tuple[Difference, int]] = {}

    async def run(self, sales: list[Sale]) -> list[Difference]:
        """Rebuild gates that are cold, of another epoch or on another run of Redis; mend differences that stay.

        Gives back what was mended.
        """
        mended = []
        seen: dict[UUID, tuple[Difference, int]] = {}
        for item in (item for sale in sales if sale.state in LIVING for item in sale.items):
            try:
                reason = await self._why_rebuild(item)
                if reason:
                    await rebuild(self._db, self._gate, item_id=item.id, reason=reason)
                    continue
                difference = await look(self._db, self._gate, item)
            except Exception as error:
                # one item's trouble (its node is down) is not the others'
                note_failure("gate_not_reconciled", error, item=str(item.id))
                continue
            if difference is None:
                continue
            before, times = self._seen.get(item.id, (None, 0))
            times = times + 1 if before == difference else 1
            if times < SIGHTINGS:
                seen[item.id] = (difference, times)
                continue
            log.warning("gate_differs", item=str(item.id), ledger=difference.ledger, gate=difference.gate)
            await rebuild(self._db, self._gate, item_id=item.id, reason="drift")
            mended.append(difference)
        self._seen = seen
        return mended

    async def _why_rebuild(self, item: Item) -> str | None:
        for lane in item.lanes:
            figures = await gates.figures(self._gate, lane=lane)
            if figures is None:
                return "cold"
            if figures.epoch != item.epoch:
                return "epoch"
        if item.gate_run_id != await gates.run_id(self._gate, lane=item.lanes[0]):
            return "restart"
        return None


async def balance(gate: Gate, item: Item) -> None:
    """Move free units from buckets that have plenty to buckets that have none. Units in between are nobody's to claim.

    A crash in between leaves the gate too strict, which the reconciler mends.
    """
    if item.buckets == 1:
        return
    found = {lane: await gates.figures(gate, lane=lane) for lane in item.lanes}
    warm = {lane: figures for lane, figures in found.items() if figures}
    poor = [lane for lane, figures in warm.items() if figures.free == 0]
    total = sum(figures.free for figures in warm.values())
    if not poor or not total or len(warm) < item.buckets:
        return
    fair = max(total // len(warm), 1)
    for lane in poor:
        richest = max(warm, key=lambda each: warm[each].free)
        units = min(fair, warm[richest].free)
        if units and await gates.move_free(gate, source=richest, target=lane, units=units, epoch=item.epoch):
            warm[richest] = replace(warm[richest], free=warm[richest].free - units)
