"""Running group-buys: what merchandisers may do with campaigns and groups, and see of them."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.group_buy_campaigns import GroupBuyCampaign, GroupBuyOpenerBenefit, show_campaign
from api.group_buys import GroupBuy, GroupBuyState, show_group
from api.joining_group_buys import GroupBuyOver
from api.nodes import Connection, read_id
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.group_buys import actions, ending, rules, screens
from domain.group_buys.rules import NewCampaign, NewItem, OpenerBenefit
from domain.orders.rules import NotYourOwnOrder
from domain.stock.rules import NotEnoughStock


@strawberry.input(description="A SKU to be sold in groups.")
class GroupBuyItemInput:
    """A SKU to be sold."""

    sku_id: strawberry.ID
    group_price_minor: Long = strawberry.field(description="Minor units: fen; at least 1.")
    units: Long = strawberry.field(description="Units to set aside when the campaign is published.")


@strawberry.input(description="A new campaign. Its SKUs are of one product, and have at least `seats` units together.")
class CreateGroupBuyCampaignInput:
    """A new campaign."""

    title: str = strawberry.field(description="1 to 120 characters.")
    opens_at: datetime
    closes_at: datetime = strawberry.field(description="In the future, at most 90 days after `opensAt`.")
    seats: int = strawberry.field(description="Members who must pay before a group is filled: 2 to 100.")
    fill_seconds: Long = strawberry.field(description="Seconds a group has for it: 1 to 604800, seven days.")
    items: list[GroupBuyItemInput]
    idempotency_key: str
    pay_seconds: Long = strawberry.field(default=900, description="Seconds to pay for a seat: 1 to 86400.")
    per_shopper: Long = strawberry.field(
        default=1, description="Units one shopper may have in all groups together, at most."
    )
    newcomers_only: bool = strawberry.field(
        default=False, description="Whether only who has never paid for an order may join."
    )
    opener_benefit: GroupBuyOpenerBenefit = OpenerBenefit.NONE
    opener_discount_minor: Long | None = strawberry.field(
        default=None, description="Of the benefit DISCOUNT: minor units off the opener's order."
    )


@strawberry.input(description="End a campaign and its open groups at once.")
class CallOffGroupBuyCampaignInput:
    """Which campaign, and why."""

    campaign_id: strawberry.ID
    reason: str = strawberry.field(description="For the others behind the counter: 1 to 200 characters.")


@strawberry.input(description="Let an open group have its price with the members it has.")
class CompleteGroupBuyInput:
    """Which group, and why."""

    group_buy_id: strawberry.ID
    reason: str = strawberry.field(description="For the others behind the counter: 1 to 200 characters.")
    idempotency_key: str


GroupBuyCampaignResult = Annotated[
    GroupBuyCampaign
    | refusal(NotFound)
    | refusal(rules.NotOneProduct)
    | refusal(rules.WrongCampaignState)
    | refusal(rules.GroupBuyCampaignClosed)
    | refusal(NotEnoughStock)
    | refusal(IdempotencyConflict),
    strawberry.union("GroupBuyCampaignResult"),
]
CompleteGroupBuyResult = Annotated[
    GroupBuy
    | refusal(NotFound)
    | GroupBuyOver
    | refusal(rules.NobodyHasPaid)
    | refusal(NotYourOwnOrder)
    | refusal(IdempotencyConflict),
    strawberry.union("CompleteGroupBuyResult"),
]


@strawberry.type
class RunningGroupBuysQuery:
    """What those who run group-buys ask."""

    @strawberry.field(directives=to(Who.MERCHANDISER), description="Every campaign in any state, newest first.")
    async def all_group_buy_campaigns(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[GroupBuyCampaign]:
        """Every campaign."""
        page = await screens.all_campaigns(info.context.market.db, first=first, after=after)
        return Connection.of(page, show_campaign)

    @strawberry.field(
        directives=to(Who.MERCHANDISER),
        description="Every group of a campaign, newest first; in one state, if it is given.",
    )
    async def groups_of_campaign(
        self,
        info: Info,
        campaign_id: strawberry.ID,
        state: GroupBuyState | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> Connection[GroupBuy]:
        """A campaign's groups."""
        page = await screens.groups_of_campaign(
            info.context.market.db, read_id("campaign", campaign_id), first=first, after=after, state=state
        )
        return Connection.of(page, show_group)


@strawberry.type
class RunningGroupBuysMutation:
    """What those who run group-buys do. Repeating the last step changes nothing."""

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="A draft of a campaign, not yet public.")
    async def create_group_buy_campaign(self, info: Info, input: CreateGroupBuyCampaignInput) -> GroupBuyCampaignResult:
        """A draft."""
        context = info.context
        wish = NewCampaign(
            title=input.title,
            opens_at=input.opens_at,
            closes_at=input.closes_at,
            seats=input.seats,
            fill_seconds=input.fill_seconds,
            items=tuple(map(read_group_item, input.items)),
            pay_seconds=input.pay_seconds,
            per_shopper=input.per_shopper,
            newcomers_only=input.newcomers_only,
            opener_benefit=input.opener_benefit,
            opener_discount_minor=input.opener_discount_minor,
        )
        campaign = await actions.create(
            context.market.db,
            wish,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_campaign(campaign)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Set a draft's units aside and let shoppers see it."
    )
    async def publish_group_buy_campaign(self, info: Info, id: strawberry.ID) -> GroupBuyCampaignResult:
        """Publish a draft."""
        context = info.context
        campaign = await actions.publish(
            context.market.db, campaign_id=read_id("campaign", id), by=context.shopper.account_id, now=context.now
        )
        return show_campaign(campaign)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="No group can be opened from now on; those that are open go on to their own end.",
    )
    async def stop_group_buy_campaign(self, info: Info, id: strawberry.ID) -> GroupBuyCampaignResult:
        """Stop a campaign."""
        context = info.context
        campaign = await actions.stop(
            context.market.db, campaign_id=read_id("campaign", id), by=context.shopper.account_id, now=context.now
        )
        return show_campaign(campaign)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Stop a campaign and end its open groups at once: nobody pays for a seat any more, and whoever has gets the "
        "money back. Groups that are full stay as they are. Called off already: no change.",
    )
    async def call_off_group_buy_campaign(
        self, info: Info, input: CallOffGroupBuyCampaignInput
    ) -> GroupBuyCampaignResult:
        """Call a campaign off."""
        context = info.context
        campaign = await actions.call_off(
            context.market.db,
            campaign_id=read_id("campaign", input.campaign_id),
            by=context.shopper.account_id,
            reason=input.reason,
            now=context.now,
        )
        return show_campaign(campaign)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Let an open group have its price with the members it has: who has paid is confirmed, who holds a seat may "
        "still pay, and the group says that it was completed. Nobody is made up.",
    )
    async def complete_group_buy(self, info: Info, input: CompleteGroupBuyInput) -> CompleteGroupBuyResult:
        """Complete a group."""
        context = info.context
        group = await ending.complete(
            context.market.db,
            group_id=read_id("groupbuy", input.group_buy_id),
            by=context.shopper.account_id,
            reason=input.reason,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_group(group)


def read_group_item(item: GroupBuyItemInput) -> NewItem:
    """What is to be sold, as the domain knows it."""
    return NewItem(read_id("sku", item.sku_id), group_price_minor=item.group_price_minor, units=item.units)
