"""The timetable: jobs that come round again, run by one worker of all, the leader.

Who leads is decided by an advisory lock of PostgreSQL; when the leader dies its connection dies with it, and another
worker leads within a second.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import text

from workers.context import WorkerContext

log = structlog.get_logger(__name__)

LEADER_LOCK = 7_153_002
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
        except Exception:
            log.warning("leadership_lost", exc_info=True)
        await asyncio.sleep(1)


async def _lead(context: WorkerContext) -> None:
    """Lead until the connection that holds the lock is gone. Returns at once when somebody else leads."""
    async with context.market.db.reading() as reader:
        if not await reader.value(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LEADER_LOCK}):
            return
        log.info("timetable_leads", jobs=len(_entries))
        jobs = [asyncio.create_task(_again_and_again(context, entry)) for entry in _entries]
        try:
            while True:
                await asyncio.sleep(1)
                await reader.value(text("SELECT 1"))  # raises when the connection, and with it the lock, is gone
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            await reader.connection.invalidate()


async def _again_and_again(context: WorkerContext, entry: Entry) -> None:
    while True:
        try:
            await entry.job(context)
        except Exception:
            log.warning("job_failed", job=entry.job.__name__, exc_info=True)
            await asyncio.sleep(1)
        await asyncio.sleep(entry.seconds)
