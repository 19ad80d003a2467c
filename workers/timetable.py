"""The timetable: jobs that come round again, run by one worker of all, the leader.

Who leads is decided by an advisory lock of PostgreSQL; when the leader dies its connection dies with it, and another
worker leads within a second. A leader that only loses its connection stops its jobs the moment it hears of the loss,
which PostgreSQL tells when it gives up the lock. Only a process that stands still at that moment can find, when it
wakes, that another has led meanwhile, and stops then: jobs are safe to run twice, side by side.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import text

from domain.foundation import metrics
from domain.foundation.database import Reader
from domain.foundation.locks import TIMETABLE
from domain.foundation.reporting import note_failure
from workers.cancelling import is_cancelled
from workers.context import WorkerContext

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 1.0
ANSWER_SECONDS = 2.0
Job = Callable[[WorkerContext], Awaitable[object]]


@dataclass(frozen=True)
class Entry:
    """A job and the pause after each run, in seconds."""

    job: Job
    seconds: float


_entries: list[Entry] = []


def every(*, seconds: float) -> Callable[[Job], Job]:
    """Run the job again and again on the leader, with so many seconds between the end of a run and the next."""

    def register(job: Job) -> Job:
        _entries.append(Entry(job, seconds))
        return job

    return register


async def run(context: WorkerContext) -> None:
    """Stand for leader, and lead while the lock is ours. Runs until cancelled."""
    while True:
        try:
            await _lead(context)
        except Exception as error:
            note_failure("leadership_lost", error)
        await asyncio.sleep(1)


async def _lead(context: WorkerContext) -> None:
    """Lead until the connection that holds the lock is gone. Returns at once when somebody else leads."""
    async with context.market.db.reading() as reader:
        if not await reader.value(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": TIMETABLE}):
            return
        log.info("timetable_leads", jobs=len(_entries))
        metrics.timetable_leads.set(1)
        jobs = [asyncio.create_task(_again_and_again(context, entry)) for entry in _entries]
        try:
            await _until_lost(reader)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            metrics.forget_leading()
            await reader.connection.invalidate()


async def _until_lost(reader: Reader) -> None:
    """Return when the connection, and with it the lock, is gone; raise when PostgreSQL does not answer on it."""
    driver = (await reader.connection.get_raw_connection()).driver_connection
    assert driver is not None
    lost = asyncio.Event()
    driver.add_termination_listener(lambda _: lost.set())
    while not lost.is_set():
        try:
            async with asyncio.timeout(LOOK_EVERY_SECONDS):
                await lost.wait()
        except TimeoutError:
            # a connection that ends without a word, as behind a broken network, shows only when it is used
            async with asyncio.timeout(ANSWER_SECONDS):
                await reader.value(text("SELECT 1"))
    log.warning("leadership_lost")


async def _again_and_again(context: WorkerContext, entry: Entry) -> None:
    while True:
        try:
            await entry.job(context)
        except (Exception, asyncio.CancelledError) as error:
            if is_cancelled():
                raise
            note_failure("job_failed", error, job=entry.job.__name__)
            await asyncio.sleep(1)
        await asyncio.sleep(entry.seconds)
