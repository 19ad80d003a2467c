"""What is told of a live room: what has happened and how it stands, to everybody; what is their own, to each shopper."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Context, Info
from api.coupons import CouponBatch, find_batch
from api.flash_sales import FlashSale, FlashSaleTicket, show_sales, show_ticket
from api.group_buy_campaigns import GroupBuyCampaign, find_campaign
from api.group_buys import GroupBuy, find_group
from api.live_rooms import RoomItem, RoomState, find_item
from api.loaders import batched
from api.lucky_draws import LuckyDraw, find_draw
from api.nodes import show_id
from api.orders import Order, orders_by_ids
from api.room_chat import RoomComment, comment_of_event
from api.room_viewers import RoomCounters, show_counters
from api.scalars import Long
from domain.flash_sales.queries import sales_by_ids
from domain.flash_sales.tickets import Ticket
from domain.live_rooms import belonging, queries, rules
from domain.live_rooms.belonging import Belongings
from domain.live_rooms.feeds import Counters

RoomEventKind = strawberry.enum(
    rules.EventKind, name="RoomEventKind", description="What can happen in a room; ask for what comes with each."
)

POLL_AFTER_MS = {
    rules.RoomState.SCHEDULED: 10_000,
    rules.RoomState.LIVE: 2_000,
    rules.RoomState.PAUSED: 5_000,
    rules.RoomState.ENDED: 60_000,
    rules.RoomState.CANCELLED: 60_000,
}


@strawberry.type(directives=to(Who.INHERITED), description="Whether viewers may write from then on, and how often.")
class RoomChatTerms:
    """The terms of a chat."""

    is_open: bool
    slow_seconds: int = strawberry.field(description="Seconds between two comments of one viewer, at least.")


@strawberry.type(directives=to(Who.INHERITED), description="Something that happened in a room.")
class RoomEvent:
    """An event; what comes with it depends on its kind, and is null with any other."""

    number: Long = strawberry.field(description="Counts the room's events from 1, without gaps.")
    kind: RoomEventKind
    happened_at: datetime
    row: strawberry.Private[rules.RoomEvent]

    @strawberry.field(description="What is on air or pinned, or is not any more; what a sale is about. As it is now.")
    async def item(self, info: Info) -> RoomItem | None:
        """The item, fetched for all events together."""
        item_id = self._id("item_id")
        return await find_item(info, item_id) if item_id else None

    @strawberry.field(description="FLASH_SALE_STARTED: the sale, as it is now.")
    async def flash_sale(self, info: Info) -> FlashSale | None:
        """The sale."""
        sale_id = self._id("flash_sale_id")
        sale = await batched(info, sales_by_ids).load(sale_id) if sale_id else None
        return (await show_sales(info, [sale]))[0] if sale and sale.is_public else None

    @strawberry.field(description="GROUP_BUY_STARTED: the campaign, as it is now.")
    async def group_buy_campaign(self, info: Info) -> GroupBuyCampaign | None:
        """The campaign, fetched for all events together."""
        campaign_id = self._id("campaign_id")
        return await find_campaign(info, campaign_id) if campaign_id else None

    @strawberry.field(description="COUPONS_DROPPED: the batch, as it is now.")
    async def coupon_batch(self, info: Info) -> CouponBatch | None:
        """The batch, fetched for all events together."""
        batch_id = self._id("batch_id")
        return await find_batch(info, batch_id) if batch_id else None

    @strawberry.field(description="DRAW_OPENED, DRAW_CALLED_OFF, DRAWN: the draw, as it is now.")
    async def draw(self, info: Info) -> LuckyDraw | None:
        """The draw, fetched for all events together."""
        draw_id = self._id("draw_id")
        return await find_draw(info, draw_id) if draw_id else None

    @strawberry.field(description="COMMENTED: what was written; null once the crew has removed it.")
    async def comment(self, info: Info) -> RoomComment | None:
        """The comment, as the event keeps it."""
        return await comment_of_event(info, self.row) if self.row.kind is rules.EventKind.COMMENTED else None

    @strawberry.field(description="COMMENTED, COMMENT_REMOVED: which one. Show a removed one no more.")
    def comment_id(self) -> strawberry.ID | None:
        """The comment's id."""
        comment_id = self._id("comment_id")
        return show_id("comment", comment_id) if comment_id else None

    @strawberry.field(description="NOTICE: what the crew has to say to everybody. 公告")
    def notice(self) -> str | None:
        """The text."""
        return self.row.facts["text"] if self.row.kind is rules.EventKind.NOTICE else None

    @strawberry.field(description="CHAT_CHANGED: the terms from then on.")
    def chat(self) -> RoomChatTerms | None:
        """The terms."""
        if self.row.kind is not rules.EventKind.CHAT_CHANGED:
            return None
        return RoomChatTerms(is_open=self.row.facts["is_open"], slow_seconds=self.row.facts["slow_seconds"])

    def _id(self, fact: str) -> UUID | None:
        kept = self.row.facts.get(fact)
        return UUID(kept) if kept else None


@strawberry.type(
    directives=to(Who.ONLY_OWNER),
    description="What a shopper has under way in a room: all of it at first, and then what has changed.",
)
class RoomPersonalNews:
    """What is one shopper's own."""

    owner: strawberry.Private[UUID]
    own: strawberry.Private[Belongings]

    @strawberry.field(description="Tickets of the room's flash sales.")
    async def tickets(self, info: Info) -> list[FlashSaleTicket]:
        """The tickets, looked up together."""
        found = await info.context.services.tickets.find_many(self.own.ticket_ids) if self.own.ticket_ids else []
        return [show_ticket(each) for each in found if isinstance(each, Ticket) and each.shopper_id == self.owner]

    @strawberry.field(description="Orders that were placed in the room, by whichever way.")
    async def orders(self, info: Info) -> list[Order]:
        """The orders, looked up together."""
        found = await orders_by_ids(info, self.own.order_ids)
        return [order for order in found if order is not None and order.owner == self.owner]

    @strawberry.field(description="Groups of the room's group-buys in which they have a seat, or had one just now.")
    async def group_buys(self, info: Info) -> list[GroupBuy]:
        """The groups."""
        found = [await find_group(info, id) for id in self.own.group_ids]
        return [group for group in found if group is not None]


@strawberry.type(
    directives=to(Who.ANYONE),
    description="What has happened in a room after an event, and how it stands: the same for everybody.",
)
class RoomNews:
    """News of a room."""

    events: list[RoomEvent] = strawberry.field(
        description="All that happened after `since`, in order: no gap, no repeat. At most 500; more follow at once. Empty when "
        "only the counters have changed."
    )
    last_event: Long = strawberry.field(description="Ask again with it as `since`.")
    counters: RoomCounters
    room_id: strawberry.Private[UUID]

    @strawberry.field(description="Where the room is on its way, by now.")
    async def state(self, info: Info) -> RoomState:
        """The room's state."""
        return await self._state(info)

    @strawberry.field(description="Milliseconds to wait before asking again, for whoever has no socket.")
    async def poll_after_ms(self, info: Info) -> Long:
        """As long as is fit for the room's state."""
        return Long(POLL_AFTER_MS[await self._state(info)])

    @strawberry.field(description="When this answer was made; it may be a second old.")
    def server_time(self, info: Info) -> datetime:
        """The moment of this answer."""
        return info.context.now

    @strawberry.field(
        description="What the asker has under way here. Null for guests, for whom there is nothing, and in the subscription, "
        "which tells it by itself."
    )
    async def mine(self, info: Info) -> RoomPersonalNews | None:
        """One's own."""
        return await what_is_open(info.context, self.room_id)

    async def _state(self, info: Info) -> rules.RoomState:
        room = await batched(info, queries.by_ids).load(self.room_id)
        assert room is not None, f"room {self.room_id} is gone"
        return room.state


def show_news(room_id: UUID, events: Sequence[rules.RoomEvent], *, last: int, counters: Counters | None) -> RoomNews:
    """The GraphQL object of news: `last` is the last event that is known with it, `counters` None before anything is counted."""
    shown = [
        RoomEvent(number=Long(event.number), kind=event.kind, happened_at=event.happened_at, row=event)
        for event in events
    ]
    return RoomNews(
        events=shown,
        last_event=Long(last),
        counters=show_counters(counters),
        room_id=room_id,
    )


async def what_is_open(context: Context, room_id: UUID) -> RoomPersonalNews | None:
    """What the asker has under way in the room; None for guests, and where there is nothing."""
    if context.principal is None:
        return None
    own = await belonging.open_of(context.market.db, room_id, context.principal.account_id)
    return RoomPersonalNews(owner=context.principal.account_id, own=own) if own else None


def what_has_changed(shopper_id: UUID, changed: Collection[tuple[str, UUID]]) -> RoomPersonalNews | None:
    """News of what of a shopper's own has changed: kinds, as the live bus names them, and ids. None where it is nothing that
    is told here.
    """

    def of(kind: str) -> tuple[UUID, ...]:
        return tuple(id for each, id in changed if each == kind)

    own = Belongings(of("ticket"), of("order"), of("group_buy"))
    return RoomPersonalNews(owner=shopper_id, own=own) if own else None
