"""Campaigns of group-buys as shoppers see them: what is sold at a group price, on what terms, and which groups can be joined."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, show_id
from api.products import Image, Sku, sku_loader, tag_loader
from api.sale_doors import SaleDoor, opens_for_me_at, show_doors
from api.scalars import Long
from domain.accounts.queries import names_by_ids
from domain.accounts.rules import masked_name
from domain.foundation.pages import Page
from domain.group_buys import queries, rules, screens
from domain.group_buys.rules import CampaignState
from domain.products.queries import images_by_product_ids
from domain.stock import queries as stock

GroupBuyCampaignState = strawberry.enum(
    rules.CampaignState,
    name="GroupBuyCampaignState",
    description="Where a campaign stands; groups can be opened in a LIVE one within its window.",
)
GroupBuyOpenerBenefit = strawberry.enum(
    rules.OpenerBenefit,
    name="GroupBuyOpenerBenefit",
    description="What whoever opens a group pays less: nothing, `openerDiscount` off the order, or one unit.",
)


@strawberry.type(directives=to(Who.ANYONE), description="A SKU at a group price.")
class GroupBuyItem(Node):
    """A SKU at a group price."""

    title: str
    sku_id: strawberry.ID
    group_price: Money = strawberry.field(description="What a unit costs each member.")
    units: Long = strawberry.field(description="Units set aside for the campaign.")
    row: strawberry.Private[rules.Item]

    @strawberry.field(description="Units that no order has taken yet. A guest's answer may be a second old.")
    async def units_left(self, info: Info) -> Long:
        """Fetched for all items of the answer together."""
        if self.row.allotment_id is None:
            return Long(self.row.units)
        level = await batched(info, stock.allotments_by_ids).load(self.row.allotment_id)
        return Long(level.free if level else 0)

    @strawberry.field(description="The SKU with its product, its usual price and pictures; null when it is not public.")
    async def sku(self, info: Info) -> Sku | None:
        """The SKU, fetched for all items of the answer together."""
        return await sku_loader(info).load(self.row.sku_id)

    @strawberry.field(description="What a unit costs now without a group; null when the SKU is not public. 单独购买价")
    async def solo_price(self, info: Info) -> Money | None:
        """The sale price while one runs, else the usual one."""
        sku = await sku_loader(info).load(self.row.sku_id)
        tag = await tag_loader(info).load(self.row.sku_id)
        if sku is None or tag is None:
            return None
        return Money.of(sku.row.price_minor if tag.sale_minor is None else tag.sale_minor)

    @strawberry.field(
        description="The lowest price at which a unit was sold in the 7 days before today, where that is above the group "
        "price: the only price that may be struck through beside it."
    )
    async def struck_through_price(self, info: Info) -> Money | None:
        """What may be struck through."""
        tag = await tag_loader(info).load(self.row.sku_id)
        lowest = tag.lowest_deal_minor if tag else None
        return Money.maybe(lowest if lowest is not None and lowest > self.row.group_price_minor else None)


@strawberry.type(
    directives=to(Who.INHERITED), description="A group that can be joined, as it is listed; `groupBuy` tells all of it."
)
class OpenGroupBuy:
    """A group that can be joined."""

    group_buy_id: strawberry.ID
    seats: int
    paid: int = strawberry.field(description="Seats that are paid.")
    seats_left: int = strawberry.field(description="Seats that nobody holds.")
    expires_at: datetime = strawberry.field(
        description="The end of its time: count down to it by the campaign's `serverTime`."
    )
    row: strawberry.Private[rules.Group]

    @strawberry.field(description="The first character of what its leader is called: 林**.")
    async def leader_name(self, info: Info) -> str:
        """The leader's name, fetched for all groups together."""
        return masked_name(await batched(info, names_by_ids).load(self.row.leader_id) or "")


@strawberry.type(
    directives=to(Who.ANYONE), description="One product at a price for those who buy it together. 拼团活动"
)
class GroupBuyCampaign(Node):
    """A campaign."""

    title: str
    product_id: strawberry.ID
    state: GroupBuyCampaignState
    called_off_at: datetime | None = strawberry.field(
        description="The merchant called it off: its open groups ended then, and gave their members the money back."
    )
    opens_at: datetime = strawberry.field(
        description="Groups can be opened from this moment on; by those whom its `doors` let in earlier, from theirs on."
    )
    closes_at: datetime = strawberry.field(
        description="From this moment on they cannot. Groups that are open by then have their own time."
    )
    seats: int = strawberry.field(description="Members who must pay before a group is filled: 2 to 100. 成团人数")
    fill_seconds: Long = strawberry.field(description="Seconds that a group has for it, from when it is opened.")
    pay_seconds: Long = strawberry.field(description="Seconds to pay for a seat, within the time of its group.")
    per_shopper: Long = strawberry.field(description="Units one shopper may have in all groups together, at most.")
    newcomers_only: bool = strawberry.field(
        description="Whether only who has never paid for an order may join. Anybody may open a group."
    )
    opener_benefit: GroupBuyOpenerBenefit
    opener_discount: Money | None = strawberry.field(description="Of the benefit DISCOUNT; else null.")
    items: list[GroupBuyItem] = strawberry.field(description="SKUs of the one product; each member chooses one.")
    row: strawberry.Private[rules.Campaign]

    @strawberry.field(description="Who may take part, and who earlier; none: everybody, from `opensAt` on.")
    def doors(self) -> list[SaleDoor]:
        """Its doors."""
        return show_doors(self.row.doors, opens_at=self.row.opens_at)

    @strawberry.field(
        description="Whether whoever comes through no door may take part from `opensAt` on; false: only the crowds of its doors."
    )
    def lets_others_in(self) -> bool:
        """Whether it is for others, too."""
        return self.row.doors is None or self.row.doors.lets_others_in

    @strawberry.field(
        description="From this moment on whoever asks may open a group, or join one; null: it is not for them. In what a live room "
        "tells everybody at once, and without an access token, it is as for somebody of whom nothing is known."
    )
    async def opens_for_me_at(self, info: Info) -> datetime | None:
        """One's own moment, asked for all campaigns of the answer together."""
        return await opens_for_me_at(info, self.row.doors, opens_at=self.row.opens_at)

    @strawberry.field(
        description="Whether a group can be opened now, by whoever it is for. A guest's answer may be a second old."
    )
    def is_open(self, info: Info) -> bool:
        """Whether a group can be opened."""
        return self.row.is_open(info.context.now)

    @strawberry.field(description="When this answer was made. A guest's may be a second old.")
    def server_time(self, info: Info) -> datetime:
        """The moment of this operation."""
        return info.context.now

    @strawberry.field(description="The first picture of what is sold.")
    async def image(self, info: Info) -> Image | None:
        """The product's picture, fetched for all campaigns together."""
        images = await batched(info, images_by_product_ids).load(self.row.product_id)
        return Image(url=images[0].url, alt_text=images[0].alt_text) if images else None

    @strawberry.field(description="Groups that can be joined and in which somebody has paid, the fullest first.")
    async def open_groups(self, info: Info, first: int = 5, after: str | None = None) -> Connection[OpenGroupBuy]:
        """Open groups, the first pages of all campaigns fetched together."""
        context = info.context
        if after is None:
            page = await _open_groups(info, first).load(self.row.id)
        else:
            page = await screens.open_groups(context.market.db, self.row.id, now=context.now, first=first, after=after)
        return Connection.of(page, _show_open_group)


@finds("campaign")
async def find_campaign(info: Info, id: UUID) -> GroupBuyCampaign | None:
    """A campaign that the asker may see: drafts are for staff."""
    campaign = await batched(info, queries.campaigns_by_ids).load(id)
    principal = info.context.principal
    if campaign is None or (campaign.state is CampaignState.DRAFT and not (principal and principal.is_staff)):
        return None
    return show_campaign(campaign)


@finds("groupitem")
async def find_item(info: Info, id: UUID) -> GroupBuyItem | None:
    """An item of a campaign that the asker may see."""
    campaign_id = await queries.campaign_of_item(info.context.market.db, id)
    campaign = await find_campaign(info, campaign_id) if campaign_id else None
    return next((item for item in campaign.items if item.row.id == id), None) if campaign else None


async def campaigns_of_product(info: Info, product_id: UUID) -> list[GroupBuyCampaign]:
    """The campaigns of a product in which a group can be opened now, those of all products fetched together."""
    loaders, context = info.context.loaders, info.context
    if campaigns_of_product not in loaders:

        async def load(ids: list[UUID]) -> list[list[rules.Campaign]]:
            found = await screens.campaigns_of_products(context.market.db, ids, now=context.now)
            return [found.get(id, []) for id in ids]

        loaders[campaigns_of_product] = DataLoader(load_fn=load)
    return [show_campaign(campaign) for campaign in await loaders[campaigns_of_product].load(product_id)]


def show_campaign(campaign: rules.Campaign) -> GroupBuyCampaign:
    """The GraphQL object of a campaign."""
    return GroupBuyCampaign(
        id=show_id("campaign", campaign.id),
        title=campaign.title,
        product_id=show_id("product", campaign.product_id),
        state=campaign.state,
        called_off_at=campaign.called_off_at,
        opens_at=campaign.opens_at,
        closes_at=campaign.closes_at,
        seats=campaign.seats,
        fill_seconds=Long(campaign.fill_seconds),
        pay_seconds=Long(campaign.pay_seconds),
        per_shopper=Long(campaign.per_shopper),
        newcomers_only=campaign.newcomers_only,
        opener_benefit=campaign.opener_benefit,
        opener_discount=Money.maybe(campaign.opener_discount_minor),
        items=[show_item(item) for item in campaign.items],
        row=campaign,
    )


def show_item(item: rules.Item) -> GroupBuyItem:
    """The GraphQL object of an item."""
    return GroupBuyItem(
        id=show_id("groupitem", item.id),
        title=item.title,
        sku_id=show_id("sku", item.sku_id),
        group_price=Money.of(item.group_price_minor, item.currency),
        units=Long(item.units),
        row=item,
    )


def _show_open_group(group: rules.Group) -> OpenGroupBuy:
    return OpenGroupBuy(
        group_buy_id=show_id("groupbuy", group.id),
        seats=group.seats,
        paid=group.paid,
        seats_left=group.seats_left,
        expires_at=group.expires_at,
        row=group,
    )


def _open_groups(info: Info, first: int) -> DataLoader[UUID, Page[rules.Group]]:
    loaders, context = info.context.loaders, info.context
    if (_open_groups, first) not in loaders:

        async def load(ids: list[UUID]) -> list[Page[rules.Group]]:
            found = await screens.open_groups_of_campaigns(context.market.db, ids, now=context.now, first=first)
            return [found[id] for id in ids]

        loaders[_open_groups, first] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, Page[rules.Group]] = loaders[_open_groups, first]
    return loader
