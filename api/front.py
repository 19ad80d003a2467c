"""The front door: request ids, what browsers are told of every answer, and the way to GraphQL past Starlette's router."""

import re
from collections.abc import Iterable
from contextlib import suppress
from secrets import token_hex
from typing import Any

import structlog

from api.wire import ASGIApp, Receive, Scope, Send
from domain.foundation import metrics, tracing

Header = tuple[bytes, bytes]

_SHAPE = re.compile(rb"[A-Za-z0-9._-]{8,64}")

ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),  # fetches that CORS allows are none of its business
)
HTTPS_ONLY: Header = (b"strict-transport-security", b"max-age=31536000")
"""Sent where the world comes by https: browsers then never try anything else for a year."""

EXPOSED: Header = (b"access-control-expose-headers", b"x-request-id, retry-after, etag")
PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, POST"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, accept-language, x-device-id, x-request-id, traceparent",
    ),
    (b"access-control-max-age", b"7200"),  # seconds; browsers keep it no longer
)


class Front:
    """An ASGI application: `/graphql` goes to the endpoint, everything else to Starlette.

    A request's id is taken from `X-Request-Id` when it looks like one, made otherwise; it stands on every log line of
    the request and is sent back. A socket's lines stand under a `connection_id`.

    Pages of `origins` may call from a browser; `*` means any. Credentials are never allowed: tokens come in a header.
    """

    def __init__(
        self, graphql: ASGIApp, others: ASGIApp, *, origins: Iterable[str] = (), is_https: bool = False
    ) -> None:
        self._graphql, self._others = graphql, others
        self._always = (*ALWAYS, HTTPS_ONLY) if is_https else ALWAYS
        self._cors = _Cors(frozenset(origin.encode() for origin in origins))
        self._in_flight = 0
        metrics.requests_in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one socket, under its id."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                structlog.contextvars.bind_contextvars(connection_id=token_hex(8))
            await self._others(scope, receive, send)
            return
        given = origin = b""
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"origin":
                origin = value
        request_id = given if _SHAPE.fullmatch(given) else token_hex(8).encode()
        structlog.contextvars.bind_contextvars(request_id=request_id.decode())
        added = (*self._always, *self._cors.headers(origin), (b"x-request-id", request_id))
        is_post = scope["method"] == "POST"

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                metrics.answers[message["status"] // 100].inc()
                headers = message["headers"]
                # a page has a policy of its own, and is never the answer to a POST
                message["headers"] = [*headers, *added] if is_post else [*headers, *_lacking(headers, added)]
            await send(message)

        self._in_flight += 1
        try:
            if scope["method"] == "OPTIONS" and self._cors.is_preflight(scope, origin):
                await _answer_preflight(send_with_headers)
                return
            app = self._graphql if scope["path"] == "/graphql" else self._serve_others
            if not tracing.is_on():
                await app(scope, receive, send_with_headers)
                return
            parent = tracing.resampled(_header(scope, b"traceparent"))
            with tracing.span("http", parent=parent, kind="server", request_id=request_id.decode()):
                await app(scope, receive, send_with_headers)
        finally:
            self._in_flight -= 1

    async def _serve_others(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(Exception):  # Starlette raises it on for the server's log; it is answered and reported
            await self._others(scope, receive, send)
        endpoint = scope.get("endpoint")
        tracing.describe(f"http {getattr(endpoint, '__name__', 'nowhere')}")


class _Cors:
    """What pages of other origins are told; prepared, for it is added to every answer."""

    def __init__(self, origins: frozenset[bytes]) -> None:
        self._any: tuple[Header, ...] | None = None
        self._other: tuple[Header, ...] = ((b"vary", b"Origin"),) if origins else ()
        if b"*" in origins:
            self._any = ((b"access-control-allow-origin", b"*"), EXPOSED)
        self._each = {
            origin: ((b"access-control-allow-origin", origin), EXPOSED, *self._other) for origin in origins - {b"*"}
        }

    def headers(self, origin: bytes) -> tuple[Header, ...]:
        """What an answer to a page of this origin says; to a request without one, what shared caches must know."""
        if self._any is not None:
            return self._any
        return self._each.get(origin, self._other)

    def is_preflight(self, scope: Scope, origin: bytes) -> bool:
        """Whether a browser asks for a page that is allowed; for others there is no special answer."""
        is_allowed = bool(origin) and (self._any is not None or origin in self._each)
        return is_allowed and bool(_header(scope, b"access-control-request-method"))


async def _answer_preflight(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": [*PREFLIGHT]})
    await send({"type": "http.response.body", "body": b""})


def _lacking(headers: Iterable[Header], added: tuple[Header, ...]) -> list[Header]:
    """What is to be added and not said already; several `Vary` add up."""
    said = {name.lower() for name, _ in headers}
    return [header for header in added if header[0] not in said or header[0] == b"vary"]


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")
