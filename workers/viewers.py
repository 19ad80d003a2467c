"""Viewers in the background: the counters of rooms that are on, and devices whose viewer has become known."""

from domain.accounts.events import AccountSignedIn
from domain.viewers import store
from domain.viewers.counting import Tally
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

_tally = Tally()


@every(seconds=0.5)
async def count(context: WorkerContext) -> None:
    """Count the rooms that are on. Safe to run twice: what is kept never falls, and only the newest counters count."""
    await _tally.count(context.market.db, context.market.gate, context.bus, now=context.now())


@hears(AccountSignedIn)
async def know_device(context: WorkerContext, event: AccountSignedIn) -> None:
    """Who has watched a room as a guest is not counted again as a shopper. Safe to run twice: what is known stays known."""
    await store.know_device(context.market.db, device=event.visitor, shopper_id=event.account_id)
