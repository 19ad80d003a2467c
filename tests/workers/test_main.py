"""A worker process from its start to its end."""

import asyncio
import os
import signal
import sys

from sqlalchemy import select, text

from cli.house import environment_of
from domain.foundation.locks import TIMETABLE
from domain.foundation.outbox import events
from tests.given.bells import BellRang, new_bell, ring
from tests.workers.conftest import until

LEADERS = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_a_worker_leads_listens_and_leaves_at_sigterm_with_nothing_in_its_hands(db, settings):
    environment = {**os.environ, **environment_of(settings)}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "worker", env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        await until(lambda: db.value(text(LEADERS), {"lock": TIMETABLE}), seconds=60)
        await ring(db, BellRang(new_bell(), 1))  # it does not know the bell
        await until(lambda: db.value(select(events.c.attempts)), seconds=10)

        worker.send_signal(signal.SIGTERM)
        _, complaints = await asyncio.wait_for(worker.communicate(), 10)
    finally:
        if worker.returncode is None:
            worker.kill()

    assert worker.returncode == 0
    assert b"event_not_heard" in complaints
    assert await db.value(text(LEADERS), {"lock": TIMETABLE}) == 0
