"""A race proves little once: `make faults` sets FAULT_RUNS, and every test here runs so many times."""

import os
from collections.abc import AsyncIterator

import pytest

from domain.foundation.runtime import Market
from tests.audit.evening import Listener
from tests.given import Given

RUNS = int(os.environ.get("FAULT_RUNS", "1"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if RUNS > 1:
        metafunc.fixturenames.append("run")
        metafunc.parametrize("run", range(RUNS))


@pytest.fixture
async def listener(market: Market, given: Given) -> AsyncIterator[Listener]:
    """Carries events when asked."""
    listener = Listener(market, now=given.now)
    yield listener
    await listener.close()
