"""The connection to the gate and the live bus, and Lua scripts that live in files beside their callers."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.exceptions import TimeoutError as RedisTimeoutError

from domain.foundation import metrics

Gate = Redis | RedisCluster
MOST_CONNECTIONS = 64


def connect(url: str, *, cluster: bool = False) -> Gate:
    """A lazy client. One try per command, 2 s at most: a script that takes stock is not to be repeated behind our back.

    Of more than 64 commands at once, some wait for a connection, up to 2 s. On a cluster they have up to 1,000 of each
    node: its client knows no waiting.
    """
    once = Retry(NoBackoff(), 0)
    if cluster:
        return _Cluster.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=once, max_connections=1000)
    return _Server.from_pool(
        BlockingConnectionPool.from_url(
            url, socket_timeout=2, socket_connect_timeout=2, retry=once, max_connections=64, timeout=2, protocol=2
        )
    )


class _Counting:
    """Counts what was not answered."""

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().execute_command(*arguments, **options)  # type: ignore[misc]
        except (RedisConnectionError, RedisTimeoutError):
            metrics.gate_failures.inc()
            raise


class _Server(_Counting, Redis):  # type: ignore[misc]  # its own bases disagree
    pass


class _Cluster(_Counting, RedisCluster):  # type: ignore[misc]  # as above
    pass


class Script:
    """A Lua script of a file, called by its SHA-1 and loaded wherever it is missing."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text()
        self.sha = hashlib.sha1(self.text.encode()).hexdigest()  # noqa: S324 - Redis names scripts by SHA-1

    async def __call__(self, gate: Gate, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run it on the node that holds `keys` (all of one hash tag). A script that was never loaded has done nothing."""
        try:
            return await gate.evalsha(self.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await gate.eval(self.text, len(keys), *keys, *arguments)
