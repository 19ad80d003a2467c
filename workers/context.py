"""What a worker's job or hearer is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.poking import Pokes


@dataclass(frozen=True)
class WorkerContext:
    """The market's connections, the clock, and a way to hand work to any worker."""

    market: Market
    send: Callable[..., Awaitable[None]]
    """`await context.send("reserve", lane)`: put a message for an actor on the broker."""

    @property
    def bus(self) -> LiveBus:
        """Where to say what has happened in a live room."""
        return LiveBus(self.market.gate)

    @cached_property
    def pokes(self) -> Pokes:
        """Tells shoppers who watch a room of what is their own."""
        return Pokes(self.market.db, self.bus)

    def now(self) -> datetime:
        """This moment; take it once per message."""
        return clock.now()
