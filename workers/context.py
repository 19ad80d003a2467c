"""What a worker's job or hearer is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.live_rooms.bus import LiveBus


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

    def now(self) -> datetime:
        """This moment; take it once per message."""
        return clock.now()
