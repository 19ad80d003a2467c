"""Live rooms as everybody sees them: who sells there, what stands on the shelf, what is on air and at what price."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api.access import Who, public, to
from api.context import Info
from api.coupons import CouponBatch, show_batch
from api.flash_sales import FlashSale, load_sales
from api.group_buy_campaigns import GroupBuyCampaign, show_campaign
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.products import Product, load_product
from api.scalars import Long
from api.stores import Store, find_store
from domain.accounts.queries import names_by_ids
from domain.coupons.queries import batches_by_ids
from domain.group_buys.queries import campaigns_by_ids
from domain.live_rooms import queries, rules, running, screens
from domain.live_rooms.rules import Chapter, Duty, PromotionKind
from domain.products.queries import images_by_product_ids
from domain.stock.queries import skus_by_ids

RoomState = strawberry.enum(
    rules.RoomState,
    name="RoomState",
    description="Where a room is on its way. PAUSED is still on: what is on air stays there, at its live price.",
)
RoomDuty = strawberry.enum(
    rules.Duty,
    name="RoomDuty",
    description="What somebody does in a room. Both run it; only hosts are shown to viewers.",
)


@strawberry.type(directives=to(Who.INHERITED), description="Who sells in a room. 主播")
class RoomHost:
    """A host."""

    name: str


@strawberry.type(directives=to(Who.INHERITED), description="Somebody who runs a room. 直播团队")
class RoomCrewMember:
    """Somebody of the crew."""

    account_id: strawberry.ID
    name: str
    duty: RoomDuty


@strawberry.type(
    directives=to(Who.INHERITED),
    description="What a SKU costs now whoever says `roomId` at checkout. 直播价",
)
class RoomLivePrice:
    """A live price."""

    sku_id: strawberry.ID
    price: Money = strawberry.field(description="Of a unit; a sale price that is lower counts instead.")
    list_price: Money | None = strawberry.field(description="Of a unit, without the room and every other rule.")
    until: datetime | None = strawberry.field(
        description="The price's end, once its item has left the air; null while it is on air."
    )


@strawberry.type(directives=to(Who.ANYONE), description="A product on a room's shelf. 直播商品")
class RoomItem(Node):
    """A product on a shelf."""

    position: int = strawberry.field(description="Its number on the shelf, from 1.")
    pitch: str = strawberry.field(description="The host's word on it; empty where there is none.")
    is_pinned: bool = strawberry.field(description="Whether it is shown before the others: one of a room at most.")
    is_on_shelf: bool = strawberry.field(description="False for what was taken off the shelf; its chapters stay.")
    row: strawberry.Private[rules.RoomItem]

    @strawberry.field(description="Whether it is being talked about now: one of a room at most.")
    async def is_on_air(self, info: Info) -> bool:
        """Whether its chapter is the one that has not ended."""
        on_air = _on_air(await _chapters(info, self.row.room_id))
        return on_air is not None and on_air.item_id == self.row.id

    @strawberry.field(
        description="The prices that hold now: while the item is on air, and for the room's grace period after; none at any other "
        "time. A guest's answer may be a second old."
    )
    async def live_prices(self, info: Info) -> list[RoomLivePrice]:
        """What holds now."""
        chapters = [each for each in await _chapters(info, self.row.room_id) if each.item_id == self.row.id]
        cheapest = _cheapest([chapter for chapter in chapters if chapter.prices_hold(info.context.now)])
        skus = await batched(info, skus_by_ids).load_many(list(cheapest))
        return [
            RoomLivePrice(
                sku_id=show_id("sku", sku_id),
                price=Money.of(chapter.live_prices[sku_id]),
                list_price=Money.maybe(sku[0].price_minor if sku else None),
                until=chapter.prices_until,
            )
            for (sku_id, chapter), sku in zip(cheapest.items(), skus, strict=True)
        ]

    @strawberry.field(description="What is sold; null when it is not public.")
    async def product(self, info: Info) -> Product | None:
        """The product, fetched for all items of the answer together."""
        return await load_product(info, self.row.product_id)


@strawberry.type(directives=to(Who.INHERITED), description="An item's time on air: what a replay jumps to. 讲解回放")
class RoomChapter:
    """A chapter."""

    began_at: datetime
    ended_at: datetime | None = strawberry.field(description="Null while the item is on air.")
    starts_after_seconds: Long = strawberry.field(
        description="Seconds from the room's `liveAt` to its beginning, pauses included."
    )
    row: strawberry.Private[Chapter]

    @strawberry.field(description="What was on air.")
    async def item(self, info: Info) -> RoomItem | None:
        """The item, fetched for all chapters together."""
        return await _item(info, self.row)


@strawberry.type(directives=to(Who.ANYONE), description="A room in which a host sells live. 直播间")
class Room(Node):
    """A room."""

    title: str
    state: RoomState
    starts_at: datetime = strawberry.field(description="The planned beginning; it may go live up to two hours before.")
    live_at: datetime | None = strawberry.field(description="When it went live for the first time.")
    paused_at: datetime | None = strawberry.field(description="PAUSED: since when. Else null.")
    ended_at: datetime | None
    cancelled_at: datetime | None
    grace_seconds: Long = strawberry.field(
        description="Seconds that a live price holds after its item has left the air."
    )
    is_chat_open: bool = strawberry.field(description="Whether viewers may write.")
    slow_seconds: Long = strawberry.field(description="Seconds between two comments of one viewer, at least. 慢速模式")
    last_event: Long = strawberry.field(
        description="The number of its last event: what `roomEvents(since:)` goes on from. A guest's answer may be a second old."
    )
    row: strawberry.Private[rules.Room]

    @strawberry.field(description="Its picture, or that of its first item; null when there is neither.")
    async def cover_url(self, info: Info) -> str | None:
        """Its picture."""
        if self.row.cover_url:
            return self.row.cover_url
        items = await batched(info, queries.items_by_room_ids).load(self.row.id)
        images = await batched(info, images_by_product_ids).load(items[0].product_id) if items else ()
        return images[0].url if images else None

    @strawberry.field(description="Where prizes and goods are handed over, for a room in a shop window.")
    async def store(self, info: Info) -> Store | None:
        """The store, fetched for all rooms together."""
        found: Store | None = await find_store(info, self.row.store_id) if self.row.store_id else None
        return found

    @strawberry.field(description="Who sells there.")
    async def hosts(self, info: Info) -> list[RoomHost]:
        """The hosts, those of all rooms fetched together."""
        return [RoomHost(name=member.name) for member in await _crew(info, self.row.id) if member.duty is Duty.HOST]

    @strawberry.field(directives=to(Who.STAFF), description="Everybody who runs it, hosts first.")
    async def crew(self, info: Info) -> list[RoomCrewMember] | None:
        """The crew, those of all rooms fetched together."""
        return await _crew(info, self.row.id)

    @strawberry.field(description="What stands on the shelf, in order: 200 products at most. 购物袋")
    async def items(self, info: Info) -> list[RoomItem]:
        """The shelf, those of all rooms fetched together."""
        return [show_item(item) for item in await batched(info, queries.items_by_room_ids).load(self.row.id) or ()]

    @strawberry.field(description="What is being talked about now; null between two items. 讲解中")
    async def on_air(self, info: Info) -> RoomItem | None:
        """The item of the chapter that has not ended."""
        on_air = _on_air(await _chapters(info, self.row.id))
        return await _item(info, on_air) if on_air else None

    @strawberry.field(description="When each item was on air, in order: one that was on air twice has two.")
    async def chapters(self, info: Info) -> list[RoomChapter]:
        """The chapters, those of all rooms fetched together."""
        live_at = self.row.live_at
        return [
            RoomChapter(
                began_at=chapter.began_at,
                ended_at=chapter.ended_at,
                starts_after_seconds=Long((chapter.began_at - (live_at or chapter.began_at)).total_seconds()),
                row=chapter,
            )
            for chapter in await _chapters(info, self.row.id)
        ]

    @strawberry.field(description="The flash sales that were started in the room, in order, whatever their state.")
    async def flash_sales(self, info: Info) -> list[FlashSale]:
        """Its flash sales, those of all rooms fetched together."""
        return await load_sales(info, await _promotions(info, self.row.id, PromotionKind.FLASH_SALE))

    @strawberry.field(description="The group-buys that were started in the room, in order, whatever their state.")
    async def group_buy_campaigns(self, info: Info) -> list[GroupBuyCampaign]:
        """Its campaigns, those of all rooms fetched together."""
        ids = await _promotions(info, self.row.id, PromotionKind.GROUP_BUY)
        found = await batched(info, campaigns_by_ids).load_many(ids)
        return [show_campaign(campaign) for campaign in found if campaign]

    @strawberry.field(description="The coupons that were dropped in the room, in order, also those that are gone.")
    async def coupon_batches(self, info: Info) -> list[CouponBatch]:
        """Its batches, those of all rooms fetched together."""
        ids = await _promotions(info, self.row.id, PromotionKind.COUPONS)
        found = await batched(info, batches_by_ids).load_many(ids)
        return [show_batch(batch) for batch in found if batch]

    @strawberry.field(description="How many have asked to be reminded when it goes live. 预约人数")
    async def reservations(self, info: Info) -> Long:
        """The count, fetched for all rooms together."""
        return Long(await batched(info, queries.reservations_by_room_ids).load(self.row.id) or 0)

    @strawberry.field(description="Whether the asker will be reminded; false for guests.")
    async def is_reserved(self, info: Info) -> bool:
        """Whether it is among the asker's, found for all rooms together."""
        return await _reserved(info).load(self.row.id)

    @strawberry.field(description="Whether the asker may run it: of its crew, or a merchandiser. False for guests.")
    async def runs_here(self, info: Info) -> bool:
        """Whether the asker may run it."""
        principal = info.context.principal
        if principal is None:
            return False
        crew = await batched(info, queries.crew_by_room_ids).load(self.row.id) or {}
        return principal.account_id in crew or bool(principal.roles & running.RUNS_EVERY_ROOM)

    @strawberry.field(description="When this answer was made. A guest's may be a second old.")
    def server_time(self, info: Info) -> datetime:
        """The moment of this operation."""
        return info.context.now


@strawberry.type
class LiveRoomQuery:
    """Questions about live rooms."""

    @strawberry.field(
        directives=public(),
        description="Rooms that are on, and then those to come, each by its planned beginning. One that nobody has opened is "
        "listed until two hours after it.",
    )
    async def live_rooms(self, info: Info, first: int = 20, after: str | None = None) -> Connection[Room]:
        """Rooms that are on, and to come."""
        context = info.context
        page = await screens.on_and_coming(context.market.db, now=context.now, first=first, after=after)
        return Connection.of(page, show_room)

    @strawberry.field(directives=public(), description="One room, whatever its state; null when there is none.")
    async def live_room(self, info: Info, id: strawberry.ID) -> Room | None:
        """One room."""
        return await find_room(info, read_id("room", id))

    @strawberry.field(
        directives=to(Who.SIGNED_IN), description="The rooms one runs as host or assistant, newest first, in any state."
    )
    async def my_live_rooms(self, info: Info, first: int = 20, after: str | None = None) -> Connection[Room]:
        """One's rooms."""
        context = info.context
        page = await screens.run_by(context.market.db, context.shopper.account_id, first=first, after=after)
        return Connection.of(page, show_room)


@finds("room")
async def find_room(info: Info, id: UUID) -> Room | None:
    """A room; null when there is none."""
    found = await batched(info, queries.by_ids).load(id)
    return show_room(found) if found else None


@finds("roomitem")
async def find_item(info: Info, id: UUID) -> RoomItem | None:
    """An item of a room, also one that was taken off the shelf."""
    found = await batched(info, queries.items_by_ids).load(id)
    return show_item(found) if found else None


async def room_now(info: Info, id: UUID) -> Room:
    """A room that there is, after it was changed: what this operation has read before is forgotten."""
    info.context.loaders.clear()
    found = await find_room(info, id)
    assert found is not None
    return found


def show_room(room: rules.Room) -> Room:
    """The GraphQL object of a room."""
    return Room(
        id=show_id("room", room.id),
        title=room.title,
        state=room.state,
        starts_at=room.starts_at,
        live_at=room.live_at,
        paused_at=room.paused_at,
        ended_at=room.ended_at,
        cancelled_at=room.cancelled_at,
        grace_seconds=Long(room.grace_seconds),
        is_chat_open=room.is_chat_open,
        slow_seconds=Long(room.slow_seconds),
        last_event=Long(room.events),
        row=room,
    )


def show_item(item: rules.RoomItem) -> RoomItem:
    """The GraphQL object of an item."""
    return RoomItem(
        id=show_id("roomitem", item.id),
        position=item.position,
        pitch=item.pitch,
        is_pinned=item.pinned_at is not None,
        is_on_shelf=item.removed_at is None,
        row=item,
    )


async def _chapters(info: Info, room_id: UUID) -> Sequence[Chapter]:
    return await batched(info, queries.chapters_by_room_ids).load(room_id) or ()


async def _item(info: Info, chapter: Chapter) -> RoomItem | None:
    """The item of a chapter: from its room's shelf, where the operation asks for shelves anyway."""
    if queries.items_by_room_ids in info.context.loaders:
        shelf = await batched(info, queries.items_by_room_ids).load(chapter.room_id) or ()
        if (item := next((item for item in shelf if item.id == chapter.item_id), None)) is not None:
            return show_item(item)
    return await find_item(info, chapter.item_id)


async def _promotions(info: Info, room_id: UUID, kind: PromotionKind) -> list[UUID]:
    started = await batched(info, queries.promotions_by_room_ids).load(room_id) or ()
    return [target_id for each, target_id in started if each is kind]


def _cheapest(chapters: Sequence[Chapter]) -> dict[UUID, Chapter]:
    """Whose live price of each SKU is the lowest; the latest of those that are."""
    found: dict[UUID, Chapter] = {}
    for chapter in chapters:
        for sku_id, minor in chapter.live_prices.items():
            if sku_id not in found or minor <= found[sku_id].live_prices[sku_id]:
                found[sku_id] = chapter
    return found


def _on_air(chapters: Sequence[Chapter]) -> Chapter | None:
    return next((chapter for chapter in reversed(chapters) if chapter.ended_at is None), None)


async def _crew(info: Info, room_id: UUID) -> list[RoomCrewMember]:
    duties = await batched(info, queries.crew_by_room_ids).load(room_id) or {}
    names = await batched(info, names_by_ids).load_many(list(duties))
    members = [
        RoomCrewMember(account_id=show_id("account", account_id), name=name or "", duty=duty)
        for (account_id, duty), name in zip(duties.items(), names, strict=True)
    ]
    return sorted(members, key=lambda member: (member.duty is not Duty.HOST, member.account_id))


def _reserved(info: Info) -> DataLoader[UUID, bool]:
    loaders, context = info.context.loaders, info.context
    if _reserved not in loaders:

        async def load(room_ids: list[UUID]) -> list[bool]:
            if context.principal is None:
                return [False] * len(room_ids)
            mine = await queries.reserved_by(context.market.db, context.principal.account_id, room_ids)
            return [room_id in mine for room_id in room_ids]

        loaders[_reserved] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, bool] = loaders[_reserved]
    return loader
