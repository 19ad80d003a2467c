"""The front door: gives every request an id, and leads GraphQL past Starlette's router, which would cost a fifth of it."""

import re
from secrets import token_hex
from typing import Any

import structlog

from api.wire import ASGIApp, Receive, Scope, Send

_SHAPE = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Front:
    """An ASGI application: `/graphql` goes to the endpoint, everything else to Starlette.

    A request's id is taken from `X-Request-Id` when it looks like one, made otherwise; it stands on every log line of
    the request and is sent back.
    """

    def __init__(self, graphql: ASGIApp, others: ASGIApp) -> None:
        self._graphql = graphql
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its id."""
        if scope["type"] != "http":
            await self._others(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given if _SHAPE.fullmatch(given) else token_hex(8).encode()
        structlog.contextvars.bind_contextvars(request_id=request_id.decode())

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        app = self._graphql if scope["path"] == "/graphql" else self._others
        await app(scope, receive, send_with_id)
