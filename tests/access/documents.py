"""Documents made from the schema: every field below a root field, in as many documents as the limits of one need."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

FIELDS_OF_A_DOCUMENT = 40
DEPTH = 9
ENTRIES = 3
"""How many entries of a list are asked for, wherever that can be said."""
REFUSAL = "UserError"

Way = tuple[str, ...]
"""From below the root field to a leaf, as it is written: "nodes", "lines", "sku", "... on Order"."""


@dataclass(frozen=True)
class Document:
    """A part of what can be asked below a root field."""

    kind: str
    root: str
    text: str
    variables: Mapping[str, Any] = field(default_factory=dict)


def documents(
    schema: GraphQLSchema, kind: str, root: str, variables: Mapping[str, Any], *, only: str | None = None
) -> Iterator[Document]:
    """Every field below the root field: of the objects of the type `only` where it answers with any node."""
    root_type = getattr(schema, f"{kind}_type")
    asked = root_type.fields[root]
    heads = ", ".join(f"${name}: {asked.args[name].type}" for name in variables)
    called = root + _arguments([*(f"{name}: ${name}" for name in variables), *_first(asked, variables)])
    ways = list(_ways(schema, get_named_type(asked.type), only, ()))
    for at in range(0, len(ways), FIELDS_OF_A_DOCUMENT):
        selection = _written(ways[at : at + FIELDS_OF_A_DOCUMENT])
        yield Document(kind, root, f"{kind} Walk{f'({heads})' if heads else ''} {{ {called}{selection} }}", variables)


def _ways(schema: GraphQLSchema, kind: GraphQLNamedType, only: str | None, above: tuple[str, ...]) -> Iterator[Way]:
    if is_leaf_type(kind):
        yield ()
    elif isinstance(kind, GraphQLObjectType):
        yield from _ways_of_object(schema, kind, above)
    else:
        assert isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)
        yield ("__typename",)
        for possible in schema.get_possible_types(kind):
            is_refusal = any(interface.name == REFUSAL for interface in possible.interfaces)
            if not is_refusal and only in {None, possible.name}:
                for way in _ways_of_object(schema, possible, above):
                    yield (f"... on {possible.name}", *way)
        if isinstance(kind, GraphQLUnionType) or kind.name == REFUSAL:
            yield from ((f"... on {REFUSAL}", name) for name in ("code", "message"))


def _ways_of_object(schema: GraphQLSchema, kind: GraphQLObjectType, above: tuple[str, ...]) -> Iterator[Way]:
    if kind.name in above or len(above) == DEPTH:
        yield ("__typename",)
        return
    is_edge = kind.name.endswith("Edge")
    is_below_another = _is_node(kind) and any(_is_node(schema.type_map[name]) for name in above)
    for name, asked in kind.fields.items():
        if is_below_another and not is_leaf_type(get_named_type(asked.type)):
            continue
        called = name + _arguments(_first(asked, {}))
        if is_edge and name == "node":  # the same entries as `nodes`
            yield (called, "__typename")
            continue
        for way in _ways(schema, get_named_type(asked.type), None, (*above, kind.name)):
            yield (called, *way)


def _is_node(kind: GraphQLNamedType) -> bool:
    """Whether all below it is walked from `node`, so that below another one its own leaves are enough."""
    return isinstance(kind, GraphQLObjectType) and any(interface.name == "Node" for interface in kind.interfaces)


def _first(asked: GraphQLField, given: Mapping[str, Any]) -> list[str]:
    return [f"first: {ENTRIES}"] if "first" in asked.args and "first" not in given else []


def _arguments(passed: list[str]) -> str:
    return f"({', '.join(passed)})" if passed else ""


def _written(ways: list[Way]) -> str:
    if ways == [()]:
        return ""
    below: dict[str, list[Way]] = {"__typename": [()]}
    for way in ways:
        if way != ("__typename",):
            below.setdefault(way[0], []).append(way[1:])
    return f" {{ {' '.join(name + _written(rest) for name, rest in below.items())} }}"
