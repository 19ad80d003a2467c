"""GraphQL over HTTP as bytes: request heads and bodies in, media types out. Never knows what is asked."""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any

import orjson

from api.faults import (
    BAD_REQUEST,
    BAD_USER_INPUT,
    BATCHING_REFUSED,
    REQUEST_TOO_LARGE,
    REQUEST_TOO_SLOW,
    UNSUPPORTED_MEDIA_TYPE,
    RequestFault,
)
from api.patience import within
from api.requests import Request, read_request

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

RESPONSE_JSON = b"application/graphql-response+json; charset=utf-8"
JSON = b"application/json; charset=utf-8"

NESTED_AT_MOST = 100  # levels of objects and lists in the variables: what reads them calls itself for each level
BODY_SECONDS = 10.0  # to send a body in: nobody has to show who they are before it is read
HEADER_BYTES = 500  # longer Accept and Content-Type headers are nobody's, and are not worth remembering


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class RequestHead:
    """What is known of a request before its body: the ASGI scope and its headers by lower-case name."""

    __slots__ = ("headers", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.headers: dict[bytes, bytes] = dict(scope["headers"])

    def header(self, name: str) -> str:
        """A header's value, empty when there is none; of several the last."""
        return self.headers.get(name.encode("latin-1"), b"").decode("latin-1")


def check_json(head: RequestHead) -> None:
    """Raises RequestFault (415) unless the body is announced as JSON in UTF-8.

    A page on another site can make a browser post text or forms unasked, but never this media type.
    """
    if not _is_json(head.headers.get(b"content-type", b"")):
        raise RequestFault.of(UNSUPPORTED_MEDIA_TYPE, "Send application/json in UTF-8.", status=415)


async def read_body(head: RequestHead, receive: Receive, at_most: int) -> bytes:
    """The whole body. Raises RequestFault: 413 as soon as it is known to be longer than `at_most` bytes, 408 when it has
    not come within BODY_SECONDS. Raises ClientGone.
    """
    announced = head.headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > at_most:
        raise _too_large(at_most)
    try:
        return await within(BODY_SECONDS, _read(receive, at_most))
    except TimeoutError:
        message = f"The body has not come within {BODY_SECONDS:g} seconds."
        raise RequestFault.of(REQUEST_TOO_SLOW, message, status=408) from None


async def _read(receive: Receive, at_most: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        if len(body) > at_most:
            break
        message = await receive()
        body += message.get("body", b"")  # at most a few: servers hand over 16 kB and more at a time
    if message["type"] == "http.disconnect":
        raise ClientGone
    if len(body) > at_most:
        raise _too_large(at_most)
    return body


def decode(body: bytes) -> Request:
    """The request in a body. Raises RequestFault for anything else."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:  # also for bytes that are not UTF-8 and for JSON nested beyond 1,024 levels
        raise RequestFault.of(BAD_REQUEST, "The body is not JSON in UTF-8.") from None
    if isinstance(content, list):
        raise RequestFault.of(BATCHING_REFUSED, "One operation per request: batching is not supported.")
    if not isinstance(content, dict):
        raise RequestFault.of(BAD_REQUEST, "The body must be a JSON object.")
    if b"\\u0000" in body:  # PostgreSQL's text holds every character but this one
        raise RequestFault.of(BAD_USER_INPUT, "The character U+0000 is not allowed anywhere in a request.")
    request = read_request(content)
    if body.count(b"{") + body.count(b"[") > NESTED_AT_MOST and _is_nested_too_deep(request.variables):
        raise RequestFault.of(BAD_USER_INPUT, f"variables are nested deeper than {NESTED_AT_MOST} levels.")
    return request


@lru_cache(maxsize=256)
def wants_response_json(accept: bytes) -> bool:
    """Whether an Accept header names the newer media type, and does not prefer the older one to it.

    Wildcards do not count: who sends `*/*` may never have heard of it.
    """
    if len(accept) > HEADER_BYTES:
        return False
    quality = {}
    for media_range in accept.decode("latin-1").lower().split(","):
        name, *parameters = (part.strip() for part in media_range.split(";"))
        quality[name] = next((_quality(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
    newer = quality.get("application/graphql-response+json", 0.0)
    return newer > 0 and newer >= quality.get("application/json", 0.0)


@lru_cache(maxsize=256)
def _is_json(content_type: bytes) -> bool:
    if len(content_type) > HEADER_BYTES:
        return False
    name, *parameters = (part.strip() for part in content_type.decode("latin-1").lower().split(";"))
    charsets = [p[8:].strip('"') for p in parameters if p.startswith("charset=")]
    return name == "application/json" and all(charset in {"utf-8", "utf8"} for charset in charsets)


def _is_nested_too_deep(value: Any) -> bool:
    layer = [value]
    for _ in range(NESTED_AT_MOST + 1):
        containers = [outer for outer in layer if isinstance(outer, dict | list)]
        layer = [inner for outer in containers for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return bool(containers)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _too_large(at_most: int) -> RequestFault:
    return RequestFault.of(REQUEST_TOO_LARGE, f"The body has more than {at_most} bytes.", status=413)
