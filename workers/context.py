"""What a worker's job or hearer is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from domain.foundation import clock
from domain.foundation.runtime import Market


@dataclass(frozen=True)
class WorkerContext:
    """The market's connections, the clock, and a way to hand work to any worker."""

    market: Market
    send: Callable[..., Awaitable[None]]
    """`await context.send("reserve", lane)`: put a message for an actor on the broker."""

    def now(self) -> datetime:
        """This moment; take it once per message."""
        return clock.now()
