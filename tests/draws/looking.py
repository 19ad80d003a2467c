"""What tests of draws look at: what the room was told, who did what, what is kept, and who has won."""

from sqlalchemy import func, select

from domain.draws import handing_over, queries
from domain.foundation.ids import new_id
from domain.live_rooms import timeline
from domain.trail.tables import deeds


async def happened(given, room):
    """What the room was told of draws."""
    async with given.db.reading() as reader:
        events = await timeline.since(reader, room.id, 0)
    return [(event.kind, event.facts["draw_id"]) for event in events if "draw_id" in event.facts]


async def noted(given):
    """Who did what with draws, and with what facts, the seeds among none of them."""
    rows = await given.db.rows(select(deeds.c.by, deeds.c.deed, deeds.c.facts).order_by(deeds.c.position))
    return [tuple(row) for row in rows if row.deed.endswith(("draw", "prize", "prize_code"))]


async def count(given, table):
    return await given.db.value(select(func.count()).select_from(table))


async def hand_over(given, won, *, by=None, key="", code="", store_id=None, now=None):
    return await handing_over.hand_over(
        given.db,
        code=code or won.code,
        store_id=store_id or won.store_id,
        by=by or new_id(),
        idempotency_key=key or f"counter-{new_id()}",
        now=now or given.now,
    )


async def won_in(given, draw, shopper_ids):
    """What these people have won, by rank."""
    found = [(await queries.own_prizes(given.db, shopper_id, [draw.id])).get(draw.id) for shopper_id in shopper_ids]
    return sorted((won for won in found if won), key=lambda won: won.rank)
