"""Documents by their ids: registered ones, Apollo's automatic ones, and what becomes of all others."""

from hashlib import sha256
from typing import Any

import orjson
import pytest
import strawberry
from structlog.testing import capture_logs

from api import trusted
from api.documents import LEAST_CHARACTERS, id_of
from api.limits import Limits
from domain.foundation.settings import Settings
from tests.given.small_market import BOTH_WAYS, CLAIM, NEWER, OLDER, Answered, Market

HELLO = "query ($n: String!) { hello(name: $n) }"
UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture(params=BOTH_WAYS)
def schema(request: pytest.FixtureRequest) -> strawberry.Schema:
    return request.param()  # type: ignore[no-any-return]


@pytest.fixture
def market(schema: strawberry.Schema) -> Market:
    return Market(schema)


@pytest.fixture
def closed(schema: strawberry.Schema) -> Market:
    """A market that executes two documents and no others."""
    return Market(schema, adhoc=False, documents={id_of(text): text for text in (HELLO, CLAIM)})


async def ask(market: Market, accept: str = NEWER, **parameters: Any) -> Answered:
    return await market.send(orjson.dumps(parameters), {"accept": accept})


def automatic(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}}


async def test_an_apollo_client_sends_a_hash_then_the_text_then_the_hash_alone(
    market: Market, schema: strawberry.Schema
) -> None:
    asked = {"extensions": automatic(HELLO), "variables": {"n": "me"}}

    first = await ask(market, **asked)
    second = await ask(market, query=HELLO, **asked)
    third = await ask(market, **asked)

    assert first.json == {
        "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
    }
    assert second.json == third.json == {"data": {"hello": "hello me"}}
    assert [first.status, second.status, third.status] == [400, 200, 200]
    assert (await ask(Market(schema), OLDER, **asked)).status == 200


async def test_a_document_id_and_a_hash_name_the_same_document(market: Market) -> None:
    await ask(market, query=HELLO, variables={"n": "me"})

    by_id = await ask(market, documentId=id_of(HELLO), variables={"n": "id"})
    by_both = await ask(market, documentId=id_of(HELLO), extensions=automatic(HELLO), variables={"n": "both"})

    assert (by_id.json, by_both.json) == ({"data": {"hello": "hello id"}}, {"data": {"hello": "hello both"}})


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"documentId": UNKNOWN}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"documentId": UNKNOWN[:-1]}, "BAD_REQUEST"),
        ({"documentId": UNKNOWN + "\n"}, "BAD_REQUEST"),
        ({"documentId": "sha256:" + "A" * 64}, "BAD_REQUEST"),
        ({"documentId": 5}, "BAD_REQUEST"),
        ({"documentId": ["x"]}, "BAD_REQUEST"),
        ({"documentId": UNKNOWN, "query": "{ hello }"}, "BAD_REQUEST"),
        (
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}, "query": "{ hello }"},
            "BAD_REQUEST",
        ),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"version": 1}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": {}}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": "x"}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": []}}, "BAD_REQUEST"),
        ({"extensions": automatic("{ hello }"), "documentId": UNKNOWN}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": None}, "documentId": None}, "BAD_REQUEST"),
    ],
)
async def test_a_document_that_is_named_badly_is_not_executed(
    market: Market, parameters: dict[str, Any], code: str
) -> None:
    await market.ask("{ hello }")

    answered = await ask(market, **parameters)

    assert (answered.status, answered.codes) == (400, [code])
    assert "data" not in answered.json


async def test_an_invalid_document_is_not_kept_under_its_hash(market: Market) -> None:
    sent = await ask(market, query="{ helo }", extensions=automatic("{ helo }"))
    asked = await ask(market, extensions=automatic("{ helo }"))

    assert (sent.codes, asked.codes) == (["GRAPHQL_VALIDATION_FAILED"], ["PERSISTED_QUERY_NOT_FOUND"])


async def test_a_forgotten_document_is_not_found_and_its_room_is_free_again(market: Market) -> None:
    documents = market.answering._documents
    documents._room = room = 1_000

    for n in range(200):
        assert "data" in (await market.ask(f"{{ hello }}#{n:03}")).json

    assert (await ask(market, documentId=id_of("{ hello }#000"))).codes == ["PERSISTED_QUERY_NOT_FOUND"]
    assert (await ask(market, documentId=id_of("{ hello }#199"))).json == {"data": {"hello": "hello you"}}
    assert len(documents._kept) == len(documents._kept_texts) == room // (len("{ hello }#000") + LEAST_CHARACTERS)


async def test_a_closed_market_executes_what_is_registered_however_it_is_named(closed: Market) -> None:
    variables = {"n": "me"}

    answers = [
        await ask(closed, documentId=id_of(HELLO), variables=variables),
        await ask(closed, extensions=automatic(HELLO), variables=variables),
        await ask(closed, extensions=automatic(HELLO), query=HELLO, variables=variables),
        await ask(closed, query=HELLO, variables=variables),
    ]

    assert [answered.json for answered in answers] == [{"data": {"hello": "hello me"}}] * 4


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"query": "{ hello }"}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": "{ helo"}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": HELLO + " "}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": "{ hello }", "extensions": automatic("{ hello }")}, "DOCUMENT_NOT_TRUSTED"),
        ({"extensions": automatic("{ hello }")}, "PERSISTED_QUERY_NOT_SUPPORTED"),
        ({"documentId": UNKNOWN}, "PERSISTED_QUERY_NOT_FOUND"),
    ],
)
async def test_a_closed_market_executes_nothing_else(closed: Market, parameters: dict[str, Any], code: str) -> None:
    for _ in range(2):
        answered = await ask(closed, **parameters)

        assert (answered.status, answered.codes) == (400, [code])


async def test_a_registered_document_is_never_forgotten(schema: strawberry.Schema) -> None:
    market = Market(schema, documents={id_of(HELLO): HELLO})
    market.answering._documents._room = 500

    for n in range(50):
        await market.ask(f"{{ hello }}#{n}")

    answered = await ask(market, documentId=id_of(HELLO), variables={"n": "me"})
    assert answered.json == {"data": {"hello": "hello me"}}


async def test_a_registered_document_that_broke_is_told_in_the_log_and_to_who_asks_for_it(
    schema: strawberry.Schema,
) -> None:
    broken = "{ whatWasOnce }"
    with capture_logs() as logs:
        market = Market(schema, adhoc=False, documents={id_of(text): text for text in (broken, HELLO)})

    asked = await ask(market, documentId=id_of(broken))
    other = await ask(market, documentId=id_of(HELLO), variables={"n": "me"})

    assert logs == [
        {
            "event": "a registered document cannot be executed",
            "log_level": "error",
            "document": id_of(broken),
            "reason": "Cannot query field 'whatWasOnce' on type 'Query'.",
        }
    ]
    assert (asked.status, asked.codes) == (400, ["GRAPHQL_VALIDATION_FAILED"])
    assert other.json == {"data": {"hello": "hello me"}}


@pytest.mark.parametrize("nul", [r"\u0000", r"\u{0}", r"\u{000000}", "\0"])
async def test_the_character_postgresql_cannot_keep_is_refused_in_documents_too(market: Market, nul: str) -> None:
    answered = await market.ask(f'{{ hello(name: "{nul}") }}')

    assert (answered.status, answered.codes) == (400, ["BAD_USER_INPUT"])


async def test_a_number_beyond_all_reading_is_refused_without_a_word_of_python(market: Market) -> None:
    answered = await market.ask(f"{{ catalogue(page: {'9' * 6_000}) }}")

    assert (answered.status, answered.codes) == (400, ["BAD_USER_INPUT"])
    assert answered.json["errors"][0]["message"] == "A number has 100 digits or more."


async def test_limits_hold_for_registered_documents_too(schema: strawberry.Schema) -> None:
    with capture_logs() as logs:
        market = Market(schema, limits=Limits(depth=1), documents={id_of("{ again { hello } }"): "{ again { hello } }"})

    assert (await ask(market, documentId=id_of("{ again { hello } }"))).codes == ["DOCUMENT_TOO_COMPLEX"]
    assert len(logs) == 1


def test_the_registry_is_read_as_it_was_written(tmp_path: Any) -> None:
    file = tmp_path / "documents.json"
    documents = {id_of(text): text for text in (CLAIM, "{ hello }#夜市")}

    trusted.write(file, documents)

    assert trusted.load(Settings(documents=file)) == documents
    assert trusted.load(Settings()) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["documents.json"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"{", "cannot be read"),
        (b"[]", "is not an object of documents"),
        (b'{"sha256:00": 5}', "is not an object of documents"),
        (b'{"sha256:00": "{ hello }"}', "sha256:00 is not the id of its document"),
    ],
)
def test_a_file_that_is_no_registry_is_named_with_its_knob(tmp_path: Any, content: bytes | None, said: str) -> None:
    file = tmp_path / "documents.json"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(trusted.RegistryUnreadable, match=f"NIGHTMARKET_DOCUMENTS: .*documents.json.*{said}"):
        trusted.load(Settings(documents=file))


def test_a_closed_market_without_a_registry_does_not_start() -> None:
    with pytest.raises(trusted.RegistryUnreadable, match=r"NIGHTMARKET_DOCUMENTS must .* NIGHTMARKET_ADHOC_DOCUMENTS"):
        trusted.load(Settings(adhoc_documents=False))
