"""A room's chat as viewers see it: what is written there, and writing it."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import strawberry

from api import rates
from api.access import Who, public, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, read_id, show_id
from api.refusals import refusal
from domain.chats import queries, rules
from domain.chats.queries import ShownComment
from domain.chats.rules import Badge
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.rates import Rate
from domain.live_rooms import queries as rooms
from domain.live_rooms.rules import RoomEvent, RoomNotOn

RoomBadge = strawberry.enum(
    rules.Badge,
    name="RoomBadge",
    description="For whom somebody speaks who is no viewer: the room's crew, or the market's staff. 身份标识",
)
RoomCommentState = strawberry.enum(
    rules.CommentState,
    name="RoomCommentState",
    description="What became of a comment. MASKED: viewers read it with stars for some of its words. WITHHELD: a word keeps it "
    "from being shown, to anybody but the crew. REMOVED: the crew took it away.",
)
BannedFromRoom = refusal(rules.BannedFromRoom)
JUST_NOW = timedelta(seconds=5)


@strawberry.type(directives=to(Who.INHERITED), description="A comment as viewers read it. 评论")
class RoomComment:
    """A comment."""

    id: strawberry.ID
    author: str = strawberry.field(description="A host's name; of everybody else its first character: 林**.")
    badge: RoomBadge | None = strawberry.field(description="Null for viewers.")
    text: str = strawberry.field(description="One line, of 200 characters at most.")
    posted_at: datetime


@strawberry.type(directives=to(Who.INHERITED), description="One's own comment, and what became of it.")
class PostedRoomComment:
    """One's own comment."""

    comment: RoomComment = strawberry.field(description="As the others read it; WITHHELD: as they would, if they did.")
    state: RoomCommentState = strawberry.field(description="Nobody is left to believe that a withheld comment is read.")


@strawberry.input(description="A comment.")
class PostCommentInput:
    """A comment."""

    room_id: strawberry.ID
    text: str = strawberry.field(description="1 to 200 characters; what breaks the line becomes a blank.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same comment."
    )


RoomCommentsResult = Annotated[
    Connection[RoomComment] | refusal(NotFound) | BannedFromRoom, strawberry.union("RoomCommentsResult")
]
PostCommentResult = Annotated[
    PostedRoomComment
    | refusal(NotFound)
    | refusal(RoomNotOn)
    | refusal(rules.RoomChatClosed)
    | refusal(rules.CommentTooSoon)
    | refusal(rules.MutedInRoom)
    | BannedFromRoom
    | refusal(IdempotencyConflict),
    strawberry.union("PostCommentResult"),
]


@strawberry.type
class RoomChatQuery:
    """Questions about a room's chat."""

    @strawberry.field(
        directives=public(),
        description="What was written in a room, the newest first: the page before `before`, an `endCursor`. A guest's answer may "
        "be a second old.",
    )
    async def room_comments(
        self, info: Info, room_id: strawberry.ID, first: int = 20, before: str | None = None
    ) -> RoomCommentsResult:
        """What was written."""
        db, id = info.context.market.db, read_id("room", room_id)
        await check_not_banned(info, id)
        if id not in await rooms.by_ids(db, [id]):
            raise NotFound.of("room", id)
        return Connection.of(await queries.shown(db, id, first=first, before=before), show_comment)


@strawberry.type
class RoomChatMutation:
    """What viewers do in a room's chat."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.COMMENT)],
        description="Write in a room that is on. The same key with the same text gives the same comment again. 发评论",
    )
    async def post_comment(self, info: Info, input: PostCommentInput) -> PostCommentResult:
        """Write in a room."""
        context = info.context
        posted = await context.services.comments.post(
            room_id=read_id("room", input.room_id),
            by=context.shopper,
            text=input.text,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        comment, author = posted.comment, posted.author
        shown = ShownComment(comment.id, author.shown_name, author.badge, posted.shown_text, comment.posted_at)
        return PostedRoomComment(comment=show_comment(shown), state=comment.state)


async def check_not_banned(info: Info, room_id: UUID) -> None:
    """Raises BannedFromRoom for whoever the crew has banned from the room. Guests are nobody who could be."""
    principal = info.context.principal
    if principal is not None and await queries.is_banned(info.context.market.db, room_id, principal.account_id):
        raise rules.BannedFromRoom()


def show_comment(comment: ShownComment) -> RoomComment:
    """A comment as viewers read it."""
    return RoomComment(
        id=show_id("comment", comment.id),
        author=comment.author,
        badge=Badge(comment.badge) if comment.badge else None,
        text=comment.text,
        posted_at=comment.posted_at,
    )


async def comment_of_event(info: Info, event: RoomEvent) -> RoomComment | None:
    """What a COMMENTED event tells; None once the crew has removed it.

    The ledger is not asked about what was written just now: whoever is told that is told of its removal, too.
    """
    comment = queries.shown_of(event.facts, event.happened_at)
    is_old = info.context.now - event.happened_at > JUST_NOW
    if is_old and await batched(info, queries.removed_by_ids).load(comment.id):
        return None
    return show_comment(comment)
