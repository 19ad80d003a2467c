"""What waits to be sent on one socket: in order, and never more than a slow reader is worth."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any

from api.wire import Send
from domain.foundation import metrics


class Outgoing:
    """The queue of one socket. `send` may wait for as long as its reader pleases; `say` never does.

    A message that nothing waits before is sent within `say`: a task for each of six thousand sockets would cost more than
    the sending. Only where the server makes it wait does a writer begin, which lives for as long as something waits.

    At most `at_most` bytes wait behind the message that is being sent, whatever that one's size; a message that would make
    them more is not taken and `on_full()` is called. `on_gone()` is called when nobody is there to send to.
    """

    __slots__ = ("_at_most", "_bytes", "_is_stopped", "_on_full", "_on_gone", "_send", "_waiting", "_writer")

    def __init__(self, send: Send, *, at_most: int, on_full: Callable[[], None], on_gone: Callable[[], None]) -> None:
        self._send, self._at_most = send, at_most
        self._on_full, self._on_gone = on_full, on_gone
        self._waiting: deque[bytes] | None = None  # an empty one takes 700 bytes
        self._bytes = 0
        self._is_stopped = False
        self._writer: asyncio.Task[None] | None = None  # there while something waits: an idle socket has none

    def say(self, message: bytes) -> None:
        """Send this message after those that wait; nothing once the queue is full or stopped."""
        if self._is_stopped:
            return
        if self._writer is None:
            self._begin(message)
        elif self._waiting is None:
            self._waiting, self._bytes = deque([message]), len(message)
        elif self._waiting and self._bytes + len(message) > self._at_most:
            self._on_full()
        else:
            self._waiting.append(message)
            self._bytes += len(message)

    def stop(self) -> None:
        """Forget what waits and let go of what is being sent."""
        self._is_stopped = True
        self._waiting = None
        self._bytes = 0
        if self._writer is not None:
            self._writer.cancel()

    def _begin(self, message: bytes) -> None:
        sending = self._sent(message)
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except (OSError, RuntimeError):  # as servers say that the other side has left
            self._on_gone()
        else:
            self._writer = asyncio.create_task(self._write(_rest(sending, waits_for)))

    async def _write(self, begun: Awaitable[None]) -> None:
        try:
            await begun
            while self._waiting:
                message = self._waiting.popleft()
                self._bytes -= len(message)
                await self._sent(message)
        except (OSError, RuntimeError):
            self._on_gone()
        finally:
            self._writer = self._waiting = None

    async def _sent(self, message: bytes) -> None:
        await self._send({"type": "websocket.send", "text": message.decode()})
        metrics.socket_messages.inc()


@coroutine
def _rest(begun: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """What is left of a coroutine whose first step was made outside of a task, and gave `waits_for` to wait for."""
    try:
        while True:
            try:
                given = yield waits_for
            except GeneratorExit:
                begun.close()
                raise
            except BaseException as raised:
                waits_for = begun.throw(raised)
            else:
                waits_for = begun.send(given)
    except StopIteration:
        return
