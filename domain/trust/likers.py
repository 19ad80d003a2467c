"""Who likes rooms, told to trust once a day each: taps themselves are counted elsewhere, of nobody."""

import asyncio
from datetime import date, datetime
from uuid import UUID

from domain.foundation.clock import shop_day
from domain.foundation.database import Database
from domain.foundation.reporting import note_failure
from domain.trust import store
from domain.trust.rules import EvidenceKind
from domain.trust.store import Piece

GATHER_SECONDS = 1.0
MOST_KNOWN = 200_000
"""People whom a process knows to have liked today; when there are more, it forgets them all, and tells of them again."""


class LikerDesk:
    """Gathers whoever likes for the first time today, as far as this process knows. One per process and event loop.

    Best effort: whoever was gathered when the process is killed is told of with their next like elsewhere, or not at all.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._day: date | None = None
        self._known: set[UUID] = set()
        self._gathered: dict[UUID, datetime] = {}
        self._bringing: asyncio.Task[None] | None = None

    def note(self, account_id: UUID, *, now: datetime) -> None:
        """They have liked something. Nobody waits."""
        if self._day != shop_day(now) or len(self._known) >= MOST_KNOWN:
            self._day, self._known = shop_day(now), set()
        if account_id in self._known:
            return
        self._known.add(account_id)
        self._gathered[account_id] = now
        if self._bringing is None:
            self._bringing = asyncio.create_task(self._bring())

    async def close(self) -> None:
        """Bring who was gathered, at the end of the process."""
        if self._bringing is not None:
            await self._bringing

    async def _bring(self) -> None:
        try:
            while self._gathered:
                await asyncio.sleep(GATHER_SECONDS)
                gathered, self._gathered = self._gathered, {}
                try:
                    await self._record(gathered)
                except Exception as error:  # their next like brings them again
                    note_failure("likers_lost", error, people=len(gathered))
                    self._known -= gathered.keys()
        finally:
            self._bringing = None

    async def _record(self, gathered: dict[UUID, datetime]) -> None:
        pieces = [Piece.of(account_id, EvidenceKind.LIKE, at) for account_id, at in gathered.items()]
        async with self._db.transaction() as tx:
            await store.record(tx, pieces, now=max(gathered.values()))
