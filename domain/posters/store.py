"""How posters are kept: the only SQL that writes them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select, text, update

from domain.foundation.database import AnyRow, Reader, Transaction
from domain.posters.rules import KEPT_UNLOOKED, MOST_FAILURES, MOST_OF_ONE, Poster
from domain.posters.tables import posters
from domain.sharing.tables import links

_p = posters.c
COLUMNS = (_p.link_id, links.c.token, links.c.sharer_id, _p.fingerprint, _p.wanted_at, _p.made_at, _p.failures)

# Wanted anew when something else would be seen on it, or after it was given up; of two at once, one has it made.
_WANT = text("""
    INSERT INTO share_posters AS poster (link_id, fingerprint, wanted_at) VALUES (:link_id, :fingerprint, :now)
    ON CONFLICT (link_id) DO UPDATE
    SET fingerprint = EXCLUDED.fingerprint, wanted_at = EXCLUDED.wanted_at, png = NULL, made_at = NULL, looked_at = NULL,
        failures = 0
    WHERE poster.fingerprint <> EXCLUDED.fingerprint OR poster.failures >= :most_failures
""")
_IS_WANTED = (_p.link_id == bindparam("of_link")) & _p.made_at.is_(None) & (_p.failures < MOST_FAILURES)
_FORGET = text("""
    DELETE FROM share_posters WHERE link_id IN (
        SELECT link_id FROM share_posters WHERE looked_at < :before ORDER BY looked_at LIMIT :limit FOR UPDATE SKIP LOCKED)
""")
# by when they were last looked at, or wanted
_DROP_OLDEST = text("""
    DELETE FROM share_posters WHERE link_id IN (
        SELECT link_id FROM share_posters AS poster JOIN share_links AS link ON link.id = link_id
        WHERE sharer_id = :sharer_id ORDER BY GREATEST(wanted_at, looked_at) DESC OFFSET :most)
""")


def poster_of(row: AnyRow) -> Poster:
    """The poster of a row of COLUMNS."""
    return Poster(*row)


async def want(tx: Transaction, link_id: UUID, fingerprint: str, *, now: datetime) -> bool:
    """Whether the poster has to be made: it shows something else, was given up, or there was none."""
    values = {"link_id": link_id, "fingerprint": fingerprint, "now": now, "most_failures": MOST_FAILURES}
    return await tx.execute(_WANT, values) == 1


async def drop_oldest(tx: Transaction, sharer_id: UUID) -> None:
    """Drop what one sharer has wanted beyond `MOST_OF_ONE` posters."""
    await tx.execute(_DROP_OLDEST, {"sharer_id": sharer_id, "most": MOST_OF_ONE})


async def wanted(reader: Reader, link_id: UUID) -> Poster | None:
    """The poster of a link, if it is still to be made."""
    row = await reader.one(select(*COLUMNS).join_from(posters, links).where(_IS_WANTED), {"of_link": link_id})
    return poster_of(row) if row else None


async def keep(tx: Transaction, poster: Poster, fingerprint: str, png: bytes, *, now: datetime) -> bool:
    """Keep what was drawn, unless it was drawn before, or was wanted anew meanwhile; whether it was kept."""
    made = {"fingerprint": fingerprint, "png": png, "made_at": now, "looked_at": now}
    changed = update(posters).where(_IS_WANTED, _p.wanted_at == poster.wanted_at).values(**made)
    return await tx.execute(changed, {"of_link": poster.link_id}) == 1


async def count_failure(tx: Transaction, poster: Poster, failures: int = 1) -> None:
    """Count a try that came to nothing; with `MOST_FAILURES` it is given up."""
    changed = update(posters).where(_IS_WANTED, _p.wanted_at == poster.wanted_at)
    await tx.execute(changed.values(failures=_p.failures + failures), {"of_link": poster.link_id})


async def note_look(tx: Transaction, link_id: UUID, *, now: datetime) -> None:
    """Somebody has looked at the poster, if there still is one."""
    is_made = _p.made_at.isnot(None)
    await tx.execute(update(posters).where(_p.link_id == link_id, is_made).values(looked_at=now))


async def forget(tx: Transaction, *, now: datetime, limit: int) -> int:
    """Delete posters that nobody has looked at for long, a bounded number; how many."""
    return await tx.execute(_FORGET, {"before": now - KEPT_UNLOOKED, "limit": limit})


async def forgotten(reader: Reader, *, before: datetime, limit: int) -> Sequence[UUID]:
    """Links whose posters were wanted before this moment and are neither made nor given up."""
    is_waiting = _p.made_at.is_(None) & text(f"failures < {MOST_FAILURES}") & (_p.wanted_at < before)
    return await reader.column(select(_p.link_id).where(is_waiting).order_by(_p.wanted_at).limit(limit))
