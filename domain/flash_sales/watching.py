"""Tickets that somebody watches: one look at all of them, a few times a second, however many watch."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import structlog

from domain.flash_sales.rules import FlashSaleBusy
from domain.flash_sales.tickets import POLL_AFTER_MS, Ticket, TicketDesk

log = structlog.get_logger(__name__)

IN_LINE_SECONDS = 0.25
"""Between two looks at a ticket that is still in line."""
RESERVED_SECONDS = 1.0
"""Between two looks at one that waits for its money."""
MOVE_SECONDS = 1.0
"""Between two tellings of a ticket that has only moved up in line."""

Sight = Ticket | FlashSaleBusy | None
"""What a poll would be told: the ticket, that nobody can tell now, or that there is none."""


class TicketWatch:
    """Watches tickets for subscribers. One per process and event loop; it looks while somebody watches."""

    def __init__(self, desk: TicketDesk) -> None:
        self._desk = desk
        self._watchers: set[_Watcher] = set()
        self._looking: asyncio.Task[None] | None = None
        self._is_failing = False

    async def watch(self, ticket_id: UUID) -> AsyncIterator[Sight]:
        """What a poll would be told, at once and again whenever it would be told something else.

        Ends when the ticket cannot change any more, or is not known. Who is slow to take what is told misses what was true
        in between, never what is true now.
        """
        watcher = _Watcher(ticket_id, (await self._find([ticket_id]))[0])
        self._watchers.add(watcher)
        try:
            while True:
                watcher.has_news.clear()
                yield watcher.tell()
                if watcher.is_over:
                    return
                if self._looking is None:
                    self._looking = asyncio.create_task(self._look())
                await watcher.has_news.wait()
        finally:
            self._watchers.discard(watcher)

    async def _look(self) -> None:
        try:
            while self._watchers:
                await asyncio.sleep(IN_LINE_SECONDS)
                due = [watcher for watcher in self._watchers if watcher.is_due]
                ticket_ids = list({watcher.ticket_id for watcher in due})
                found = dict(zip(ticket_ids, await self._find(ticket_ids), strict=True))
                for watcher in due:
                    watcher.see(found[watcher.ticket_id])
        finally:
            self._looking = None

    async def _find(self, ticket_ids: list[UUID]) -> list[Sight]:
        try:
            found: list[Sight] = await self._desk.find_many(ticket_ids) if ticket_ids else []
        except Exception as error:  # whatever it is, those who watch go on watching
            if not self._is_failing:
                log.error("tickets_not_seen", exc_info=error)
            self._is_failing = True
            return [FlashSaleBusy(retry_after_ms=POLL_AFTER_MS) for _ in ticket_ids]
        self._is_failing = False
        return found


class _Watcher:
    """One subscriber's view of one ticket."""

    __slots__ = ("_looked_at", "_loop", "_sight", "_told", "_told_at", "has_news", "ticket_id")

    def __init__(self, ticket_id: UUID, sight: Sight) -> None:
        self.ticket_id = ticket_id
        self._loop = asyncio.get_running_loop()
        self._sight = self._told = sight
        self._looked_at = self._told_at = self._loop.time()
        self.has_news = asyncio.Event()

    @property
    def is_due(self) -> bool:
        """Whether it is time to look again."""
        waits_for_money = isinstance(self._sight, Ticket) and self._sight.position is None
        return not waits_for_money or self._loop.time() - self._looked_at >= RESERVED_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether what was told last stays true for ever."""
        return self._told is None or (isinstance(self._told, Ticket) and self._told.poll_after_ms is None)

    def see(self, sight: Sight) -> None:
        """Take what a look has found; it is news unless it was told, or is nothing but a place in line told just now."""
        now = self._looked_at = self._loop.time()
        self._sight = sight
        if sight != self._told and (now - self._told_at >= MOVE_SECONDS or _placeless(sight) != _placeless(self._told)):
            self.has_news.set()

    def tell(self) -> Sight:
        """What is true now; noted as told."""
        self._told, self._told_at = self._sight, self._loop.time()
        return self._told


def _placeless(sight: Sight) -> Sight:
    return replace(sight, position=None) if isinstance(sight, Ticket) else sight
