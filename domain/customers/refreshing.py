"""Bringing customers up to date: what came since the last time, in batches, and everybody when what counts has changed.

Orders are noted as changed once their events are heard, so after they are committed; a refresh takes notes away and works
out their customers, from all their orders, in one transaction. Killed, repeated or run by two at once it leaves what it
would have left anyway: the same as if everybody were worked out anew. It costs in proportion to the customers noted, those
whose orders leave the window of the rules on a new day among them.
"""

from datetime import datetime, timedelta

from domain.customers import store
from domain.foundation.clock import shop_day
from domain.foundation.database import Database

AT_ONCE = 2_000
"""Notes of a batch: a second's work, for which no other refresh has to wait long."""


async def refresh(db: Database, *, now: datetime, at_once: int = AT_ONCE) -> int:
    """Work out whoever changed until nobody is left; how many customers, some of them twice."""
    worked_out = 0
    while some := await refresh_some(db, now=now, at_once=at_once):
        worked_out += some
    return worked_out


async def refresh_some(db: Database, *, now: datetime, at_once: int = AT_ONCE) -> int:
    """Work out the customers of so many notes; how many they were: 0 when nothing has changed."""
    async with db.transaction() as tx:
        as_of = await store.lock(tx)
        rules = await store.rules(tx)
        day = shop_day(now) if as_of.day is None else max(as_of.day, shop_day(now))
        if as_of.day is None or as_of.rules_version != rules.version:
            await store.note_everybody(tx)
        elif day > as_of.day:
            window = timedelta(days=rules.window_days)
            await store.note_leaving(tx, after=as_of.day - window, until=day - window)
        account_ids = await store.take_changes(tx, limit=at_once)
        if account_ids:
            await store.work_out(tx, account_ids, rules=rules, as_of=day, now=now)
        await store.note_refresh(
            tx,
            day=day,
            rules_version=rules.version,
            refreshed_at=now,
            changed_at=now if account_ids else as_of.changed_at,
        )
    return len(account_ids)


async def rebuild(db: Database, *, now: datetime) -> int:
    """Work out everybody anew, which changes nothing unless something was amiss; how many customers."""
    async with db.transaction() as tx:
        await store.lock(tx)
        await store.note_everybody(tx)
    return await refresh(db, now=now)
