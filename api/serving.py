"""The HTTP server. Granian: twice as fast as the pure-Python ones on small answers (docs/decisions/0005)."""

import asyncio
import signal
from collections.abc import Awaitable

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from api import app
from api.wire import Receive, Scope, Send
from domain.foundation.settings import Settings


def serve(settings: Settings) -> None:
    """Serve `api.app` until SIGTERM or SIGINT; requests in flight are answered first."""
    Granian(
        "api.serving:create",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.api_processes,
        websockets=settings.api_sockets,
        backlog=2048,
        http1_settings=HTTP1Settings(header_read_timeout=15_000, keep_alive=True),
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=15,
    ).serve()


class SocketsFirst:
    """The application of a worker process of Granian that tells its sockets of SIGTERM before Granian hears of it.

    Granian lets go of sockets as soon as it hears: what is sent on them then is lost, and lifespan's shutdown comes later
    still. To its workers SIGINT means the same as SIGTERM, so the one is raised once the other has been seen to.
    """

    def __init__(self, api: app.Api) -> None:
        self._api = api
        self._draining: asyncio.Task[None] | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve as the API does."""
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._begin)
        return self._api.app(scope, receive, send)

    def _begin(self) -> None:
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        try:
            await self._api.sockets.drain()
        finally:
            signal.raise_signal(signal.SIGINT)


def create() -> SocketsFirst:
    """The ASGI application of one worker process; what Granian imports."""
    return SocketsFirst(app.create())
