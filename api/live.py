"""The server of live sockets: uvicorn, which holds an idle one in a fifth of Granian's memory (docs/decisions/0017)."""

import asyncio
import logging
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api import app
from api.wire import ASGIApp
from domain.foundation.settings import Settings

HEADER_SECONDS = 15.0
"""For the head of a request to come."""
CLOSE_SECONDS = 3.0
"""For the other side to read the close frame, and what was sent before it."""


def serve(settings: Settings) -> None:
    """Serve `api.app` at `live_host` and `live_port` until SIGTERM or SIGINT; every socket is told first."""
    server_of(app.create().app, settings).run()


def server_of(application: ASGIApp, settings: Settings) -> uvicorn.Server:
    """The server, for any ASGI application."""
    logging.getLogger("uvicorn.error").addFilter(_is_ours)
    config = uvicorn.Config(
        application,
        host=settings.live_host,
        port=settings.live_port,
        loop="uvloop",
        http=Http,
        ws=Socket,
        ws_max_size=settings.socket_message_bytes,
        ws_per_message_deflate=False,  # 300 kB a socket, for texts of some hundred bytes
        ws_ping_interval=None,  # the protocol has pings of its own, which a mini-program can see
        lifespan="on",
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(CLOSE_SECONDS),
        proxy_headers=False,  # who is believed is ours to say (api/forwarded.py)
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="error",
    )
    return uvicorn.Server(config)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a line of the server's is about us: clients may send what is not UTF-8 as often as they like."""
    return not record.getMessage().startswith("Invalid UTF-8")


class Http(HttpToolsProtocol):
    """A connection that is let go when the head of its request does not come in time."""

    _until_read: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        self._until_read.cancel()
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._until_read.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        self._until_read.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._until_read = self.loop.call_later(HEADER_SECONDS, self.transport.abort)


class Socket(WebSocketsSansIOProtocol):
    """A socket that is cut when its other side does not read to the end: a mere close would wait for it for ever."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_SECONDS

    async def run_asgi(self) -> None:
        """Run the application to its end, and give the other side a while from then on."""
        await super().run_asgi()
        if not self.disconnected:
            self.loop.call_later(CLOSE_SECONDS + 0.5, self.transport.abort)
