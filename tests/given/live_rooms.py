"""Builders for live rooms: a room with its host, and goods on its shelf."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.accounts.rules import Principal, Role
from domain.flash_sales.actions import NewItem as SaleItem
from domain.flash_sales.rules import Sale
from domain.foundation.ids import new_id
from domain.foundation.runtime import Market
from domain.group_buys.rules import Campaign
from domain.group_buys.rules import NewItem as GroupItem
from domain.live_rooms import actions, queries, running, selling
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import Duty, LivePrice, NewRoom, Room, RoomItem, ShelfItem
from domain.live_rooms.selling import RoomFlashSale, RoomGroupBuy
from domain.products.rules import Kept

LIVE_MINOR = 1590
FLOOR_MINOR = 990


@dataclass(frozen=True)
class RoomGiven:
    """A room, its host, and what stands on its shelf."""

    room: Room
    host: Principal
    items: Sequence[RoomItem]
    goods: Sequence[Kept]

    @property
    def id(self) -> UUID:
        return self.room.id

    @property
    def item(self) -> RoomItem:
        """The first item on the shelf."""
        return self.items[0]

    @property
    def sku_id(self) -> UUID:
        """The first SKU of the first item."""
        return self.goods[0].sku_ids[0]


class LiveRoomsGiven:
    """Builders for live rooms."""

    market: Market
    now: datetime

    @property
    def bus(self) -> LiveBus:
        """A live bus as a process has one."""
        return LiveBus(self.market.gate)

    async def live_room(
        self,
        *,
        items: int = 1,
        units: int = 10,
        is_live: bool = True,
        is_on_air: bool = False,
        grace_seconds: int = 300,
        host: Principal | None = None,
        store_id: UUID | None = None,
        floor_minor: int = FLOOR_MINOR,
        prize_budget_minor: int = 10**9,
    ) -> RoomGiven:
        """A room that begins now, live unless told otherwise: each item lists at 19.90, at 15.90 on air, at least 9.90.

        `is_on_air`: the first item is.
        """
        db = self.market.db
        host = host or Principal(await self.shopper(), frozenset({Role.SHOPPER, Role.HOST}))  # type: ignore[attr-defined]
        goods = [await self.product(f"夜市好物 {number}", units=units) for number in range(1, items + 1)]  # type: ignore[attr-defined]
        crew = {host.account_id: Duty.HOST}
        wish = NewRoom(
            "夜市直播间",
            self.now,
            crew,
            store_id=store_id,
            grace_seconds=grace_seconds,
            prize_budget_minor=prize_budget_minor,
        )
        room = await actions.create(db, wish, by=new_id(), idempotency_key=f"room-{new_id()}", now=self.now)
        shelf = [
            ShelfItem(
                kept.id, f"第 {number} 件", tuple(LivePrice(sku_id, LIVE_MINOR, floor_minor) for sku_id in kept.sku_ids)
            )
            for number, kept in enumerate(goods, 1)
        ]
        kept_items = await actions.set_shelf(db, self.bus, room_id=room.id, shelf=shelf, by=new_id(), now=self.now)
        if is_live:
            await running.go_live(db, self.bus, room_id=room.id, by=host, now=self.now)
        if is_on_air:
            await running.put_on_air(db, self.bus, room_id=room.id, item_id=kept_items[0].id, by=host, now=self.now)
        return RoomGiven((await queries.by_ids(db, [room.id]))[room.id], host, kept_items, goods)

    async def room_flash_sale(self, room: RoomGiven, **about: Any) -> Sale:
        """A sale of the room's first SKU at the floor, open for a minute; `about` are other fields of its wish."""
        item = SaleItem(room.sku_id, FLOOR_MINOR, 5)
        wish = RoomFlashSale(**{"title": "限时秒杀", "items": (item,), "seconds": 60} | about)
        return await selling.start_flash_sale(
            self.market.db,
            self.market.gate,
            self.bus,
            room_id=room.id,
            item_id=room.item.id,
            wish=wish,
            by=room.host,
            idempotency_key=f"sale-{new_id()}",
            now=self.now,
        )

    async def room_group_buy(self, room: RoomGiven, **about: Any) -> Campaign:
        """A campaign of the room's first SKU at the floor, open for ten minutes; `about` are other fields of its wish."""
        wish: dict[str, Any] = {"title": "三人团", "seconds": 600, "seats": 3, "fill_seconds": 3600}
        wish["items"] = (GroupItem(room.sku_id, FLOOR_MINOR, 6),)
        return await selling.start_group_buy(
            self.market.db,
            self.bus,
            room_id=room.id,
            item_id=room.item.id,
            wish=RoomGroupBuy(**wish | about),
            by=room.host,
            idempotency_key=f"campaign-{new_id()}",
            now=self.now,
        )
