"""Streams in the background: rooms whose video does not come back."""

from domain.streams import actions
from workers.context import WorkerContext
from workers.timetable import every

A_ROUND = 20
"""Rooms ended at once."""


@every(seconds=5.0)
async def end_abandoned(context: WorkerContext) -> None:
    """End rooms whose stream has been away for long. Safe to run twice: an ended room stays ended."""
    await actions.end_abandoned(context.market.db, context.bus, now=context.now(), limit=A_ROUND)
