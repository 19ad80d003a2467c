"""What an answer shows, field by field, and by which rules: read out of the answer with the schema beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type

from api.access import Who, rule_of

EVERYBODYS_OWN = {
    "Cart": "everybody has one; what is in it tells whose it is",
    "LeaderFigures": "everybody has some, zeros where they lead no group",
}
"""Types of which everybody is shown one, their own, so that an object of them says nothing."""


@dataclass(frozen=True)
class Seen:
    """A field of an answer: null with `code` where it was refused. `rules` are all that stand on the way to it."""

    type_name: str
    field_name: str
    rules: frozenset[Who]
    code: str | None = None
    is_null: bool = False

    @property
    def name(self) -> str:
        """Like Order.number."""
        return f"{self.type_name}.{self.field_name}"


def seen(schema: GraphQLSchema, kind: str, content: Mapping[str, Any]) -> Iterator[Seen]:
    """Every field of an answer."""
    codes = {
        tuple(error["path"]): error["extensions"]["code"] for error in content.get("errors", []) if "path" in error
    }
    root_type = getattr(schema, f"{kind}_type")
    if content.get("data"):
        yield from _of_object(schema, root_type, content["data"], (), frozenset(), codes)


def _of_object(
    schema: GraphQLSchema,
    kind: GraphQLObjectType,
    value: Mapping[str, Any],
    path: tuple[Any, ...],
    above: frozenset[Who],
    codes: Mapping[tuple[Any, ...], str],
) -> Iterator[Seen]:
    own = rule_of(kind)
    if own is not None and kind.name not in EVERYBODYS_OWN:
        above = above | {own}
    for name, inner in value.items():
        if name == "__typename":
            continue
        asked, here = kind.fields[name], (*path, name)
        rule = rule_of(asked)
        rules = above if rule is None else above | {rule}
        yield Seen(kind.name, name, rules, codes.get(here), inner is None)
        named = get_named_type(asked.type)
        if not is_leaf_type(named):
            yield from _below(schema, inner, here, rules, codes)


def _below(
    schema: GraphQLSchema,
    value: Any,
    path: tuple[Any, ...],
    above: frozenset[Who],
    codes: Mapping[tuple[Any, ...], str],
) -> Iterator[Seen]:
    if isinstance(value, list):
        for at, one in enumerate(value):
            yield from _below(schema, one, (*path, at), above, codes)
    elif value is not None:
        kind = schema.type_map[value["__typename"]]
        assert isinstance(kind, GraphQLObjectType)
        yield from _of_object(schema, kind, value, path, above, codes)
