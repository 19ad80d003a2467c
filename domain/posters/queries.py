"""How screens and doors read posters. Never locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from domain.foundation.database import Database
from domain.posters.rules import Poster
from domain.posters.store import COLUMNS, poster_of
from domain.posters.tables import posters
from domain.sharing.tables import links


@dataclass(frozen=True, slots=True)
class Made:
    """Which picture is kept for a link, by its fingerprint, and when a look at it was last noted."""

    link_id: UUID
    fingerprint: str
    looked_at: datetime


async def by_link_ids(db: Database, link_ids: Sequence[UUID]) -> dict[UUID, Poster]:
    """The posters of these links, as far as any was ever wanted."""
    wanted = select(*COLUMNS).join_from(posters, links).where(posters.c.link_id == func.any(list(link_ids)))
    return {row.link_id: poster_of(row) for row in await db.rows(wanted)}


async def made_of_token(db: Database, token: str) -> Made | None:
    """What is kept for the link of a token; None while no poster of it is made."""
    asked = select(posters.c.link_id, posters.c.fingerprint, posters.c.looked_at).join_from(posters, links)
    row = await db.one(asked.where(links.c.token == token, posters.c.made_at.isnot(None)))
    return Made(*row) if row else None


async def png_of(db: Database, made: Made) -> bytes | None:
    """The picture; None when it has been replaced by another since."""
    c = posters.c
    content: bytes | None = await db.value(
        select(c.png).where(c.link_id == made.link_id, c.fingerprint == made.fingerprint)
    )
    return content
