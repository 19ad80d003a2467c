"""What tests of audiences share: the API, and workers at a moment."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from tests.api.conftest import api, app, ask, post
from workers.context import WorkerContext

__all__ = ["api", "app", "ask", "post"]


@dataclass(frozen=True)
class AtAMoment(WorkerContext):
    """A context whose clock stands still."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


async def send_nothing(name, *arguments):
    raise AssertionError(f"nobody is sent {name}")


@pytest.fixture
def worker(market, clean):
    """`worker(now)`: the context of a job that runs then."""
    return lambda moment: AtAMoment(market, send_nothing, moment)
