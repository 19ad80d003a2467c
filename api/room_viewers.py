"""Viewers of a room as everybody sees them: how many watch, like and buy; and liking."""

from collections.abc import Mapping
from typing import Annotated

import strawberry

from api import rates
from api.access import Who, to
from api.context import Info
from api.nodes import read_id
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import NotFound
from domain.foundation.rates import Rate
from domain.live_rooms.rules import RoomNotOn


@strawberry.type(
    directives=to(Who.INHERITED),
    description="A room in numbers, counted and never estimated; told four times a second at most. 直播计数",
)
class RoomCounters:
    """Counters."""

    viewers: Long = strawberry.field(
        description="Who watches now: shoppers, and devices on which nobody is signed in, each once, with a socket or a poll of "
        "the last 25 seconds. Who leaves is gone within a second or two; who is cut off, after 25. 在线人数"
    )
    peak_viewers: Long = strawberry.field(description="The most that ever watched at a time. 在线峰值")
    distinct_viewers: Long = strawberry.field(
        description="Who has ever watched, each once. It falls by one when somebody turns out to have watched on another device "
        "as a guest. 累计观看人数"
    )
    likes: Long = strawberry.field(description="Taps, all of them. 点赞数")
    buying: Long = strawberry.field(
        description="Shoppers, each once, who within the last five minutes have placed an order with this room's id, or have got "
        "a ticket of a flash sale or a seat in a group-buy that was started here, whatever has become of it since. 正在购买"
    )


@strawberry.type(directives=to(Who.INHERITED), description="Likes that were taken.")
class RoomLiked:
    """Likes."""

    taps: int


@strawberry.input(description="Like a room.")
class LikeRoomInput:
    """Which, and how often."""

    room_id: strawberry.ID
    taps: int = strawberry.field(default=1, description="How often it was tapped since the last call: 1 to 50.")


LikeRoomResult = Annotated[RoomLiked | refusal(NotFound) | refusal(RoomNotOn), strawberry.union("LikeRoomResult")]


@strawberry.type
class RoomViewerMutation:
    """What viewers do besides watching."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.LIKE)],
        description="Like a room that is on. Add up what a thumb does in a second or two, and send it together; the counters "
        "show it a moment later. Best effort: when a server dies, some seconds of likes may go with it.",
    )
    async def like_room(self, info: Info, input: LikeRoomInput) -> LikeRoomResult:
        """Like it."""
        context = info.context
        await context.services.likes.like(read_id("room", input.room_id), input.taps)
        context.services.likers.note(context.shopper.account_id, now=context.now)
        return RoomLiked(taps=input.taps)


def show_counters(counters: Mapping[str, int] | None) -> RoomCounters:
    """The GraphQL object of counters as the live bus tells them (`Counters.as_facts`); zeros while nobody has counted."""
    told = counters or {}
    return RoomCounters(
        viewers=Long(told.get("viewers", 0)),
        peak_viewers=Long(told.get("peak", 0)),
        distinct_viewers=Long(told.get("distinct", 0)),
        likes=Long(told.get("likes", 0)),
        buying=Long(told.get("buying", 0)),
    )
