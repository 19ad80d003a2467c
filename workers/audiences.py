"""Segments in the background: their rules are looked at again, and whom they held before is forgotten."""

from domain.audiences import refreshing
from domain.foundation.reporting import note_failure
from workers.context import WorkerContext
from workers.timetable import every


@every(seconds=5.0)
async def begin_refreshes(context: WorkerContext) -> None:
    """Begin those whose time has come. Safe to run twice: a segment has one refresh at a time."""
    await refreshing.start_due(context.market.db, now=context.now())


@every(seconds=1.0)
async def refresh_segments(context: WorkerContext) -> None:
    """Go on with every refresh that is under way, a batch at a time, to its end. Safe to run twice: see `refreshing.advance`."""
    db = context.market.db
    for segment_id in await refreshing.under_way(db):
        try:
            while await refreshing.advance(db, segment_id=segment_id, now=context.now()):
                pass
            while await refreshing.forget(db, segment_id=segment_id):
                pass
        except Exception as error:
            # one segment's trouble must not keep the others from theirs
            note_failure("segment_not_refreshed", error, segment=str(segment_id))
