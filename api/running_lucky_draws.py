"""Lucky draws for those who run them: a room's crew opens, draws and calls off; staff hand prizes over."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.lucky_draws import LuckyDraw, LuckyDrawOpenTo, LuckyDrawPrize, show_draw
from api.nodes import read_id
from api.refusals import refusal
from api.scalars import Long
from domain.draws import actions, handing_over, rules, sealing
from domain.draws.rules import NewDraw, OpenTo, Prize
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.live_rooms.rules import RoomNotOn


@strawberry.input(description="What can be won.")
class LuckyDrawPrizeInput:
    """A prize."""

    name: str = strawberry.field(description="1 to 60 characters.")
    value_minor: Long = strawberry.field(
        description="What one piece is worth, in minor units: 1 to 5000000, 50,000 yuan, the most that the law allows."
    )
    pieces: int = strawberry.field(default=1, description="1 and more; of all prizes together 1,000 at most.")


@strawberry.input(description="A new draw, in a room that is on. Nothing of it can be changed later.")
class OpenLuckyDrawInput:
    """A new draw."""

    room_id: strawberry.ID
    title: str = strawberry.field(description="1 to 60 characters.")
    prizes: list[LuckyDrawPrizeInput] = strawberry.field(description="1 to 20; the first is drawn first.")
    closes_at: datetime = strawberry.field(description="10 seconds to 24 hours ahead.")
    store_id: strawberry.ID = strawberry.field(description="Where prizes are collected.")
    prizes_until: datetime = strawberry.field(description="Until when: 1 to 90 days after `closesAt`.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same draw."
    )
    open_to: LuckyDrawOpenTo = OpenTo.EVERYBODY


@strawberry.input(description="End a draw without a winner.")
class CallOffLuckyDrawInput:
    """Which draw, and why."""

    draw_id: strawberry.ID
    reason: str = strawberry.field(description="For everybody to read: 1 to 200 characters.")


@strawberry.input(description="Hand a prize over at the counter.")
class HandOverPrizeInput:
    """Which store, and what the winner has shown."""

    store_id: strawberry.ID
    code: str
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same prize."
    )


@strawberry.type(directives=to(Who.INHERITED), description="A prize that was handed over.")
class HandedOverPrize:
    """What to give to whoever has shown its code."""

    draw_title: str
    rank: int
    prize: LuckyDrawPrize
    handed_over_at: datetime


RunLuckyDrawResult = Annotated[
    LuckyDraw
    | refusal(NotFound)
    | refusal(RoomNotOn)
    | refusal(rules.PrizesBeyondBudget)
    | refusal(rules.LuckyDrawStillOpen)
    | refusal(rules.LuckyDrawOver)
    | refusal(rules.DrawsSwitchedOff)
    | refusal(IdempotencyConflict),
    strawberry.union("RunLuckyDrawResult"),
]
HandOverPrizeResult = Annotated[
    HandedOverPrize
    | refusal(rules.WrongPrizeCode)
    | refusal(rules.PrizeHandedOver)
    | refusal(rules.PrizeLapsed)
    | refusal(rules.NotYourOwnPrize)
    | refusal(IdempotencyConflict),
    strawberry.union("HandOverPrizeResult"),
]


@strawberry.type
class RunningLuckyDrawsMutation:
    """What those who run draws do. Repeating the last step changes nothing."""

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Publish a draw in a room that is on: from now on nothing of it changes. For who runs the room.",
    )
    async def open_lucky_draw(self, info: Info, input: OpenLuckyDrawInput) -> RunLuckyDrawResult:
        """Open a draw."""
        context = info.context
        wish = NewDraw(
            room_id=read_id("room", input.room_id),
            title=input.title,
            open_to=input.open_to,
            prizes=tuple(Prize(prize.name, prize.value_minor, prize.pieces) for prize in input.prizes),
            closes_at=input.closes_at,
            store_id=read_id("store", input.store_id),
            prizes_until=input.prizes_until,
        )
        draw = await actions.open_draw(
            context.market.db,
            context.services.bus,
            wish,
            key=sealing.seal_key(context.market.settings),
            by=context.shopper,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_draw(draw)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Draw who wins, once it has closed, and tell the seed. At `drawBy` it is done by itself. For who runs the "
        "room.",
    )
    async def draw_lucky_draw(self, info: Info, id: strawberry.ID) -> RunLuckyDrawResult:
        """Draw."""
        context = info.context
        draw = await actions.draw(
            context.market.db,
            context.services.bus,
            draw_id=read_id("luckydraw", id),
            key=sealing.seal_key(context.market.settings),
            by=context.shopper,
            now=context.now,
        )
        return show_draw(draw)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="End a draw without a winner, before it is drawn; everybody reads why. For who runs the room.",
    )
    async def call_off_lucky_draw(self, info: Info, input: CallOffLuckyDrawInput) -> RunLuckyDrawResult:
        """Call a draw off."""
        context = info.context
        draw = await actions.call_off(
            context.market.db,
            context.services.bus,
            draw_id=read_id("luckydraw", input.draw_id),
            reason=input.reason,
            by=context.shopper,
            now=context.now,
        )
        return show_draw(draw)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Hand a prize over at its store to whoever shows its code, once. 奖品核销",
    )
    async def hand_over_prize(self, info: Info, input: HandOverPrizeInput) -> HandOverPrizeResult:
        """Hand over."""
        context = info.context
        won = await handing_over.hand_over(
            context.market.db,
            code=input.code,
            store_id=read_id("store", input.store_id),
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        assert won.handed_over_at is not None
        return HandedOverPrize(
            draw_title=won.draw_title,
            rank=won.rank,
            prize=LuckyDrawPrize.of(won.prize),
            handed_over_at=won.handed_over_at,
        )
