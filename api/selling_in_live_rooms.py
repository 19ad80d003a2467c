"""Sales that are started from a live room: a flash sale or a group-buy of an item on the shelf, open at once."""

from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.flash_sales import FlashSale, show_sales
from api.group_buy_campaigns import GroupBuyCampaign, show_campaign
from api.nodes import read_id
from api.refusals import refusal
from api.running_flash_sales import FlashSaleItemInput, read_sale_item
from api.running_group_buys import GroupBuyItemInput, read_group_item
from api.sale_doors import SaleCrowdInput, read_crowd
from api.scalars import Long
from domain.flash_sales.rules import FlashSaleClosed, WrongSaleState
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.group_buys.rules import GroupBuyCampaignClosed, NotOneProduct, WrongCampaignState
from domain.live_rooms import rules, selling
from domain.stock.rules import NotEnoughStock


@strawberry.input(description="A flash sale of an item on the shelf, open from now on.")
class StartRoomFlashSaleInput:
    """Of what, and for how long."""

    room_id: strawberry.ID
    item_id: strawberry.ID = strawberry.field(description="Of the shelf.")
    title: str = strawberry.field(description="1 to 120 characters.")
    offers: list[FlashSaleItemInput] = strawberry.field(
        description="SKUs of the item's product, none below its floor: the list price, where the merchandiser has set none."
    )
    seconds: int = strawberry.field(description="How long claims are taken: 10 to 86400.")
    pay_seconds: int = strawberry.field(default=300, description="Seconds to pay once reserved: 1 to 86400.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it goes on with the same sale."
    )
    only_for: list[SaleCrowdInput] = strawberry.field(
        default_factory=list, description="Up to 10 crowds that are let in, and nobody else; none: everybody."
    )


@strawberry.input(description="A group-buy of an item on the shelf, whose groups can be opened from now on.")
class StartRoomGroupBuyInput:
    """Of what, for how long, and on what terms."""

    room_id: strawberry.ID
    item_id: strawberry.ID = strawberry.field(description="Of the shelf.")
    title: str = strawberry.field(description="1 to 120 characters.")
    offers: list[GroupBuyItemInput] = strawberry.field(
        description="SKUs of the item's product, none below its floor: the list price, where the merchandiser has set none."
    )
    seconds: int = strawberry.field(description="How long groups can be opened: 10 to 86400.")
    seats: int = strawberry.field(description="Members who must pay before a group is filled: 2 to 100.")
    fill_seconds: Long = strawberry.field(description="Seconds a group has for it: 1 to 604800, seven days.")
    pay_seconds: Long = strawberry.field(default=900, description="Seconds to pay for a seat: 1 to 86400.")
    per_shopper: Long = strawberry.field(
        default=1, description="Units one shopper may have in all groups together, at most."
    )
    newcomers_only: bool = strawberry.field(
        default=False, description="Whether only who has never paid for an order may join."
    )
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it goes on with the same campaign."
    )
    only_for: list[SaleCrowdInput] = strawberry.field(
        default_factory=list, description="Up to 10 crowds that may take part, and nobody else; none: everybody."
    )


@strawberry.input(description="A flash sale that was started in a room.")
class StopRoomFlashSaleInput:
    """Which one."""

    room_id: strawberry.ID
    flash_sale_id: strawberry.ID


@strawberry.input(description="A group-buy that was started in a room.")
class StopRoomGroupBuyInput:
    """Which one."""

    room_id: strawberry.ID
    campaign_id: strawberry.ID


StartRoomFlashSaleResult = Annotated[
    FlashSale
    | refusal(NotFound)
    | refusal(rules.RoomNotOn)
    | refusal(rules.NotOnTheShelf)
    | refusal(rules.BelowTheFloor)
    | refusal(NotEnoughStock)
    | refusal(FlashSaleClosed)
    | refusal(WrongSaleState)
    | refusal(IdempotencyConflict),
    strawberry.union("StartRoomFlashSaleResult"),
]
StartRoomGroupBuyResult = Annotated[
    GroupBuyCampaign
    | refusal(NotFound)
    | refusal(rules.RoomNotOn)
    | refusal(rules.NotOnTheShelf)
    | refusal(rules.BelowTheFloor)
    | refusal(NotOneProduct)
    | refusal(NotEnoughStock)
    | refusal(GroupBuyCampaignClosed)
    | refusal(WrongCampaignState)
    | refusal(IdempotencyConflict),
    strawberry.union("StartRoomGroupBuyResult"),
]

StopRoomFlashSaleResult = Annotated[
    FlashSale | refusal(NotFound) | refusal(WrongSaleState), strawberry.union("StopRoomFlashSaleResult")
]
StopRoomGroupBuyResult = Annotated[
    GroupBuyCampaign | refusal(NotFound) | refusal(WrongCampaignState), strawberry.union("StopRoomGroupBuyResult")
]


@strawberry.type
class SellingInLiveRoomsMutation:
    """What is started from a room by those who run it."""

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Open a flash sale of an item at once, and tell the room. Where there are too few units it is cancelled. For "
        "who runs the room.",
    )
    async def start_room_flash_sale(self, info: Info, input: StartRoomFlashSaleInput) -> StartRoomFlashSaleResult:
        """Open a sale."""
        context, market = info.context, info.context.market
        sale = await selling.start_flash_sale(
            market.db,
            market.gate,
            context.services.bus,
            room_id=read_id("room", input.room_id),
            item_id=read_id("roomitem", input.item_id),
            wish=selling.RoomFlashSale(
                title=input.title,
                items=tuple(map(read_sale_item, input.offers)),
                seconds=input.seconds,
                pay_seconds=input.pay_seconds,
                only_for=tuple(map(read_crowd, input.only_for)),
            ),
            by=context.shopper,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return (await show_sales(info, [sale]))[0]

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Let groups be opened for an item at once, and tell the room. For who runs the room.",
    )
    async def start_room_group_buy(self, info: Info, input: StartRoomGroupBuyInput) -> StartRoomGroupBuyResult:
        """Open a campaign."""
        context = info.context
        campaign = await selling.start_group_buy(
            context.market.db,
            context.services.bus,
            room_id=read_id("room", input.room_id),
            item_id=read_id("roomitem", input.item_id),
            wish=selling.RoomGroupBuy(
                title=input.title,
                items=tuple(map(read_group_item, input.offers)),
                seconds=input.seconds,
                seats=input.seats,
                fill_seconds=input.fill_seconds,
                pay_seconds=input.pay_seconds,
                per_shopper=input.per_shopper,
                newcomers_only=input.newcomers_only,
                only_for=tuple(map(read_crowd, input.only_for)),
            ),
            by=context.shopper,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_campaign(campaign)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Take no more claims in a flash sale that was started in the room, also once that is over; who has a ticket "
        "may still pay. Stopped already: no change. For who runs the room.",
    )
    async def stop_room_flash_sale(self, info: Info, input: StopRoomFlashSaleInput) -> StopRoomFlashSaleResult:
        """Stop a sale."""
        context, market = info.context, info.context.market
        sale = await selling.stop_flash_sale(
            market.db,
            market.gate,
            room_id=read_id("room", input.room_id),
            sale_id=read_id("flashsale", input.flash_sale_id),
            by=context.shopper,
            now=context.now,
        )
        return (await show_sales(info, [sale]))[0]

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Let no more groups be opened in a group-buy that was started in the room, also once that is over; open ones "
        "go on to their own end. Stopped already: no change. For who runs the room.",
    )
    async def stop_room_group_buy(self, info: Info, input: StopRoomGroupBuyInput) -> StopRoomGroupBuyResult:
        """Stop a campaign."""
        context = info.context
        campaign = await selling.stop_group_buy(
            context.market.db,
            room_id=read_id("room", input.room_id),
            campaign_id=read_id("campaign", input.campaign_id),
            by=context.shopper,
            now=context.now,
        )
        return show_campaign(campaign)
