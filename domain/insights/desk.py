"""The figures that somebody looks at, kept for a moment: a room of twenty thousand orders takes some tenths of a second."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from uuid import UUID

from domain.accounts.rules import Principal
from domain.foundation.database import Database
from domain.insights import room_figures
from domain.insights.rules import RoomFigures

PATIENCE_SECONDS = 0.03
"""For newer figures than those that are kept: those of most rooms are there by then."""
OLDEST_SECONDS = 10.0
"""Older figures are not shown: newer ones are waited for, however long it takes."""
REST = 9
"""Times as long as figures took is nobody made to work out the same room's again: a tenth of a connection at most."""
MOST_ROOMS = 200


@dataclass(slots=True)
class _Kept:
    working: "asyncio.Task[RoomFigures]"
    begun_at: float
    figures: RoomFigures | None = None
    made_at: float = 0.0
    took: float = 0.0


class FiguresDesk:
    """Gives out figures of rooms. One per process and event loop.

    Whoever asks has them at once, worked out anew where that is quick, else as they were some seconds ago: `as_of` tells.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: dict[UUID, _Kept] = {}

    async def figures(self, room_id: UUID, *, by: Principal, now: datetime) -> RoomFigures:
        """The room's figures, at most ten seconds old. Raises NotFound, NotAllowed."""
        async with self._db.reading() as reader:
            await room_figures.check_reader(reader, room_id, by)
        kept = self._kept_of(room_id, now)
        if kept.figures is None or monotonic() > kept.made_at + OLDEST_SECONDS:
            # one asker who gives up must not take the answer from the others
            return await asyncio.shield(kept.working)
        await asyncio.wait({kept.working}, timeout=PATIENCE_SECONDS)
        return kept.figures

    def _kept_of(self, room_id: UUID, now: datetime) -> _Kept:
        kept = self._kept.get(room_id)
        if kept is None:
            if len(self._kept) >= MOST_ROOMS:
                self._kept.clear()
            kept = self._kept[room_id] = _Kept(asyncio.create_task(self._work_out(room_id, now)), monotonic())
        elif kept.working.done() and (monotonic() >= kept.made_at + REST * kept.took or kept.working.exception()):
            kept.working, kept.begun_at = asyncio.create_task(self._work_out(room_id, now)), monotonic()
        return kept

    async def _work_out(self, room_id: UUID, now: datetime) -> RoomFigures:
        figures = await room_figures.figures(self._db, room_id, now=now)
        kept = self._kept.get(room_id)
        if kept is not None:
            kept.figures, kept.made_at = figures, monotonic()
            kept.took = kept.made_at - kept.begun_at
        return figures
