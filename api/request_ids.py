"""A request's id: taken from `X-Request-Id` when it looks like one, made otherwise, logged, and sent back."""

import re
from secrets import token_hex
from typing import Any

import structlog

from api.wire import ASGIApp, Receive, Scope, Send

_SHAPE = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class RequestIds:
    """Binds `request_id` to every log line of a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given if _SHAPE.fullmatch(given) else token_hex(8).encode()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id.decode())

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        await self._app(scope, receive, send_with_id)
