"""What a room's crew does to keep its chat decent. Each deed stands in the trail, with its reason."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from domain.accounts.rules import Principal
from domain.chats import rules, store
from domain.chats.rules import READABLE, ChatWordsChanged, Comment, CommentState, Silence, SilenceKind
from domain.chats.words import Word, WordList, check_words
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id
from domain.live_rooms import store as rooms
from domain.live_rooms import timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import Duty, EventKind, NewEvent
from domain.live_rooms.running import check_crew
from domain.trail import store as trail
from domain.trust import store as trust
from domain.trust.rules import EvidenceKind


async def remove(db: Database, bus: LiveBus, *, comment_id: UUID, by: Principal, reason: str, now: datetime) -> Comment:
    """Show a comment no more; it stays kept. Not shown, withheld or removed: no change.

    Raises BadInput without a reason, NotFound, NotAllowed for whoever does not run its room.
    """
    reason = rules.check_reason(reason)
    async with db.transaction() as tx:
        comment, _ = await _locked(tx, comment_id, by)
        if comment.state not in READABLE:
            return comment
        gone = replace(
            comment, state=CommentState.REMOVED, removed_at=now, removed_by=by.account_id, removed_why=reason
        )
        await store.remove(tx, gone)
        removed = NewEvent(EventKind.COMMENT_REMOVED, {"comment_id": str(comment.id)})
        await timeline.append(tx, bus, comment.room_id, [removed], now=now)
        await _note(tx, "remove_comment", comment.room_id, by=by, now=now, comment=str(comment.id), reason=reason)
    return gone


async def mute(
    db: Database, *, comment_id: UUID, minutes: int | None, by: Principal, reason: str, now: datetime
) -> Silence:
    """Whoever wrote this comment cannot write in its room for so many minutes from now, or for good.

    A mute takes the place of an earlier one. Raises BadInput, NotFound, NotAllowed for whoever does not run the room, and
    for an assistant who would silence somebody of the crew.
    """
    until = rules.muted_until(minutes, now=now)
    return await _silence(db, SilenceKind.MUTE, comment_id=comment_id, until=until, by=by, reason=reason, now=now)


async def ban(db: Database, bus: LiveBus, *, comment_id: UUID, by: Principal, reason: str, now: datetime) -> Silence:
    """Whoever wrote this comment can neither write in its room nor watch it, until the ban is lifted.

    Banned already: no change but that they are told again. Raises as `mute` does.
    """
    silence = await _silence(db, SilenceKind.BAN, comment_id=comment_id, until=None, by=by, reason=reason, now=now)
    await bus.tell(silence.room_id, silence.account_id, "banned", silence.room_id)
    return silence


async def unmute(db: Database, *, room_id: UUID, account_id: UUID, by: Principal, now: datetime) -> bool:
    """Let somebody write again; False when they were not muted. Raises NotFound, NotAllowed."""
    async with db.transaction() as tx:
        return await _lift(tx, SilenceKind.MUTE, room_id, account_id, by=by, now=now)


async def unban(db: Database, bus: LiveBus, *, room_id: UUID, account_id: UUID, by: Principal, now: datetime) -> bool:
    """Let somebody in again; False when they were not banned. Raises NotFound, NotAllowed."""
    async with db.transaction() as tx:
        is_lifted = await _lift(tx, SilenceKind.BAN, room_id, account_id, by=by, now=now)
        if is_lifted:
            tx.after_commit(partial(bus.tell, room_id, account_id, "unbanned", room_id))
    return is_lifted


async def set_words(db: Database, *, words: Sequence[Word], version: int, by: UUID, now: datetime) -> WordList:
    """Put this word list in force in all rooms, in place of the one of this version. The same words again: no change.

    What is written from now on is judged by it, on every process. Raises BadInput, ChatWordsChanged when somebody else has
    set a list since.
    """
    wanted = check_words(words)
    async with db.transaction() as tx:
        before = await store.words(tx)
        if before.words == wanted:
            return before
        if before.version != version:
            raise ChatWordsChanged(version=before.version)
        after = WordList(version + 1, wanted)
        if not await store.set_words(tx, after, by=by, now=now):
            raise ChatWordsChanged(version=after.version)
        old, new = set(before.words), set(wanted)  # thousands of words, each looked for among thousands
        facts = {
            "version": after.version,
            "added": [word.text for word in wanted if word not in old][:MOST_NOTED],
            "dropped": [word.text for word in before.words if word not in new][:MOST_NOTED],
        }
        await trail.note(tx, by=by, deed="set_chat_words", subject="account", subject_id=by, now=now, **facts)
    return after


MOST_NOTED = 50
"""Words that a deed names; the lists themselves are kept."""


async def _silence(
    db: Database,
    kind: SilenceKind,
    *,
    comment_id: UUID,
    until: datetime | None,
    by: Principal,
    reason: str,
    now: datetime,
) -> Silence:
    reason = rules.check_reason(reason)
    async with db.transaction() as tx:
        comment, duty = await _locked(tx, comment_id, by)
        whom = comment.author_id
        rules.check_may_silence(duty, await rooms.duty_of(tx, comment.room_id, whom))
        before = await store.silence_in(tx, comment.room_id, whom, kind)
        if before is not None and kind is SilenceKind.BAN:
            return before
        silence = Silence(comment.room_id, whom, kind, until, reason, imposed_at=now, imposed_by=by.account_id)
        await store.impose(tx, silence)
        silenced = trust.Piece(whom, EvidenceKind.SILENCED, now, str(new_id()))
        await trust.record(tx, [silenced], now=now)
        facts = {"account": str(whom), "comment": str(comment.id), "until": until and until.isoformat()}
        await _note(tx, f"{kind}_viewer", comment.room_id, by=by, now=now, reason=reason, **facts)
    return silence


async def _lift(
    tx: Transaction, kind: SilenceKind, room_id: UUID, account_id: UUID, *, by: Principal, now: datetime
) -> bool:
    await rooms.lock(tx, room_id)
    await check_crew(tx, room_id, by)
    is_lifted = await store.lift(tx, room_id, account_id, kind)
    if is_lifted:
        await _note(tx, f"un{kind}_viewer", room_id, by=by, now=now, account=str(account_id))
    return is_lifted


async def _locked(tx: Transaction, comment_id: UUID, by: Principal) -> tuple[Comment, Duty | None]:
    """A comment as it stands in its locked room, and what the asker does there."""
    room_id = (await store.find(tx, comment_id)).room_id
    await rooms.lock(tx, room_id)
    duty = await check_crew(tx, room_id, by)
    return await store.find(tx, comment_id), duty


async def _note(tx: Transaction, deed: str, room_id: UUID, *, by: Principal, now: datetime, **facts: object) -> None:
    await trail.note(tx, by=by.account_id, deed=deed, subject="room", subject_id=room_id, now=now, **facts)
