"""How much one answer may hold: lists within lists multiply, and no length of a document says so."""

from time import process_time

import pytest
import strawberry
from graphql import GraphQLInterfaceType, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLUnionType

from api.lean import lean
from api.limits import Limits
from api.schema import build
from tests.given.small_market import Market


@strawberry.type
class Branch:
    @strawberry.field
    async def branches(self) -> list["Branch"]:
        return [Branch() for _ in range(27)]

    @strawberry.field
    def twigs(self, count: int) -> list[int] | None:
        return list(range(count))


def tree() -> Market:
    schema = strawberry.Schema(query=Branch)
    lean(schema)
    return Market(schema, limits=Limits(cost=10**12))  # what is tested here comes after it


def nested(levels: int) -> str:
    return "{ branches " * levels + "{ __typename }" + " }" * levels


async def test_lists_within_lists_end_at_ten_thousand_entries():
    market = tree()

    small = await market.ask(nested(2))
    began = process_time()
    large = await market.ask(nested(8))  # 282,429,536,481 at the last level
    seconds = process_time() - began

    assert len(small.json["data"]["branches"]) == 27
    assert (large.status, large.codes, large.json["data"]) == (200, ["DOCUMENT_TOO_COMPLEX"], None)
    assert large.json["errors"][0]["message"] == "The lists of the answer have more than 10000 entries."
    assert market.operations[-1] == ("branches", "query", "client_error")
    assert seconds < 4


@pytest.mark.parametrize(("count", "fits"), [(10_000, True), (10_001, False)])
async def test_a_list_at_the_limit_is_given(count, fits):
    answered = await tree().ask(f"{{ twigs(count: {count}) }}")

    assert ("errors" not in answered.json) is fits


def test_no_type_leads_back_to_itself_through_a_list():
    """What is found by paging is bounded by its page; a plain list in a circle grows with every turn."""
    types = {
        name: kind
        for name, kind in build()._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and name[0] != "_"
    }
    found = {name: {inner for inner, _ in _leads_to(kind)} for name, kind in types.items()}
    for via in types:
        for name in types:
            if via in found[name]:
                found[name] |= found[via]

    circles = {
        f"{name}.{field}"
        for name, kind in types.items()
        for inner, field in _leads_to(kind)
        if field and name in found.get(inner, ()) and name not in ("Query", "Mutation")
    }

    assert circles == set()


def _leads_to(kind):
    """The object types of a type's fields, each with the field's name where it is a plain list."""
    for name, field in kind.fields.items():
        inner, is_list = field.type, False
        while isinstance(inner, GraphQLNonNull | GraphQLList):
            is_list = is_list or isinstance(inner, GraphQLList)
            inner = inner.of_type
        if isinstance(inner, GraphQLUnionType):
            yield from ((member.name, name if is_list else None) for member in inner.types)
        elif isinstance(inner, GraphQLObjectType | GraphQLInterfaceType):
            yield inner.name, name if is_list else None
