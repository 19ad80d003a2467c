"""GraphQL over HTTP as bytes: request heads and bodies in, media types out. Never knows what is asked."""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson

from api.faults import (
    BAD_REQUEST,
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

BODY_SECONDS = 10.0  # to send a body in: nobody has to show who they are before it is read
PIECES = 500  # of a body: more have to be PIECE_BYTES each, on an average
PIECE_BYTES = 500
URL_BYTES = 8_192  # of a URL's parameters
JSON_PARAMETERS = frozenset({"variables", "extensions"})
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

    def has_several(self, name: bytes) -> bool:
        """Whether a header stands more than once, for readers who may each believe another one."""
        given = self.scope["headers"]
        return len(given) > len(self.headers) and sum(each == name for each, _ in given) > 1


def check_json(head: RequestHead) -> None:
    """Raises RequestFault (415) unless the body is announced, once, as JSON in UTF-8 that is not compressed.

    A page on another site can make a browser post text or forms unasked, but never this media type.
    """
    encoding = head.headers.get(b"content-encoding", b"")
    if encoding and encoding.strip().lower() != b"identity":
        message = "Send the body uncompressed."
        raise RequestFault.of(UNSUPPORTED_MEDIA_TYPE, message, status=415, headers=((b"accept-encoding", b"identity"),))
    content_type = head.headers.get(b"content-type", b"")
    if len(content_type) > HEADER_BYTES or not _is_json(content_type) or head.has_several(b"content-type"):
        raise RequestFault.of(UNSUPPORTED_MEDIA_TYPE, "Send application/json in UTF-8.", status=415)


async def read_body(head: RequestHead, receive: Receive, at_most: int) -> bytes:
    """The whole body. Raises RequestFault: 413 as soon as it is known to be longer than `at_most` bytes or to come in very
    many tiny pieces, 408 when it has not come within BODY_SECONDS. Raises ClientGone.
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
    body = bytearray(message.get("body", b""))
    pieces = 1
    while message.get("more_body", False) and len(body) <= at_most:
        if pieces >= PIECES and len(body) < pieces * PIECE_BYTES:
            text = f"The body comes in more than {PIECES} pieces of less than {PIECE_BYTES} bytes."
            raise RequestFault.of(REQUEST_TOO_LARGE, text, status=413)
        message = await receive()
        body += message.get("body", b"")
        pieces += 1
    if message["type"] == "http.disconnect":
        raise ClientGone
    if len(body) > at_most:
        raise _too_large(at_most)
    return bytes(body)


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
    return read_request(content, body)


def decode_parameters(query_string: bytes) -> Request:
    """The request in the parameters of a URL; ones that are nobody's are ignored. Raises RequestFault for anything else."""
    if len(query_string) > URL_BYTES:
        message = f"The URL's parameters have more than {URL_BYTES} bytes: send the operation by POST."
        raise RequestFault.of(REQUEST_TOO_LARGE, message, status=414)
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:  # bytes that are not UTF-8, or very many parameters
        raise RequestFault.of(BAD_REQUEST, "The URL's parameters cannot be read.") from None
    given: dict[str, Any] = dict(pairs)
    if len(given) < len(pairs):
        raise RequestFault.of(BAD_REQUEST, "A parameter stands twice in the URL.")
    variables = given.get("variables", "")
    for name in JSON_PARAMETERS & given.keys():
        try:
            given[name] = orjson.loads(given[name])
        except orjson.JSONDecodeError:
            raise RequestFault.of(BAD_REQUEST, f"{name} must be an object as JSON.") from None
    return read_request(given, variables.encode())


def media_type(accept: bytes) -> bytes | None:
    """The media type of the answer to a request with this Accept header; None when neither will do.

    The newer one is for those who name it and do not prefer the older one to it. Wildcards do not name it: who sends
    `*/*` may never have heard of it.
    """
    return _chosen(accept) if 0 < len(accept) <= HEADER_BYTES else JSON


@lru_cache(maxsize=256)
def _chosen(accept: bytes) -> bytes | None:
    quality = {}
    for media_range in accept.decode("latin-1").lower().split(","):
        name, *parameters = (part.strip() for part in media_range.split(";"))
        quality[name] = next((_quality(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
    newer = quality.get("application/graphql-response+json", 0.0)
    older = next((quality[name] for name in ("application/json", "application/*", "*/*") if name in quality), 0.0)
    if newer > 0 and newer >= quality.get("application/json", 0.0):
        return RESPONSE_JSON
    return JSON if older > 0 else None


@lru_cache(maxsize=256)
def _is_json(content_type: bytes) -> bool:
    name, *parameters = (part.strip() for part in content_type.decode("latin-1").lower().split(";"))
    charsets = [p[8:].strip('"') for p in parameters if p.startswith("charset=")]
    return name == "application/json" and all(charset in {"utf-8", "utf8"} for charset in charsets)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _too_large(at_most: int) -> RequestFault:
    return RequestFault.of(REQUEST_TOO_LARGE, f"The body has more than {at_most} bytes.", status=413)
