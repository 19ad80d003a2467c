"""Operations by GET: questions only, known documents only, and what caches may keep of the answers."""

from typing import Any

import orjson
import pytest
import strawberry

from api import caching
from api.documents import id_of
from tests.api.test_shared_answers import half_a_second
from tests.given.small_market import BOTH_WAYS, CLAIM, NEWER, OLDER, Market, new_schema

HELLO = "query ($n: String!) { hello(name: $n) }"
CATALOGUE = "{ catalogue }"
TICKS = "subscription { ticks }"


@pytest.fixture(params=BOTH_WAYS)
def schema(request: pytest.FixtureRequest) -> strawberry.Schema:
    return request.param()  # type: ignore[no-any-return]


@pytest.fixture
def market(schema: strawberry.Schema) -> Market:
    registered = {id_of(text): text for text in (HELLO, CATALOGUE, CLAIM, TICKS)}
    return Market(schema, documents=registered, public_seconds=lambda field: 2 * half_a_second(field))


async def test_a_known_document_is_executed_however_it_is_named(market: Market) -> None:
    variables = orjson.dumps({"n": "市"}).decode()
    extensions = orjson.dumps({"persistedQuery": {"version": 1, "sha256Hash": id_of(HELLO)[7:]}}).decode()

    answers = [
        await market.get(documentId=id_of(HELLO), variables=variables),
        await market.get(extensions=extensions, variables=variables),
        await market.get(query=HELLO, variables=variables, operationName=""),
        await market.get(documentId=id_of(HELLO), variables=variables, extensions="null", other="ignored"),
    ]

    told = [(answered.status, answered.json) for answered in answers]
    assert told[:2] + told[3:] == [(200, {"data": {"hello": "hello 市"}})] * 3
    assert answers[2].codes == ["BAD_REQUEST"]  # no operation has an empty name


async def test_what_an_apollo_client_has_sent_by_post_it_may_ask_by_get(market: Market) -> None:
    query = "{ again { hello } }"

    before = await market.get(documentId=id_of(query))
    await market.ask(query)
    after = await market.get(documentId=id_of(query))

    assert (before.codes, after.json) == (["PERSISTED_QUERY_NOT_FOUND"], {"data": {"again": {"hello": "hello you"}}})


async def test_a_text_that_nobody_registered_is_not_executed(market: Market) -> None:
    await market.ask("{ mine }")

    answered = await market.get({"accept": NEWER}, query="{ mine }")

    assert (answered.status, answered.codes) == (400, ["DOCUMENT_NOT_TRUSTED"])
    assert market.context.calls["mine"] == 1


async def test_a_mutation_is_never_executed_by_get(market: Market) -> None:
    variables = orjson.dumps({"input": {"item": "item_1"}}).decode()

    for method in ("GET", "HEAD"):
        for named in ({"documentId": id_of(CLAIM)}, {"query": CLAIM}):
            answered = await market.get(method=method, variables=variables, **named)

            assert (answered.status, answered.headers["allow"]) == (405, "POST")
    assert market.operations == [("none", "none", "refused")] * 4
    assert (await market.get(documentId=id_of(TICKS))).codes == ["SUBSCRIPTION_NEEDS_SOCKET"]


@pytest.mark.parametrize(
    ("query_string", "status"),
    [
        ("", 400),
        ("query=", 400),
        ("documentId=x", 400),
        (f"documentId={id_of(HELLO)}&variables=", 400),
        (f"documentId={id_of(HELLO)}&variables=%5B%5D", 400),
        (f"documentId={id_of(HELLO)}&variables=x", 400),
        (f"documentId={id_of(HELLO)}&variables=" + "%5B" * 1_500, 400),
        (f"documentId={id_of(HELLO)}&variables=%7B%22n%22:%22%5Cu0000%22%7D", 400),
        (f"documentId={id_of(HELLO)}&extensions=1", 400),
        (f"documentId={id_of(HELLO)}&documentId={id_of(CLAIM)}", 400),
        (f"documentId={id_of(HELLO)}&operationName=%ff", 400),
        (f"documentId={id_of(HELLO)}&x=\xff", 400),
        ("&".join(f"a{n}=1" for n in range(30)), 400),
        ("x=" + "x" * 8_190, 400),
        ("x=" + "x" * 8_191, 414),
    ],
)
async def test_what_is_not_a_graphql_request_is_400_in_both_media_types(
    market: Market, query_string: str, status: int
) -> None:
    for accept in (NEWER, OLDER):
        answered = await market.exchange([], {"accept": accept}, "GET", query_string.encode("latin-1"))

        assert answered.status == status
        assert "data" not in answered.json


async def test_an_anonymous_public_answer_may_be_kept_by_caches(market: Market) -> None:
    answered = await market.get(documentId=id_of(CATALOGUE))

    assert answered.json == {"data": {"catalogue": "page 1, look 1"}}
    assert answered.headers["cache-control"] == "public, max-age=1"
    assert answered.headers["vary"] == caching.VARY.decode() == "Accept, Accept-Language, Authorization"
    assert answered.headers["etag"].startswith('"')


async def test_a_shared_answer_is_sent_with_the_seconds_it_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("api.shared_answers.monotonic", lambda: now)
    market = Market(new_schema(), documents={id_of(CATALOGUE): CATALOGUE}, public_seconds=lambda field: 5.0)
    told = []
    for seconds in (0.0, 0.0, 2.0, 2.1, 4.9):
        now = 1000.0 + seconds
        told.append((await market.get(documentId=id_of(CATALOGUE))).headers["cache-control"])

    assert market.context.calls["catalogue"] == 1
    assert told == [f"public, max-age={seconds}" for seconds in (5, 5, 3, 3, 1)]


async def test_who_has_the_answer_already_is_told_so_in_no_bytes(market: Market) -> None:
    first = await market.get(documentId=id_of(CATALOGUE))
    tag = first.headers["etag"]

    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = await market.get({"if-none-match": known}, documentId=id_of(CATALOGUE))
        assert (again.status, again.json) == (304, {})
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "public, max-age=1"
        assert "content-type" not in again.headers
    newer = await market.get({"if-none-match": tag, "accept": NEWER}, documentId=id_of(CATALOGUE))
    other = await market.get({"if-none-match": '"x"'}, documentId=id_of(CATALOGUE))

    assert (newer.status, other.status) == (200, 200)
    assert newer.headers["etag"] != tag  # other headers: another representation
    assert market.context.calls["catalogue"] == 1


@pytest.mark.parametrize(
    ("headers", "parameters"),
    [
        ({"authorization": "Bearer x"}, {"documentId": id_of(CATALOGUE)}),
        ({}, {"documentId": id_of(HELLO), "variables": '{"n": "me"}'}),
        ({}, {"documentId": "sha256:" + "0" * 64}),
        ({"accept": "image/png"}, {"documentId": id_of(CATALOGUE)}),
    ],
    ids=["somebody known", "a private field", "not found", "not acceptable"],
)
async def test_nothing_else_may_be_kept(market: Market, headers: dict[str, str], parameters: dict[str, str]) -> None:
    answered = await market.get(headers, **parameters)

    assert answered.headers["cache-control"] == "no-store"
    assert "etag" not in answered.headers


async def test_an_answer_with_errors_and_an_answer_by_post_are_not_kept(market: Market) -> None:
    failing = "{ catalogue(fails: true) }"
    await market.ask(failing)

    by_get = await market.get(documentId=id_of(failing))
    by_post = await market.send(orjson.dumps({"documentId": id_of(CATALOGUE)}))

    assert by_get.codes == ["INTERNAL"]
    assert by_get.headers["cache-control"] == by_post.headers["cache-control"] == "no-store"
    assert "etag" not in by_post.headers


async def test_head_is_get_without_a_body(market: Market) -> None:
    get = await market.get(documentId=id_of(CATALOGUE))
    head = await market.get(method="HEAD", documentId=id_of(CATALOGUE))

    assert (head.status, head.json) == (200, {})
    assert head.headers == get.headers


async def test_a_body_that_reads_like_parameters_is_no_get(market: Market) -> None:
    answered: Any = await market.send(f"?documentId={id_of(CATALOGUE)}".encode())

    assert (answered.status, answered.codes) == (400, ["BAD_REQUEST"])
