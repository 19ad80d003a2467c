"""A market after an evening of trade, and a relay that works when it is told to."""

from collections.abc import AsyncIterator

import pytest

from domain.foundation.runtime import Market
from tests.audit.evening import Evening, Listener, after_an_evening
from tests.given import Given


@pytest.fixture
async def listener(market: Market, given: Given) -> AsyncIterator[Listener]:
    """Carries events when asked."""
    listener = Listener(market, now=given.now)
    yield listener
    await listener.close()


@pytest.fixture
async def evening(given: Given, listener: Listener) -> Evening:
    """Everything has happened once, and every event was heard."""
    return await after_an_evening(given, listener)
