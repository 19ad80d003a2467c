"""A bell that rings: an event that no feature records, for tests of what carries events."""

from uuid import UUID

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.outbox import Event, event, lane_of


@event("test.bell_rang", aggregate="bell_id")
class BellRang(Event):
    """The bell rang for the n-th time."""

    bell_id: UUID
    number: int
    sound: str = "当"


async def ring(db: Database, *rings: BellRang) -> None:
    """Record these in one transaction."""
    async with db.transaction() as tx:
        for rang in rings:
            tx.record(rang)


def new_bell(lane: int | None = None) -> UUID:
    """The id of a bell, of this lane if one is given."""
    while lane_of(bell_id := new_id()) != (lane if lane is not None else lane_of(bell_id)):
        pass
    return bell_id
