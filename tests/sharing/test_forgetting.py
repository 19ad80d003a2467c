"""What was opened by nobody known is forgotten once it counts no more, and the figures stay as they are."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from domain.audit.sharing import COUNTED
from domain.sharing import visiting
from domain.sharing.rules import FORGOTTEN_AFTER, Funnel
from domain.sharing.tables import visits
from tests.given.sharing import SHARE_DAYS
from workers import sharing

OVER = timedelta(days=SHARE_DAYS) + FORGOTTEN_AFTER
MOMENT = timedelta(microseconds=1)


async def kept(db):
    return await db.value(select(func.count()).select_from(visits))


async def is_recounted(db):
    async with db.reading() as reader:
        return all(line.ok for line in await COUNTED.lines(reader, {}))


async def test_only_what_nobody_can_sign_in_to_any_more_is_forgotten(db, given, now):
    link, shopper_id = await given.link(), await given.shopper()
    await given.visit(link, on="phone")
    await given.visit(link, on="pad", at=now + MOMENT)
    await given.visit(link, by=shopper_id, on="tv")

    gone = [await visiting.forget(db, now=now + OVER + wait, limit=10) for wait in (timedelta(), MOMENT, MOMENT)]

    assert gone == [0, 1, 0]
    assert await is_recounted(db)
    assert await kept(db) == 2
    assert await given.funnel(link) == Funnel(opened=3, signed_in=1)


async def test_a_device_that_was_forgotten_is_another_one(db, given, now):
    link = await given.link()
    await given.visit(link, on="phone")
    await visiting.forget(db, now=now + 2 * OVER, limit=10)

    await given.visit(link, on="phone", at=now + 2 * OVER)

    assert (await kept(db), await given.funnel(link)) == (1, Funnel(opened=2))


async def test_many_are_forgotten_side_by_side_once(db, given, now):
    links = [await given.link() for _ in range(5)]
    for number in range(40):
        await given.visit(links[number % 5], on=f"phone {number}")

    gone = await asyncio.gather(*(visiting.forget(db, now=now + 2 * OVER, limit=7) for _ in range(10)))

    assert (sum(gone), await kept(db)) == (40, 0)
    assert [await given.funnel(link) for link in links] == [Funnel(opened=8)] * 5
    assert await is_recounted(db)


async def test_a_worker_forgets_until_nothing_is_left(context, db, given, monkeypatch):
    monkeypatch.setattr(sharing, "AT_ONCE", 2)
    link = await given.link()
    for number in range(5):
        await given.visit(link, on=f"phone {number}")  # at a moment of the tests, which is long ago

    await sharing.forget_visits(context)

    assert (await kept(db), await given.funnel(link)) == (0, Funnel(opened=5))
