"""Asking again until something is so."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from cli.demo.door import MarketFault

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 20.0

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T]], is_so: Callable[[T], bool], what: str, *, more: float = 0) -> T:
    """What is seen, once it is as it should be; asked for 20 seconds and so many more. Raises MarketFault when it never is."""
    deadline = monotonic() + PATIENCE_SECONDS + more
    while True:
        seen = await look()
        if is_so(seen):
            return seen
        if monotonic() > deadline:
            raise MarketFault(f"{what}: not so after {PATIENCE_SECONDS + more:.0f} s: {seen}")
        await asyncio.sleep(LOOK_SECONDS)
