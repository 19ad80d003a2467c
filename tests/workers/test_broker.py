"""The broker: actors run on the worker's loop, and a message outlives the worker that took it."""

import asyncio
import os
import sys
import threading
import time
from collections import Counter

import pytest
from dramatiq import Worker
from redis import Redis

from tests.workers.conftest import until
from workers import broker as brokers
from workers.broker import actor, declare_actors, open_broker, sender

QUEUE = "bells"


@pytest.fixture
def url(settings):
    """The address of an empty broker."""
    url = settings.broker_url.get_secret_value()
    with Redis.from_url(url) as redis:
        redis.flushdb()
        yield url
        redis.flushdb()


@pytest.fixture
async def hire(url, context):
    """`await hire()` starts a worker of all actors registered by then; gives back how to send and how to stop it."""
    hired = []

    async def hire(*, threads=2):
        broker = open_broker(url)
        declare_actors(broker, context, asyncio.get_running_loop())
        worker = Worker(broker, worker_threads=threads, worker_timeout=50)
        worker.start()
        hired.append((worker, broker))

        async def stop():
            hired.remove((worker, broker))
            await asyncio.to_thread(worker.stop, 5000)
            await asyncio.to_thread(broker.close)

        return sender(broker), stop

    yield hire
    for worker, broker in hired:
        await asyncio.to_thread(worker.stop, 5000)
        await asyncio.to_thread(broker.close)


def sender_alone(url):
    """A way to send without working."""
    broker = open_broker(url)
    declare_actors(broker, None, asyncio.get_running_loop())
    return sender(broker)


async def test_an_actor_runs_on_the_loop_with_the_context_and_what_was_sent(hire, context):
    ran = []

    @actor(queue=QUEUE)
    async def toll(given, number, sound):
        ran.append((given, number, sound, asyncio.get_running_loop(), threading.current_thread()))

    send, _ = await hire()
    await send("toll", 3, "当")
    await until(lambda: ran)

    assert ran == [(context, 3, "当", asyncio.get_running_loop(), threading.current_thread())]


async def test_actors_of_a_worker_run_side_by_side_as_many_as_it_has_threads(hire):
    at_once = Counter()
    all_there = asyncio.Barrier(3)

    @actor(queue=QUEUE)
    async def toll(context, number):
        await all_there.wait()
        at_once["met"] += 1

    send, _ = await hire(threads=3)
    for number in range(3):
        await send("toll", number)

    await until(lambda: at_once["met"] == 3)


async def test_an_actor_that_fails_is_tried_again_as_often_as_it_may_and_then_laid_aside(hire, url):
    tried = []

    @actor(queue=QUEUE, max_retries=2, min_backoff=1, max_backoff=2)
    async def toll(context, number):
        tried.append(number)
        raise RuntimeError("nobody is at home")

    send, _ = await hire()
    await send("toll", 3)
    with Redis.from_url(url) as redis:
        await until(lambda: redis.zcard(f"dramatiq:{QUEUE}.XQ") == 1)

    assert tried == [3, 3, 3]


async def test_an_actor_that_hangs_is_cancelled_and_tried_again(hire, monkeypatch):
    monkeypatch.setattr(brokers, "ACTOR_SECONDS", 0.1)
    told = []

    @actor(queue=QUEUE, min_backoff=1, max_backoff=2)
    async def toll(context, number):
        told.append("begins")
        if len(told) > 1:
            return
        try:
            await asyncio.sleep(3600)
        finally:
            told.append("cancelled")

    send, _ = await hire()
    await send("toll", 3)
    await until(lambda: len(told) == 3)

    assert told == ["begins", "cancelled", "begins"]


async def test_a_worker_that_stops_finishes_what_it_began_and_leaves_the_rest_to_another(hire):
    told = []

    @actor(queue=QUEUE)
    async def toll(context, number):
        told.append(("begins", number))
        await asyncio.sleep(0.2)
        told.append(("ends", number))

    send, stop = await hire(threads=1)
    for number in range(6):
        await send("toll", number)
    await until(lambda: told)
    await stop()
    by_the_first = list(told)

    await hire(threads=6)
    await until(lambda: len(told) == 12, seconds=5)  # at once: not when the first one's heartbeat has been missed

    assert by_the_first[-1][0] == "ends"
    assert len(by_the_first) < 12
    assert Counter(told) == {(what, number): 1 for what in ("begins", "ends") for number in range(6)}


@pytest.mark.faults  # a heartbeat is missed after 15 s
async def test_a_message_of_a_killed_worker_comes_back_within_20_seconds(hire, url):
    told = []

    @actor(queue=QUEUE)
    async def toll(context, number):
        told.append(number)

    program = [sys.executable, "-m", "tests.workers.doomed"]
    doomed = await asyncio.create_subprocess_exec(
        *program, env={**os.environ, "BROKER_URL": url}, stdout=asyncio.subprocess.PIPE
    )
    await sender_alone(url)("toll", 3)
    assert await asyncio.wait_for(doomed.stdout.readline(), 20) == b"took 3\n"

    doomed.kill()
    await doomed.wait()
    killed_at = time.monotonic()
    await hire()
    await until(lambda: told, seconds=25)

    assert told == [3]
    assert 10 < time.monotonic() - killed_at < 20
