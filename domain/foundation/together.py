"""Questions of one event-loop tick, asked as one call: what makes a script of the gate ten times as cheap."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")


class Together(Generic[K, Q, A]):
    """Puts questions to `send(key, questions)`, which gives an answer for each, in their order.

    Those that come while `in_flight` calls of a key are under way wait for the next; with one, questions are answered in
    the order in which they came. When `send` raises, all of its call are told;
    a question whose asker has gone is not sent any more. Belongs to one event loop.
    """

    def __init__(
        self, send: Callable[[K, list[Q]], Awaitable[Sequence[A]]], *, at_most: int, in_flight: int = 2
    ) -> None:
        self._send, self._at_most, self._most_in_flight = send, at_most, in_flight
        self._waiting: dict[K, deque[tuple[Q, asyncio.Future[A]]]] = {}
        self._in_flight: dict[K, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, key: K, question: Q) -> "asyncio.Future[A]":
        """The answer to come."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = deque()
            if self._in_flight.get(key, 0) < self._most_in_flight:
                loop.call_soon(self._leave, key)  # when this tick is over, with whatever else it brings
        waiting.append((question, answer))
        return answer

    def _leave(self, key: K) -> None:
        waiting = deque(one for one in self._waiting.pop(key, ()) if not one[1].done())
        while waiting and self._in_flight.get(key, 0) < self._most_in_flight:
            batch = [waiting.popleft() for _ in range(min(len(waiting), self._at_most))]
            self._in_flight[key] = self._in_flight.get(key, 0) + 1
            task = asyncio.get_running_loop().create_task(self._put(key, batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if waiting:
            self._waiting[key] = waiting

    async def _put(self, key: K, batch: list[tuple[Q, "asyncio.Future[A]"]]) -> None:
        try:
            answers = await self._send(key, [question for question, _ in batch])
        except Exception as error:
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)
        else:
            for (_, waiting), answer in zip(batch, answers, strict=True):
                if not waiting.done():
                    waiting.set_result(answer)
        finally:
            self._in_flight[key] -= 1
            if not self._in_flight[key]:
                del self._in_flight[key]
            self._leave(key)
