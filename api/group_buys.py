"""Group-buys as shoppers see them: groups with their members, and one's own seats."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.access import Who, public, to
from api.context import Info
from api.group_buy_campaigns import GroupBuyCampaign, GroupBuyItem, find_campaign, show_campaign, show_item
from api.loaders import batched
from api.nodes import Connection, Node, finds, read_id, show_id
from api.orders import Order, orders_by_ids
from api.scalars import Long
from domain.accounts.rules import masked_name
from domain.group_buys import queries, rules, screens
from domain.group_buys.joining import SOURCE
from domain.group_buys.rules import SeatState
from domain.orders import queries as orders
from domain.orders.rules import Order as OrderRow

GroupBuyState = strawberry.enum(
    rules.GroupState,
    name="GroupBuyState",
    description="Where a group stands. FILLED: every seat is paid, or the merchant has completed it. EXPIRED: its money goes "
    "back by itself. DISSOLVED: everybody left before paying.",
)
GroupBuySeatState = strawberry.enum(
    rules.SeatState,
    name="GroupBuySeatState",
    description="Where a seat stands. HELD waits for its member's money; FREED is somebody else's to take.",
)


@strawberry.type(
    directives=to(Who.INHERITED), description="Somebody in a group, as the others see them: real people only. 团员"
)
class GroupBuyMember:
    """A member."""

    number: int = strawberry.field(description="The seat's number, from 1 to the group's `seats`.")
    state: GroupBuySeatState
    name: str = strawberry.field(description="The first character of what they are called: 林**.")
    is_leader: bool
    is_you: bool = strawberry.field(description="Whether it is whoever asks.")


@strawberry.type(directives=to(Who.INHERITED), description="The money of a group's members that goes back.")
class GroupBuyRefunds:
    """Refunds."""

    pending: int = strawberry.field(description="Seats whose refund is still to be ordered.")
    failing: int = strawberry.field(description="Those of them for which that has failed; it is tried again and again.")
    done: int = strawberry.field(description="Seats whose refund is ordered; the gateway takes it from there.")


@strawberry.type(directives=to(Who.ANYONE), description="Shoppers who buy together, by a moment or not at all. 团")
class GroupBuy(Node):
    """A group."""

    state: GroupBuyState
    is_completed_by_merchant: bool = strawberry.field(
        description="Whether the merchant let it have its price with fewer members than seats. 商家成团"
    )
    seats: int
    taken: int = strawberry.field(description="Seats that are held or paid; once it has ended, as it was then.")
    paid: int = strawberry.field(description="Those of them that are paid.")
    seats_left: int = strawberry.field(description="Seats that nobody holds; 0 once it has ended.")
    opened_at: datetime
    expires_at: datetime = strawberry.field(
        description="The end of its time: count down to it by `serverTime`. Whoever holds a seat then has lost it, and money "
        "that was paid before counts."
    )
    ended_at: datetime | None = strawberry.field(description="When it was filled, expired or dissolved.")
    row: strawberry.Private[rules.Group]

    @strawberry.field(description="Whether a seat can be taken now.")
    def is_joinable(self, info: Info) -> bool:
        """Whether a seat can be taken."""
        return self.row.is_joinable(info.context.now)

    @strawberry.field(description="When this answer was made. A guest's may be a second old.")
    def server_time(self, info: Info) -> datetime:
        """The moment of this operation."""
        return info.context.now

    @strawberry.field(description="What it is about, and on what terms.")
    async def campaign(self, info: Info) -> GroupBuyCampaign:
        """The campaign, fetched for all groups together."""
        found = await batched(info, queries.campaigns_by_ids).load(self.row.campaign_id)
        assert found is not None, f"group {self.row.id} of no campaign"
        return show_campaign(found)

    @strawberry.field(
        description="Who sits in it, by number; once it has expired, who sat in it. Nobody in it is made up."
    )
    async def members(self, info: Info) -> list[GroupBuyMember]:
        """The members, fetched for all groups together."""
        return self._shown(info, await members_of(info, self.row.id))

    @strawberry.field(
        description="Who leads it: the opener, or who came next after the opener left. Null once it is dissolved. 团长"
    )
    async def leader(self, info: Info) -> GroupBuyMember | None:
        """The leader."""
        leader = await batched(info, screens.leaders_by_group_ids).load(self.row.id)
        return self._shown(info, [leader])[0] if leader else None

    @strawberry.field(description="One's own seat, with its order; null for who has none.")
    async def my_seat(self, info: Info) -> "GroupBuySeat | None":
        """One's own seat."""
        principal = info.context.principal
        seats = [member.seat for member in await members_of(info, self.row.id)]
        mine = [seat for seat in seats if principal and seat.shopper_id == principal.account_id]
        return show_seat(mine[-1]) if mine else None

    @strawberry.field(directives=to(Who.MERCHANDISER), description="Its refunds, for those who run group-buys.")
    async def refunds(self, info: Info) -> GroupBuyRefunds | None:
        """Its refunds, counted for all groups together."""
        found = await batched(info, queries.refunds_by_group_ids).load(self.row.id)
        return GroupBuyRefunds(pending=found.pending, failing=found.failing, done=found.done) if found else None

    def _shown(self, info: Info, members: Sequence[screens.Member]) -> list[GroupBuyMember]:
        principal = info.context.principal
        return [
            GroupBuyMember(
                number=member.seat.number,
                state=member.seat.state,
                name=masked_name(member.name),
                is_leader=member.seat.shopper_id == self.row.leader_id,
                is_you=principal is not None and member.seat.shopper_id == principal.account_id,
            )
            for member in members
        ]


@strawberry.type(directives=to(Who.ONLY_OWNER), description="One's own place in a group, from when it was taken. 席位")
class GroupBuySeat(Node):
    """A seat."""

    number: int
    state: GroupBuySeatState
    quantity: Long
    held_at: datetime
    paid_at: datetime | None
    freed_at: datetime | None = strawberry.field(description="When it was given up, or not paid in time.")
    refunded_at: datetime | None = strawberry.field(
        description="When its refund was ordered: `order.payment.refunds` tells whether the money has arrived. Null while a "
        "PAID seat of an EXPIRED group still waits for it."
    )
    row: strawberry.Private[rules.Seat]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="What was chosen.")
    async def item(self, info: Info) -> GroupBuyItem | None:
        """The item, of the group's campaign."""
        group = await batched(info, queries.groups_by_ids).load(self.row.group_id)
        campaign = await batched(info, queries.campaigns_by_ids).load(group.campaign_id) if group else None
        items = campaign.items if campaign else ()
        return next((show_item(item) for item in items if item.id == self.row.item_id), None)

    @strawberry.field(description="Its group.")
    async def group_buy(self, info: Info) -> GroupBuy | None:
        """The group, fetched for all seats together."""
        group = await batched(info, queries.groups_by_ids).load(self.row.group_id)
        return show_group(group) if group else None

    @strawberry.field(
        description="Its order: pay it by `payOrder`, say where it goes by `setOrderDestination`. It is sent once the group "
        "is filled."
    )
    async def order(self, info: Info) -> Order | None:
        """Its order, fetched for all seats together."""
        return (await orders_by_ids(info, [self.row.order_id]))[0]

    @strawberry.field(description="HELD: until when to pay. Else null.")
    async def pay_by(self, info: Info) -> datetime | None:
        """Until when to pay."""
        if self.row.state is not SeatState.HELD:
            return None
        order = await batched(info, orders.by_ids).load(self.row.order_id)
        return order.pay_by if order else None


@strawberry.type
class GroupBuyQuery:
    """Questions about group-buys."""

    @strawberry.field(
        directives=public(), description="Campaigns in which a group can be opened now, the next to close first."
    )
    async def group_buy_campaigns(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[GroupBuyCampaign]:
        """Open campaigns."""
        context = info.context
        page = await screens.open_campaigns(context.market.db, now=context.now, first=first, after=after)
        return Connection.of(page, show_campaign)

    @strawberry.field(directives=public(), description="One campaign; null when there is none that is public.")
    async def group_buy_campaign(self, info: Info, id: strawberry.ID) -> GroupBuyCampaign | None:
        """One campaign."""
        return await find_campaign(info, read_id("campaign", id))

    @strawberry.field(directives=public(), description="One group, by the id that was shared; null when there is none.")
    async def group_buy(self, info: Info, id: strawberry.ID) -> GroupBuy | None:
        """One group."""
        return await find_group(info, read_id("groupbuy", id))

    @strawberry.field(
        directives=to(Who.SIGNED_IN), description="The seats one has taken, newest first, whatever became of them."
    )
    async def my_group_buy_seats(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[GroupBuySeat]:
        """One's own seats."""
        context = info.context
        page = await screens.seats_of_shopper(context.market.db, context.shopper.account_id, first=first, after=after)
        return Connection.of(page, show_seat)


async def members_of(info: Info, group_id: UUID) -> Sequence[screens.Member]:
    """Who sits in a group, those of all groups of the answer fetched together."""
    return await batched(info, screens.members_by_group_ids).load(group_id) or ()


async def group_of_order(info: Info, order: OrderRow) -> GroupBuy | None:
    """The group that placed an order, those of all orders fetched together; null for any other order."""
    if order.source != SOURCE or order.source_id is None:
        return None
    seat = await batched(info, queries.seats_by_ids).load(order.source_id)
    return await find_group(info, seat.group_id) if seat else None


@finds("groupbuy")
async def find_group(info: Info, id: UUID) -> GroupBuy | None:
    """A group; null when there is none."""
    group = await batched(info, queries.groups_by_ids).load(id)
    return show_group(group) if group else None


@finds("groupseat")
async def find_seat(info: Info, id: UUID) -> GroupBuySeat | None:
    """One's own seat."""
    principal = info.context.principal
    seat = await batched(info, queries.seats_by_ids).load(id) if principal else None
    return show_seat(seat) if seat and principal and seat.shopper_id == principal.account_id else None


def show_group(group: rules.Group) -> GroupBuy:
    """The GraphQL object of a group."""
    return GroupBuy(
        id=show_id("groupbuy", group.id),
        state=group.state,
        is_completed_by_merchant=group.completed_by is not None,
        seats=group.seats,
        taken=group.taken,
        paid=group.paid,
        seats_left=group.seats_left,
        opened_at=group.opened_at,
        expires_at=group.expires_at,
        ended_at=group.ended_at,
        row=group,
    )


def show_seat(seat: rules.Seat) -> GroupBuySeat:
    """A seat as its owner sees it."""
    return GroupBuySeat(
        id=show_id("groupseat", seat.id),
        number=seat.number,
        state=seat.state,
        quantity=Long(seat.quantity),
        held_at=seat.held_at,
        paid_at=seat.paid_at,
        freed_at=seat.freed_at,
        refunded_at=seat.refunded_at,
        row=seat,
        owner=seat.shopper_id,
    )
