"""Where comments are taken in a process: those of one room in one event-loop tick are written in one transaction.

A batch takes the room's row lock once. Who may write is asked under it: after a ban has been answered nothing more of the
banned is shown, on whichever process they write, and of twenty comments at once slow mode lets one through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.accounts.rules import Principal
from domain.chats import store
from domain.chats.rules import READABLE, Author, Comment, CommentState, check_author, check_text
from domain.chats.words import Verdict, WordList
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import IdempotencyConflict, NotSignedIn, Refusal
from domain.foundation.idempotency import check_key
from domain.foundation.ids import new_id
from domain.foundation.together import Together
from domain.live_rooms import store as rooms
from domain.live_rooms import timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EventKind, NewEvent, Room

MOST_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to write."""

    by: Principal
    text: str
    key: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Posted:
    """A comment, and what others read of it."""

    comment: Comment
    author: Author
    shown_text: str


Answer = Posted | Refusal | NotSignedIn


class CommentDesk:
    """Takes comments. One per process and event loop."""

    def __init__(self, db: Database, bus: LiveBus) -> None:
        self._db, self._bus = db, bus
        self._words = WordList()
        # one batch of a room at a time: a second could only wait for the same lock
        self._asked: Together[UUID, Draft, Answer] = Together(self._post, at_most=MOST_AT_ONCE, in_flight=1)

    async def post(self, *, room_id: UUID, by: Principal, text: str, idempotency_key: str, now: datetime) -> Posted:
        """Write a comment. The same key with the same text in the room gives the same comment again.

        Raises BadInput, NotFound, IdempotencyConflict, and what `rules.check_author` does.
        """
        answer = await self._asked.ask(room_id, Draft(by, check_text(text), check_key(idempotency_key), now))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _post(self, room_id: UUID, drafts: list[Draft]) -> Sequence[Answer]:
        """Six statements, however many comments: the lock, who writes (two), the numbers, the events, the comments."""
        words = self._words  # comments of another room may bring a newer list meanwhile
        verdicts = [words.judge(draft.text) for draft in drafts]
        async with self._db.transaction() as tx:
            room = await rooms.lock(tx, room_id)
            asked = [store.Asked(draft.by.account_id, draft.key, draft.by.is_staff) for draft in drafts]
            known = await store.known(tx, room_id, asked)
            if known.words_version != words.version:
                words = self._words = await store.words(tx)
                verdicts = [words.judge(draft.text) for draft in drafts]
            batch = _Batch(room, known, now=max(draft.now for draft in drafts))
            answers = [batch.take(draft, verdict) for draft, verdict in zip(drafts, verdicts, strict=True)]
            await batch.write(tx, self._bus)
        return answers


class _Batch:
    """Comments of a locked room, taken one after another."""

    def __init__(self, room: Room, known: store.Known, *, now: datetime) -> None:
        self._room, self._now = room, now
        self._authors = dict(known.authors)
        self._written = dict(known.written)
        self._number = room.events
        self._new: list[tuple[Comment, str]] = []
        self._events: list[NewEvent] = []

    def take(self, draft: Draft, verdict: Verdict) -> Answer:
        """What becomes of a draft."""
        author = self._authors.get(draft.by.account_id)
        if author is None:
            return NotSignedIn("the account is gone")
        if (before := self._written.get((author.id, draft.key))) is not None:
            comment, shown_text = before
            is_same = comment.text == draft.text
            return Posted(comment, author, shown_text) if is_same else IdempotencyConflict(key=draft.key)
        try:
            check_author(self._room, author, now=self._now)
        except Refusal as refused:
            return refused
        return Posted(self._keep(author, draft, verdict), author, verdict.text)

    def _keep(self, author: Author, draft: Draft, verdict: Verdict) -> Comment:
        state = CommentState.MASKED if verdict.is_masked else CommentState.SHOWN
        state = CommentState.WITHHELD if verdict.is_withheld else state
        self._number += state in READABLE
        comment = Comment(new_id(), self._room.id, author.id, self._number, draft.text, state, posted_at=self._now)
        if state in READABLE:
            self._events.append(NewEvent(EventKind.COMMENTED, _facts(comment, author, verdict.text)))
        self._new.append((comment, draft.key))
        self._written[author.id, draft.key] = comment, verdict.text
        self._authors[author.id] = replace(author, last_posted_at=self._now)
        return comment

    async def write(self, tx: Transaction, bus: LiveBus) -> None:
        """Keep what was taken, and tell the room."""
        if self._events:
            await timeline.append(tx, bus, self._room.id, self._events, now=self._now)
        if self._new:
            await store.add(tx, self._new)


def _facts(comment: Comment, author: Author, shown_text: str) -> Mapping[str, Any]:
    """What the room's event tells of a comment: nothing that leads to its author."""
    return {
        "comment_id": str(comment.id),
        "author": author.shown_name,
        "badge": author.badge,
        "text": shown_text,
    }
