"""What is done with posters: they are wanted, made, looked at, and forgotten."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

import structlog
from PIL import Image

from domain.accounts.queries import names_by_ids
from domain.foundation import metrics
from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.foundation.settings import Settings
from domain.posters import pictures, queries, store
from domain.posters.cards import card_of
from domain.posters.drawing import poster as draw
from domain.posters.events import PosterWanted
from domain.posters.mini_program import CodeRefused, MiniProgram, mini_program_of
from domain.posters.pictures import NoPicture
from domain.posters.queries import Made
from domain.posters.rules import MOST_FAILURES, NOTED_LOOKS, Face, Poster, face_of
from domain.sharing import queries as sharing
from domain.sharing.rules import Link

log = structlog.get_logger(__name__)

MAKING_SECONDS = 15.0
"""Whatever takes longer has failed."""
# one thread: a font's face is not for two at once, and a processor is to be left for everything else
_drawing = ThreadPoolExecutor(1, "posters")


async def want(db: Database, settings: Settings, *, link_id: UUID, by: UUID, now: datetime) -> Poster:
    """Have the poster of one's own link made; while it shows what is true, and was not given up, nothing is made anew.

    Of somebody's posters the last hundred are kept.

    Raises NotFound for links of others, and for what is not shown to shoppers any more.
    """
    link = (await sharing.by_ids(db, [link_id])).get(link_id)
    if link is None or link.sharer_id != by:
        raise NotFound.of("sharelink", link_id)
    face = await face_of_link(db, settings, link, now=now)
    if face is None:
        raise NotFound.of("sharelink", link_id)
    async with db.transaction() as tx:
        if await store.want(tx, link_id, face.fingerprint, now=now):
            await store.drop_oldest(tx, by)
            tx.record(PosterWanted(link_id=link_id, wanted_at=now))
    return (await queries.by_link_ids(db, [link_id]))[link_id]


async def make(db: Database, settings: Settings, *, link_id: UUID, now: datetime) -> bool:
    """Make a wanted poster; whether this call did. Safe to run twice and side by side: what is made is kept once.

    A try that fails is counted and raised again; the third one, and a target that is gone, are the end of it.
    """
    async with db.reading() as reader:
        wanted = await store.wanted(reader, link_id)
    if wanted is None:
        return False
    try:
        async with asyncio.timeout(MAKING_SECONDS):
            link = (await sharing.by_ids(db, [link_id]))[link_id]
            face = await face_of_link(db, settings, link, now=now)
            png = await _made(face, link.token, mini_program_of(settings), now=now) if face else None
    except Exception:
        metrics.posters_failed.inc()
        async with db.transaction() as tx:
            await store.count_failure(tx, wanted)
        raise
    if face is None or png is None:
        async with db.transaction() as tx:
            await store.count_failure(tx, wanted, MOST_FAILURES)
        return False
    async with db.transaction() as tx:
        return await store.keep(tx, wanted, face.fingerprint, png, now=max(now, wanted.wanted_at))


async def face_of_link(db: Database, settings: Settings, link: Link, *, now: datetime) -> Face | None:
    """What the poster of a link shows now; None when its target is not shown to shoppers."""
    card = await card_of(db, kind=link.target_kind, target_id=link.target_id, now=now)
    if card is None:
        return None
    names = await names_by_ids(db, [link.sharer_id])
    program = mini_program_of(settings)
    return face_of(
        card,
        link,
        sharer=names.get(link.sharer_id, ""),
        address=f"{settings.home}/s/{link.token}",
        page=program.page if program else "",
    )


async def look(db: Database, made: Made, *, now: datetime) -> None:
    """Note that somebody has looked at a poster, once a day: one that is looked at is not forgotten."""
    if made.looked_at < now - NOTED_LOOKS:
        async with db.transaction() as tx:
            await store.note_look(tx, made.link_id, now=now)


async def forget(db: Database, *, now: datetime, limit: int) -> int:
    """Drop posters that nobody has looked at for thirty days, at most so many; how many went."""
    async with db.transaction() as tx:
        return await store.forget(tx, now=now, limit=limit)


async def forgotten(db: Database, *, before: datetime, limit: int) -> Sequence[UUID]:
    """Links whose posters were wanted before this moment, and are neither made nor given up."""
    async with db.reading() as reader:
        return await store.forgotten(reader, before=before, limit=limit)


async def _made(face: Face, token: str, program: MiniProgram | None, *, now: datetime) -> bytes:
    picture, code = await asyncio.gather(_picture(face.picture_url), _code(program, token, now))
    return await asyncio.get_running_loop().run_in_executor(_drawing, _drawn, face, picture, code)


def _drawn(face: Face, picture: bytes | None, code: bytes | None) -> bytes:
    return draw(face, picture=_read(picture, face.picture_url), code=pictures.read(code) if code else None)


async def _picture(url: str | None) -> bytes | None:
    """The picture's bytes; None, and there will be a tile, when they cannot be had."""
    if url is None:
        return None
    try:
        return await pictures.fetch(url)
    except NoPicture as why:
        log.info("no_picture", url=url[:200], why=str(why))
        return None


def _read(picture: bytes | None, url: str | None) -> Image.Image | None:
    try:
        return pictures.read(picture) if picture is not None else None
    except NoPicture as why:
        log.info("no_picture", url=(url or "")[:200], why=str(why))
        return None


async def _code(program: MiniProgram | None, token: str, now: datetime) -> bytes | None:
    """WeChat's code; None, and there will be a QR code of the landing page, where there is none. Raises PlatformFailed."""
    if program is None:
        return None
    try:
        return await program.code(token, now=now)
    except CodeRefused as why:
        log.error("code_refused", page=program.page, why=str(why))
        return None
