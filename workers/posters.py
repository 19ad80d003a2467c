"""Posters in the background: drawn when they are wanted, and forgotten when nobody looks at them any more."""

import asyncio
from uuid import UUID

from domain.posters import actions
from domain.posters.events import PosterWanted
from domain.posters.rules import FORGOTTEN
from workers.broker import actor
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

AT_ONCE = 500
AT_A_TIME = 2
"""Posters that are made in a process at a time; others go to the end of the queue."""
BUSY_SECONDS = 0.2
_making = asyncio.Semaphore(AT_A_TIME)


@hears(PosterWanted)
async def send_poster(context: WorkerContext, event: PosterWanted) -> None:
    """Hand it on: a picture from the web may take seconds, for which no lane is held up. Safe to run twice, as the making is."""
    await context.send("make_poster", str(event.link_id))


@actor(queue="posters", priority=10, max_retries=2, min_backoff=1_000, max_backoff=10_000)
async def make_poster(context: WorkerContext, link_id: str) -> None:
    """Make a poster. Safe to run twice: what is made is kept once, and the third failure is the last.

    Of the process's threads, which flash sales need as well, pictures that are slow to come hold two at most.
    """
    if _making.locked():
        await asyncio.sleep(BUSY_SECONDS)
        await context.send("make_poster", link_id)
        return
    market = context.market
    async with _making:
        await actions.make(market.db, market.settings, link_id=UUID(link_id), now=context.now())


@every(seconds=30)
async def send_forgotten_posters(context: WorkerContext) -> None:
    """Hand on again what a broker has lost. Safe to run twice, as the making is."""
    for link_id in await actions.forgotten(context.market.db, before=context.now() - FORGOTTEN, limit=AT_ONCE):
        await context.send("make_poster", str(link_id))


@every(seconds=600)
async def forget_posters(context: WorkerContext) -> None:
    """Drop what nobody has looked at for thirty days. Safe to run twice: what is gone is gone."""
    while await actions.forget(context.market.db, now=context.now(), limit=AT_ONCE) == AT_ONCE:
        pass
