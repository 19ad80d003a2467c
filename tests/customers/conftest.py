"""Whoever hears what became of orders, asked to work instead of working all the time."""

from collections.abc import AsyncIterator

import pytest

from domain.foundation.runtime import Market
from tests.audit.evening import Listener
from tests.given import Given
from workers import customers as _customers  # noqa: F401 - importing registers the hearers


@pytest.fixture
async def listener(market: Market, given: Given) -> AsyncIterator[Listener]:
    """A relay that carries letters when it is told to."""
    listener = Listener(market, now=given.now)
    yield listener
    await listener.close()
