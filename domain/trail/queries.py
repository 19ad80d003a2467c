"""How the trail is read."""

from collections.abc import Sequence
from datetime import datetime
from operator import eq, ge, lt
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from domain.foundation.database import Database
from domain.foundation.errors import BadInput
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.trail.rules import Deed
from domain.trail.tables import deeds

_d = deeds.c
_DEEDS = select(_d.position, _d.by, _d.deed, _d.subject, _d.subject_id, _d.facts, _d.done_at)


async def page(
    db: Database,
    *,
    subject_id: UUID | None = None,
    by: UUID | None = None,
    deed: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    first: int,
    after: str | None = None,
) -> Page[Deed]:
    """Deeds, the newest first, done from `since` on and before `until`. Raises BadInput for a cursor of another list."""
    if deed is not None and "\0" in deed:
        raise BadInput(f"deed is {deed[:40]!r}; allowed: the name of a deed, like publish_product")
    newest_first = _DEEDS.order_by(_d.position.desc()).limit(page_size(first) + 1)
    for column, compare, value in (
        (_d.subject_id, eq, subject_id),
        (_d.by, eq, by),
        (_d.deed, eq, deed),
        (_d.done_at, ge, since),
        (_d.done_at, lt, until),
    ):
        if value is not None:
            newest_first = newest_first.where(compare(column, value))
    if after is not None:
        newest_first = newest_first.where(_d.position < read_cursor(after, int)[0])
    rows = await db.rows(newest_first)
    return page_of([_deed_of(row) for row in rows], first, lambda deed: (deed.position,))


async def of_subjects(db: Database, subject_ids: Sequence[UUID]) -> list[Deed]:
    """Every deed done to these things, in the order in which they were done."""
    rows = await db.rows(_DEEDS.where(_d.subject_id == func.any(list(subject_ids))).order_by(_d.position))
    return [_deed_of(row) for row in rows]


def _deed_of(row: Any) -> Deed:
    return Deed(row.position, row.by, row.deed, row.subject, row.subject_id, row.facts, row.done_at)
