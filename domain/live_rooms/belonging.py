"""What a shopper has under way in a room: tickets of its flash sales, orders that were placed there, groups of its group-buys."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from domain.foundation.database import Database

_OPEN = text("""
    SELECT 'ticket' AS kind, ticket.id
    FROM live_room_promotions AS promotion
    JOIN flash_sale_items AS item ON item.sale_id = promotion.target_id
    JOIN flash_sale_tickets AS ticket ON ticket.item_id = item.id
    WHERE promotion.room_id = :room_id AND promotion.kind = 'flash_sale'
      AND ticket.shopper_id = :shopper_id AND ticket.state = 'reserved'
    UNION ALL
    SELECT 'order', placed.id
    FROM orders AS placed JOIN live_room_orders AS here ON here.order_id = placed.id
    WHERE placed.shopper_id = :shopper_id AND placed.state IN ('placed', 'paid') AND here.room_id = :room_id
    UNION ALL
    SELECT 'group_buy', seat.group_id
    FROM group_buy_seats AS seat
    JOIN group_buys AS joined ON joined.id = seat.group_id
    JOIN live_room_promotions AS promotion ON promotion.target_id = joined.campaign_id
    WHERE seat.shopper_id = :shopper_id AND seat.state IN ('held', 'paid') AND joined.state = 'open'
      AND promotion.room_id = :room_id AND promotion.kind = 'group_buy'
    ORDER BY 2
""")


@dataclass(frozen=True, slots=True)
class Belongings:
    """Things of one shopper's, by id."""

    ticket_ids: tuple[UUID, ...] = ()
    order_ids: tuple[UUID, ...] = ()
    group_ids: tuple[UUID, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ticket_ids or self.order_ids or self.group_ids)


async def open_of(db: Database, room_id: UUID, shopper_id: UUID) -> Belongings:
    """What of the shopper's own is not over in the room: tickets that wait for their money, orders that wait for it or for
    being sent, groups that are not full; each the oldest first. One statement.
    """
    found: dict[str, list[UUID]] = defaultdict(list)
    for row in await db.rows(_OPEN, {"room_id": room_id, "shopper_id": shopper_id}):
        found[row.kind].append(row.id)
    return Belongings(tuple(found["ticket"]), tuple(found["order"]), tuple(found["group_buy"]))
