"""How another company's notices travel: at once, late, twice, never or out of order, and again when nobody was at home.

once       the notice comes at once           never      it does not come: the merchant has to ask
late       it comes after `delay_ms`          reordered  it comes after a random part of `delay_ms`
twice      it comes two times at once
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

NAMES = ("once", "late", "twice", "never", "reordered")
LONGEST_DELAY_MS = 600_000
TRIES = 8
WELL = (200, 204)


@dataclass(frozen=True)
class Behaviour:
    """How notices travel."""

    name: str = "once"
    delay_ms: int = 0

    @classmethod
    def of(cls, wish: Mapping[str, Any], default: "Behaviour") -> "Behaviour":
        """What is wished for in JSON, the default where nothing is. Raises ValueError for what does not exist."""
        name, delay_ms = wish.get("behaviour", default.name), wish.get("delay_ms", default.delay_ms)
        if name not in NAMES or type(delay_ms) is not int or not 0 <= delay_ms <= LONGEST_DELAY_MS:
            raise ValueError(f"behaviour is one of {', '.join(NAMES)}; delay_ms is 0 to {LONGEST_DELAY_MS}")
        return cls(name, delay_ms)

    @property
    def seconds(self) -> list[float]:
        """After how many seconds a notice sets out, once for each time that it does."""
        delay = self.delay_ms / 1000
        return {
            "once": [0.0],
            "late": [delay],
            "twice": [0.0, 0.0],
            "never": [],
            "reordered": [random.uniform(0, delay)],  # noqa: S311 - nothing here is secret
        }[self.name]


class Couriers:
    """Whoever carries notices: a notice not answered with 200 or 204 is brought again after 1, 2, 4 ... seconds, seven times.

    `sign(notice_id, body)` gives the headers of one try: a signature lives only minutes, so each has a fresh one.
    """

    def __init__(self, sign: Callable[[str, bytes], Mapping[str, str]]) -> None:
        self._sign = sign
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        self._underway: set[asyncio.Task[None]] = set()

    def notify(self, url: str, notice_id: str, body: bytes, behaviour: Behaviour) -> None:
        """Have a notice carried in this way."""
        for seconds in behaviour.seconds:
            self.send(self._carry(url, notice_id, body, seconds))

    def send(self, errand: Coroutine[Any, Any, None]) -> None:
        """Have something done in the background; what is not done at the end is left undone."""
        task = asyncio.create_task(errand)
        self._underway.add(task)
        task.add_done_callback(self._underway.discard)

    async def stop(self) -> None:
        """Call everybody home."""
        for task in self._underway:
            task.cancel()
        await self._session.close()

    async def _carry(self, url: str, notice_id: str, body: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        for attempt in range(TRIES):
            try:
                async with self._session.post(url, data=body, headers=self._sign(notice_id, body)) as response:
                    if response.status in WELL:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass  # nobody at home counts like every refusal
            await asyncio.sleep(2**attempt)
