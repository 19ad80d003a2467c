"""What an operation costs at most, told with its answer and judged before it is executed."""

from typing import Any

import pytest
from graphql import parse

from api import schema
from api.cost import Costs
from api.limits import Limits
from tests.given.small_market import BOTH_WAYS, NEWER, OLDER, Market

SCHEMA = schema.build()._schema


def cost_of(document: str, variables: dict[str, Any] | None = None) -> int:
    """The cost of the only operation, by the market's own schema."""
    definitions = parse(document).definitions
    fragments = {d.name.value: d for d in definitions if d.kind == "fragment_definition"}
    operation = definitions[0]
    root = SCHEMA.get_root_type(operation.operation)
    cost = Costs(SCHEMA, fragments).of(operation.selection_set, root)
    return cost if isinstance(cost, int) else cost(variables or {})


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        ("{ serverTime }", 1),
        ("{ serverTime again: serverTime __typename }", 3),
        ("{ products { nodes { id } } }", 1 + 1 + 20 * 1),  # the schema's own `first` is 20
        ("{ products(first: 5) { nodes { id title } } }", 1 + 1 + 5 * 2),
        ("{ products(first: 5) { edges { node { id } } nodes { id } } }", 1 + (1 + 5 * 2) + (1 + 5)),
        ("{ products(first: 5) { pageInfo { hasNextPage } totalCount } }", 1 + 2 + 1),
        ("{ products(first: 5) { nodes { tags skus { id } } } }", 1 + 1 + 5 * (1 + 1 + 10)),  # ten are assumed
        ("{ products(first: 5) { nodes { ...F ...F } } } fragment F on Product { id }", 1 + 1 + 5 * 2),
        ("{ products(first: 5) { ...F } } fragment F on ProductConnection { nodes { id } }", 1 + 1 + 5),
        ("{ products(first: 5) { ... { nodes { ... on Product { id } } } } }", 1 + 1 + 5),
        ("{ products(first: 1000000) { nodes { id } } }", 1 + 1 + 100),  # no page is longer
        ("{ products(first: -5) { nodes { id } } }", 1 + 1),
        ('{ node(id: "x") { id ... on Product { title } ... on Order { number } } }', 1 + 1 + 1 + 1),
        ("{ categories { id } }", 1 + 10),
        ("{ __schema { types { fields { name } } } }", 1),
        ("mutation { signOut { __typename } }", 2),
    ],
)
def test_every_field_counts_once_for_each_object_it_is_asked_of(document: str, cost: int) -> None:
    assert cost_of(document) == cost


@pytest.mark.parametrize(
    ("variables", "cost"),
    [({"n": 5}, 1 + 1 + 5 * 2), ({"n": 100}, 202), ({"n": 101}, 202), ({"n": -1}, 2), ({}, 1 + 1 + 20 * 2)],
)
def test_a_variable_says_how_long_a_page_is(variables: dict[str, int], cost: int) -> None:
    assert cost_of("query ($n: Int!) { products(first: $n) { nodes { id title } } }", variables) == cost


def test_pages_within_pages_multiply() -> None:
    suppliers = """query ($many: Int!, $some: Int!) { suppliers(first: $many) { nodes { ...Whole } } }
        fragment Whole on Supplier { skus(first: $some) { nodes { skuId supplierCode } } toSend(first: 3) { nodes { orderId } } }"""

    assert cost_of(suppliers, {"many": 10, "some": 4}) == 1 + 1 + 10 * ((1 + 1 + 4 * 2) + (1 + 1 + 3))


@pytest.fixture(params=BOTH_WAYS)
def market(request: pytest.FixtureRequest) -> Market:
    return Market(request.param(), limits=Limits(cost=3))


async def test_the_cost_is_told_with_every_answer_and_one_beyond_the_limit_is_refused(market: Market) -> None:
    at_the_limit = await market.ask("{ again { again { failing } } }")
    beyond = await market.ask("{ again { again { failing mine } } }", NEWER)
    older = await market.ask("{ again { again { failing mine } } }", OLDER)

    assert at_the_limit.codes == ["INTERNAL"]
    assert at_the_limit.cost == {"requested": 3, "limit": 3}
    assert (beyond.status, older.status) == (400, 200)
    assert (
        beyond.json
        == older.json
        == {
            "errors": [
                {
                    "message": "The operation costs about 4; allowed: 3. Ask for smaller pages.",
                    "extensions": {"code": "DOCUMENT_TOO_COMPLEX", "cost": {"requested": 4, "limit": 3}},
                }
            ]
        }
    )
    assert market.context.calls["mine"] == 0


async def test_a_refused_operation_tells_no_cost(market: Market) -> None:
    assert (await market.ask("{ helo }")).cost is None


@pytest.mark.parametrize(
    ("document", "counts"),
    [
        ("{ hello }", {"hello": 1}),
        (
            "mutation { a: claim(input: {item: 1}) { __typename } b: claim(input: {item: 2}) { __typename } }",
            {"claim": 2},
        ),
        (
            "{ a: hello ...F ... { mine } } fragment F on Query { hello ...G ...G } fragment G on Query { c: hello }",
            {"hello": 4, "mine": 1},
        ),
    ],
)
def test_an_operation_says_how_often_each_root_field_is_asked_for(document: str, counts: dict[str, int]) -> None:
    reader = Market(BOTH_WAYS[0]()).answering._documents._reader

    assert reader.read(document).operation(None).root_counts == counts
