"""How one speaks with Stripe: forms in, JSON out, a bearer key, idempotency keys, errors, and signatures."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.stripe.books import Object, Refused

Door = Callable[[Request, dict[str, Any]], Awaitable[Object]]


class Doors:
    """The API's doors: they open with the merchant's key only, and an idempotency key has one answer."""

    def __init__(self, api_key: str) -> None:
        self._expected = f"Bearer {api_key}".encode()
        self._answers: dict[str, tuple[bytes, Response]] = {}
        self.requests = 0
        """How often anybody has asked."""

    def door(self, method: str, path: str, answer: Door) -> Route:
        """A door: what was asked as nested objects goes in, an object comes out."""

        async def enter(request: Request) -> Response:
            self.requests += 1
            if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._expected):
                raise Refused(401, "Invalid API Key provided")
            body = await request.body()
            wish = form(body.decode() or request.url.query)
            key = request.headers.get("idempotency-key") if method == "POST" else None
            if key is None:
                return told(await answer(request, wish))
            wanted = request.url.path.encode() + b"?" + body
            if key in self._answers:
                return _again(*self._answers[key], wanted)
            # nothing is kept of what was refused: it was not begun
            self._answers[key] = wanted, told(await answer(request, wish))
            return self._answers[key][1]

        return Route(path, enter, methods=[method])


def form(text: str) -> dict[str, Any]:
    """`metadata[payment_id]=x&line_items[0][quantity]=1` as nested objects; a list is an object of its positions."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        *outer, last = name.replace("]", "").split("[")
        into = found
        for part in outer:
            into = into.setdefault(part, {})
        into[last or str(len(into))] = value
    return found


def listed(given: Any) -> list[str]:
    """A list out of a form."""
    return list(given.values()) if given else []


async def json_of(request: Request) -> dict[str, Any]:
    """What a program says to the simulator's own doors: a JSON object, or nothing."""
    content = orjson.loads(await request.body() or b"{}")
    if not isinstance(content, dict):
        raise ValueError("a JSON object is wanted")
    return content


def told(content: Object, status: int = 200) -> Response:
    """An answer."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def refused(request: Request, error: Exception) -> Response:
    """The answer to what the company does not do."""
    assert isinstance(error, Refused)
    return told(error.shown(), error.status)


def malformed(request: Request, error: Exception) -> Response:
    """The answer to what it does not understand."""
    return told(Refused(400, f"Malformed: {error!r}").shown(), 400)


def sign(secret: str, body: bytes, timestamp: int) -> str:
    """The value of `Stripe-Signature`."""
    signature = hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hex()
    return f"t={timestamp},v1={signature}"


def _again(wanted_before: bytes, answer: Response, wanted: bytes) -> Response:
    if wanted != wanted_before:
        message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
        raise Refused(400, message, type="idempotency_error")
    again = Response(answer.body, answer.status_code, media_type="application/json")
    again.headers["Idempotent-Replayed"] = "true"
    return again
