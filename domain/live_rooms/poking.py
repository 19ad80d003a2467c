"""Pokes: shoppers who watch a room are told that something of their own has changed, and look it up themselves."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import text

from domain.foundation.database import Database
from domain.foundation.remembered import Remembered
from domain.live_rooms import store
from domain.live_rooms.bus import LiveBus, Personal
from domain.live_rooms.rules import LONGEST_LIVE

TICKET, ORDER, GROUP_BUY = "ticket", "order", "group_buy"
STILL_WATCHED = timedelta(hours=1)
"""After a room has ended: what was sold in it is still being paid for, by people who have its page open."""
OVERLAP = timedelta(seconds=10)
"""How far each look for groups reaches back: a moment is taken before its commit, and clocks differ."""

_WATCHED = text("""
    SELECT id FROM live_rooms WHERE state IN ('live', 'paused')
    UNION ALL
    SELECT id FROM live_rooms WHERE state = 'ended' AND ended_at > :ended_after AND starts_at > :planned_after
""")
_WHOSE = text("""
    SELECT coalesce(noted.room_id, promotion.room_id) AS room_id, placed.shopper_id, ticket.id AS ticket_id, seat.group_id
    FROM orders AS placed
    LEFT JOIN live_room_orders AS noted ON noted.order_id = placed.id
    LEFT JOIN flash_sale_tickets AS ticket ON placed.source = 'flash_sale' AND ticket.id = placed.source_id
    LEFT JOIN flash_sale_items AS item ON item.id = ticket.item_id
    LEFT JOIN group_buy_seats AS seat ON placed.source = 'group_buy' AND seat.id = placed.source_id
    LEFT JOIN group_buys AS joined ON joined.id = seat.group_id
    LEFT JOIN live_room_promotions AS promotion ON promotion.target_id = coalesce(item.sale_id, joined.campaign_id)
    WHERE placed.id = :order_id
""")
_ENDED_GROUPS = text("""
    SELECT promotion.room_id, seat.shopper_id, joined.id AS group_id
    FROM live_room_promotions AS promotion
    JOIN group_buys AS joined ON joined.campaign_id = promotion.target_id
    JOIN group_buy_seats AS seat ON seat.group_id = joined.id
    WHERE promotion.room_id = any(:room_ids) AND promotion.kind = 'group_buy'
      AND joined.ended_at > :ended_after AND seat.state <> 'freed'
""")


class Pokes:
    """Tells shoppers of what is theirs, best effort: after the commit, and without a word when Redis is away.

    One per worker process, on its one event loop. While no room is watched it asks one short question a second at most.
    """

    def __init__(self, db: Database, bus: LiveBus) -> None:
        self._db, self._bus = db, bus
        self._watched: Remembered[frozenset[UUID]] = Remembered(seconds=1.0)
        self._room_of_sale: Remembered[UUID | None] = Remembered(seconds=600.0)
        self._told_groups: set[UUID] = set()

    async def tickets(self, sale_id: UUID, decided: Sequence[tuple[UUID, UUID]]) -> None:
        """These tickets (id, shopper) of a sale were reserved, or refused."""
        if not decided:
            return
        room_id = await self._room_of_sale.get(sale_id, partial(self._find_room, sale_id))
        if room_id is not None:
            await self._bus.tell_many(room_id, [(shopper_id, TICKET, id) for id, shopper_id in decided])

    async def order(self, order_id: UUID, *, now: datetime) -> None:
        """An order was paid, has ended unpaid, or money of it goes back; its ticket or its group has changed with it."""
        watched = await self._watched.get("rooms", partial(self._look, now))
        row = await self._db.one(_WHOSE, {"order_id": order_id}) if watched else None
        if row is not None and row.room_id in watched:
            changed = ((ORDER, order_id), (TICKET, row.ticket_id), (GROUP_BUY, row.group_id))
            await self._bus.tell_many(row.room_id, [(row.shopper_id, kind, id) for kind, id in changed if id])

    async def ended_groups(self, *, now: datetime) -> None:
        """Groups of campaigns that were started in a room have filled, expired or were dissolved: each member is told once.

        To be called every few seconds; another process that goes on with it tells some again.
        """
        watched = await self._watched.get("rooms", partial(self._look, now))
        about = {"room_ids": list(watched), "ended_after": now - OVERLAP}
        rows = await self._db.rows(_ENDED_GROUPS, about) if watched else ()
        personal: dict[UUID, list[Personal]] = defaultdict(list)
        for row in rows:
            if row.group_id not in self._told_groups:
                personal[row.room_id].append((row.shopper_id, GROUP_BUY, row.group_id))
        self._told_groups = {row.group_id for row in rows}
        for room_id, members in personal.items():
            await self._bus.tell_many(room_id, members)

    async def _look(self, now: datetime) -> frozenset[UUID]:
        after = {"ended_after": now - STILL_WATCHED, "planned_after": now - STILL_WATCHED - 2 * LONGEST_LIVE}
        return frozenset(await self._db.column(_WATCHED, after))

    async def _find_room(self, sale_id: UUID) -> UUID | None:
        async with self._db.reading() as reader:
            return await store.room_of_promotion(reader, sale_id)
