"""Live rooms for merchandisers: schedule them, stock their shelves, call them off."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.live_rooms import Room, RoomCrewMember, RoomDuty, room_now, show_room
from api.nodes import Connection, read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from domain.accounts import finding
from domain.accounts.rules import Role
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.live_rooms import actions, rules, screens
from domain.live_rooms.rules import GRACE_SECONDS, Duty, LivePrice, NewRoom, ShelfItem


@strawberry.input(description="Somebody who is to run a room.")
class RoomCrewInput:
    """Who, and as what."""

    account_id: strawberry.ID
    duty: RoomDuty = Duty.HOST


@strawberry.input(description="A new room. 创建直播间")
class CreateLiveRoomInput:
    """A new room."""

    title: str = strawberry.field(description="1 to 120 characters.")
    starts_at: datetime = strawberry.field(description="The planned beginning: at most 90 days ahead.")
    crew: list[RoomCrewInput] = strawberry.field(description="1 to 20 people, at least one of them a host.")
    cover_url: str = strawberry.field(
        default="", description="An https address of at most 500 characters; empty: the picture of the first item."
    )
    store_id: strawberry.ID | None = strawberry.field(
        default=None, description="Where prizes and goods are handed over, for a room in a shop window."
    )
    grace_seconds: int = strawberry.field(
        default=GRACE_SECONDS,
        description="Seconds that a live price holds after its item has left the air: 0 to 3600.",
    )
    prize_budget_minor: Long = strawberry.field(
        default=0,
        description="What all prizes that the crew promises in draws may be worth together. Minor units: fen. A merchandiser may "
        "promise more.",
    )
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same room."
    )


@strawberry.input(
    description="What a room that is still to come is to be, all of it: what is left out gets its default."
)
class EditLiveRoomInput:
    """Which room, and what it is to be."""

    room_id: strawberry.ID
    title: str = strawberry.field(description="1 to 120 characters.")
    starts_at: datetime = strawberry.field(description="The planned beginning: at most 90 days ahead.")
    crew: list[RoomCrewInput] = strawberry.field(description="1 to 20 people, at least one of them a host.")
    cover_url: str = strawberry.field(
        default="", description="An https address of at most 500 characters; empty: the picture of the first item."
    )
    store_id: strawberry.ID | None = strawberry.field(
        default=None, description="Where prizes and goods are handed over, for a room in a shop window."
    )
    grace_seconds: int = strawberry.field(
        default=GRACE_SECONDS,
        description="Seconds that a live price holds after its item has left the air: 0 to 3600.",
    )
    prize_budget_minor: Long = strawberry.field(
        default=0,
        description="What all prizes that the crew promises in draws may be worth together. Minor units: fen. A merchandiser may "
        "promise more.",
    )


@strawberry.input(description="Who runs a room: these, and nobody else.")
class SetRoomCrewInput:
    """Which room, and who."""

    room_id: strawberry.ID
    crew: list[RoomCrewInput] = strawberry.field(description="1 to 20 people, at least one of them a host.")


@strawberry.input(description="What the crew may ask for a SKU.")
class RoomPriceInput:
    """Of which SKU, and how much."""

    sku_id: strawberry.ID
    floor_minor: Long = strawberry.field(
        description="Minor units: fen; at least 1. The lowest price of a sale that the crew starts in the room."
    )
    live_minor: Long | None = strawberry.field(
        default=None, description="Minor units: its price while on air, not below the floor. Null: it has none."
    )


@strawberry.input(description="A product that is to stand on the shelf.")
class RoomShelfItemInput:
    """Which product, and at what prices."""

    product_id: strawberry.ID
    pitch: str = strawberry.field(default="", description="The host's word on it: at most 60 characters.")
    prices: list[RoomPriceInput] = strawberry.field(
        default_factory=list,
        description="Of its SKUs. One that is not among them has no live price, and its floor is its list price.",
    )


@strawberry.input(description="The whole shelf of a room: what is not in it is taken off.")
class SetRoomShelfInput:
    """Which room, and what stands there."""

    room_id: strawberry.ID
    items: list[RoomShelfItemInput] = strawberry.field(description="In order: at most 200 products, each once.")


LiveRoomResult = Annotated[
    Room | refusal(NotFound) | refusal(rules.WrongRoomState) | refusal(IdempotencyConflict),
    strawberry.union("LiveRoomResult"),
]


@strawberry.type
class SchedulingLiveRoomsQuery:
    """What merchandisers ask."""

    @strawberry.field(directives=to(Who.MERCHANDISER), description="Every room in any state, newest first.")
    async def all_live_rooms(self, info: Info, first: int = 20, after: str | None = None) -> Connection[Room]:
        """Every room."""
        page = await screens.everything(info.context.market.db, first=first, after=after)
        return Connection.of(page, show_room)

    @strawberry.field(
        directives=to(Who.MERCHANDISER),
        description="People in the role HOST, the newest first: who may sell in a room.",
    )
    async def live_room_hosts(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[RoomCrewMember]:
        """Hosts."""
        page = await finding.page(
            info.context.market.db, role=Role.HOST, is_banned=False, text="", first=first, after=after
        )
        return Connection.of(page, _show_host)


@strawberry.type
class SchedulingLiveRoomsMutation:
    """What merchandisers do. Each answers with the room as it is afterwards; repeating the last step changes nothing."""

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Schedule a room: it is listed at once.")
    async def create_live_room(self, info: Info, input: CreateLiveRoomInput) -> LiveRoomResult:
        """Schedule it."""
        context = info.context
        room = await actions.create(
            context.market.db,
            _wish(input),
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_room(room)

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Change a room that is still to come.")
    async def edit_live_room(self, info: Info, input: EditLiveRoomInput) -> LiveRoomResult:
        """Change it."""
        context, room_id = info.context, read_id("room", input.room_id)
        await actions.edit(
            context.market.db,
            room_id=room_id,
            wish=_wish(input),
            by=context.shopper.account_id,
            now=context.now,
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Say who runs a room, before or while it is on: whoever is left out runs it no more, from this answer on. An "
        "address to push video to, which they were told before, works until it ends.",
    )
    async def set_room_crew(self, info: Info, input: SetRoomCrewInput) -> LiveRoomResult:
        """Exchange the crew."""
        context, room_id = info.context, read_id("room", input.room_id)
        await actions.set_crew(
            context.market.db,
            room_id=room_id,
            crew=_crew(input.crew),
            by=context.shopper.account_id,
            now=context.now,
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Give a room its shelf, before or while it is on. What is on air stays there at its price until it is put on "
        "air anew or taken off.",
    )
    async def set_room_shelf(self, info: Info, input: SetRoomShelfInput) -> LiveRoomResult:
        """Stock it."""
        context, room_id = info.context, read_id("room", input.room_id)
        await actions.set_shelf(
            context.market.db,
            context.services.bus,
            room_id=room_id,
            shelf=_shelf(input.items),
            by=context.shopper.account_id,
            now=context.now,
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Call a room off that never was live. Cancelled already: no change.",
    )
    async def cancel_live_room(self, info: Info, id: strawberry.ID) -> LiveRoomResult:
        """Call it off."""
        context, room_id = info.context, read_id("room", id)
        await actions.cancel(
            context.market.db,
            context.services.bus,
            room_id=room_id,
            by=context.shopper.account_id,
            now=context.now,
        )
        return await room_now(info, room_id)


def _wish(input: CreateLiveRoomInput | EditLiveRoomInput) -> NewRoom:
    return NewRoom(
        title=input.title,
        starts_at=input.starts_at,
        crew=_crew(input.crew),
        cover_url=input.cover_url,
        store_id=read_id("store", input.store_id) if input.store_id else None,
        grace_seconds=input.grace_seconds,
        prize_budget_minor=input.prize_budget_minor,
    )


def _crew(members: Sequence[RoomCrewInput]) -> dict[UUID, Duty]:
    crew = {read_id("account", member.account_id): member.duty for member in members}
    if len(crew) < len(members):
        raise BadInput("crew names somebody twice")
    return crew


def _shelf(items: Sequence[RoomShelfItemInput]) -> list[ShelfItem]:
    return [
        ShelfItem(
            product_id=read_id("product", item.product_id),
            pitch=item.pitch,
            prices=tuple(
                LivePrice(read_id("sku", price.sku_id), live_minor=price.live_minor, floor_minor=price.floor_minor)
                for price in item.prices
            ),
        )
        for item in items
    ]


def _show_host(person: finding.Person) -> RoomCrewMember:
    return RoomCrewMember(account_id=show_id("account", person.id), name=person.display_name, duty=Duty.HOST)
