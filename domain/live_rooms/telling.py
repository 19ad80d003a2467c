"""Rooms are told of the sales that were started in them: once, also where whoever started one died before saying so."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from domain.foundation.database import Database
from domain.live_rooms import store, timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EventKind, NewEvent, PromotionKind

SLOW = timedelta(seconds=10)
"""By then whoever starts a sale has told of it."""
OLD = timedelta(days=1)
"""No sale of a room lasts longer."""
_STARTED = {
    PromotionKind.FLASH_SALE: (EventKind.FLASH_SALE_STARTED, "flash_sale_id"),
    PromotionKind.GROUP_BUY: (EventKind.GROUP_BUY_STARTED, "campaign_id"),
}
_UNTOLD = text("""
    SELECT room_id, promotion.kind, target_id, item_id
    FROM live_room_promotions AS promotion
    LEFT JOIN flash_sales AS sale ON promotion.kind = 'flash_sale' AND sale.id = target_id
    LEFT JOIN group_buy_campaigns AS campaign ON promotion.kind = 'group_buy' AND campaign.id = target_id
    WHERE told_at IS NULL AND started_at BETWEEN :since AND :before
      AND (sale.state = 'warm' AND sale.closes_at > :now OR campaign.state = 'live' AND campaign.closes_at > :now)
    ORDER BY started_at LIMIT :limit
""")


async def tell(
    db: Database, bus: LiveBus, *, room_id: UUID, kind: PromotionKind, target_id: UUID, item_id: UUID, now: datetime
) -> bool:
    """Tell the room of a sale that runs; False when it was told before."""
    event_kind, name = _STARTED[kind]
    event = NewEvent(event_kind, {name: str(target_id), "item_id": str(item_id)})
    async with db.transaction() as tx:
        is_first = await store.is_told_first(tx, target_id, now=now)
        if is_first:
            await timeline.append(tx, bus, room_id, [event], now=now)
        return is_first


async def tell_untold(db: Database, bus: LiveBus, *, now: datetime, limit: int) -> int:
    """Tell rooms of sales that run and that nobody has told them of; how many."""
    asked = {"since": now - OLD, "before": now - SLOW, "now": now, "limit": limit}
    untold = await db.rows(_UNTOLD, asked)
    for row in untold:
        about = {"room_id": row.room_id, "target_id": row.target_id, "item_id": row.item_id}
        await tell(db, bus, kind=PromotionKind(row.kind), **about, now=now)
    return len(untold)
