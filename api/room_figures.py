"""What came of a live room, for its crew and for staff: figures of the ledger, its curve, and who sold most."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.live_rooms import RoomItem, find_item
from api.money import Money
from api.nodes import read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import NotFound
from domain.insights import leaderboards, room_figures, rules
from domain.insights.rules import MOST_GUIDES
from domain.live_rooms.rules import Channel

RoomChannel = strawberry.enum(
    Channel,
    name="RoomChannel",
    description="How an order came about in a room: at checkout with the room's id, or in a sale that was started there.",
)
First = Annotated[int, strawberry.argument(description=f"1 to {MOST_GUIDES}.")]


@strawberry.type(
    directives=to(Who.INHERITED),
    description="Paid orders, also those that were refunded since: those that were placed with the room's id, and those of flash "
    "sales and group-buys that were started in the room, whenever they were paid. Revived late money counts, refused late money "
    "does not.",
)
class RoomSold:
    """What was sold."""

    gmv: Money = strawberry.field(description="Their totals: goods less discounts, with freight. 成交金额 GMV")
    refunded: Money = strawberry.field(description="What was agreed to go back of it so far. 退款金额")
    net: Money = strawberry.field(
        description="`gmv` less `refunded`: what the ledger has kept of these orders. 净成交额"
    )
    orders: Long
    buyers: Long = strawberry.field(description="Shoppers who placed them, each once.")
    units: Long = strawberry.field(description="Of all their lines, refunded ones too.")
    average_order: Money | None = strawberry.field(
        description="`gmv` in `orders`, a part of a fen left out; null where there is none. 客单价"
    )

    @classmethod
    def of(cls, sold: rules.Sold) -> "RoomSold":
        """The GraphQL object."""
        return cls(
            gmv=Money.of(sold.gmv_minor),
            refunded=Money.of(sold.refunded_minor),
            net=Money.of(sold.net_minor),
            orders=Long(sold.orders),
            buyers=Long(sold.buyers),
            units=Long(sold.units),
            average_order=Money.maybe(sold.average_minor),
        )


@strawberry.type(directives=to(Who.INHERITED), description="What was sold in one way.")
class RoomChannelSold:
    """A channel."""

    channel: RoomChannel
    sold: RoomSold


@strawberry.type(directives=to(Who.INHERITED), description="What was sold of an item: paid lines, refunded ones too.")
class RoomItemSold:
    """An item's figures."""

    orders: Long = strawberry.field(description="Orders with a line of it.")
    units: Long
    gmv: Money = strawberry.field(description="Its lines less their discounts, without freight.")
    on_air_units: Long = strawberry.field(description="Of orders that were placed while it was on air.")
    on_air_gmv: Money = strawberry.field(description="Likewise.")
    on_air_seconds: Long = strawberry.field(description="How long it was on air, all its chapters together.")
    item_id: strawberry.Private[UUID | None]

    @strawberry.field(description="The item; null: goods that are not on the shelf, bought along with others.")
    async def item(self, info: Info) -> RoomItem | None:
        """The item, fetched for all items of the answer together."""
        return None if self.item_id is None else await find_item(info, self.item_id)


@strawberry.type(directives=to(Who.INHERITED), description="What came of somebody's links to the room. 导购业绩")
class RoomGuide:
    """A sharer."""

    account_id: strawberry.ID
    name: str = strawberry.field(description="What they are called, in full.")
    opened: Long = strawberry.field(
        description="Shoppers who opened their links, and devices on which nobody was signed in; without themselves, and without "
        "those by whom people would lead to each other in a circle."
    )
    viewers: Long = strawberry.field(
        description="Distinct viewers of the room who came by their links: who, before they were first seen there, had opened "
        "theirs last of all links to the room. 带来观众"
    )
    orders: Long = strawberry.field(
        description="Paid orders of the room that came of their links to it (`ShareFunnel`)."
    )
    gmv: Money
    refunded: Money
    net: Money


@strawberry.type(directives=to(Who.INHERITED), description="The room's counters at a moment.")
class RoomPoint:
    """A point of a curve."""

    at: datetime
    viewers: Long = strawberry.field(description="The most since the point before.")
    distinct_viewers: Long
    likes: Long
    buying: Long


@strawberry.type(
    directives=to(Who.INHERITED),
    description="A room in figures, all of one moment and straight from the ledger. 直播数据",
)
class RoomFigures:
    """Figures."""

    as_of: datetime = strawberry.field(
        description="When they were so: now, but for rooms of very many orders; then at most ten seconds ago."
    )
    sold: RoomSold
    conversion: float | None = strawberry.field(
        description="`sold.buyers` in `distinctViewers`, as a fraction; null where nobody has watched. Who buys in a sale of the "
        "room without watching it is a buyer, too. 转化率"
    )
    distinct_viewers: Long = strawberry.field(
        description="As `RoomCounters.distinctViewers`, counted from the rows themselves."
    )
    peak_viewers: Long = strawberry.field(description="As `RoomCounters.peakViewers`, at most five seconds old.")
    likes: Long = strawberry.field(description="Likewise.")
    comments: Long = strawberry.field(description="Comments that were shown, also those that were removed since.")
    brought_viewers: Long = strawberry.field(description="Distinct viewers who came by anybody's link.")
    channels: list[RoomChannelSold] = strawberry.field(
        description="Those in which anything was sold. Their sums are `sold`'s."
    )
    items: list[RoomItemSold] = strawberry.field(
        description="What stands on the shelf or was on air, and whatever else was sold; the most GMV first."
    )
    key: strawberry.Private[UUID]
    all_guides: strawberry.Private[Sequence[rules.Guide]]

    @strawberry.field(description="By whose links viewers came: the most GMV first, then the most viewers.")
    def guides(self, first: First = 100) -> list[RoomGuide]:
        """The first of them."""
        rules.check_first(first)
        return [_show_guide(one) for one in self.all_guides[:first]]

    @strawberry.field(description="Its counters over time, from the first sample to the last: at most 500 points.")
    async def curve(self, info: Info) -> list[RoomPoint]:
        """The samples, put together where there are too many."""
        return [
            RoomPoint(
                at=point.at,
                viewers=Long(point.viewers),
                distinct_viewers=Long(point.distinct),
                likes=Long(point.likes),
                buying=Long(point.buying),
            )
            for point in await room_figures.curve(info.context.market.db, self.key)
        ]


@strawberry.type(directives=to(Who.STAFF), description="What somebody has sold in live rooms.")
class RoomSeller:
    """A seller."""

    account_id: strawberry.ID
    name: str
    rooms: Long = strawberry.field(description="Rooms in which they sold something.")
    sold: RoomSold


RoomFiguresResult = Annotated[RoomFigures | refusal(NotFound), strawberry.union("RoomFiguresResult")]


@strawberry.type
class RoomFiguresQuery:
    """Questions about what came of rooms."""

    @strawberry.field(
        directives=to(Who.CREW_OR_STAFF),
        description="What came of a room so far: for its crew, merchandisers, finance and admins.",
    )
    async def room_figures(self, info: Info, room_id: strawberry.ID) -> RoomFiguresResult:
        """A room's figures."""
        context = info.context
        key = read_id("room", room_id)
        found = await context.services.figures.figures(key, by=context.shopper, now=context.now)
        return _show(key, found)

    @strawberry.field(
        directives=to(Who.STAFF),
        description="Hosts by the GMV of orders placed in their rooms from `from` on and before `to`, at most 366 days; where a "
        "room has two hosts, both have it. 主播榜",
    )
    async def host_leaderboard(
        self,
        info: Info,
        starts_at: Annotated[datetime, strawberry.argument(name="from")],
        ends_at: Annotated[datetime, strawberry.argument(name="to")],
        first: First = 100,
    ) -> list[RoomSeller]:
        """Hosts."""
        db = info.context.market.db
        return _show_sellers(await leaderboards.hosts(db, starts_at=starts_at, ends_at=ends_at, first=first))

    @strawberry.field(
        directives=to(Who.STAFF),
        description="Guides by the GMV of orders that came of their links to a room, placed in it from `from` on and before `to`, "
        "at most 366 days. 导购榜",
    )
    async def guide_leaderboard(
        self,
        info: Info,
        starts_at: Annotated[datetime, strawberry.argument(name="from")],
        ends_at: Annotated[datetime, strawberry.argument(name="to")],
        first: First = 100,
    ) -> list[RoomSeller]:
        """Guides."""
        db = info.context.market.db
        return _show_sellers(await leaderboards.guides(db, starts_at=starts_at, ends_at=ends_at, first=first))


def _show(key: UUID, found: rules.RoomFigures) -> RoomFigures:
    return RoomFigures(
        as_of=found.as_of,
        sold=RoomSold.of(found.sold),
        conversion=found.conversion,
        distinct_viewers=Long(found.distinct),
        peak_viewers=Long(found.peak),
        likes=Long(found.likes),
        comments=Long(found.comments),
        brought_viewers=Long(found.brought),
        channels=[RoomChannelSold(channel=Channel(one.channel), sold=RoomSold.of(one.sold)) for one in found.channels],
        items=[_show_item(one) for one in found.items],
        key=key,
        all_guides=found.guides,
    )


def _show_item(one: rules.ItemSold) -> RoomItemSold:
    return RoomItemSold(
        orders=Long(one.orders),
        units=Long(one.units),
        gmv=Money.of(one.gmv_minor),
        on_air_units=Long(one.on_air_units),
        on_air_gmv=Money.of(one.on_air_gmv_minor),
        on_air_seconds=Long(one.on_air_seconds),
        item_id=one.item_id,
    )


def _show_guide(one: rules.Guide) -> RoomGuide:
    return RoomGuide(
        account_id=show_id("account", one.sharer_id),
        name=one.name,
        opened=Long(one.opened),
        viewers=Long(one.viewers),
        orders=Long(one.orders),
        gmv=Money.of(one.gmv_minor),
        refunded=Money.of(one.refunded_minor),
        net=Money.of(one.net_minor),
    )


def _show_sellers(found: Sequence[rules.Seller]) -> list[RoomSeller]:
    return [
        RoomSeller(
            account_id=show_id("account", one.account_id),
            name=one.name,
            rooms=Long(one.rooms),
            sold=RoomSold.of(one.sold),
        )
        for one in found
    ]
