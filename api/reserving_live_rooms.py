"""Reservations of live rooms: shoppers who want to be reminded when one begins."""

from typing import Annotated

import strawberry

from api import rates
from api.access import Who, to
from api.context import Info
from api.live_rooms import Room, room_now
from api.nodes import read_id
from api.refusals import refusal
from domain.foundation.errors import NotFound
from domain.foundation.rates import Rate
from domain.live_rooms import actions, rules

ReserveRoomResult = Annotated[
    Room | refusal(NotFound) | refusal(rules.WrongRoomState), strawberry.union("ReserveRoomResult")
]


@strawberry.type
class ReservingLiveRoomsMutation:
    """To be reminded, or not."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CART)],
        description="Be reminded when a room begins that is still to come. Reserved already: no change. 预约",
    )
    async def reserve_room(self, info: Info, id: strawberry.ID) -> ReserveRoomResult:
        """Reserve."""
        context, room_id = info.context, read_id("room", id)
        await actions.reserve(
            context.market.db, room_id=room_id, shopper_id=context.shopper.account_id, now=context.now
        )
        return await room_now(info, room_id)

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CART)],
        description="Be reminded no more. Not reserved: no change.",
    )
    async def cancel_room_reservation(self, info: Info, id: strawberry.ID) -> ReserveRoomResult:
        """Reserve no more."""
        context, room_id = info.context, read_id("room", id)
        await actions.cancel_reservation(
            context.market.db, room_id=room_id, shopper_id=context.shopper.account_id, now=context.now
        )
        return await room_now(info, room_id)
