"""Whole answers that are the same for everyone, kept for a moment; never one with errors."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from time import monotonic
from typing import Any

from api.answers import Answer
from api.caching import with_seconds_left

Asked = tuple[bytes, Hashable]
"""The body of a request, and whatever else its answer depends on."""

OVERHEAD_BYTES = 500  # what the objects around one question and its answer take


class SharedAnswers:
    """Answers by what was asked, least recently used first to go; `kept_bytes` of questions and answers at most."""

    def __init__(self, *, kept_bytes: int = 8_000_000) -> None:
        self._kept: OrderedDict[Asked, tuple[float, Answer]] = OrderedDict()
        self._under_way: dict[Asked, asyncio.Task[Answer]] = {}
        self._kept_bytes, self._room = kept_bytes, kept_bytes

    def get(self, asked: Asked) -> Answer | None:
        """The answer kept for this, while it is fresh. Caches are told the time it has left: seen through them too, it is at
        most a second older than it may become here.
        """
        kept = self._kept.get(asked)
        if kept is None:
            return None
        fresh_until, answer = kept
        seconds_left = fresh_until - monotonic()
        if seconds_left <= 0:
            self._forget(asked)
            return None
        self._kept.move_to_end(asked)
        return with_seconds_left(answer, seconds_left) if answer.digest else answer

    async def share(self, asked: Asked, *, seconds: float, find: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """The answer `find` gives, asked for once however many wait for it; kept for `seconds` if it has no errors.

        What `find` raises is raised for everyone who waits. Somebody who stops waiting does not stop the others. Whoever
        came first and was not let in was answered for themselves: the others then find their own.
        """
        if (under_way := self._under_way.get(asked)) is not None:
            answer = await asyncio.shield(under_way)
            return await find() if answer.outcome == "refused" else answer
        task = self._under_way[asked] = asyncio.create_task(find())
        task.add_done_callback(partial(self._found, asked, seconds))
        return await asyncio.shield(task)

    def _found(self, asked: Asked, seconds: float, task: asyncio.Task[Answer]) -> None:
        del self._under_way[asked]
        if task.cancelled() or task.exception() is not None:
            return
        answer = task.result()
        if answer.outcome != "ok" or _bytes(asked, answer) > self._kept_bytes // 8:
            return
        self._kept[asked] = (monotonic() + seconds, answer._replace(outcome="cached"))
        self._room -= _bytes(asked, answer)
        while self._room < 0:
            self._forget(next(iter(self._kept)))

    def _forget(self, asked: Asked) -> None:
        _, answer = self._kept.pop(asked)
        self._room += _bytes(asked, answer)


def _bytes(asked: Asked, answer: Answer) -> int:
    # The question counts too: it may be padded to the size of the largest request, with a tiny answer.
    return len(asked[0]) + len(answer.body) + OVERHEAD_BYTES
