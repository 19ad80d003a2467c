"""Whether the doors that somebody wishes can be: what they name exists, and none would be open before they were set."""

from datetime import datetime

from domain.audiences import queries
from domain.audiences.rules import Doors, check_doors
from domain.foundation.database import Reader
from domain.foundation.errors import BadInput, NotFound
from domain.memberships.queries import plans_by_ids


async def check(reader: Reader, doors: Doors | None, *, opens_at: datetime, now: datetime) -> None:
    """Raises BadInput and NotFound (plan, segment)."""
    if doors is None:
        return
    check_doors(doors)
    first = doors.first_opening(opens_at)
    if doors.most_minutes and first <= now:
        raise BadInput(
            f"the first door would have opened at {first:%Y-%m-%d %H:%M:%S} UTC; allowed: doors still to open"
        )
    if doors.segment_ids:
        known = await queries.segments_by_ids(reader, list(doors.segment_ids))
        for segment_id in doors.segment_ids - known.keys():
            raise NotFound.of("segment", segment_id)
    plan_ids = {door.crowd.plan_id for door in doors.doors if door.crowd.plan_id is not None}
    if plan_ids:
        plans = await plans_by_ids(reader, list(plan_ids))
        for plan_id in plan_ids - plans.keys():
            raise NotFound.of("plan", plan_id)
