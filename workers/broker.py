"""Dramatiq: the broker, and actors whose bodies run on the worker's one event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from workers.context import WorkerContext

ActorBody = Callable[..., Awaitable[object]]

# A dead worker's messages come back after its heartbeat has been missing this long, at the next maintenance.
HEARTBEAT_TIMEOUT_MS = 15_000
MAINTENANCE_ALWAYS = 100_000
ACTOR_SECONDS = 120.0


@dataclass(frozen=True)
class _Actor:
    body: ActorBody
    queue: str
    options: dict[str, Any] = field(default_factory=dict)


_actors: list[_Actor] = []


def actor(*, queue: str, **options: Any) -> Callable[[ActorBody], ActorBody]:
    """Make an async function an actor: its first parameter is the WorkerContext, the others come with the message."""

    def register(body: ActorBody) -> ActorBody:
        _actors.append(_Actor(body, queue, options))
        return body

    return register


def open_broker(url: str) -> RedisBroker:
    """The broker on its own Redis database: Dramatiq's maintenance walks all of its keys."""
    client = redis.Redis.from_url(url, retry=Retry(ExponentialBackoff(cap=1, base=0.05), 3), socket_timeout=10)
    return RedisBroker(
        client=client,
        heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        maintenance_chance=MAINTENANCE_ALWAYS,
        middleware=[Retries(max_retries=5)],
    )


def declare_actors(broker: RedisBroker, context: WorkerContext, loop: asyncio.AbstractEventLoop) -> None:
    """Make every registered body known to the broker; each runs on `loop`, whatever thread received the message."""
    for declared in _actors:

        def run(*arguments: Any, _body: ActorBody = declared.body) -> None:
            future = asyncio.run_coroutine_threadsafe(_awaited(_body, context, arguments), loop)
            try:
                future.result()
            except BaseException:
                future.cancel()
                raise

        declare = dramatiq.actor(
            actor_name=declared.body.__name__, queue_name=declared.queue, broker=broker, **declared.options
        )
        declare(run)


async def _awaited(body: ActorBody, context: WorkerContext, arguments: tuple[Any, ...]) -> None:
    # limited here: Dramatiq's TimeLimit raises in the thread, which hears nothing while it waits for the loop
    async with asyncio.timeout(ACTOR_SECONDS):
        await body(context, *arguments)


def sender(broker: RedisBroker) -> Callable[..., Awaitable[None]]:
    """`await send("reserve", lane)` puts a message on the broker without holding up the event loop."""

    async def send(name: str, *arguments: Any) -> None:
        message = broker.get_actor(name).message(*arguments)
        await asyncio.to_thread(broker.enqueue, message)

    return send
