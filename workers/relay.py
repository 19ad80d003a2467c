"""The relay: carries events from the outbox to their hearers.

A lane is worked under an advisory lock of the transaction that marks its letters delivered. A relay that dies gives
the lane back at once, and its letters, heard or not, are carried again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

import structlog
from sqlalchemy import text

from domain.foundation import metrics, outbox, tracing
from domain.foundation.database import Database, Transaction
from domain.foundation.locks import OUTBOX_LANES
from domain.foundation.outbox import Letter
from domain.foundation.reporting import note_failure
from workers.cancelling import is_cancelled
from workers.context import WorkerContext
from workers.hearing import forerunner_of, hearers_of

log = structlog.get_logger(__name__)

LETTERS_PER_BATCH = 100
AGGREGATES_AT_ONCE = 8
CARRIERS = 4
"""Lanes worked at once by one process."""
LOOK_AGAIN_SECONDS = 0.5
"""A notification may be missed, and a retry comes due without one."""
LETTER_SECONDS = 20.0
"""A letter whose hearers take longer has failed: one that hangs must not hold up its lane for ever."""
AHEAD_SECONDS = 5.0
"""Who runs ahead and is held up must leave the letters themselves time to be heard."""
BATCH_SECONDS = 20.0
"""After this, no more letters of a batch are begun: PostgreSQL ends a transaction that is idle for a minute, and then
all of the batch would be heard again, and again."""


class Relay:
    """Carries letters until cancelled. Its connections are its own: a hearer may need all of the process's."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        settings = context.market.settings
        self._db = Database.connect(settings.database_url.get_secret_value(), connections=CARRIERS + 1)
        self._wake = asyncio.Condition()
        self._notified = 0

    async def run(self) -> None:
        """Listen and carry."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                for carrier in range(CARRIERS):
                    group.create_task(self._carry(carrier))
        finally:
            await self._db.close()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._db.reading() as reader:
                    driver = (await reader.connection.get_raw_connection()).driver_connection
                    assert driver is not None
                    await driver.add_listener(outbox.CHANNEL, self._on_notify)
                    try:
                        while True:
                            await asyncio.sleep(5)
                            await reader.value(text("SELECT 1"))
                    finally:
                        await reader.connection.invalidate()
            except Exception as error:
                note_failure("outbox_listener_lost", error)
                await asyncio.sleep(1)

    def _on_notify(self, *_: object) -> None:
        self._notified += 1
        asyncio.get_running_loop().create_task(self._wake_carriers())

    async def _wake_carriers(self) -> None:
        async with self._wake:
            self._wake.notify_all()

    async def _carry(self, carrier: int) -> None:
        lanes = [lane for lane in range(outbox.LANES) if lane % CARRIERS == carrier]
        while True:
            seen = self._notified
            carried = 0
            for lane in lanes:
                try:
                    carried += await self.carry_lane(lane)
                except Exception as error:
                    note_failure("relay_failed", error, lane=lane)
                    await asyncio.sleep(1)
            if carried or seen != self._notified:
                continue
            async with self._wake:
                if seen == self._notified:  # still: waiting for the lock may have taken a moment
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                            await self._wake.wait()

    async def carry_lane(self, lane: int) -> int:
        """Carry a batch of a lane's letters; how many were tried: 0 while another relay has the lane."""
        async with self._db.transaction() as tx:
            if not await tx.value(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": OUTBOX_LANES + lane}):
                return 0
            now = self._context.now()
            letters = await outbox.waiting(tx, lane=lane, now=now, limit=LETTERS_PER_BATCH)
            if not letters:
                return 0
            results = await self._deliver_all(letters)
            delivered = [letter.position for letter, error in results if error is None]
            if delivered:
                await outbox.mark_delivered(tx, positions=delivered, now=now)
            for letter, error in results:
                if error is not None:
                    await self._note_failure(tx, letter, error)
        return len(results)

    async def _deliver_all(self, letters: Sequence[Letter]) -> list[tuple[Letter, BaseException | None]]:
        """Deliver aggregates side by side, the letters of each in order; after a failure its later ones wait."""
        by_aggregate: dict[object, list[Letter]] = defaultdict(list)
        for letter in letters:
            by_aggregate[letter.aggregate_id].append(letter)
        limit = asyncio.Semaphore(AGGREGATES_AT_ONCE)
        results: list[tuple[Letter, BaseException | None]] = []
        clock = asyncio.get_running_loop().time
        await self._run_ahead([ordered[0] for ordered in by_aggregate.values()])
        begin_until = clock() + BATCH_SECONDS

        async def deliver_in_order(ordered: list[Letter]) -> None:
            async with limit:
                for letter in ordered:
                    if clock() > begin_until:
                        return
                    error = await self._deliver(letter)
                    results.append((letter, error))
                    if error is not None:
                        return

        await asyncio.gather(*(deliver_in_order(ordered) for ordered in by_aggregate.values()))
        return results

    async def _run_ahead(self, firsts: Sequence[Letter]) -> None:
        """Best effort: whatever fails here is heard letter by letter, and fails there with a name."""
        by_kind: dict[str, list[Letter]] = defaultdict(list)
        for letter in firsts:
            by_kind[letter.kind].append(letter)
        for kind, letters in by_kind.items():
            try:
                forerunner = forerunner_of(outbox.kind_of(kind)) if len(letters) > 1 else None
                if forerunner is not None:
                    async with asyncio.timeout(AHEAD_SECONDS):
                        await forerunner(self._context, [outbox.event_of(kind, letter.payload) for letter in letters])
            except (Exception, asyncio.CancelledError) as error:
                if is_cancelled():
                    raise
                note_failure("not_run_ahead", error, kind=kind, letters=len(letters))

    async def _deliver(self, letter: Letter) -> BaseException | None:
        with structlog.contextvars.bound_contextvars(kind=letter.kind, position=letter.position):
            try:
                with tracing.span(f"hear {letter.kind}", parent=letter.traceparent, kind="consumer"):
                    async with asyncio.timeout(LETTER_SECONDS):
                        event = outbox.event_of(letter.kind, letter.payload)
                        for hearer in hearers_of(event):
                            await hearer(self._context, event)
            except (Exception, asyncio.CancelledError) as error:
                if is_cancelled():
                    raise
                note_failure("event_not_heard", error, attempts=letter.attempts + 1)
                return error
        metrics.events_delivered.labels(letter.kind).inc()
        return None

    async def _note_failure(self, tx: Transaction, letter: Letter, error: BaseException) -> None:
        metrics.events_failed.labels(letter.kind).inc()
        if await outbox.mark_failed(tx, letter, error=repr(error), now=self._context.now()):
            log.error("event_dead", kind=letter.kind, position=letter.position, error=repr(error)[:300])
