"""What happens in a live room, as it happens: the subscription `roomEvents` and the query of the same name."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Sequence
from typing import Annotated

import strawberry

from api.access import Who, to
from api.audience_members import Changed
from api.audience_sources import Source
from api.context import Context, Info
from api.nodes import read_id
from api.refusals import refusal, refusal_in, show_refusal
from api.room_chat import check_not_banned
from api.room_news import RoomNews, RoomPersonalNews, show_news, what_has_changed, what_is_open
from api.scalars import Long
from api.visitors import visitor_of
from domain.chats.rules import BannedFromRoom
from domain.foundation.errors import BadInput, NotFound, Refusal
from domain.live_rooms.feeds import Listener, RoomFeed
from domain.live_rooms.rules import RoomEvent
from domain.live_rooms.watching import RoomWatch
from domain.viewers.rules import Viewer

RoomEventsResult = Annotated[
    RoomNews | RoomPersonalNews | refusal(NotFound) | refusal(BannedFromRoom), strawberry.union("RoomEventsResult")
]
SINCE = (
    "The number of the last event that is known, the `lastEvent` of an earlier answer. 0: tell everything; null: only what "
    "happens from now on. One that the room has not reached counts as its last."
)
Since = Annotated[Long | None, strawberry.argument(description=SINCE)]


@strawberry.type
class RoomEventsQuery:
    """The same, asked again and again."""

    @strawberry.field(
        directives=to(Who.ANYONE),  # not @public: whoever polls watches, and is counted
        description="What has happened in a room: what the subscription of the same name tells, for whoever has no socket.",
    )
    async def room_events(self, info: Info, room_id: strawberry.ID, since: Since = None) -> RoomEventsResult:
        """News of a room."""
        source = await watched(info, room_id, since)
        info.context.services.presence.note_poll(source.key, source.viewer)
        return await anext(aiter(source))


@strawberry.type
class RoomEventsSubscription:
    """What happens in a room."""

    @strawberry.subscription(
        directives=to(Who.ANYONE),
        description="What has happened in a room after `since`, at once and again whenever something happens, and how many watch, "
        "up to four times a second. RoomPersonalNews comes besides, for its shopper alone: what they have under way, at first, "
        "and whatever of it changes. Complete after a NotFound and after a BannedFromRoom, which may come at any time.",
    )
    async def room_events(
        self, info: Info, room_id: strawberry.ID, since: Since = None
    ) -> AsyncIterable[RoomEventsResult]:
        """What whoever answers the subscription shares among all who watch."""
        try:
            return await watched(info, room_id, since)
        except Refusal as refused:
            return _only(show_refusal(info, refused))


class RoomSource(Source):
    """A room as one subscriber watches it."""

    __slots__ = ("_feed", "_watch", "viewer")

    def __init__(self, watch: RoomWatch, feed: RoomFeed, viewer: Viewer, *, since: int) -> None:
        self._watch, self._feed, self.viewer = watch, feed, viewer
        self.key, self.owner, self.since = feed.room_id, viewer.shopper_id, since

    async def __aiter__(self) -> AsyncIterator[RoomNews]:
        """What a poll is told, once: for whoever does not share it."""
        events = await self.after(self.since)
        yield self.show(events, events[-1].number if events else self.since)

    @property
    def last(self) -> int:
        """The number of the last event that the room's feed has handed on."""
        return self._feed.last

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have the listener told of the room from now on."""
        return self._feed.listen(listener)

    async def after(self, number: int) -> Sequence[RoomEvent]:
        """The room's events after that one, 500 at most."""
        return await self._feed.since(number)

    def show(self, events: Sequence[RoomEvent], last: int) -> RoomNews:
        """News of the room, with the newest counters."""
        return show_news(self.key, events, last=last, counters=self._feed.counters)

    async def own_at_first(self, context: Context) -> RoomPersonalNews | None:
        """What the subscriber has under way there."""
        return await what_is_open(context, self.key)

    def own(self, changed: Collection[Changed], context: Context) -> tuple[object | None, bool]:
        """What of theirs has changed; that they were banned is the last they hear."""
        assert self.owner is not None
        if any(kind == "banned" for kind, _ in changed):
            return refusal_in(context.language, BannedFromRoom()), True
        return what_has_changed(self.owner, changed), False

    def came(self) -> None:
        """Count them among the viewers."""
        self._watch.note_viewer(self.key, self.viewer.mark, self.owner)

    def left(self) -> None:
        """Count them no more."""
        self._watch.forget_viewer(self.key, self.viewer.mark)


async def watched(info: Info, room_id: strawberry.ID, since: int | None) -> RoomSource:
    """The room as the asker may watch it. Raises NotFound, BannedFromRoom, and BadInput for a number below 0."""
    if since is not None and since < 0:
        raise BadInput(f"since is {since}; allowed: 0 and above")
    context = info.context
    watch, shopper = context.services.room_watch, context.principal
    feed = await watch.open(read_id("room", room_id))
    if feed is None:
        raise NotFound(kind="room", id=room_id)
    await check_not_banned(info, feed.room_id)
    if since is not None and since > feed.last:
        await feed.since(since)  # who was told by a process that is ahead must not be told again
    viewer = Viewer(visitor_of(context), shopper.account_id if shopper else None)
    return RoomSource(watch, feed, viewer, since=feed.last if since is None else min(since, feed.last))


async def _only(told: RoomEventsResult) -> AsyncIterator[RoomEventsResult]:
    yield told
