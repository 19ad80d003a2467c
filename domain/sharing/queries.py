"""How screens read links and what came of them. Never locks."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import BigInteger, cast, func, select

from domain.foundation.database import Database
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.sharing.rules import Funnel, Link
from domain.sharing.store import COLUMNS, link_of
from domain.sharing.tables import counts, links

_l, _c = links.c, counts.c


async def by_ids(db: Database, link_ids: Sequence[UUID]) -> dict[UUID, Link]:
    """Links that exist, by id, whoever's they are."""
    rows = await db.rows(select(*COLUMNS).where(_l.id == func.any(list(link_ids))))
    return {row.id: link_of(row) for row in rows}


async def by_token(db: Database, token: str) -> Link | None:
    """The link of a token. Nothing is noted of it; who opens one opens it by `visiting.open_link`."""
    row = await db.one(select(*COLUMNS).where(_l.token == token))
    return None if row is None else link_of(row)


async def of_sharer(db: Database, sharer_id: UUID, *, first: int, after: str | None = None) -> Page[Link]:
    """Somebody's links, newest first."""
    newest_first = select(*COLUMNS).where(_l.sharer_id == sharer_id).order_by(_l.id.desc())
    if after is not None:
        newest_first = newest_first.where(_l.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([link_of(row) for row in rows], first, lambda link: (str(link.id),))


async def funnels_by_link_ids(db: Database, link_ids: Sequence[UUID]) -> dict[UUID, Funnel]:
    """What came of these links; one that nobody has opened is missing."""
    steps = (cast(func.sum(step), BigInteger) for step in (_c.opened, _c.signed_in, _c.joined, _c.paid))
    rows = await db.rows(select(_c.link_id, *steps).where(_c.link_id == func.any(list(link_ids))).group_by(_c.link_id))
    return {link_id: Funnel(*figures) for link_id, *figures in rows}
