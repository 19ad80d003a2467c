"""What waits to be sent on one socket: in order, by one writer, and never more than a slow reader is worth."""

import asyncio
from collections import deque
from collections.abc import Callable

from api.wire import Send
from domain.foundation import metrics


class Outgoing:
    """The queue of one socket. `send` may wait for as long as its reader pleases; `say` never does.

    At most `at_most` bytes wait behind the message that is being sent, whatever that one's size; a message that would make
    them more is not taken and `on_full()` is called. `on_gone()` is called when nobody is there to send to.
    """

    __slots__ = ("_at_most", "_bytes", "_is_stopped", "_on_full", "_on_gone", "_send", "_waiting", "_writer")

    def __init__(self, send: Send, *, at_most: int, on_full: Callable[[], None], on_gone: Callable[[], None]) -> None:
        self._send, self._at_most = send, at_most
        self._on_full, self._on_gone = on_full, on_gone
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._is_stopped = False
        self._writer: asyncio.Task[None] | None = None  # there while something waits: an idle socket has none

    def say(self, message: bytes) -> None:
        """Send this message after those that wait; nothing once the queue is full or stopped."""
        if self._is_stopped:
            return
        if self._waiting and self._bytes + len(message) > self._at_most:
            self._on_full()
            return
        self._waiting.append(message)
        self._bytes += len(message)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    def stop(self) -> None:
        """Forget what waits and let go of what is being sent."""
        self._is_stopped = True
        self._waiting.clear()
        self._bytes = 0
        if self._writer is not None:
            self._writer.cancel()

    async def _write(self) -> None:
        try:
            while self._waiting:
                message = self._waiting.popleft()
                self._bytes -= len(message)
                await self._send({"type": "websocket.send", "text": message.decode()})
                metrics.socket_messages.inc()
        except (OSError, RuntimeError):  # as servers say that the other side has left
            self._on_gone()
        finally:
            self._writer = None
