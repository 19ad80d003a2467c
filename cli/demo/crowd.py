"""The shoppers of one sale, all at once."""

import asyncio
from collections.abc import Sequence

from cli.demo.door import MarketFault
from cli.demo.occasion import Occasion
from cli.demo.plan import Shopper
from cli.demo.visit import Visit


class Crowd:
    """Everybody who comes to one occasion."""

    def __init__(self, occasion: Occasion) -> None:
        self._occasion = occasion
        self._visits: dict[int, asyncio.Task[None]] = {}

    def come(self, shoppers: Sequence[Shopper], tokens: Sequence[str]) -> None:
        """Send everybody on their way; a token for each."""
        for shopper, token in zip(shoppers, tokens, strict=True):
            self._visits[shopper.number] = asyncio.create_task(self._visit(shopper, token))

    async def go_home(self, *, patience_seconds: float = 0) -> None:
        """Send everybody home: those who stand in line at once, the others when their ticket is decided."""
        waiting = [self._visits[number] for number in self._occasion.in_line]
        others = [visit for visit in self._visits.values() if visit not in waiting and not visit.done()]
        if others:
            await asyncio.wait(others, timeout=patience_seconds)
        for visit in self._visits.values():
            visit.cancel()
        for outcome in await asyncio.gather(*self._visits.values(), return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _visit(self, shopper: Shopper, token: str) -> None:
        """One shopper's evening. A fault of the market's ends it and is noted; the others go on."""
        occasion = self._occasion
        await asyncio.sleep(max(shopper.comes_after - occasion.now, 0))
        occasion.journal.came += 1
        try:
            await Visit(occasion, shopper, token).run()
        except MarketFault as fault:
            occasion.journal.faults.append(f"shopper {shopper.number}: {fault}")
        finally:
            occasion.in_line.discard(shopper.number)
