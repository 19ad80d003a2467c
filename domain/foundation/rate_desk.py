"""Where requests are counted in a process: strict classes in the gate, before anything is done; the others in memory.

Keys are spread over shards by hash tag (`{rate:07}`), one script call for each: a Redis Cluster counts on all its nodes. On
one Redis there is one shard, and a request that one limit refuses is charged to none, as one step. On a cluster that holds
within a shard; what another shard has charged of a refused request is given back a moment later, so that for this moment
the limits are too strict by one request, and never too lax.

What is counted in memory is told to the gate once a shopper, device or address has spent an eighth of its allowance here,
and the answer brings what it has spent elsewhere. So each further process lets at most one burst more through, once, and
over minutes the rate is exact: what was too much is a debt in the gate.

A gate that does not answer refuses nobody: a market that sells without it beats one that is closed with it, and each
process goes on counting for itself. What must hold even then is not kept here: staff are locked out by PostgreSQL.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import structlog
from redis.asyncio import RedisCluster

from domain.foundation import metrics
from domain.foundation.clock import steady_us
from domain.foundation.errors import RateLimited
from domain.foundation.rates import FIGURES, Allowance, By, Rate, spend
from domain.foundation.redis import Gate, Script
from domain.foundation.together import Together

log = structlog.get_logger(__name__)

_script = Script(Path(__file__).parent / "rate.lua")

CLUSTER_SHARDS = 16
MOST_REQUESTS_PER_CALL = 128
TOLD_AT = 8
"""A limit is told to the gate whenever this part of its burst was spent here since it was told last."""
TOLD_AFTER_SECONDS = 0.05
"""What comes together in this time is told together: a call of its own for each would cost more than the claims."""
SWEPT_EVERY_US = 2_000_000
FORGOTTEN_AFTER_US = 10_000_000
"""Kept so long after it has all come back: whoever goes from process to process stays within the rate in each of them."""
COMPLAINT_EVERY_US = 60_000_000
PATIENCE_SECONDS = 0.5


# what the keys of a limit begin with, and its allowance
_COUNTED = {(rate, by): (f"{rate}:{by}:", figures.of(by)) for rate, figures in FIGURES.items() for by in By}


class Limit(NamedTuple):
    """What a request costs one shopper, device or address in one class."""

    rate: Rate
    by: By
    key: str
    allowance: Allowance
    cost: int


class _Spent:
    """What one key has spent as this process knows it: until when (us) it has all come back, and what was not told."""

    __slots__ = ("until_us", "untold")

    def __init__(self) -> None:
        self.until_us = 0
        self.untold = 0


class RateDesk:
    """Counts requests. One per process and event loop."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._shards = CLUSTER_SHARDS if isinstance(gate, RedisCluster) else 1
        self._asked: Together[int, Sequence[Limit], tuple[int, int]] = Together(
            self._ask, at_most=MOST_REQUESTS_PER_CALL
        )
        self._spent: dict[str, _Spent] = {}
        self._to_tell: dict[str, tuple[Allowance, int]] = {}
        self._telling: asyncio.Task[None] | None = None
        self._swept_at_us = 0
        self._complained_at_us = -COMPLAINT_EVERY_US

    async def admit(self, who: Sequence[tuple[By, str]], charges: Mapping[Rate, int]) -> None:
        """Charge a request, which costs so many of each class, to everybody it is counted by. Raises RateLimited."""
        relaxed: list[Limit] = []
        strict: list[Limit] = []
        for rate, cost in charges.items():
            limits = strict if FIGURES[rate].is_strict else relaxed
            for by, name in who:
                prefix, allowance = _COUNTED[rate, by]
                if cost > allowance.burst:
                    _refuse(rate, by, None)
                limits.append(Limit(rate, by, prefix + name, allowance, cost))
        now_us = steady_us()
        self._check(relaxed, now_us)
        if strict:
            await self._admit_strictly(strict)
        self._charge(relaxed, now_us)

    def _check(self, limits: Sequence[Limit], now_us: int) -> None:
        for limit in limits:
            spent = self._spent.get(limit.key)
            if spent is not None:
                _, wait = spend(spent.until_us, now_us=now_us, cost=limit.cost, allowance=limit.allowance)
                if wait:
                    _refuse(limit.rate, limit.by, wait)

    def _charge(self, limits: Sequence[Limit], now_us: int, *, tells: bool = True) -> None:
        if now_us - self._swept_at_us > SWEPT_EVERY_US:
            self._swept_at_us = now_us
            oldest_us = now_us - FORGOTTEN_AFTER_US
            self._spent = {key: spent for key, spent in self._spent.items() if spent.until_us > oldest_us}
        for limit in limits:
            spent = self._spent.get(limit.key)
            if spent is None:
                spent = self._spent[limit.key] = _Spent()
            spent.until_us = max(spent.until_us, now_us) + limit.cost * limit.allowance.interval_us
            spent.untold += limit.cost
            if tells and spent.untold * TOLD_AT >= limit.allowance.burst:
                self._tell(limit.key, limit.allowance, spent.untold)
                spent.untold = 0

    async def _admit_strictly(self, limits: Sequence[Limit]) -> None:
        by_shard: dict[int, list[Limit]] = defaultdict(list)
        for limit in limits:
            by_shard[self._shard(limit.key)].append(limit)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answers = await asyncio.gather(*(self._asked.ask(shard, some) for shard, some in by_shard.items()))
        except Exception as error:  # whatever it was, nobody is refused for it
            self._complain(error)
            now_us = steady_us()
            self._check(limits, now_us)
            self._charge(limits, now_us, tells=False)
            return
        waits = [wait for wait, _ in answers]
        if not any(waits):
            return
        for some, wait in zip(by_shard.values(), waits, strict=True):
            for limit in some if wait == 0 else ():
                self._tell(limit.key, limit.allowance, -limit.cost)
        longest = max(range(len(waits)), key=waits.__getitem__)
        limit = list(by_shard.values())[longest][answers[longest][1] - 1]
        _refuse(limit.rate, limit.by, waits[longest])

    async def _ask(self, shard: int, requests: list[Sequence[Limit]]) -> Sequence[tuple[int, int]]:
        keys: list[str] = []
        arguments: list[Any] = ["ask"]
        for limits in requests:
            arguments.append(len(limits))
            for limit in limits:
                keys.append(_named(shard, limit.key))
                arguments += (limit.allowance.interval_us, limit.allowance.burst, limit.cost)
        answers = iter(await _script(self._gate, keys, arguments))
        return list(zip(answers, answers, strict=True))

    def _tell(self, key: str, allowance: Allowance, cost: int) -> None:
        _, before = self._to_tell.get(key, (allowance, 0))
        self._to_tell[key] = allowance, before + cost
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell_all())

    async def _tell_all(self) -> None:
        """Bring the gate what was spent here, and learn what was spent elsewhere; one call at a time for each shard.

        What cannot be brought is forgotten there and stays counted here.
        """
        try:
            while self._to_tell:
                await asyncio.sleep(TOLD_AFTER_SECONDS)
                by_shard: dict[int, list[tuple[str, Allowance, int]]] = defaultdict(list)
                for key, (allowance, cost) in self._to_tell.items():
                    by_shard[self._shard(key)].append((key, allowance, cost))
                self._to_tell = {}
                for shard, told in by_shard.items():
                    for start in range(0, len(told), MOST_REQUESTS_PER_CALL):
                        await self._tell_some(shard, told[start : start + MOST_REQUESTS_PER_CALL])
        except Exception as error:
            self._complain(error)
        finally:
            self._telling = None

    async def _tell_some(self, shard: int, told: Sequence[tuple[str, Allowance, int]]) -> None:
        arguments: list[Any] = ["tell"]
        for _, allowance, cost in told:
            arguments += (1, allowance.interval_us, allowance.burst, cost)
        answers = await _script(self._gate, [_named(shard, key) for key, _, _ in told], arguments)
        now_us = steady_us()
        for (key, _, _), ahead_us in zip(told, islice(answers, 0, None, 2), strict=True):
            spent = self._spent.get(key)
            if spent is not None:
                spent.until_us = max(spent.until_us, now_us + ahead_us)

    def _shard(self, key: str) -> int:
        return crc32(key.encode()) % self._shards if self._shards > 1 else 0

    def _complain(self, error: Exception) -> None:
        metrics.rates_uncounted.inc()
        now_us = steady_us()
        if now_us - self._complained_at_us > COMPLAINT_EVERY_US:
            self._complained_at_us = now_us
            log.warning("requests_counted_in_this_process_only", error=repr(error))


def _refuse(rate: Rate, by: By, wait_us: int | None) -> None:
    metrics.rate_limited.labels(rate, by).inc()
    raise RateLimited(retry_after=None) if wait_us is None else RateLimited.after(wait_us)


def _named(shard: int, key: str) -> str:
    return f"{{rate:{shard:02}}}:{key}"
