"""A room's chat for those who run it: what was withheld and removed, who is kept quiet, and the word list."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, read_id, show_id
from api.refusals import refusal
from api.room_chat import RoomComment, RoomCommentState, show_comment
from api.scalars import Long
from domain.accounts.queries import names_by_ids
from domain.chats import moderating, queries, rules, store
from domain.chats.queries import KeptComment
from domain.chats.rules import Comment, Silence
from domain.chats.words import Word, WordAction, WordList
from domain.foundation.errors import NotFound
from domain.live_rooms.running import check_crew

RoomSilenceKind = strawberry.enum(
    rules.SilenceKind,
    name="RoomSilenceKind",
    description="How somebody is kept quiet in a room. MUTE: they cannot write. BAN: nor watch.",
)


@strawberry.type(directives=to(Who.INHERITED), description="A comment as the crew reads it.")
class ModeratedRoomComment:
    """A comment, whatever became of it."""

    id: strawberry.ID
    viewer_id: strawberry.ID = strawberry.field(description="Who wrote it: the account.")
    author: str = strawberry.field(description="Their whole name, as it is now.")
    text: str = strawberry.field(description="As it was written.")
    state: RoomCommentState
    shown: RoomComment | None = strawberry.field(description="What viewers read, or have read; null when WITHHELD.")
    posted_at: datetime
    removed_at: datetime | None
    removed_why: str | None
    row: strawberry.Private[Comment]

    @strawberry.field(description="The name of who removed it.")
    async def removed_by(self, info: Info) -> str | None:
        """Who removed it, the names of all comments fetched together."""
        return await _name(info, self.row.removed_by)


@strawberry.type(directives=to(Who.INHERITED), description="Somebody who is kept quiet in a room. 禁言与拉黑")
class RoomSilence:
    """Somebody who is kept quiet."""

    viewer_id: strawberry.ID
    kind: RoomSilenceKind
    until: datetime | None = strawberry.field(description="Null: for good.")
    reason: str
    imposed_at: datetime
    row: strawberry.Private[Silence]

    @strawberry.field(description="Their whole name.")
    async def name(self, info: Info) -> str | None:
        """Their name, those of all silences fetched together."""
        return await _name(info, self.row.account_id)

    @strawberry.field(description="The name of who silenced them.")
    async def imposed_by(self, info: Info) -> str | None:
        """Who silenced them, the names fetched together."""
        return await _name(info, self.row.imposed_by)


@strawberry.type(directives=to(Who.INHERITED), description="Somebody who may speak again.")
class LiftedRoomSilence:
    """Somebody who may speak again."""

    viewer_id: strawberry.ID
    was_silenced: bool = strawberry.field(description="False: nothing has changed.")


@strawberry.type(
    directives=to(Who.MERCHANDISER),
    description="The word list, in force in all rooms. A word is found in capitals, full width, and with blanks, marks or "
    "invisible letters in it; one in letters that have capitals as a whole word only. 敏感词表",
)
class ChatWords:
    """The word list."""

    version: Long = strawberry.field(description="Counts the lists that were set; 0: none was.")
    masked: list[str] = strawberry.field(description="Shown as stars.")
    withheld: list[str] = strawberry.field(description="Keep a comment from being shown, but to the crew.")


@strawberry.input(description="Take a comment away.")
class RemoveCommentInput:
    """Which, and why."""

    comment_id: strawberry.ID
    reason: str = strawberry.field(description="For the others who run the market: 1 to 200 characters.")


@strawberry.input(description="Let whoever wrote a comment write no more in its room.")
class MuteViewerInput:
    """Whom, how long, and why."""

    comment_id: strawberry.ID
    minutes: int | None = strawberry.field(default=None, description="1 to 43200, thirty days; null: for good.")
    reason: str = strawberry.field(description="For the others who run the market: 1 to 200 characters.")


@strawberry.input(description="Let whoever wrote a comment neither write in its room nor watch it.")
class BanViewerInput:
    """Whom, and why."""

    comment_id: strawberry.ID
    reason: str = strawberry.field(description="For the others who run the market: 1 to 200 characters.")


@strawberry.input(description="Somebody who was silenced in a room.")
class RoomViewerInput:
    """Which room, and whom."""

    room_id: strawberry.ID
    viewer_id: strawberry.ID


@strawberry.input(description="The whole word list: at most 5,000 words of 1 to 40 letters and digits, each once.")
class SetChatWordsInput:
    """The word list."""

    version: Long = strawberry.field(description="Of the list that was read before, in whose place this one comes.")
    masked: list[str]
    withheld: list[str]


RemoveCommentResult = Annotated[ModeratedRoomComment | refusal(NotFound), strawberry.union("RemoveCommentResult")]
SilenceViewerResult = Annotated[RoomSilence | refusal(NotFound), strawberry.union("SilenceViewerResult")]
LiftSilenceResult = Annotated[LiftedRoomSilence | refusal(NotFound), strawberry.union("LiftSilenceResult")]
SetChatWordsResult = Annotated[ChatWords | refusal(rules.ChatWordsChanged), strawberry.union("SetChatWordsResult")]


@strawberry.type
class ModeratingRoomChatQuery:
    """What those who run rooms ask of their chats."""

    @strawberry.field(
        directives=to(Who.CREW),
        description="Everything that was written in a room, the newest first; in one state, if it is given. For who runs the "
        "room: FORBIDDEN to others.",
    )
    async def room_comments_to_moderate(
        self,
        info: Info,
        room_id: strawberry.ID,
        state: RoomCommentState | None = None,
        first: int = 20,
        before: str | None = None,
    ) -> Connection[ModeratedRoomComment]:
        """Everything that was written."""
        id = await _run_by_asker(info, room_id)
        page = await queries.kept(info.context.market.db, id, state=state, first=first, before=before)
        return Connection.of(page, _show_kept)

    @strawberry.field(
        directives=to(Who.CREW),
        description="Who is muted in a room now or banned from it, the latest first. For who runs the room: FORBIDDEN to others.",
    )
    async def room_silences(
        self, info: Info, room_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> Connection[RoomSilence]:
        """Who is kept quiet."""
        id, context = await _run_by_asker(info, room_id), info.context
        page = await queries.silenced(context.market.db, id, now=context.now, first=first, after=after)
        return Connection.of(page, _show_silence)

    @strawberry.field(directives=to(Who.MERCHANDISER), description="The word list.")
    async def chat_words(self, info: Info) -> ChatWords:
        """The word list."""
        async with info.context.market.db.reading() as reader:
            return _show_words(await store.words(reader))


@strawberry.type
class ModeratingRoomChatMutation:
    """What those who run rooms do in their chats. All of it stands in the trail."""

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Show a comment to nobody any more; it stays kept. Not shown anyway: no change. For who runs the room.",
    )
    async def remove_comment(self, info: Info, input: RemoveCommentInput) -> RemoveCommentResult:
        """Remove a comment."""
        context = info.context
        removed = await moderating.remove(
            context.market.db,
            context.services.bus,
            comment_id=read_id("comment", input.comment_id),
            by=context.shopper,
            reason=input.reason,
            now=context.now,
        )
        return _show_kept(await queries.kept_by_id(context.market.db, removed.id))

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Let whoever wrote a comment write no more in its room, from now on for so long. It takes the place of an "
        "earlier mute. For who runs the room; of the crew, an assistant mutes nobody. 禁言",
    )
    async def mute_viewer(self, info: Info, input: MuteViewerInput) -> SilenceViewerResult:
        """Mute somebody."""
        context = info.context
        silence = await moderating.mute(
            context.market.db,
            comment_id=read_id("comment", input.comment_id),
            minutes=input.minutes,
            by=context.shopper,
            reason=input.reason,
            now=context.now,
        )
        return _show_silence(silence)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Let somebody write again. Not muted: no change. For who runs the room.",
    )
    async def unmute_viewer(self, info: Info, input: RoomViewerInput) -> LiftSilenceResult:
        """Let somebody write again."""
        context, viewer_id = info.context, read_id("account", input.viewer_id)
        was_muted = await moderating.unmute(
            context.market.db,
            room_id=read_id("room", input.room_id),
            account_id=viewer_id,
            by=context.shopper,
            now=context.now,
        )
        return LiftedRoomSilence(viewer_id=input.viewer_id, was_silenced=was_muted)

    @strawberry.mutation(
        directives=to(Who.CREW),
        description="Let whoever wrote a comment neither write in its room nor watch it: their `roomEvents` end at once. Banned "
        "already: no change. For who runs the room; of the crew, an assistant bans nobody. 拉黑",
    )
    async def ban_viewer(self, info: Info, input: BanViewerInput) -> SilenceViewerResult:
        """Ban somebody."""
        context = info.context
        silence = await moderating.ban(
            context.market.db,
            context.services.bus,
            comment_id=read_id("comment", input.comment_id),
            by=context.shopper,
            reason=input.reason,
            now=context.now,
        )
        return _show_silence(silence)

    @strawberry.mutation(
        directives=to(Who.CREW), description="Let somebody in again. Not banned: no change. For who runs the room."
    )
    async def unban_viewer(self, info: Info, input: RoomViewerInput) -> LiftSilenceResult:
        """Let somebody in again."""
        context, viewer_id = info.context, read_id("account", input.viewer_id)
        was_banned = await moderating.unban(
            context.market.db,
            context.services.bus,
            room_id=read_id("room", input.room_id),
            account_id=viewer_id,
            by=context.shopper,
            now=context.now,
        )
        return LiftedRoomSilence(viewer_id=input.viewer_id, was_silenced=was_banned)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Put a word list in force in all rooms, in place of another: it judges the next comment. The same words again: "
        "no change.",
    )
    async def set_chat_words(self, info: Info, input: SetChatWordsInput) -> SetChatWordsResult:
        """Put a word list in force."""
        context = info.context
        masked = [Word(word, WordAction.MASK) for word in input.masked]
        words = await moderating.set_words(
            context.market.db,
            words=[*masked, *(Word(word, WordAction.WITHHOLD) for word in input.withheld)],
            version=input.version,
            by=context.shopper.account_id,
            now=context.now,
        )
        return _show_words(words)


async def _run_by_asker(info: Info, room_id: str) -> UUID:
    """The room's UUID. Raises NotAllowed for whoever does not run it."""
    id = read_id("room", room_id)
    async with info.context.market.db.reading() as reader:
        await check_crew(reader, id, info.context.shopper)
    return id


async def _name(info: Info, account_id: UUID | None) -> str | None:
    return await batched(info, names_by_ids).load(account_id) if account_id else None


def _show_kept(kept: KeptComment) -> ModeratedRoomComment:
    comment = kept.comment
    return ModeratedRoomComment(
        id=show_id("comment", comment.id),
        viewer_id=show_id("account", comment.author_id),
        author=kept.author,
        text=comment.text,
        state=comment.state,
        shown=show_comment(kept.shown) if kept.shown else None,
        posted_at=comment.posted_at,
        removed_at=comment.removed_at,
        removed_why=comment.removed_why,
        row=comment,
    )


def _show_silence(silence: Silence) -> RoomSilence:
    return RoomSilence(
        viewer_id=show_id("account", silence.account_id),
        kind=silence.kind,
        until=silence.until,
        reason=silence.reason,
        imposed_at=silence.imposed_at,
        row=silence,
    )


def _show_words(words: WordList) -> ChatWords:
    by_action = {action: [word.text for word in words.words if word.action is action] for action in WordAction}
    return ChatWords(
        version=Long(words.version), masked=by_action[WordAction.MASK], withheld=by_action[WordAction.WITHHOLD]
    )
