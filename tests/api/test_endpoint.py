"""One HTTP request in, one answer out: media types, malformed requests, time, documents read once."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable
from typing import Any

import graphql
import orjson
import pytest
import strawberry
from structlog.testing import capture_logs

from api import wire
from api.wire import media_type as answers_in
from tests.given.small_market import BOTH_WAYS, CLAIM, NEWER, OLDER, Market


@pytest.fixture(params=BOTH_WAYS)
def schema(request: pytest.FixtureRequest) -> strawberry.Schema:
    return request.param()  # type: ignore[no-any-return]


@pytest.fixture
def market(schema: strawberry.Schema) -> Market:
    return Market(schema)


async def test_a_mutation_is_answered(market: Market) -> None:
    taken = await market.ask(CLAIM, variables={"input": {"item": "item_1", "quantity": 2}}, operationName="Claim")
    gone = await market.ask(CLAIM, variables={"input": {"item": "gone"}})

    assert taken.json == {"data": {"claim": {"__typename": "Ticket", "id": "item_1", "position": 2}}}
    assert gone.json == {"data": {"claim": {"__typename": "SoldOut", "code": "SOLD_OUT", "message": "gone"}}}
    assert market.operations == [("claim", "mutation", "ok")] * 2


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (NEWER, NEWER),
        (f"{NEWER}, {OLDER};q=0.9", NEWER),
        (f"{OLDER}, {NEWER}", NEWER),
        (f"{OLDER}, {NEWER};q=0.5", OLDER),
        (f"{NEWER};q=0, application/*", OLDER),
        (f"{NEWER};q=x, */*", OLDER),
        ("text/html, */*;q=0.1", OLDER),
        ("*/*", OLDER),
        ("", OLDER),
        (OLDER, OLDER),
        (NEWER + ", text/html" * 100, OLDER),
    ],
)
async def test_the_newer_media_type_is_for_those_who_name_it(market: Market, accept: str, media_type: str) -> None:
    answered = await market.ask("{ hello }", accept)

    assert (answered.status, answered.media_type) == (200, f"{media_type}; charset=utf-8")
    assert answered.json == {"data": {"hello": "hello you"}}
    assert answers_in(accept.encode()).decode().startswith(media_type)


@pytest.mark.parametrize("accept", ["text/html", "image/*", f"{OLDER};q=0", f"{NEWER};q=0", "application/xml"])
async def test_who_accepts_neither_media_type_is_told_406(market: Market, accept: str) -> None:
    for method in ("POST", "GET", "PUT"):
        answered = await market.send(b'{"query": "{ hello }"}', {"accept": accept}, method=method)

        assert (answered.status, answered.codes) == (406, ["NOT_ACCEPTABLE"])
        assert answered.media_type == f"{OLDER}; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "BAD_REQUEST"),
        (b"{", "BAD_REQUEST"),
        (b'{"query": "\xff\xfe"}', "BAD_REQUEST"),
        (b'{"query": "{hello}", "variables": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "BAD_REQUEST"),
        (b'"{ hello }"', "BAD_REQUEST"),
        (b"null", "BAD_REQUEST"),
        (b"{}", "BAD_REQUEST"),
        (b'{"query": 5}', "BAD_REQUEST"),
        (b'{"query": ""}', "BAD_REQUEST"),
        (b'{"query": "{hello}", "operationName": 5}', "BAD_REQUEST"),
        (b'{"query": "{hello}", "variables": []}', "BAD_REQUEST"),
        (b'{"query": "{hello}", "extensions": "x"}', "BAD_REQUEST"),
        (b'[{"query": "{hello}"}]', "BATCHING_REFUSED"),
    ],
)
async def test_what_is_not_a_graphql_request_is_400_in_both_media_types(market: Market, body: bytes, code: str) -> None:
    for accept in (NEWER, OLDER):
        answered = await market.send(body, {"accept": accept})

        assert (answered.status, answered.codes) == (400, [code])
        assert "data" not in answered.json
    assert market.operations == [("none", "none", "refused")] * 2


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"query": "{ hello"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{" * 300 + "}" * 300}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ helo }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "fragment F on Query { hello }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": '{ painted(colour: "green") }'}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { hello } query B { hello }"}, "BAD_REQUEST"),
        ({"query": "query A { hello }", "operationName": "B"}, "BAD_REQUEST"),
        ({"query": "query ($n: String!) { hello(name: $n) }"}, "BAD_USER_INPUT"),
        ({"query": "query ($n: String!) { hello(name: $n) }", "variables": {"n": 5}}, "BAD_USER_INPUT"),
        ({"query": "query ($c: Colour!) { painted(colour: $c) }", "variables": {"c": "green"}}, "BAD_USER_INPUT"),
        ({"query": CLAIM, "variables": {"input": {"item": "a", "seats": 1}}}, "BAD_USER_INPUT"),
        ({"query": "subscription { ticks }"}, "SUBSCRIPTION_NEEDS_SOCKET"),
        ({"query": "{ hello }" + " " * 8_192}, "DOCUMENT_TOO_LARGE"),
        ({"query": "{ hello }#" + "市" * 3_000}, "DOCUMENT_TOO_LARGE"),
        ({"query": "{ hello" + "(" * 1_000 + "}"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ " + "hello " * 999 + "}"}, "DOCUMENT_TOO_LARGE"),
    ],
)
async def test_a_request_that_cannot_be_executed_is_400_without_data_or_200_for_older_clients(
    market: Market, request_: dict[str, Any], code: str
) -> None:
    newer = await market.send(orjson.dumps(request_), {"accept": NEWER})
    older = await market.send(orjson.dumps(request_), {"accept": OLDER})

    assert (newer.status, older.status) == (400, 200)
    assert newer.codes == [code] * len(newer.codes)
    assert newer.json == older.json
    assert "data" not in newer.json


async def test_input_nested_without_end_is_the_clients_fault(market: Market) -> None:
    def request(levels: int) -> bytes:
        search = b'{"also":' * levels + b"null" + b"}" * levels
        return b'{"query": "query ($s: Search) { found(search: $s) }", "variables": {"s": %b}}' % search

    fits = await market.send(request(99))
    beyond = await market.send(request(100))

    assert fits.json == {"data": {"found": "None, None"}}
    assert (beyond.status, beyond.codes) == (400, ["BAD_USER_INPUT"])


async def test_a_coercion_error_says_where(market: Market) -> None:
    answered = await market.ask("query ($n: String!) {\n hello(name: $n) }", variables={"n": None})

    assert answered.json["errors"] == [
        {
            "message": "Variable '$n' has invalid value: Expected value of non-null type 'String!' not to be None.",
            "locations": [{"line": 1, "column": 8}],
            "extensions": {"code": "BAD_USER_INPUT"},
        }
    ]


async def test_a_default_and_an_absent_variable_are_what_the_document_says(market: Market) -> None:
    given = await market.ask('query ($n: String = "all") { hello(name: $n) }')
    absent = await market.ask(
        "query ($n: String!, $skip: Boolean) { hello(name: $n) @skip(if: false) }", variables={"n": "me"}
    )

    assert given.json == {"data": {"hello": "hello all"}}
    assert absent.codes == ["GRAPHQL_VALIDATION_FAILED"]  # $skip is never used


@pytest.mark.parametrize("suggestions", [True, False])
async def test_suggestions_are_told_only_when_wanted(schema: strawberry.Schema, suggestions: bool) -> None:
    answered = await Market(schema, suggestions=suggestions).ask("{ helo }")

    assert ("Did you mean" in answered.json["errors"][0]["message"]) is suggestions


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('Application/JSON;charset="UTF-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("application/graphql", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
async def test_only_json_in_utf_8_is_read(market: Market, content_type: str, status: int) -> None:
    answered = await market.send(b'{"query": "{ hello }"}', {"content-type": content_type})

    assert answered.status == status
    if status == 415:
        assert answered.codes == ["UNSUPPORTED_MEDIA_TYPE"]


async def test_a_body_beyond_64_kilobytes_is_refused_announced_or_not(market: Market) -> None:
    fits = orjson.dumps({"query": "{ hello }"}).ljust(65_536)

    announced = await market.send(b"", {"content-length": "65537"})
    whole = await market.send(fits + b" ")
    in_parts = await market.send(fits + b" ", chunks=5)

    assert [a.status for a in (announced, whole, in_parts)] == [413] * 3
    assert announced.codes == ["REQUEST_TOO_LARGE"]
    assert (await market.send(fits, {"content-length": "65536"}, chunks=5)).json == {"data": {"hello": "hello you"}}


async def test_a_body_in_crumbs_is_refused_before_it_is_whole(market: Market) -> None:
    crumbs = orjson.dumps({"query": "{ hello }"}).ljust(600)

    refused = await market.send(crumbs, chunks=600)

    assert (refused.status, refused.codes) == (413, ["REQUEST_TOO_LARGE"])
    assert refused.json["errors"][0]["message"] == "The body comes in more than 500 pieces of less than 500 bytes."
    assert (await market.send(crumbs[:500], chunks=500)).json == {"data": {"hello": "hello you"}}


async def test_a_content_type_that_stands_twice_is_none(market: Market) -> None:
    body = b'{"query": "{ hello }"}'
    twice = [(b"content-type", b"text/plain"), (b"content-type", b"application/json")]

    statuses = [
        (await market.exchange([{"type": "http.request", "body": body}], {}, headers_as_sent=headers)).status
        for headers in (twice, twice[::-1], [*twice[1:], (b"x-twice", b"1"), (b"x-twice", b"2")])
    ]

    assert statuses == [415, 415, 200]


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("identity, br", 415), ("Identity", 200), ("", 200)])
async def test_a_compressed_body_is_not_read(market: Market, encoding: str, status: int) -> None:
    answered = await market.send(b'{"query": "{ hello }"}', {"content-encoding": encoding})

    assert answered.status == status
    if status == 415:
        assert (answered.codes, answered.headers["accept-encoding"]) == (["UNSUPPORTED_MEDIA_TYPE"], "identity")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_are_told_what_is_allowed(market: Market, method: str) -> None:
    answered = await market.send(b"", method=method)

    assert (answered.status, answered.codes) == (405, ["METHOD_NOT_ALLOWED"])
    assert answered.headers["allow"] == "GET, HEAD, POST"


async def test_a_browser_gets_the_ide_and_a_program_does_not(schema: strawberry.Schema) -> None:
    async def ide(scope: Any, receive: Any, send: Any) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"x"), (b"content-length", b"2")],
            }
        )
        await send({"type": "http.response.body", "body": b"{}"})

    market = Market(schema, ide=ide)

    assert (await market.send(b"", {"accept": "text/html,*/*"}, method="GET")).media_type == "x"
    assert (await market.send(b"", {"accept": "*/*"}, method="GET")).codes == ["BAD_REQUEST"]
    assert (await market.send(b'{"query": "{ hello }"}', {"accept": "text/html,*/*"})).json["data"]


@pytest.mark.parametrize("messages", [[], [{"type": "http.request", "body": b"{", "more_body": True}]])
async def test_a_client_that_hangs_up_is_no_error(market: Market, messages: list[dict[str, Any]]) -> None:
    with capture_logs() as logs, pytest.raises(ValueError, match="not enough values"):  # nothing was sent
        await market.exchange(messages, {"content-type": "application/json"})

    assert logs == []
    assert market.operations == []


async def test_an_operation_beyond_its_time_is_cancelled(schema: strawberry.Schema) -> None:
    market = Market(schema, seconds=0.05)

    answered = await market.ask("{ hello slow again { slow } }")

    assert (answered.status, answered.json["data"], answered.codes) == (200, None, ["TIMEOUT"])
    assert market.context.calls == {"began": 2, "cancelled": 2}
    assert market.operations == [("several", "query", "timeout")]


async def test_a_cancelled_request_is_not_a_timeout(market: Market) -> None:
    asking = asyncio.create_task(market.ask("{ slow }"))
    await market.context.begun.wait()

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert market.context.calls == {"began": 1, "cancelled": 1}


async def test_a_document_is_validated_once_and_an_invalid_one_every_time(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Counter[str]()

    def counting(validate: Callable[..., Any]) -> Callable[..., Any]:
        def counted(schema: Any, document: Any, *rest: Any, **more: Any) -> Any:
            read[document.loc.source.body] += 1
            return validate(schema, document, *rest, **more)

        return counted

    monkeypatch.setattr("api.reading.validate", counting(graphql.validate))
    for name in ("a", "b"):
        for _ in range(3):
            answered = await market.ask("query ($n: String!) { hello(name: $n) }", variables={"n": name})
            assert answered.json == {"data": {"hello": f"hello {name}"}}
            await market.ask("{ helo }")

    assert read == {"query ($n: String!) { hello(name: $n) }": 1, "{ helo }": 6}


async def test_conditions_are_asked_for_every_request(market: Market) -> None:
    query = "query ($yes: Boolean!) { hello @include(if: $yes) again { hello @skip(if: $yes) mine } }"

    yes, no, again = [await market.ask(query, variables={"yes": yes}) for yes in (True, False, True)]

    assert yes.json == {"data": {"hello": "hello you", "again": {"mine": "look 1"}}}
    assert no.json == {"data": {"again": {"hello": "hello you", "mine": "look 2"}}}
    assert again.json == {"data": {"hello": "hello you", "again": {"mine": "look 3"}}}


async def test_a_forgotten_document_is_read_again(schema: strawberry.Schema) -> None:
    market = Market(schema)
    market.answering._documents._room = 100

    for query in ("{ hello }", "{ again { hello } }", "{ hello }"):
        assert "data" in (await market.ask(query)).json

    assert list(market.answering._documents._kept) == ["{ hello }"]


async def test_what_a_document_selects_is_found_out_once_unless_it_has_conditions(market: Market) -> None:
    await market.ask("{ again { hello } }")
    await market.ask("{ again { hello @skip(if: false) } }")

    plain, conditional = (document.only for document in market.answering._documents._kept.values())
    assert plain and conditional
    assert [subject.name for subject, _ in plain.sub_fields] == ["Query"]
    assert conditional.sub_fields == {}


async def test_a_request_leaves_nothing_to_the_garbage_collector(market: Market) -> None:
    request: dict[str, Any] = {"variables": {"input": {"item": "item_1"}}}
    await market.ask(CLAIM, **request)
    gc.collect()
    gc.disable()

    for _ in range(20):
        await market.ask(CLAIM, **request)

    gc.enable()
    assert gc.collect() < 20  # less than one thing a request: whatever else this process does


async def test_a_body_that_never_ends_is_not_waited_for(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BODY_SECONDS", 0.05)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    await market.endpoint({"type": "http", "method": "POST", "path": "/graphql", "headers": headers}, receive, send)

    assert (sent[0]["status"], dict(sent[0]["headers"])[b"connection"]) == (408, b"close")
    assert orjson.loads(sent[1]["body"])["errors"][0]["extensions"]["code"] == "REQUEST_TOO_SLOW"
    assert market.operations == [("none", "none", "refused")]
