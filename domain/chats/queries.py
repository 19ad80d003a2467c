"""How screens read a room's chat: keyset pages, the newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, literal_column, select
from sqlalchemy import func as sql

from domain.accounts.tables import accounts
from domain.chats.rules import READABLE, Comment, CommentState, Silence, SilenceKind
from domain.chats.store import COMMENT_COLUMNS, c, comment_of, s, silence_of
from domain.chats.tables import silences
from domain.foundation.database import AnyRow, Database, Reader
from domain.foundation.errors import NotFound
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.live_rooms.tables import events


@dataclass(frozen=True, slots=True)
class ShownComment:
    """A comment as viewers read it. `badge`: the value of a Badge."""

    id: UUID
    author: str
    badge: str | None
    text: str
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class KeptComment:
    """A comment as the crew reads it: also what was withheld and removed, with whoever wrote it. `shown`: what viewers
    read, or have read; None of what was withheld.
    """

    comment: Comment
    author: str
    shown: ShownComment | None


_SHOWN = events.c.facts.label("facts")
_IN_TIMELINE = (events.c.room_id == c.room_id) & (events.c.number == c.number)
_KEPT = (
    select(*COMMENT_COLUMNS, accounts.c.display_name, _SHOWN)
    .join(accounts, accounts.c.id == c.author_id)
    .outerjoin(events, _IN_TIMELINE & (c.state != CommentState.WITHHELD))
)


async def is_banned(reader: Reader | Database, room_id: UUID, account_id: UUID) -> bool:
    """Whether somebody may neither write in the room nor watch it."""
    banned = select(s.kind).where(s.room_id == room_id, s.account_id == account_id, s.kind == SilenceKind.BAN)
    return await reader.value(banned) is not None


async def bans(db: Database, room_ids: Sequence[UUID]) -> Sequence[tuple[UUID, UUID]]:
    """Who is banned from these rooms: room and account."""
    banned = select(s.room_id, s.account_id).where(s.room_id == sql.any(list(room_ids)), s.kind == SilenceKind.BAN)
    return [(row.room_id, row.account_id) for row in await db.rows(banned)]


async def shown(db: Database, room_id: UUID, *, first: int, before: str | None = None) -> Page[ShownComment]:
    """What viewers may read of a room's comments. Raises BadInput for a cursor of another list."""
    found = select(c.id, c.number, c.posted_at, _SHOWN).join(events, _IN_TIMELINE)
    found = found.where(c.room_id == room_id, c.state.in_(READABLE))
    rows = await db.rows(_newest_first(found, first=first, before=before))
    page = page_of(rows, first, _place)
    return Page([shown_of(row.facts, row.posted_at) for row in page.rows], page.cursors, page.has_next)


async def kept(
    db: Database, room_id: UUID, *, state: CommentState | None = None, first: int, before: str | None = None
) -> Page[KeptComment]:
    """What the crew may read of a room's comments: all of them, or those in one state. Raises BadInput as `shown` does."""
    page = page_of(
        await db.rows(_newest_first(kept_comments(room_id, state), first=first, before=before)), first, _place
    )
    return Page([kept_of(row) for row in page.rows], page.cursors, page.has_next)


async def kept_by_id(db: Database, comment_id: UUID) -> KeptComment:
    """One comment as the crew may read it. Raises NotFound."""
    row = await db.one(_KEPT.where(c.id == comment_id))
    if row is None:
        raise NotFound.of("comment", comment_id)
    return kept_of(row)


async def removed_by_ids(db: Database, comment_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Those of these comments that the crew has removed: True for each."""
    removed = select(c.id).where(c.id == sql.any(list(comment_ids)), c.state == CommentState.REMOVED)
    return dict.fromkeys(await db.column(removed), True)


def kept_comments(room_id: UUID, state: CommentState | None = None) -> Select[Any]:
    """The comments of a room, or those in one state, as `kept_of` reads them; in no order yet."""
    found = _KEPT.where(c.room_id == room_id)
    # a literal, for an index that has only some states
    return found if state is None else found.where(c.state == literal_column(f"'{state}'"))


def kept_of(row: AnyRow) -> KeptComment:
    """A comment out of a row of `kept_comments`."""
    comment = comment_of(row)
    return KeptComment(comment, row.display_name, shown_of(row.facts, comment.posted_at) if row.facts else None)


async def silenced(
    db: Database, room_id: UUID, *, now: datetime, first: int, after: str | None = None
) -> Page[Silence]:
    """Who is muted in the room now or banned from it, the latest first. Raises BadInput for a cursor of another list."""
    found = select(silences).where(s.room_id == room_id, s.until.is_(None) | (s.until > now))
    place = (s.imposed_at, s.account_id, s.kind)
    if after is not None:
        found = found.where(sql.row(*place) < sql.row(*read_cursor(after, datetime, UUID, str)))
    newest_first = found.order_by(*(column.desc() for column in place)).limit(page_size(first) + 1)
    rows = [silence_of(row) for row in await db.rows(newest_first)]
    return page_of(rows, first, lambda silence: (silence.imposed_at, str(silence.account_id), silence.kind))


def _newest_first(found: Select[Any], *, first: int, before: str | None) -> Select[Any]:
    if before is not None:
        found = found.where(sql.row(c.number, c.id) < sql.row(*read_cursor(before, int, UUID)))
    return found.order_by(c.number.desc(), c.id.desc()).limit(page_size(first) + 1)


def _place(row: AnyRow) -> tuple[int, str]:
    return row.number, str(row.id)


def shown_of(facts: Mapping[str, Any], posted_at: datetime) -> ShownComment:
    """The comment that a COMMENTED event tells."""
    return ShownComment(UUID(facts["comment_id"]), facts["author"], facts["badge"], facts["text"], posted_at)


async def written_between(
    reader: Reader, after: UUID, before: UUID, limit: int
) -> Sequence[tuple[UUID, UUID, datetime]]:
    """Comments of ids between these that others may read, in the order of their ids: id, author, when."""
    found = select(c.id, c.author_id, c.posted_at).where(c.id > after, c.id < before, c.state.in_(READABLE))
    return [(row.id, row.author_id, row.posted_at) for row in await reader.rows(found.order_by(c.id).limit(limit))]
