"""How chats change: the only SQL that writes comments, silences and word lists.

Whatever is written of a room is written under its row's lock: who is banned there writes nothing after that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.dialects import postgresql

from domain.chats.rules import Author, Comment, CommentState, Silence, SilenceKind, badge_of
from domain.chats.tables import comments, silences, word_lists
from domain.chats.words import Word, WordAction, WordList
from domain.foundation.database import AnyRow, Reader, Transaction
from domain.foundation.errors import NotFound
from domain.live_rooms.rules import Duty

c, s, w = comments.c, silences.c, word_lists.c
COMMENT_COLUMNS = (
    c.id, c.room_id, c.author_id, c.number, c.text, c.state, c.posted_at, c.removed_at, c.removed_by, c.removed_why,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants to write under which key. `is_staff`: behind the counter, whatever they do in the room."""

    author_id: UUID
    key: str
    is_staff: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What a room knows of those who want to write: who they are, what they have written under the same keys (with what
    others read of it), and the version of the word list in force.
    """

    authors: Mapping[UUID, Author]
    written: Mapping[tuple[UUID, str], tuple[Comment, str]]
    words_version: int


# While a room talks, its tables grow faster than statistics and than plans that are kept: a join, or the plan of a minute
# ago, would read all that was ever said.
_PLAN_ANEW = text("SET LOCAL plan_cache_mode = force_custom_plan")
_KNOWN = text("""
    SELECT asked.key, account.id AS asker_id, display_name, duty, mute.account_id IS NOT NULL AS is_muted,
           mute.until AS muted_until, ban.account_id IS NOT NULL AS is_banned, last.posted_at AS last_posted_at,
           (SELECT max(version) FROM chat_word_lists) AS words_version, same.*,
           coalesce(CASE WHEN same.state <> 'withheld' THEN shown.facts ->> 'text' END, same.text) AS shown_text
    FROM unnest(CAST(:author_ids AS uuid[]), CAST(:keys AS text[])) AS asked (author_id, key)
    JOIN accounts AS account ON account.id = asked.author_id
    LEFT JOIN live_room_crew AS crew ON crew.room_id = :room_id AND crew.account_id = asked.author_id
    LEFT JOIN room_silences AS mute ON mute.room_id = :room_id AND mute.account_id = asked.author_id AND mute.kind = 'mute'
    LEFT JOIN room_silences AS ban ON ban.room_id = :room_id AND ban.account_id = asked.author_id AND ban.kind = 'ban'
    LEFT JOIN LATERAL (
        SELECT posted_at FROM room_comments WHERE room_id = :room_id AND author_id = asked.author_id
        ORDER BY posted_at DESC LIMIT 1
    ) AS last ON true
    LEFT JOIN LATERAL (
        SELECT * FROM room_comments
        WHERE room_id = :room_id AND author_id = asked.author_id AND idempotency_key = asked.key LIMIT 1
    ) AS same ON true
    LEFT JOIN LATERAL (
        SELECT facts FROM live_room_events WHERE room_id = :room_id AND number = same.number LIMIT 1
    ) AS shown ON true
""")


def comment_of(row: AnyRow) -> Comment:
    """A comment out of a row that has COMMENT_COLUMNS."""
    kept = {column.name: getattr(row, column.name) for column in COMMENT_COLUMNS}
    return Comment(**kept | {"state": CommentState(row.state)})


def silence_of(row: AnyRow) -> Silence:
    """A silence out of a row that has the columns of `silences`."""
    kept = {column.name: getattr(row, column.name) for column in silences.columns}
    return Silence(**kept | {"kind": SilenceKind(row.kind)})


async def known(tx: Transaction, room_id: UUID, asked: Sequence[Asked]) -> Known:
    """What a locked room knows of these, in two statements. Who has no account is left out."""
    wish = {"room_id": room_id, "author_ids": [one.author_id for one in asked], "keys": [one.key for one in asked]}
    is_staff = {one.author_id: one.is_staff for one in asked}
    authors: dict[UUID, Author] = {}
    written: dict[tuple[UUID, str], tuple[Comment, str]] = {}
    version = 0
    await tx.execute(_PLAN_ANEW)
    for row in await tx.rows(_KNOWN, wish):
        version = row.words_version or 0
        duty = Duty(row.duty) if row.duty else None
        authors[row.asker_id] = Author(
            id=row.asker_id,
            name=row.display_name,
            badge=badge_of(duty, is_staff=is_staff[row.asker_id]),
            is_muted=row.is_muted,
            muted_until=row.muted_until,
            is_banned=row.is_banned,
            last_posted_at=row.last_posted_at,
        )
        if row.id is not None:
            written[row.asker_id, row.key] = comment_of(row), row.shown_text
    return Known(authors, written, version)


async def add(tx: Transaction, written: Sequence[tuple[Comment, str]]) -> None:
    """Keep new comments of a locked room, each with its idempotency key."""
    rows = [
        {
            "id": comment.id,
            "room_id": comment.room_id,
            "author_id": comment.author_id,
            "number": comment.number,
            "text": comment.text,
            "state": comment.state,
            "idempotency_key": key,
            "posted_at": comment.posted_at,
        }
        for comment, key in written
    ]
    await tx.execute(insert(comments), rows)


async def find(reader: Reader, comment_id: UUID) -> Comment:
    """A comment as it stands. Raises NotFound."""
    row = await reader.one(select(*COMMENT_COLUMNS).where(c.id == comment_id))
    if row is None:
        raise NotFound.of("comment", comment_id)
    return comment_of(row)


async def remove(tx: Transaction, comment: Comment) -> None:
    """A comment of a locked room is shown no more: keep by whom, when and why."""
    await tx.execute(
        update(comments)
        .where(c.id == comment.id)
        .values(
            state=comment.state,
            removed_at=comment.removed_at,
            removed_by=comment.removed_by,
            removed_why=comment.removed_why,
        )
    )


async def silence_in(reader: Reader, room_id: UUID, account_id: UUID, kind: SilenceKind) -> Silence | None:
    """How somebody is kept quiet; a mute may be over."""
    row = await reader.one(select(silences).where(s.room_id == room_id, s.account_id == account_id, s.kind == kind))
    return silence_of(row) if row else None


async def impose(tx: Transaction, silence: Silence) -> None:
    """Keep somebody quiet in a locked room, in place of an earlier silence of the kind."""
    row = {column.name: getattr(silence, column.name) for column in silences.columns}
    imposed = postgresql.insert(silences).values(row)
    anew = {name: imposed.excluded[name] for name in ("until", "reason", "imposed_at", "imposed_by")}
    await tx.execute(imposed.on_conflict_do_update(index_elements=[s.room_id, s.account_id, s.kind], set_=anew))


async def lift(tx: Transaction, room_id: UUID, account_id: UUID, kind: SilenceKind) -> bool:
    """Let somebody speak again in a locked room; whether they could not before."""
    lifted = delete(silences).where(s.room_id == room_id, s.account_id == account_id, s.kind == kind)
    return bool(await tx.execute(lifted))


async def words(reader: Reader) -> WordList:
    """The word list in force; the empty one of version 0 until one was set."""
    row = await reader.one(select(w.version, w.words).order_by(w.version.desc()).limit(1))
    return WordList(row.version, [Word(text, WordAction(action)) for text, action in row.words]) if row else WordList()


async def set_words(tx: Transaction, words: WordList, *, by: UUID, now: datetime) -> bool:
    """Put a list in force; False when there is one of its version already."""
    row = {"version": words.version, "words": [[word.text, word.action] for word in words.words]}
    kept = postgresql.insert(word_lists).values(row | {"set_at": now, "set_by": by}).on_conflict_do_nothing()
    return bool(await tx.execute(kept))
