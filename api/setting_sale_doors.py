"""Whom merchandisers let in to a flash sale or a group-buy campaign, and whom earlier than others."""

from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.flash_sales import FlashSale, show_sales
from api.group_buy_campaigns import GroupBuyCampaign, show_campaign
from api.nodes import read_id
from api.refusals import refusal
from api.sale_doors import SaleCrowdInput, read_crowd
from domain.audiences.rules import Door, Doors, SaleDoorsFixed
from domain.flash_sales.doors import set_doors as set_flash_sale_doors
from domain.foundation.errors import BadInput, NotFound
from domain.group_buys.actions import set_doors as set_campaign_doors


@strawberry.input(description="Let a crowd in, and so much earlier than the sale opens.")
class SaleDoorInput:
    """A door."""

    crowd: SaleCrowdInput
    minutes_early: int = strawberry.field(
        default=0, description="0 to 1440. A door of 0 says who is let in at all, where others are not."
    )


@strawberry.input(description="All doors of a sale; those it had are closed.")
class SetSaleDoorsInput:
    """Whose doors, and which."""

    sale_id: strawberry.ID = strawberry.field(description="Of a flash sale, or of a group-buy campaign.")
    doors: list[SaleDoorInput] = strawberry.field(
        description="Up to 10, each crowd once; none: everybody comes when it opens."
    )
    lets_others_in: bool = strawberry.field(
        default=True, description="Whether whoever comes through no door may come when the sale opens."
    )


SetSaleDoorsResult = Annotated[
    FlashSale | GroupBuyCampaign | refusal(NotFound) | refusal(SaleDoorsFixed), strawberry.union("SetSaleDoorsResult")
]


@strawberry.type
class SettingSaleDoorsMutation:
    """What merchandisers do with doors."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Say who may come to a sale and who earlier, as long as nobody can rely on it: a flash sale that is not warm, "
        "a campaign of which no door is open. The first door must still be to open. The same again changes nothing.",
    )
    async def set_sale_doors(self, info: Info, input: SetSaleDoorsInput) -> SetSaleDoorsResult:
        """Set the doors."""
        context, market = info.context, info.context.market
        doors, by = _read_doors(input), context.shopper.account_id
        if input.sale_id.startswith("campaign_"):
            campaign = await set_campaign_doors(
                market.db, campaign_id=read_id("campaign", input.sale_id), doors=doors, by=by, now=context.now
            )
            return show_campaign(campaign)
        sale = await set_flash_sale_doors(
            market.db, sale_id=read_id("flashsale", input.sale_id), doors=doors, by=by, now=context.now
        )
        return (await show_sales(info, [sale]))[0]


def _read_doors(wish: SetSaleDoorsInput) -> Doors | None:
    if not wish.doors:
        if not wish.lets_others_in:
            raise BadInput("without doors, and without others, nobody could come")
        return None
    doors = tuple(Door(read_crowd(door.crowd), door.minutes_early) for door in wish.doors)
    return Doors(doors, wish.lets_others_in)
