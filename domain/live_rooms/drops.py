"""What coupons ask of live rooms: whether a batch was dropped in one that is on."""

from uuid import UUID

from sqlalchemy import exists, select

from domain.foundation.database import Reader
from domain.live_rooms.rules import ON, PromotionKind
from domain.live_rooms.tables import promotions, rooms

_p, _r = promotions.c, rooms.c


class RoomDrops:
    """Live rooms as coupons see them."""

    async def is_dropped(self, reader: Reader, batch_id: UUID) -> bool:
        """Whether a room that is on now, live or paused, has dropped this batch."""
        dropped = (_p.target_id == batch_id) & (_p.kind == PromotionKind.COUPONS) & _p.told_at.is_not(None)
        in_room = exists().where(dropped, _r.id == _p.room_id, _r.state.in_(list(ON)))
        return bool(await reader.value(select(in_room)))
