"""A small schema of its own for tests of the edge, and a way to ask its endpoint without a server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, NewType
from urllib.parse import urlencode

import orjson
import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

from api.answering import Answering
from api.endpoint import GraphQLEndpoint
from api.lean import lean
from api.wire import RequestHead

CLAIM = """mutation Claim($input: ClaimInput!) {
  claim(input: $input) { __typename ... on Ticket { id position } ... on SoldOut { code message } }
}"""

NEWER = "application/graphql-response+json"
OLDER = "application/json"
SECRET = "postgresql://night:market@db"


class NotSignedIn(Exception):
    code = "UNAUTHENTICATED"


class Forbidden(Exception):
    code = "FORBIDDEN"


@dataclass
class Context:
    """What the resolvers of one endpoint saw and did."""

    head: RequestHead | None = None
    calls: Counter[str] = field(default_factory=Counter)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)


def parse_colour(value: object) -> str:
    if value not in {"red", "blue"}:
        raise ValueError("a colour is red or blue")
    return str(value)


Colour = NewType("Colour", str)
Long = NewType("Long", int)
Info = strawberry.Info[Context, None]


@strawberry.type
class Ticket:
    id: strawberry.ID
    position: int


@strawberry.type
class SoldOut:
    code: str
    message: str


@strawberry.input
class ClaimInput:
    item: strawberry.ID
    quantity: int = 1


@strawberry.input
class Search:
    word: str | None = None
    also: "Search | None" = None


ClaimResult = Annotated[Ticket | SoldOut, strawberry.union("ClaimResult")]


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str:
        return f"hello {name}"

    @strawberry.field
    def again(self) -> "Query":
        return Query()

    @strawberry.field
    def painted(self, colour: Colour) -> Colour:
        return colour

    @strawberry.field
    def found(self, search: Search | None) -> str:
        return f"{search.word}, {search.also.word if search.also else None}" if search else "nothing"

    @strawberry.field
    def by_global_id(self, id: strawberry.relay.GlobalID) -> str | None:
        return id.node_id

    @strawberry.field
    def failing(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def failing_for_good(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def failing_in_graphql(self) -> str | None:
        raise GraphQLError(SECRET)

    @strawberry.field
    def not_a_number(self) -> int | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def beyond_64_bits(self) -> Long:
        return Long(2**70)

    @strawberry.field
    def forbidden(self) -> str | None:
        raise Forbidden("staff only")

    @strawberry.field
    async def slow(self, info: Info) -> str | None:
        info.context.calls["began"] += 1
        info.context.begun.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            info.context.calls["cancelled"] += 1
            raise
        return "late"

    @strawberry.field
    async def catalogue(self, info: Info, page: int = 1, fails: bool = False) -> str | None:
        info.context.calls["catalogue"] += 1
        info.context.begun.set()
        await info.context.gate.wait()
        if fails:
            raise RuntimeError(SECRET)
        return f"page {page}, look {info.context.calls['catalogue']}"

    @strawberry.field
    def mine(self, info: Info) -> str:
        info.context.calls["mine"] += 1
        return f"look {info.context.calls['mine']}"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def claim(self, input: ClaimInput) -> ClaimResult:
        await asyncio.sleep(0)
        if input.item == "gone":
            return SoldOut(code="SOLD_OUT", message="gone")
        return Ticket(id=input.item, position=input.quantity)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


def new_schema() -> strawberry.Schema:
    scalars = {
        Colour: strawberry.scalar(name="Colour", serialize=str, parse_value=parse_colour),
        Long: strawberry.scalar(name="Long", serialize=int, parse_value=int),
    }
    return strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map=scalars))


def new_lean_schema() -> strawberry.Schema:
    schema = new_schema()
    lean(schema)
    return schema


BOTH_WAYS = [new_schema, new_lean_schema]
"""Every test of the edge runs on the schema as strawberry built it and with the leaner resolvers."""


OF_HTTP = {"make_context", "body_bytes", "ide", "language"}


@dataclass
class Answered:
    status: int
    media_type: str
    headers: dict[str, str]
    json: Any
    """Without what every executed answer says of its cost."""
    cost: dict[str, int] | None = None

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.json["errors"]]


class Market:
    """An endpoint, the context its resolvers share, and a way to ask it."""

    def __init__(self, schema: strawberry.Schema, **options: Any) -> None:
        self.context = Context()
        self.context.gate.set()
        self.operations: list[tuple[str, str, str]] = []
        over_http = {name: options.pop(name) for name in OF_HTTP & options.keys()}
        self.answering = Answering(schema, client_errors=(NotSignedIn, Forbidden), **options)
        self.endpoint = GraphQLEndpoint(
            self.answering,
            make_context=over_http.pop("make_context", lambda head: self.context),
            on_operation=lambda label, kind, seconds, outcome: self.operations.append((label, kind, outcome)),
            shares_answers="public_seconds" in options,
            **over_http,
        )

    async def ask(
        self, query: str, accept: str = NEWER, headers: dict[str, str] | None = None, **more: Any
    ) -> Answered:
        return await self.send(orjson.dumps({"query": query, **more}), {"accept": accept, **(headers or {})})

    async def send(
        self, body: bytes, headers: dict[str, str] | None = None, *, method: str = "POST", chunks: int = 1
    ) -> Answered:
        given = {"content-type": "application/json", **(headers or {})}
        size = -(-len(body) // chunks) or 1
        parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        messages[-1]["more_body"] = False
        return await self.exchange(messages, given, method)

    async def exchange(
        self,
        messages: list[dict[str, Any]],
        headers: dict[str, str],
        method: str = "POST",
        query_string: bytes = b"",
        *,
        headers_as_sent: list[tuple[bytes, bytes]] | None = None,
    ) -> Answered:
        sent: list[Any] = []
        scope = {
            "type": "http",
            "method": method,
            "path": "/graphql",
            "query_string": query_string,
            "headers": headers_as_sent or [(name.encode(), value.encode()) for name, value in headers.items()],
        }

        hangs_up = method == "POST" and (not messages or messages[-1].get("more_body", False))

        async def receive() -> Any:
            if not messages and not hangs_up:
                await asyncio.Event().wait()  # the client waits for its answer
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.endpoint(scope, receive, send)
        start, end = sent
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        if method != "HEAD" and start["status"] != 304:
            assert answered["content-length"] == str(len(end["body"]))
        json = orjson.loads(end["body"]) if end["body"] else {}
        cost = json.pop("extensions", {}).get("cost")
        return Answered(start["status"], answered.get("content-type", ""), answered, json, cost)

    async def get(self, headers: dict[str, str] | None = None, *, method: str = "GET", **parameters: str) -> Answered:
        """Ask by a URL."""
        return await self.exchange([], headers or {}, method, urlencode(parameters).encode())
