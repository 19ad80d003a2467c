"""Group-buys as whoever leads them sees them: who is in, who has paid, and what is to be handed over. No phone, no address."""

from datetime import datetime
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.group_buys import GroupBuy, GroupBuySeatState, GroupBuyState, members_of, show_group
from api.nodes import Connection, show_id
from api.orders import Fulfilment, OrderState
from api.scalars import Long
from domain.group_buys import rules, screens


@strawberry.type(directives=to(Who.INHERITED), description="A member as their leader sees them. 团员")
class LedGroupBuyMember:
    """A member."""

    number: int = strawberry.field(description="The seat's number.")
    name: str = strawberry.field(description="What they are called, in full.")
    state: GroupBuySeatState
    quantity: Long
    held_at: datetime = strawberry.field(description="Since when the seat is theirs.")
    paid_at: datetime | None = strawberry.field(description="Null until they have paid.")


@strawberry.type(directives=to(Who.ONLY_OWNER), description="A group that one leads. 我的团")
class LedGroupBuy:
    """A group with its members' names."""

    group_buy: GroupBuy
    unpaid: int = strawberry.field(description="Seats that are held and not paid yet.")
    row: strawberry.Private[rules.Group]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="Who sits in it, by number; of an expired one also whose money has gone back.")
    async def members(self, info: Info) -> list[LedGroupBuyMember]:
        """The members, fetched for all groups together."""
        return [
            LedGroupBuyMember(
                number=member.seat.number,
                name=member.name,
                state=member.seat.state,
                quantity=Long(member.seat.quantity),
                held_at=member.seat.held_at,
                paid_at=member.seat.paid_at,
            )
            for member in await members_of(info, self.row.id)
        ]


@strawberry.type(directives=to(Who.INHERITED), description="Some units that a member is to get.")
class OrderToHandOverLine:
    """A line."""

    title: str
    quantity: Long = strawberry.field(description="Units, without those whose money has gone back.")


@strawberry.type(directives=to(Who.ONLY_OWNER), description="A member's order that is to be handed over. 待交付订单")
class OrderToHandOver:
    """What somebody is to get, and nothing about where they live."""

    order_number: str
    state: OrderState
    fulfilment: Fulfilment | None = strawberry.field(description="Null until the member has said how they want it.")
    group_buy_id: strawberry.ID
    seat: int = strawberry.field(description="The member's seat in that group.")
    member: str = strawberry.field(description="What they are called, in full.")
    lines: list[OrderToHandOverLine]
    owner: strawberry.Private[UUID]


@strawberry.type(directives=to(Who.ONLY_OWNER), description="How one's groups stand together.")
class LeaderFigures:
    """Counts."""

    open: int
    filled: int
    expired: int
    members_paid: int = strawberry.field(description="Paid seats in groups that are open or filled.")
    members_unpaid: int = strawberry.field(description="Seats in them that are held and not paid.")
    owner: strawberry.Private[UUID]


@strawberry.type
class LeaderGroupBuyQuery:
    """Questions of whoever leads groups."""

    @strawberry.field(
        directives=to(Who.SIGNED_IN),
        description="The groups one leads, newest first: opened by oneself, or handed on by whoever left.",
    )
    async def my_group_buys(
        self, info: Info, first: int = 20, after: str | None = None, state: GroupBuyState | None = None
    ) -> Connection[LedGroupBuy]:
        """One's groups."""
        leader_id = info.context.shopper.account_id
        page = await screens.groups_of_leader(info.context.market.db, leader_id, first=first, after=after, state=state)
        return Connection.of(page, lambda group: _show_led(group, leader_id))

    @strawberry.field(directives=to(Who.SIGNED_IN), description="How the groups that one leads stand together.")
    async def my_group_buy_figures(self, info: Info) -> LeaderFigures:
        """One's figures."""
        leader_id = info.context.shopper.account_id
        found = await screens.figures_of_leader(info.context.market.db, leader_id)
        return LeaderFigures(
            open=found.open,
            filled=found.filled,
            expired=found.expired,
            members_paid=found.members_paid,
            members_unpaid=found.members_unpaid,
            owner=leader_id,
        )

    @strawberry.field(
        directives=to(Who.SIGNED_IN),
        description="Paid orders in one's filled groups that their members do not have yet, the newest group first.",
    )
    async def orders_to_hand_over(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[OrderToHandOver]:
        """What is to be handed over."""
        leader_id = info.context.shopper.account_id
        page = await screens.orders_to_hand_over(info.context.market.db, leader_id, first=first, after=after)
        return Connection.of(page, lambda row: _show_order(row, leader_id))


def _show_led(group: rules.Group, leader_id: UUID) -> LedGroupBuy:
    return LedGroupBuy(group_buy=show_group(group), unpaid=group.taken - group.paid, row=group, owner=leader_id)


def _show_order(row: screens.OrderToHandOver, leader_id: UUID) -> OrderToHandOver:
    return OrderToHandOver(
        order_number=row.order_number,
        state=row.state,
        fulfilment=row.fulfilment,
        group_buy_id=show_id("groupbuy", row.group_id),
        seat=row.seat,
        member=row.member,
        lines=[
            OrderToHandOverLine(title=line.title, quantity=Long(line.quantity - line.refunded)) for line in row.lines
        ],
        owner=leader_id,
    )
