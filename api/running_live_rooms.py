"""Live rooms for those who run them: go live, put items on air, pin, speak to everybody. The domain asks who they are."""

from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.live_rooms import Room, RoomItem, room_now, show_item
from api.money import Money
from api.nodes import read_id, show_id
from api.refusals import refusal
from domain.foundation.errors import NotFound
from domain.live_rooms import queries, rules, running
from domain.live_rooms.rules import LivePrice


@strawberry.input(description="An item of a room's shelf.")
class RoomItemInput:
    """Which room, and which item."""

    room_id: strawberry.ID
    item_id: strawberry.ID


@strawberry.input(description="Whether and how often viewers may write.")
class SetRoomChatInput:
    """Which room, and what is allowed."""

    room_id: strawberry.ID
    is_open: bool
    slow_seconds: int = strawberry.field(
        description="Seconds between two comments of one viewer, at least: 0 to 600. Not slowed down: 0."
    )


@strawberry.input(description="A line for everybody in the room.")
class AnnounceInRoomInput:
    """Where, and what."""

    room_id: strawberry.ID
    text: str = strawberry.field(description="1 to 200 characters.")


@strawberry.type(directives=to(Who.INHERITED), description="What the crew may ask for a SKU.")
class RoomPrice:
    """The frame of a SKU's prices."""

    sku_id: strawberry.ID
    live_price: Money | None = strawberry.field(description="Its price while on air; null: it has none.")
    floor: Money = strawberry.field(description="The lowest price of a sale that is started in the room.")


@strawberry.type(directives=to(Who.INHERITED), description="An item as its crew sees it.")
class RoomShelfItem:
    """An item, and its prices."""

    item: RoomItem
    prices: list[RoomPrice]


RunRoomResult = Annotated[
    Room
    | refusal(NotFound)
    | refusal(rules.WrongRoomState)
    | refusal(rules.TooEarlyToGoLive)
    | refusal(rules.RoomNotOn)
    | refusal(rules.NotOnTheShelf),
    strawberry.union("RunRoomResult"),
]


@strawberry.type
class RunningLiveRoomsQuery:
    """What those who run rooms ask."""

    @strawberry.field(
        directives=to(Who.CREW),
        description="The shelf with the prices that the crew may ask, in order. For who runs the room: FORBIDDEN to others.",
    )
    async def room_shelf(self, info: Info, room_id: strawberry.ID) -> list[RoomShelfItem]:
        """The shelf."""
        context, id = info.context, read_id("room", room_id)
        async with context.market.db.reading() as reader:
            await running.check_crew(reader, id, context.shopper)
        items = (await queries.items_by_room_ids(context.market.db, [id])).get(id, ())
        return [
            RoomShelfItem(item=show_item(item), prices=[_show_price(price) for price in item.prices]) for item in items
        ]


@strawberry.type
class RunningLiveRoomsMutation:
    """What those who run rooms do. Each answers with the room as it is afterwards; repeating the last step changes nothing."""

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Begin, up to two hours before the planned time, or go on after a pause. Live already: no change. For who "
        "runs the room.",
    )
    async def go_live(self, info: Info, id: strawberry.ID) -> RunRoomResult:
        """Begin."""
        context, room_id = info.context, read_id("room", id)
        await running.go_live(
            context.market.db, context.services.bus, room_id=room_id, by=context.shopper, now=context.now
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Show nothing for a while; what is on air stays there. Paused already: no change. For who runs the room.",
    )
    async def pause_room(self, info: Info, id: strawberry.ID) -> RunRoomResult:
        """Pause."""
        context, room_id = info.context, read_id("room", id)
        await running.pause(
            context.market.db, context.services.bus, room_id=room_id, by=context.shopper, now=context.now
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="End the room for good. Live prices hold for the grace period; sales and draws that were started in it go on "
        "to their own end. Ended already: no change. For who runs the room.",
    )
    async def end_room(self, info: Info, id: strawberry.ID) -> RunRoomResult:
        """End it."""
        context, room_id = info.context, read_id("room", id)
        await running.end(context.market.db, context.services.bus, room_id=room_id, by=context.shopper, now=context.now)
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Let no live price hold any more, not for the grace period either: for one that was mistyped. What is on air "
        "leaves it; orders that were placed stand. For who runs the room.",
    )
    async def withdraw_live_prices(self, info: Info, id: strawberry.ID) -> RunRoomResult:
        """Withdraw them."""
        context, room_id = info.context, read_id("room", id)
        await running.withdraw_prices(
            context.market.db, context.services.bus, room_id=room_id, by=context.shopper, now=context.now
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Talk about an item of the shelf from now on, at its live prices; what was on air leaves it. On air at these "
        "prices already: no change. For who runs the room. 讲解",
    )
    async def put_on_air(self, info: Info, input: RoomItemInput) -> RunRoomResult:
        """Put it on air."""
        context, room_id = info.context, read_id("room", input.room_id)
        await running.put_on_air(
            context.market.db,
            context.services.bus,
            room_id=room_id,
            item_id=read_id("roomitem", input.item_id),
            by=context.shopper,
            now=context.now,
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Talk about nothing for a while; live prices hold for the grace period. Nothing on air: no change. For who "
        "runs the room.",
    )
    async def take_off_air(self, info: Info, id: strawberry.ID) -> RunRoomResult:
        """Take what is on air off."""
        context, room_id = info.context, read_id("room", id)
        await running.take_off_air(
            context.market.db, context.services.bus, room_id=room_id, by=context.shopper, now=context.now
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Show an item before all others, in place of the one that was. Pinned already: no change. For who runs the "
        "room. 置顶",
    )
    async def pin_room_item(self, info: Info, input: RoomItemInput) -> RunRoomResult:
        """Pin it."""
        context, room_id = info.context, read_id("room", input.room_id)
        await running.pin(
            context.market.db,
            context.services.bus,
            room_id=room_id,
            item_id=read_id("roomitem", input.item_id),
            by=context.shopper,
            now=context.now,
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Show an item among the others again. Not pinned: no change. For who runs the room.",
    )
    async def unpin_room_item(self, info: Info, input: RoomItemInput) -> RunRoomResult:
        """Unpin it."""
        context, room_id = info.context, read_id("room", input.room_id)
        await running.unpin(
            context.market.db,
            context.services.bus,
            room_id=room_id,
            item_id=read_id("roomitem", input.item_id),
            by=context.shopper,
            now=context.now,
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Let viewers write, seldom or not at all. As it is already: no change. For who runs the room.",
    )
    async def set_room_chat(self, info: Info, input: SetRoomChatInput) -> RunRoomResult:
        """Open or close the chat."""
        context, room_id = info.context, read_id("room", input.room_id)
        await running.set_chat(
            context.market.db,
            context.services.bus,
            room_id=room_id,
            is_open=input.is_open,
            slow_seconds=input.slow_seconds,
            by=context.shopper,
            now=context.now,
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Show a line to everybody in the room; sent twice, it is shown twice. For who runs the room. 公告",
    )
    async def announce_in_room(self, info: Info, input: AnnounceInRoomInput) -> RunRoomResult:
        """Show it."""
        context, room_id = info.context, read_id("room", input.room_id)
        await running.announce(
            context.market.db,
            context.services.bus,
            room_id=room_id,
            text=input.text,
            by=context.shopper,
            now=context.now,
        )
        return await room_now(info, room_id)


def _show_price(price: LivePrice) -> RoomPrice:
    return RoomPrice(
        sku_id=show_id("sku", price.sku_id),
        live_price=Money.maybe(price.live_minor),
        floor=Money.of(price.floor_minor),
    )
