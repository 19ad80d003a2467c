"""Documents at a limit, beyond it, and made to be costly."""

from collections.abc import Callable
from contextlib import suppress
from time import process_time

import pytest
import strawberry
from graphql import get_introspection_query

from api.faults import RequestFault
from tests.given.small_market import BOTH_WAYS, Market


@pytest.fixture(params=BOTH_WAYS)
def schema(request: pytest.FixtureRequest) -> strawberry.Schema:
    return request.param()  # type: ignore[no-any-return]


@pytest.fixture
def market(schema: strawberry.Schema) -> Market:
    return Market(schema)


def nested(levels: int) -> str:
    return "{ again " * (levels - 1) + "{ hello }" + " }" * (levels - 1)


def chain(fragments: int) -> str:
    spreads = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(fragments - 1))
    return f"{{ ...F0 }} {spreads} fragment F{fragments - 1} on Query {{ hello }}"


def conditional(more: str) -> str:
    fields = " ".join(f"a{n}: hello @skip(if: false) @include(if: true)" for n in range(25))
    return f"{{ again {{ {fields} hello {more} }} }}"


def wide(more: int) -> str:
    return "{ again { " + " ".join(f"a{n}: again {{ {'hello ' * 9} }}" for n in range(29)) + " hello" * more + " } }"


@pytest.mark.parametrize(
    ("at_the_limit", "beyond"),
    [
        (nested(12), nested(13)),
        (
            "{ " + " ".join(f"a{n}: hello" for n in range(10)) + " }",
            "{ " + " ".join(f"a{n}: hello" for n in range(11)) + " }",
        ),
        (
            "{ again { " + " ".join(f"a{n}: hello" for n in range(30)) + " } }",
            "{ again { " + " ".join(f"a{n}: hello" for n in range(31)) + " } }",
        ),
        (wide(9), wide(10)),
        (
            "{ again { ...F } } fragment F on Query { again { ...G } } fragment G on Query " + nested(10),
            "{ again { ...F } } fragment F on Query { again { ...G } } fragment G on Query " + nested(11),
        ),
        (
            "{ again { " + "...F " * 29 + "} } fragment F on Query { again { ... { " + "hello " * 9 + "} } }",
            "{ again { " + "...F " * 30 + "} } fragment F on Query { again { ... { " + "hello " * 9 + "} } }",
        ),
        (chain(49), chain(50)),
        (conditional(""), conditional("@skip(if: false)")),
    ],
    ids=[
        "depth",
        "root fields",
        "aliases",
        "fields",
        "depth through fragments",
        "fields through fragments",
        "definitions",
        "directives",
    ],
)
async def test_a_document_at_a_limit_runs_and_one_beyond_is_refused(
    market: Market, at_the_limit: str, beyond: str
) -> None:
    assert "data" in (await market.ask(at_the_limit)).json

    refused = await market.ask(beyond)

    assert (refused.status, refused.codes) == (400, ["DOCUMENT_TOO_COMPLEX"])


async def test_introspection_is_not_too_deep(schema: strawberry.Schema) -> None:
    question = get_introspection_query(descriptions=True, input_value_deprecation=True)

    assert (await Market(schema).ask(question)).json["data"]["__schema"]["queryType"] == {
        "name": "Query",
        "kind": "OBJECT",
    }
    assert (await Market(schema, introspection=False).ask(question)).codes[0] == "GRAPHQL_VALIDATION_FAILED"
    assert (await Market(schema, introspection=False).ask("{ __typename }")).json == {"data": {"__typename": "Query"}}


async def test_directives_are_counted_in_each_place(market: Market) -> None:
    at_the_limit = await market.ask("{ hello" + " @skip(if: false)" * 5 + " }")
    beyond = await market.ask("{ hello" + " @skip(if: false)" * 6 + " }")

    assert set(at_the_limit.codes) == {"GRAPHQL_VALIDATION_FAILED"}  # which says that the directive stands there twice
    assert beyond.codes == ["DOCUMENT_TOO_COMPLEX"]
    assert beyond.json["errors"][0]["message"] == "The document has more than 5 directives in one place."


def doubling(last: str) -> str:
    """30 levels, each twice in the one above."""
    levels = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))
    return f"{{ ...F0 }} {levels} fragment F30 on Query {{ {last} }}"


def siblings(count: int, body: str) -> str:
    spreads = " ".join(f"...F{n}" for n in range(count))
    return f"{{ again {{ {spreads} }} }} " + " ".join(f"fragment F{n} on Query {{ {body} }}" for n in range(count))


def of_input(levels: int) -> str:
    return "{ found(search: " + "{also: " * levels + "null" + "}" * levels + ") }"


HOSTILE = {
    "300 siblings": (siblings(300, "hello"), "DOCUMENT_TOO_LARGE"),
    "90 siblings": (siblings(90, "hello"), "DOCUMENT_TOO_COMPLEX"),
    "49 siblings with fields of one name": (siblings(49, "hello again { mine }"), "DOCUMENT_TOO_COMPLEX"),
    "30 levels that double": (doubling("hello"), "DOCUMENT_TOO_COMPLEX"),
    "a cycle of 30 levels that double": (doubling("...F0"), "GRAPHQL_VALIDATION_FAILED"),
    "1,000 aliases": ("{ " + " ".join(f"a{n}: hello" for n in range(1000)) + " }", "DOCUMENT_TOO_LARGE"),
    "240 aliases": ("{ " + " ".join(f"a{n}: hello" for n in range(240)) + " }", "DOCUMENT_TOO_COMPLEX"),
    "298 fields of one name": ("{ again { " + "hello " * 298 + "} }", "DOCUMENT_TOO_COMPLEX"),
    "149 pairs of fields of one name": ("{ again { " + "again { hello } " * 149 + "} }", "DOCUMENT_TOO_COMPLEX"),
    "fields of one name with arguments": (
        "query ($n: String!) { again { " + "hello(name: $n) " * 120 + "} }",
        "DOCUMENT_TOO_COMPLEX",
    ),
    "fields of one name in fragments without a name": (
        "{ again { " + "... on Query { hello ... { hello ... { hello } } } " * 45 + "} }",
        "DOCUMENT_TOO_COMPLEX",
    ),
    "fragments without a name, 100 deep": ("{ " + "... { " * 100 + "hello" + " }" * 101, None),
    "input 60 deep": (of_input(60), None),
    "input 300 deep": (of_input(300), "GRAPHQL_PARSE_FAILED"),
    "lists 190 deep": ("{ found(search: " + "[" * 190 + "]" * 190 + ") }", "GRAPHQL_VALIDATION_FAILED"),
    "an argument 240 times": ("{ hello(" + 'name: "a" ' * 240 + ") }", "GRAPHQL_VALIDATION_FAILED"),
    "200 variables": (
        "query (" + " ".join(f"$v{n}: String" for n in range(190)) + ") { hello }",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "160 directives": ("{ hello " + "@skip(if: true) " * 130 + "}", "DOCUMENT_TOO_COMPLEX"),
    "190 operations": (" ".join(f"query A{n} {{ hello }}" for n in range(190)), "DOCUMENT_TOO_COMPLEX"),
    "300 unknown fields": ("{ again { " + " ".join(f"x{n}" for n in range(299)) + " } }", "GRAPHQL_VALIDATION_FAILED"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_answered_in_no_time(market: Market, name: str) -> None:
    document, code = HOSTILE[name]
    reader = market.answering._documents._reader

    answered = await market.ask(document)
    best = min(_seconds(lambda: reader.read(document)) for _ in range(3))

    assert (answered.codes[0] if "errors" in answered.json else None) == code
    assert best < 0.05


def _seconds(work: Callable[[], object]) -> float:
    began = process_time()
    with suppress(RequestFault):
        work()
    return process_time() - began
