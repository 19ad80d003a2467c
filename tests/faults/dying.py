"""Dying on purpose: a step runs in a process of its own, which kills itself with SIGKILL at its n-th meeting with the ledger.

A meeting is a statement, or the commit, about to be sent; the last point is after everything, before the caller hears of
it. The process is forked from one that has imported the market already, so a death costs milliseconds.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event

from domain.foundation.runtime import Market
from domain.foundation.settings import Settings

Step = Callable[..., Awaitable[object]]
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    [
        "tests.faults.dying",
        "tests.faults.road",
        "tests.faults.group_road",
        "tests.coupons.dying",
        "tests.benefits.dying",
        "tests.memberships.renewal_dying",
    ]
)


async def die(settings: Settings, step: Step, *, at: int, **arguments: Any) -> bool:
    """Run the step until its `at`-th meeting with the ledger (from 0), and no further; False when it has ended before."""
    process = _processes.Process(target=_die, args=(settings, step, at, arguments))
    process.start()
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode in {0, -signal.SIGKILL}, f"{step.__name__} failed in its process: see its error above"
    return process.exitcode != 0


def _die(settings: Settings, step: Step, at: int, arguments: dict[str, Any]) -> None:
    asyncio.run(_run(settings, step, at, arguments))


async def _run(settings: Settings, step: Step, at: int, arguments: dict[str, Any]) -> None:
    market = Market.open(settings)
    meetings = 0

    def meet(*_: Any) -> None:
        nonlocal meetings
        if meetings == at:
            os.kill(os.getpid(), signal.SIGKILL)
        meetings += 1

    engine = market.db.engine.sync_engine
    # a pool's first connection asks the server about itself: that is no meeting
    async with market.db.reading():
        pass
    for moment in ("before_cursor_execute", "commit"):
        event.listen(engine, moment, meet)
    await step(market, **arguments)
    meet()
    await market.close()
