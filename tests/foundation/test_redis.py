"""The client of the gate: scripts that are there when they are needed, and never run twice behind our back."""

import asyncio
import os
import signal
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from domain.foundation import embedded
from domain.foundation.embedded.valkey import Valkey
from domain.foundation.redis import Script, connect

TAKE_ONE = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


@pytest.fixture
def take(tmp_path):
    """A script that counts how often it has run."""
    path = tmp_path / "take.lua"
    path.write_text(TAKE_ONE)
    return Script(path)


@pytest.fixture
def stalling_server(tmp_path):
    """A server of the test's own, to be stalled; the other tests' server goes on."""
    server = Valkey(tmp_path / "gate", instead_of="REDIS_URL")
    server.start()
    yield server
    server.stop()


async def test_a_script_is_loaded_when_it_is_first_called_and_runs_once(gate, take):
    assert await take(gate, ["{test}taken"], [1]) == 1
    assert await gate.script_exists(take.sha) == [True]


async def test_a_script_that_the_server_forgot_is_loaded_again_and_runs_once(gate, take):
    await take(gate, ["{test}taken"], [1])
    await gate.script_flush()

    assert await take(gate, ["{test}taken"], [1]) == 2
    assert await take(gate, ["{test}taken"], [1]) == 3


async def test_a_script_called_by_many_before_it_is_there_runs_once_for_each(gate, take):
    await gate.script_flush()

    answers = await asyncio.gather(*(take(gate, ["{test}taken"], [1]) for _ in range(50)))

    assert sorted(answers) == list(range(1, 51))


async def test_a_script_that_fails_says_why_and_is_not_tried_again(gate, tmp_path):
    path = tmp_path / "fail.lua"
    path.write_text("redis.call('INCR', KEYS[1]); return redis.error_reply('SOLD_OUT none left')")

    with pytest.raises(ResponseError, match="SOLD_OUT none left"):
        await Script(path)(gate, ["{test}tried"], [])

    assert await gate.get("{test}tried") == b"1"


async def test_more_commands_at_once_than_connections_all_get_their_answer(gate):
    answers = await asyncio.gather(*(gate.incr("asked") for _ in range(1000)), return_exceptions=True)

    assert Counter(map(type, answers)) == {int: 1000}
    assert await gate.get("asked") == b"1000"


async def test_a_stalled_server_runs_a_script_once_and_we_are_told_within_three_seconds(stalling_server, take):
    gate = connect(stalling_server.url)
    await take(gate, ["{test}taken"], [1])

    async with stalled(stalling_server), asyncio.timeout(3):
        with pytest.raises(RedisTimeout):
            await take(gate, ["{test}taken"], [1])

    assert await take(gate, ["{test}taken"], [1]) == 3  # before, during and now
    await gate.aclose()


async def test_a_stalled_node_of_a_cluster_runs_a_script_once_too(tmp_path, take):
    with embedded.start_cluster(tmp_path) as cluster:
        gate = connect(cluster.url, cluster=True)
        await take(gate, ["{test}taken"], [1])
        port = gate.get_node_from_key("{test}taken").port
        [node] = [node for node in cluster.nodes if node.port == port]

        async with stalled(node), asyncio.timeout(3):
            with pytest.raises(RedisTimeout):
                await take(gate, ["{test}taken"], [1])

        assert await take(gate, ["{test}taken"], [1]) == 3
        await gate.aclose()


async def test_a_server_that_restarts_is_found_again_without_a_failure(stalling_server, take):
    gate = connect(stalling_server.url)
    await asyncio.gather(*(take(gate, ["{test}taken"], [1]) for _ in range(30)))

    await asyncio.to_thread(stalling_server.restart_empty)
    answers = await asyncio.gather(*(take(gate, ["{test}taken"], [1]) for _ in range(30)), return_exceptions=True)

    assert Counter(map(type, answers)) == {int: 30}
    await gate.aclose()


def test_a_connection_is_dialled_only_when_it_is_used(tmp_path):
    gate = connect(f"unix://{tmp_path}/nobody?db=0")

    with pytest.raises(RedisError):
        asyncio.run(gate.get("anything"))


@asynccontextmanager
async def stalled(server):
    """The server takes what it is sent and does nothing; afterwards it does what it was sent."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)
