"""The chores: figures for Prometheus, and no letter kept for ever."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from domain.accounts.actions import account_of
from domain.accounts.sessions import start
from domain.accounts.tables import refresh_tokens, sessions
from domain.foundation import clock, metrics
from domain.foundation.outbox import events
from tests.given.bells import BellRang, new_bell, ring
from workers import housekeeping


async def test_the_gauges_say_how_the_outbox_stands(db, context):
    bell = new_bell()
    await ring(db, *(BellRang(bell, number) for number in range(5)))
    async with db.transaction() as tx:
        await tx.execute(update(events).where(events.c.payload["number"].as_integer() < 2).values(dead_at=clock.now()))

    await housekeeping.count_outbox(context)

    assert (metrics.events_waiting._value.get(), metrics.events_dead._value.get()) == (3, 2)


@pytest.mark.parametrize("at_once", [3, 10])
async def test_all_letters_of_last_week_are_forgotten_and_none_of_this(db, context, monkeypatch, at_once):
    monkeypatch.setattr(housekeeping, "AT_ONCE", at_once)
    await ring(db, *(BellRang(new_bell(), number) for number in range(12)))
    async with db.transaction() as tx:
        number = events.c.payload["number"].as_integer()
        this_week, last_week = clock.now() - timedelta(days=6), clock.now() - timedelta(days=8)
        await tx.execute(update(events).where(number < 10).values(delivered_at=last_week))
        await tx.execute(update(events).where(number == 10).values(delivered_at=this_week))

    await housekeeping.forget(context)

    assert await db.column(select(number).order_by(number)) == [10, 11]
    assert await db.value(select(func.count(events.c.delivered_at))) == 1


@pytest.mark.parametrize("at_once", [3, 100])
async def test_all_sessions_that_nobody_can_continue_are_forgotten(db, given, settings, context, monkeypatch, at_once):
    monkeypatch.setattr(housekeeping, "AT_ONCE", at_once)
    mei, now = await given.shopper(), clock.now()
    async with db.transaction() as tx:
        account = await account_of(tx, mei)
        for days in [40] * 7 + [10] * 2:
            await start(tx, settings=settings, account=account, device="", now=now - timedelta(days=days))
        ended = select(sessions.c.id).where(sessions.c.started_at > now - timedelta(days=20)).limit(1)
        await tx.execute(
            update(sessions)
            .where(sessions.c.id.in_(ended))
            .values(ended_at=now - timedelta(days=8), ended_why="signed_out")
        )

    await housekeeping.forget_sessions(context)

    for table in (sessions, refresh_tokens):
        assert await db.value(select(func.count()).select_from(table)) == 1
