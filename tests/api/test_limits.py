"""Documents at a limit, beyond it, and made to be costly."""

from collections.abc import Awaitable
from time import perf_counter
from typing import Any

import pytest
import strawberry
from graphql import get_introspection_query

from tests.given.small_market import BOTH_WAYS, Market


@pytest.fixture(params=BOTH_WAYS)
def schema(request: pytest.FixtureRequest) -> strawberry.Schema:
    return request.param()  # type: ignore[no-any-return]


@pytest.fixture
def market(schema: strawberry.Schema) -> Market:
    return Market(schema)


def nested(levels: int) -> str:
    return "{ again " * (levels - 1) + "{ hello }" + " }" * (levels - 1)


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
        ("{ again { " + "hello " * 299 + "} }", "{ again { " + "hello " * 300 + "} }"),
        (
            "{ again { ...F } } fragment F on Query { again { ...G } } fragment G on Query " + nested(10),
            "{ again { ...F } } fragment F on Query { again { ...G } } fragment G on Query " + nested(11),
        ),
        (
            "{ again { " + "...F " * 29 + "} } fragment F on Query { again { ... { " + "hello " * 9 + "} } }",
            "{ again { " + "...F " * 30 + "} } fragment F on Query { again { ... { " + "hello " * 9 + "} } }",
        ),
    ],
    ids=["depth", "root fields", "aliases", "fields", "depth through fragments", "fields through fragments"],
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


SIBLINGS = (
    "{ "
    + "".join(f"...F{n} " for n in range(300))
    + "}"
    + "".join(f" fragment F{n} on Query {{ hello }}" for n in range(300))
)
BOMB = "{ ...F0 } fragment F30 on Query { hello } " + " ".join(
    f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30)
)
CYCLE = "{ ...F0 } fragment F30 on Query { ...F0 } " + " ".join(
    f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30)
)


@pytest.mark.parametrize(
    ("document", "code"),
    [(SIBLINGS, "DOCUMENT_TOO_LARGE"), (BOMB, "DOCUMENT_TOO_COMPLEX"), (CYCLE, "GRAPHQL_VALIDATION_FAILED")],
    ids=["300 siblings", "30 levels that double", "a cycle"],
)
async def test_fragments_are_weighed_in_no_time(market: Market, document: str, code: str) -> None:
    await market.ask("{ hello }")
    best = min([await _seconds(market.ask(document)) for _ in range(3)])

    assert (await market.ask(document)).codes[0] == code
    assert best < 0.05


async def _seconds(work: Awaitable[Any]) -> float:
    began = perf_counter()
    await work
    return perf_counter() - began
