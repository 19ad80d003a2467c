"""The timetable: one worker leads, another takes over, and a job that fails troubles nobody but itself."""

import asyncio
import os
import signal
import time
from collections import Counter

import pytest
from sqlalchemy import text

from domain.foundation.locks import TIMETABLE
from domain.foundation.runtime import Market
from tests.workers.conftest import AheadContext, running, send_nothing, until
from workers import timetable
from workers.timetable import every

LEADERS = """
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
LOCK = {"lock": TIMETABLE}


@pytest.fixture
async def workers(settings, clean):
    """Two workers with connections of their own."""
    contexts = [AheadContext(Market.open(settings), send_nothing) for _ in range(2)]
    yield contexts
    for context in contexts:
        await context.market.close()


@pytest.fixture
def diary(workers):
    """What a long job noted: which worker began and ended it, and when."""
    noted = []

    @every(seconds=0.01)
    async def long_job(context):
        who = workers.index(context)
        noted.append(("begins", who, time.monotonic()))
        try:
            await asyncio.sleep(3600)
        finally:
            noted.append(("ends", who, time.monotonic()))

    return noted


def lines(diary):
    return [(what, who) for what, who, _ in diary]


async def leaders(db):
    return await db.column(text(LEADERS), LOCK)


async def test_of_two_workers_one_leads_and_runs_each_job(workers, db):
    ran = Counter()

    @every(seconds=0.01)
    async def tick(context):
        ran["tick", workers.index(context)] += 1

    @every(seconds=0.01)
    async def tock(context):
        ran["tock", workers.index(context)] += 1

    async with running(*map(timetable.run, workers)):
        await until(lambda: sum(ran.values()) > 60)
        await asyncio.sleep(1.2)  # the other has stood for leader again meanwhile
        assert len(await leaders(db)) == 1

    assert len({who for _, who in ran}) == 1
    assert {job for job, _ in ran} == {"tick", "tock"}
    assert await leaders(db) == []


async def test_a_leader_whose_connection_is_killed_stops_before_the_other_leads(workers, diary, db):
    async with running(*map(timetable.run, workers)):
        await until(lambda: diary)
        [(_, first, _)] = diary
        second = 1 - first
        await asyncio.sleep(0.3)  # the second stands for leader once a second: not at this moment

        killed_at = time.monotonic()
        assert await db.column(text(f"SELECT pg_terminate_backend(pid) FROM ({LEADERS}) AS leaders"), LOCK) == [True]
        await until(lambda: len(diary) == 3, seconds=5)
        (_, _, stopped_at), (_, _, taken_over_at) = diary[1:]

    assert lines(diary) == [("begins", first), ("ends", first), ("begins", second), ("ends", second)]
    assert stopped_at - killed_at < 0.5
    assert taken_over_at - killed_at < 3


async def test_a_leader_that_is_told_to_end_stops_before_the_other_leads(workers, diary, db):
    async with running(*map(timetable.run, workers)) as tasks:
        await until(lambda: diary)
        [(_, first, _)] = diary
        await asyncio.sleep(0.3)

        tasks[first].cancel()
        await until(lambda: len(diary) == 3, seconds=5)

    assert lines(diary)[:3] == [("begins", first), ("ends", first), ("begins", 1 - first)]


async def test_a_leader_that_postgresql_does_not_answer_stops(workers, diary, db, monkeypatch):
    monkeypatch.setattr(timetable, "LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(timetable, "ANSWER_SECONDS", 0.2)

    async with running(timetable.run(workers[0])):
        await until(lambda: diary)
        [backend] = await leaders(db)
        os.kill(backend, signal.SIGSTOP)  # the lock stays where it is, and so does the connection
        try:
            await until(lambda: len(diary) == 2, seconds=5)
        finally:
            os.kill(backend, signal.SIGCONT)

    assert lines(diary)[:2] == [("begins", 0), ("ends", 0)]


async def test_the_only_worker_leads_again_after_its_connection_was_lost(workers, diary, db):
    async with running(timetable.run(workers[0])):
        await until(lambda: diary)
        await db.value(text(f"SELECT pg_terminate_backend(pid) FROM ({LEADERS}) AS leaders"), LOCK)
        await until(lambda: len(diary) == 3, seconds=5)

    assert lines(diary)[:3] == [("begins", 0), ("ends", 0), ("begins", 0)]


async def test_a_job_that_fails_is_run_again_and_stops_no_other(workers, logged):
    ran = Counter()

    @every(seconds=0.01)
    async def failing(context):
        ran["failing"] += 1
        raise RuntimeError("no")

    @every(seconds=0.01)
    async def waiting_for_somebody_who_was_cancelled(context):
        ran["cancelled"] += 1
        raise asyncio.CancelledError

    @every(seconds=0.01)
    async def healthy(context):
        ran["healthy"] += 1

    async with running(timetable.run(workers[0])):
        await until(lambda: ran["failing"] == 2 and ran["cancelled"] == 2)

    assert ran["healthy"] > 20
    failed = Counter(line["job"] for line in logged if line["event"] == "job_failed")
    assert failed["failing"] == 2
    assert failed["waiting_for_somebody_who_was_cancelled"] == 2


async def test_a_slow_job_is_never_run_twice_at_once(workers):
    at_once, most = 0, 0

    @every(seconds=0)
    async def slow(context):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1

    async with running(*map(timetable.run, workers)):
        await asyncio.sleep(0.4)

    assert most == 1
