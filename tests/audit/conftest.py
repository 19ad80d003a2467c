"""A market after an evening of trade, one after a week, and a relay that works when it is told to."""

from collections.abc import AsyncIterator

import pytest

from domain.foundation.runtime import Market
from tests.audit.evening import Evening, Listener, after_an_evening
from tests.audit.week import Week, after_a_week
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


@pytest.fixture
async def week(given: Given) -> Week:
    """Orders, parcels and after-sales of every fate; one refund is still to be made."""
    return await after_a_week(given, now=given.now)
