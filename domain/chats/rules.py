"""What may be written in a room, by whom and how often, and what others then read."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.accounts.rules import masked_name
from domain.foundation.errors import BadInput, NotAllowed, Refusal
from domain.live_rooms.rules import Duty, Room

LONGEST_TEXT = 200
LONGEST_WRITTEN = 5 * LONGEST_TEXT
"""Before blanks and marks are put together. Normalising takes the square of the marks in a row: half a second for 32,000."""
MOST_MARKS = 4
"""On one letter: a tower of them covers what others have written above and below."""
LONGEST_REASON = 200
MOST_MUTED_MINUTES = 30 * 24 * 60
KEPT = timedelta(days=3 * 366)
"""How long after its end a room's comments and events are kept: three years, whichever they are."""
_UNSEEN = frozenset({"Cc", "Cf", "Mn", "Zl", "Zp", "Zs"})
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class CommentState(StrEnum):
    """What became of a comment. WITHHELD: no viewer has ever read it. REMOVED: none reads it any more."""

    SHOWN = "shown"
    MASKED = "masked"
    WITHHELD = "withheld"
    REMOVED = "removed"


READABLE = frozenset({CommentState.SHOWN, CommentState.MASKED})


class Badge(StrEnum):
    """For whom somebody speaks who is no viewer."""

    HOST = "host"
    ASSISTANT = "assistant"
    STAFF = "staff"


class SilenceKind(StrEnum):
    """How somebody is kept quiet in a room. A ban also ends their watching."""

    MUTE = "mute"
    BAN = "ban"


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody has written.

    `number`: of its event; of a withheld one, of the room's last event before it. `text`: as it was written.
    """

    id: UUID
    room_id: UUID
    author_id: UUID
    number: int
    text: str
    state: CommentState
    posted_at: datetime
    removed_at: datetime | None = None
    removed_by: UUID | None = None
    removed_why: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Somebody is kept quiet in a room; `until` None: for good."""

    room_id: UUID
    account_id: UUID
    kind: SilenceKind
    until: datetime | None
    reason: str
    imposed_at: datetime
    imposed_by: UUID


@dataclass(frozen=True, slots=True)
class Author:
    """Who wants to write in a room, as it knows them. `muted_until` is of a mute that may be over."""

    id: UUID
    name: str
    badge: Badge | None
    is_muted: bool
    muted_until: datetime | None
    is_banned: bool
    last_posted_at: datetime | None

    @property
    def shown_name(self) -> str:
        """What others read: only hosts are shown by their whole name."""
        return self.name if self.badge is Badge.HOST else masked_name(self.name)


def badge_of(duty: Duty | None, *, is_staff: bool) -> Badge | None:
    """The badge of somebody with this duty in the room."""
    if duty is not None:
        return Badge(duty.value)
    return Badge.STAFF if is_staff else None


def check_author(room: Room, author: Author, *, now: datetime) -> None:
    """Raises BannedFromRoom, RoomNotOn, MutedInRoom, and for whoever has no badge RoomChatClosed and CommentTooSoon."""
    if author.is_banned:
        raise BannedFromRoom()
    room.check_on()
    if author.is_muted and (author.muted_until is None or now < author.muted_until):
        raise MutedInRoom(until=author.muted_until)
    if author.badge is not None:
        return
    if not room.is_chat_open:
        raise RoomChatClosed()
    if room.slow_seconds and author.last_posted_at is not None:
        retry_at = author.last_posted_at + timedelta(seconds=room.slow_seconds)
        if now < retry_at:
            raise CommentTooSoon(seconds=room.slow_seconds, retry_at=retry_at)


def check_text(text: str) -> str:
    """The text on one line, without blanks around it, without marks that turn the direction of reading, and without any that
    come after four on the same letter.

    Raises BadInput unless it has 1 to 200 characters, counted as they were written and in their plain forms (NFKC), and
    anything that can be seen.
    """
    if len(text) > LONGEST_WRITTEN:
        raise BadInput(f"text has {len(text)} characters; allowed: 1 to {LONGEST_TEXT}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput("text has half a surrogate pair; allowed: Unicode") from None
    if not text.isprintable():
        letters = (letter for letter in text if letter not in _DIRECTIONS)
        text = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in letters)
    text = "".join(_without_towers(unicodedata.normalize("NFC", " ".join(text.split()))))
    length = max(len(text), len(unicodedata.normalize("NFKC", text)))
    if not length <= LONGEST_TEXT or not any(_is_seen(letter) for letter in text):
        raise BadInput(f"text has {length} characters; allowed: 1 to {LONGEST_TEXT}, some of which can be seen")
    return text


def check_reason(reason: str) -> str:
    """The reason without blanks around it. Raises BadInput unless it has 1 to 200 characters."""
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON or "\0" in reason:
        raise BadInput(f"reason must have 1 to {LONGEST_REASON} characters")
    return reason


def muted_until(minutes: int | None, *, now: datetime) -> datetime | None:
    """The end of a mute; None: for good. Raises BadInput unless it takes 1 minute to 30 days."""
    if minutes is None:
        return None
    if not 1 <= minutes <= MOST_MUTED_MINUTES:
        raise BadInput(f"minutes is {minutes}; allowed: 1 to {MOST_MUTED_MINUTES}, or none: for good")
    return now + timedelta(minutes=minutes)


def check_may_silence(by: Duty | None, whom: Duty | None) -> None:
    """Raises NotAllowed where an assistant would silence somebody of the crew: hosts and merchandisers may."""
    if by is Duty.ASSISTANT and whom is not None:
        raise NotAllowed("an assistant cannot silence the crew of the room: its hosts can")


def _without_towers(text: str) -> Iterator[str]:
    marks = 0
    for letter in text:
        kind = unicodedata.category(letter)
        if kind in {"Mn", "Me"}:
            marks += 1
        elif kind != "Cf":  # a joiner between two marks begins no new letter
            marks = 0
        if marks <= MOST_MARKS or kind == "Cf":
            yield letter


def _is_seen(letter: str) -> bool:
    return unicodedata.category(letter) not in _UNSEEN and letter not in _BLANK_LETTERS


@dataclass(eq=False)
class RoomChatClosed(Refusal):
    """The crew has closed the chat."""

    code: ClassVar[str] = "ROOM_CHAT_CLOSED"
    zh: ClassVar[str] = "主播已关闭评论"
    en: ClassVar[str] = "the host has closed the chat"


@dataclass(eq=False)
class CommentTooSoon(Refusal):
    """Slow mode: so many seconds lie between two comments of one viewer. The next may come at `retry_at`."""

    seconds: int
    retry_at: datetime

    code: ClassVar[str] = "COMMENT_TOO_SOON"
    zh: ClassVar[str] = "慢速模式：每 {seconds} 秒可发一条评论"
    en: ClassVar[str] = "slow mode: one comment every {seconds} seconds"


@dataclass(eq=False)
class MutedInRoom(Refusal):
    """The crew has muted the asker. `until` null: for good."""

    until: datetime | None

    code: ClassVar[str] = "MUTED_IN_ROOM"
    zh: ClassVar[str] = "您已被禁言"
    en: ClassVar[str] = "you are muted in this room"


@dataclass(eq=False)
class BannedFromRoom(Refusal):
    """The crew has banned the asker: they cannot write in the room, nor watch it."""

    code: ClassVar[str] = "BANNED_FROM_ROOM"
    zh: ClassVar[str] = "您已被移出该直播间"
    en: ClassVar[str] = "you are banned from this room"


@dataclass(eq=False)
class ChatWordsChanged(Refusal):
    """Somebody else has set the word list since: read it again. `version` is that of the list now."""

    version: int

    code: ClassVar[str] = "CHAT_WORDS_CHANGED"
    zh: ClassVar[str] = "敏感词表已被他人修改，请刷新后重试"
    en: ClassVar[str] = "the word list was set by somebody else since: read it again"
