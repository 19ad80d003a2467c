"""What shoppers do with group-buys: open a group, join one, and leave it before paying. Paying is `payOrder`."""

from typing import Annotated
from uuid import UUID

import strawberry

from api import rates
from api.access import Who, to
from api.context import Info
from api.group_buys import GroupBuy, GroupBuySeat, find_group, find_seat, show_group, show_seat
from api.loaders import batched
from api.nodes import read_id
from api.refusals import refusal
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.rates import Rate
from domain.group_buys import joining, queries, rules
from domain.orders.rules import OrderNotCancellable
from domain.stock.rules import NotEnoughStock


@strawberry.input(description="Open a group, with oneself in its first seat.")
class OpenGroupBuyInput:
    """A new group."""

    campaign_id: strawberry.ID
    item_id: strawberry.ID = strawberry.field(description="One of the campaign's.")
    quantity: int = strawberry.field(default=1, description="Units, from 1 to the campaign's `perShopper`.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same seat."
    )


@strawberry.input(description="Take a seat in a group.")
class JoinGroupBuyInput:
    """A seat."""

    group_buy_id: strawberry.ID
    item_id: strawberry.ID = strawberry.field(description="One of its campaign's.")
    quantity: int = strawberry.field(default=1, description="Units, from 1 to the campaign's `perShopper`.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same seat."
    )


@strawberry.input(description="Give one's seat up that is not paid yet.")
class LeaveGroupBuyInput:
    """Which group."""

    group_buy_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


async def _another(info: Info, id: UUID) -> GroupBuy | None:
    """A group of the same campaign that can be joined instead; null: open one."""
    return await find_group(info, id)


async def _own_seat(info: Info, id: UUID) -> GroupBuySeat | None:
    """The seat one has."""
    return await find_seat(info, id)


GroupBuyFull = refusal(rules.GroupBuyFull, another_id=_another)
GroupBuyOver = refusal(rules.GroupBuyOver, another_id=_another)

OpenGroupBuyResult = Annotated[
    GroupBuySeat
    | refusal(rules.GroupBuyCampaignClosed)
    | refusal(rules.GroupBuyNotForYou)
    | refusal(rules.GroupBuyLimitReached)
    | refusal(NotEnoughStock)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("OpenGroupBuyResult"),
]
JoinGroupBuyResult = Annotated[
    GroupBuySeat
    | GroupBuyFull
    | GroupBuyOver
    | refusal(rules.AlreadyInGroupBuy, seat_id=_own_seat)
    | refusal(rules.NewcomersOnly)
    | refusal(rules.GroupBuyCampaignClosed)
    | refusal(rules.GroupBuyNotForYou)
    | refusal(rules.GroupBuyLimitReached)
    | refusal(NotEnoughStock)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("JoinGroupBuyResult"),
]
LeaveGroupBuyResult = Annotated[
    GroupBuy
    | refusal(rules.SeatNotLeavable)
    | refusal(OrderNotCancellable)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("LeaveGroupBuyResult"),
]


@strawberry.type
class GroupBuyMutation:
    """Opening, joining, leaving."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CLAIM)],
        description="Open a group. The seat is held until `payBy`: pay its order by `payOrder`, then share the group.",
    )
    async def open_group_buy(self, info: Info, input: OpenGroupBuyInput) -> OpenGroupBuyResult:
        """Open a group."""
        context = info.context
        joined = await joining.open_group(
            context.market.db,
            campaign_id=read_id("campaign", input.campaign_id),
            item_id=read_id("groupitem", input.item_id),
            quantity=input.quantity,
            shopper_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return _show(info, joined)

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CLAIM)],
        description="Take a seat in a group. It is held until `payBy`; the last seat that is paid fills the group. Whoever "
        "comes too late is shown another group, where there is one.",
    )
    async def join_group_buy(self, info: Info, input: JoinGroupBuyInput) -> JoinGroupBuyResult:
        """Join a group."""
        context = info.context
        joined = await joining.join(
            context.market.db,
            group_id=read_id("groupbuy", input.group_buy_id),
            item_id=read_id("groupitem", input.item_id),
            quantity=input.quantity,
            shopper_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return _show(info, joined)

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CLAIM)],
        description="Leave a group before paying: the order is called off. A leader's group goes on under who came next, "
        "and is dissolved when nobody is left.",
    )
    async def leave_group_buy(self, info: Info, input: LeaveGroupBuyInput) -> LeaveGroupBuyResult:
        """Leave a group."""
        context = info.context
        group = await joining.leave(
            context.market.db,
            group_id=read_id("groupbuy", input.group_buy_id),
            shopper_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_group(group)


def _show(info: Info, joined: joining.Joined) -> GroupBuySeat:
    batched(info, queries.groups_by_ids).prime(joined.group.id, joined.group)
    return show_seat(joined.seat)
