"""An API process, and what a worker does with what was recorded."""

import pytest

from tests.api.conftest import api, app, ask, post
from workers import sharing
from workers.context import WorkerContext

__all__ = ["api", "app", "ask", "post"]


@pytest.fixture
def context(market, clean):
    """What the hearers are given."""

    async def send_nothing(name, *arguments):
        raise AssertionError(f"nobody is sent {name}")

    return WorkerContext(market, send_nothing)


@pytest.fixture
def hear(context, given):
    """`await hear()`: the hearers of sharing hear everything that was ever recorded, in order; again changes nothing."""
    heard = {sharing.AccountSignedIn: sharing.claim_visits, sharing.OrderPaid: sharing.count_paid}

    async def hear():
        for event in await given.recorded(*heard):
            await heard[type(event)](context, event)

    return hear
