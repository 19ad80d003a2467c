"""Answers of a moment ago: what many ask at once is looked up once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Keeps answers for some seconds, at most `capacity` of them. Those who ask while one is looked up wait for it.

    A failed look-up is told to all who wait for it and not kept. Belongs to one event loop.
    """

    def __init__(self, *, seconds: float, capacity: int = 1_000) -> None:
        self._seconds = seconds
        self._capacity = capacity
        self._kept: dict[Hashable, tuple[float, asyncio.Task[T]]] = {}

    async def get(self, key: Hashable, look_up: Callable[[], Awaitable[T]]) -> T:
        """The answer for the key, looked up when there is none of the last `seconds`."""
        loop = asyncio.get_running_loop()
        kept = self._kept.get(key)
        if kept is None or loop.time() >= kept[0]:
            if len(self._kept) >= self._capacity:
                self._kept.clear()
            task = loop.create_task(_awaited(look_up))
            self._kept[key] = kept = (loop.time() + self._seconds, task)
            task.add_done_callback(lambda done: self._forget_failed(key, done))
        # one asker who gives up must not cancel the look-up of the others
        return await asyncio.shield(kept[1])

    def _forget_failed(self, key: Hashable, done: "asyncio.Task[T]") -> None:
        has_failed = done.cancelled() or done.exception() is not None
        kept = self._kept.get(key)
        if has_failed and kept and kept[1] is done:
            del self._kept[key]


async def _awaited(look_up: Callable[[], Awaitable[T]]) -> T:
    return await look_up()
