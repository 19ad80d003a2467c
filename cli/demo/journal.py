"""What the shoppers saw: every claim's answer, how long they waited, and how far each of them came."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter, process_time
from types import TracebackType
from typing import Self

BEAT_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Claimed:
    """One claim and its answer: `at` in seconds after the opening, `answer` a state or a refusal's type."""

    at: float
    ms: float
    answer: str


@dataclass
class Journal:
    """The crowd's own figures. People are counted once, claims as often as they were made."""

    claims: list[Claimed] = field(default_factory=list)
    reserve_ms: list[float] = field(default_factory=list)
    """From the tap to the answer RESERVED, of those whose claim found a unit at the gate."""
    faults: list[str] = field(default_factory=list)

    came: int = 0
    answered: int = 0
    """Know whether they have a ticket."""
    passes: int = 0
    tickets: int = 0
    reserved: int = 0
    served: int = 0
    """Reserved out of the waiting line, with a unit that somebody had not paid."""
    buyers: list[int] = field(default_factory=list)
    """The numbers of those whose ticket said PAID."""
    walked_away: int = 0
    """Had a unit reserved, and never paid."""
    too_late: int = 0
    """Paid, or wanted to, when their time was over."""
    turned_away: int = 0
    takers: Counter[int] = field(default_factory=Counter)
    """By item: those with a ticket who would pay."""

    early: int = 0
    """Came before the opening and were told when it is."""
    stale_passes: int = 0
    busy: int = 0
    lost_tickets: int = 0


class Pulse:
    """What the crowd itself costs while it is felt: the process's share of a core, and how late its event loop is.

    Whatever the loop is late by is in every latency that the crowd measures.
    """

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self.core_share = 0.0

    async def __aenter__(self) -> Self:
        self._began = perf_counter(), process_time()
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._beating.cancel()
        wall, cpu = self._began
        self.core_share = (process_time() - cpu) / (perf_counter() - wall)

    async def _beat(self) -> None:
        while True:
            slept_at = perf_counter()
            await asyncio.sleep(BEAT_SECONDS)
            self.late_ms.append((perf_counter() - slept_at - BEAT_SECONDS) * 1000)
