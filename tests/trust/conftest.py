"""Whoever hears what becomes evidence, asked to work instead of working all the time."""

from collections.abc import AsyncIterator

import pytest

from domain.foundation.runtime import Market
from tests.api.conftest import api, app, ask, post
from tests.audit.evening import Listener
from tests.given import Given
from workers import sharing as _sharing  # noqa: F401 - importing registers the hearers: sharing's before trust's
from workers import trust as _trust  # noqa: F401

__all__ = ["api", "app", "ask", "post"]


@pytest.fixture
async def listener(market: Market, given: Given) -> AsyncIterator[Listener]:
    """A relay that carries letters when it is told to."""
    listener = Listener(market, now=given.now)
    yield listener
    await listener.close()
