"""Workers of a test: their context, hearers and jobs of the test's own, and patience."""

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from workers import broker, hearing, timetable
from workers.context import WorkerContext


class Ahead:
    """By how much the clock of a test is ahead."""

    seconds = 0.0


@dataclass(frozen=True)
class AheadContext(WorkerContext):
    """A context whose clock a test may put forward."""

    ahead: Ahead = field(default_factory=Ahead)

    def now(self):
        return super().now() + timedelta(seconds=self.ahead.seconds)


async def send_nothing(name, *arguments):
    raise AssertionError(f"nobody is sent {name}")


@pytest.fixture
def context(market, clean):
    return AheadContext(market, send_nothing)


@pytest.fixture
def ahead(context):
    """`ahead.seconds = 60` puts the clock of the test's workers a minute forward."""
    return context.ahead


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    """What other tests' imports have registered is out of the way: a test registers what it needs."""
    monkeypatch.setattr(hearing, "_hearers", defaultdict(list))
    monkeypatch.setattr(hearing, "_forerunners", {})
    monkeypatch.setattr(timetable, "_entries", [])
    monkeypatch.setattr(broker, "_actors", [])


@pytest.fixture(autouse=True)
def logged():
    """What the test logs, instead of being written."""
    with capture_logs() as lines:
        yield lines


@asynccontextmanager
async def running(*loops):
    """These coroutines run within the block and are cancelled at its end."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(is_so, *, seconds=10.0):
    """Wait until `is_so()`, or what it awaits, is true. Raises TimeoutError when it never is."""
    async with asyncio.timeout(seconds):
        while True:
            found = is_so()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.01)
