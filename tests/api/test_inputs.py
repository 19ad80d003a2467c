"""Input values read by prepared calls come out as graphql-core reads them, or are left to it."""

from typing import Any

import pytest
from graphql import Undefined, build_schema
from graphql.utilities import coerce_input_value

from api import schema
from api.inputs import Inputs

SCHEMA = build_schema("""
    enum Taste { SWEET BITTER }
    input Search { word: String, most: Int! = 5, tastes: [Taste!] = [SWEET], also: Search, ids: [[ID]!] }
    input One @oneOf { id: ID, word: String }
    type Query { found(search: Search, one: One): Int }
""")
MISSING = object()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Search", {}),
        ("Search", {"word": "茶", "most": 3, "tastes": ["BITTER", "SWEET"]}),
        ("Search", {"word": None, "tastes": None, "also": None}),
        ("Search", {"also": {"also": {"most": 1}}, "ids": [["a", 1, None], []]}),
        ("Search", {"tastes": "BITTER"}),
        ("Search", {"ids": "a"}),
        ("Search", {"most": None}),
        ("Search", {"most": "3"}),
        ("Search", {"most": 2**31}),
        ("Search", {"most": True}),
        ("Search", {"tastes": ["SOUR"]}),
        ("Search", {"tastes": [None]}),
        ("Search", {"colour": "red"}),
        ("Search", {"also": {"colour": "red"}}),
        ("Search", {"also": []}),
        ("Search", [{}]),
        ("Search", "茶"),
        ("Search", None),
        ("One", {"id": "a"}),
        ("One", {"id": "a", "word": "b"}),
        ("One", {"id": None}),
        ("One", {}),
    ],
)
def test_it_is_read_as_graphql_core_reads_it(kind: str, value: Any) -> None:
    graphql_type: Any = SCHEMA.type_map[kind]
    expected = coerce_input_value(value, graphql_type)

    try:
        found = Inputs().reader(graphql_type)(value)
    except Exception:
        found = MISSING  # graphql-core is asked

    assert found == expected or found is MISSING
    assert found is MISSING or expected is not Undefined


def test_the_usual_case_is_not_left_to_graphql_core() -> None:
    market = schema.build()._schema
    read = Inputs().reader(market.type_map["ClaimFlashSaleInput"])
    value = {"pass": "p", "idempotencyKey": "k", "quantity": 2}

    assert read(value) == coerce_input_value(value, market.type_map["ClaimFlashSaleInput"])
