"""The API process in one's own process: `await ask(query, variables, by=shopper_id)`."""

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from api.app import Api
from domain.foundation import clock


@dataclass(frozen=True)
class Response:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def data(self) -> Any:
        """The only root field's answer."""
        assert "errors" not in self.json, self.json["errors"]
        [answer] = self.json["data"].values()
        return answer

    @property
    def codes(self) -> list[str]:
        """The codes of its errors."""
        return [error["extensions"]["code"] for error in self.json["errors"]]


async def call(app, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Response:
    """One HTTP request to an ASGI application."""
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        if not messages:
            await asyncio.Event().wait()  # the client waits for its answer
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.partition("?")[0],
        "raw_path": path.partition("?")[0].encode(),
        "query_string": path.partition("?")[2].encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in {"host": "market", "content-length": str(len(body)), **(headers or {})}.items()
        ],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    start = sent[0]
    return Response(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
    )


@pytest.fixture
async def api(settings, clean):
    """An API process, started; it remembers no answers."""
    api = Api(settings.model_copy(update={"public_answer_seconds": 0.0, "sold_out_seconds": 0.0}))
    async with api.started():
        yield api


@pytest.fixture
def app(api):
    """Its ASGI application."""
    return api.app


@pytest.fixture
def post(app):
    """`await post(b"...", **headers)`: raw bytes to /graphql."""

    async def post(body: bytes, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await call(app, "POST", "/graphql", body, {"content-type": "application/json", **named})

    return post


@pytest.fixture
def ask(post, given):
    """`await ask(query, {...}, by=shopper_id, roles=[...])`: a GraphQL operation, signed in where `by` is given."""

    async def ask(
        query: str, variables: dict[str, Any] | None = None, *, by=None, roles=(), **headers: str
    ) -> Response:
        if by is not None:
            headers["authorization"] = f"Bearer {given.token(by, *roles, now=clock.now())}"
        return await post(orjson.dumps({"query": query, "variables": variables or {}}), **headers)

    return ask
