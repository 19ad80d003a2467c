"""How screens read counters: as they were kept last. Never locks."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from domain.foundation.database import Database
from domain.viewers.rules import Counters

_NEWEST = text("""
    SELECT room.id, last.viewers, last.peak, last."distinct", last.likes, last.buying
    FROM unnest(CAST(:ids AS uuid[])) AS room(id)
    CROSS JOIN LATERAL (SELECT * FROM live_room_samples WHERE room_id = room.id ORDER BY at DESC LIMIT 1) AS last
""")


async def counters_by_room_ids(db: Database, room_ids: Sequence[UUID]) -> dict[UUID, Counters]:
    """The counters of each room as of its last sample, at most five seconds ago while it is on; none before it was live."""
    rows = await db.rows(_NEWEST, {"ids": list(room_ids)})
    return {room_id: Counters(*counters) for room_id, *counters in rows}
