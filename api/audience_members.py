"""One of many who are told the same, and what they are told: the bytes of an answer, framed for each of them."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from api import socket_messages as messages
from api.context import Context

if TYPE_CHECKING:
    from api.audience_sources import Source
    from api.audiences import Audience

Changed = tuple[str, UUID]
"""The kind of something of one's own that has changed, and its id."""
FRAMES = 16
"""Kept of one answer, by the id of the operation: most clients count their operations, and begin in the same way."""


class Shared:
    """An answer that goes out to many."""

    __slots__ = ("_body", "_frames")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._frames: dict[str, bytes] = {}

    @property
    def size(self) -> int:
        """Bytes of the answer."""
        return len(self._body)

    def framed(self, id: str) -> bytes:
        """The message that tells it to the operation of this id."""
        frame = self._frames.get(id)
        if frame is None:
            frame = messages.next_(id, self._body)
            if len(self._frames) < FRAMES:
                self._frames[id] = frame
        return frame


class Member:
    """A subscriber, for as long as it is told: an object, and no task.

    `say` takes a message for its socket; `on_end` the one that ends the operation, when that is not by the client's will.
    """

    __slots__ = (
        "_on_end",
        "_say",
        "audience",
        "changed",
        "id",
        "is_here",
        "joining",
        "make_context",
        "owner",
        "source",
        "telling",
    )

    def __init__(
        self,
        id: str,
        source: "Source",
        *,
        say: Callable[[bytes], None],
        on_end: Callable[["Member", bytes], None],
        make_context: Callable[[], Context],
    ) -> None:
        self.id, self.source, self.owner = id, source, source.owner
        self.make_context = make_context
        self._say, self._on_end = say, on_end
        self.is_here = True
        self.joining = asyncio.current_task()  # until it is told with the others
        self.audience: Audience | None = None
        self.changed: dict[Changed, None] = {}
        self.telling: asyncio.Task[None] | None = None

    def tell(self, shared: Shared) -> None:
        """Send an answer."""
        if self.is_here:
            self._say(shared.framed(self.id))

    def end(self, message: bytes) -> None:
        """Leave, with a last message."""
        if self.is_here:
            self._on_end(self, message)
            self.cancel()

    def cancel(self) -> None:
        """Leave: nothing more is told."""
        self.is_here = False
        if self.audience is not None:
            self.audience.leave(self)
        for task in (self.joining, self.telling):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
