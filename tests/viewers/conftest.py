"""A room, and processes that say who watches it."""

from collections import defaultdict
from uuid import UUID

import pytest

from domain.foundation.ids import new_id
from domain.viewers.presence import Presence
from domain.viewers.rules import Viewer
from tests.given.live_rooms import RoomGiven


class Process:
    """The sockets of an API process, and the presence that it tells."""

    def __init__(self, market, now) -> None:
        self.sockets: dict[UUID, list[Viewer]] = defaultdict(list)
        self.presence = Presence(market.db, market.gate, lambda: self.sockets)
        self._now = now

    async def tell(self, *, everybody: bool = False) -> None:
        if everybody:
            self.presence._all_told_at = float("-inf")
        await self.presence.tell(now=self._now)


@pytest.fixture
def process(market, clean, now):
    """Makes processes."""
    return lambda: Process(market, now)


@pytest.fixture
async def room(given) -> RoomGiven:
    """A room that is live."""
    return await given.live_room()


def guest(name: str = "") -> Viewer:
    """Somebody on a device on which nobody is signed in."""
    return Viewer((name or new_id().hex).ljust(43, "0"))
