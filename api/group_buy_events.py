"""What happens in a group, as it happens: the subscription `groupBuyEvents` and the query of the same name."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.group_buys import GroupBuy, show_group
from api.nodes import read_id
from api.refusals import refusal, show_refusal
from api.scalars import Long
from domain.foundation.errors import NotFound
from domain.group_buys import rules
from domain.group_buys.watching import News, news_of

GroupBuyEventKind = strawberry.enum(
    rules.EventKind,
    name="GroupBuyEventKind",
    description="What happens in a group. LEFT is also who did not pay in time; HANDED_ON: another member leads it now.",
)


@strawberry.type(directives=to(Who.INHERITED), description="Something that happened in a group.")
class GroupBuyEvent:
    """An event."""

    number: int = strawberry.field(description="Counts the group's events from 1, without gaps.")
    kind: GroupBuyEventKind
    seat: int | None = strawberry.field(description="The seat it is about, where it is about one.")
    taken: int = strawberry.field(description="Seats that are held or paid from then on.")
    paid: int = strawberry.field(description="Those of them that are paid.")
    happened_at: datetime


@strawberry.type(
    directives=to(Who.ANYONE), description="What has happened in a group after an event, and how it stands now."
)
class GroupBuyNews:
    """News of a group."""

    events: list[GroupBuyEvent] = strawberry.field(
        description="All that happened after `since`, in order: no gap, no repeat. At most 500; more follow at once."
    )
    last_event: int = strawberry.field(description="Ask again with it as `since`.")
    poll_after_ms: Long | None = strawberry.field(
        description="Milliseconds to wait before asking again; null once nothing can happen any more."
    )
    group_buy: GroupBuy = strawberry.field(description="The group by now: its seats, its members, its time.")

    @strawberry.field(description="When this answer was made: count down to `expiresAt` by it.")
    def server_time(self, info: Info) -> datetime:
        """The moment of this answer."""
        return info.context.now


GroupBuyEventsResult = Annotated[GroupBuyNews | refusal(NotFound), strawberry.union("GroupBuyEventsResult")]
SINCE = "The number of the last event that is known, the `lastEvent` of an earlier answer; 0: tell everything."
Since = Annotated[int, strawberry.argument(description=SINCE)]


@strawberry.type
class GroupBuyEventsQuery:
    """The same, asked again and again."""

    @strawberry.field(
        directives=to(Who.ANYONE),  # not @public: a shared answer would be late
        description="What has happened in a group: what the subscription of the same name tells, for whoever has no socket.",
    )
    async def group_buy_events(self, info: Info, id: strawberry.ID, since: Since = 0) -> GroupBuyEventsResult:
        """News of a group."""
        news = await news_of(info.context.market.db, read_id("groupbuy", id), since=since)
        if news is None:
            raise NotFound(kind="groupbuy", id=id)
        return _show(news)


@strawberry.type
class GroupBuySubscription:
    """What happens in a group."""

    @strawberry.subscription(
        directives=to(Who.ANYONE),
        description="What has happened in a group after `since`, at once and again whenever something happens. Complete once "
        "nothing can happen any more, and after a NotFound.",
    )
    async def group_buy_events(
        self, info: Info, id: strawberry.ID, since: Since = 0
    ) -> AsyncIterator[GroupBuyEventsResult]:
        """News of a group as it comes."""
        told = info.context.services.group_watch.watch(read_id("groupbuy", id), since=since)
        async with aclosing(told):  # type: ignore[type-var]  # a generator
            async for news in told:
                yield show_refusal(info, NotFound(kind="groupbuy", id=id)) if news is None else _show(news)


def _show(news: News) -> GroupBuyNews:
    return GroupBuyNews(
        events=[
            GroupBuyEvent(
                number=event.number,
                kind=event.kind,
                seat=event.seat,
                taken=event.taken,
                paid=event.paid,
                happened_at=event.happened_at,
            )
            for event in news.events
        ],
        last_event=news.last,
        poll_after_ms=None if news.poll_after_ms is None else Long(news.poll_after_ms),
        group_buy=show_group(news.group),
    )
