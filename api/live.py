"""The server of live sockets: uvicorn, which holds an idle one in a fifth of Granian's memory (docs/decisions/0017)."""

import asyncio
import logging
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from api import app
from api.wire import ASGIApp
from domain.foundation.settings import Settings

HEADER_SECONDS = 15.0
"""For the head of a request to come."""
HEADER_BYTES = 65_536
"""Of a head, or of what follows a body: its parser keeps all of it, however much comes."""
CLOSE_SECONDS = 3.0
"""For the other side to read the close frame, and what was sent before it."""
FRAMES_AT_ONCE = 1_000
"""Pings, and parts of one message, between two messages: a page sends a handful, and messages have a limit of their own."""


def serve(settings: Settings) -> None:
    """Serve `api.app` at `live_host` and `live_port` until SIGTERM or SIGINT; every socket is told first."""
    server_of(app.create(role="live").app, settings).run()


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
    """A connection that is let go when the head of its request does not come in time, or does not end."""

    _until_read: asyncio.TimerHandle
    _unread_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on, unless too much has come that is neither a whole head nor a body."""
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._unread_bytes > HEADER_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        self._until_read.cancel()
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._unread_bytes = 0
        self._until_read.cancel()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is there."""
        self._unread_bytes = 0
        super().on_body(body)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        self._until_read.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._until_read = self.loop.call_later(HEADER_SECONDS, self.transport.abort)


class Socket(WebSocketsSansIOProtocol):
    """A socket that is cut when its other side does not read to the end: a mere close would wait for it for ever.

    And when it sends frames without end that are no message: of those the application never hears, so here is their limit.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_SECONDS
        self._frames = 0

    def handle_ping(self) -> None:
        """Answer a ping (RFC 6455, 5.5.2), but for one who does not read the answers: those would wait here, all of them."""
        self._count()
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_pong(self, event: Frame) -> None:
        """Nobody has asked for one."""
        self._count()

    def handle_cont(self, event: Frame) -> None:
        """Take another part of a message."""
        self._count()
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """A message is whole."""
        self._frames = 0
        super().send_receive_event_to_app()

    def _count(self) -> None:
        self._frames += 1
        if self._frames > FRAMES_AT_ONCE:
            self.transport.abort()

    async def run_asgi(self) -> None:
        """Run the application to its end, and give the other side a while from then on."""
        await super().run_asgi()
        if not self.disconnected:
            self.loop.call_later(CLOSE_SECONDS + 0.5, self.transport.abort)
