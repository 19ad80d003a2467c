"""Objects that only have to be read: completed by plain calls instead of the executor.

For every field graphql-core makes a path, an info and arguments and walks through the type's wrappers, because a
resolver may be asynchronous, fail or look around. Most fields of a list do none of that: they are attributes, or methods
of the object alone. Where a selection asks for nothing else, at any depth, the calls are laid out once per operation,
and an object of it costs a tenth.

Nothing is decided here that the executor would decide otherwise. Whatever does not come out plainly (an exception, a
null where there may be none, an object of another class) sends that one object to the executor, which reads it anew and
finds the right words for what is wrong. So a method that is a field must not change anything; no query's may.
"""

from collections.abc import Callable
from inspect import isawaitable
from operator import attrgetter
from types import FunctionType
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from api import lean
from api.access import GUARD

Read = Callable[[Any], Any]
Collect = Callable[[GraphQLObjectType, FieldDetailsList], GroupedFieldSet]


QUITE_PLAIN = frozenset({str, int, bool, float})
"""Neither null nor an exception nor to be awaited, which one look at the class tells."""


class NotPlain(Exception):
    """This one is for the executor."""


def plain_object(graphql_type: GraphQLObjectType, asked: FieldDetailsList, collect: Collect) -> Read | None:
    """What makes the answer of an object of this type, or None when something is asked of it that is not plain.

    `collect` gives the fields that are asked below these. The reader raises NotPlain, or whatever an attribute, a
    method or a scalar raises.
    """
    slots: list[tuple[str, Read, Read]] = []
    for name, details in collect(graphql_type, asked).items():
        node = details[0].node
        if node.name.value == "__typename":
            slots.append((name, lambda value: graphql_type.name, lambda name: name))
            continue
        field = graphql_type.fields.get(node.name.value)
        read = None if field is None or field.args else _reader(field)
        complete = None if field is None or read is None else _completer(field.type, details, collect)
        if read is None or complete is None:
            return None
        slots.append((name, read, complete))
    return _object(_only_class(graphql_type), slots)


def _object(only_class: type | None, slots: list[tuple[str, Read, Read]]) -> Read:
    def read_object(value: Any) -> dict[str, Any]:
        if only_class is not None and type(value) is not only_class:
            raise NotPlain
        return {name: complete(read(value)) for name, read, complete in slots}

    return read_object


def _only_class(graphql_type: GraphQLObjectType) -> type | None:
    """The class that passes the type's own test for sure; None where it has no such test."""
    if graphql_type.is_type_of is None:
        return None
    definition = graphql_type.extensions.get("strawberry-definition")
    if isinstance(definition, StrawberryObjectDefinition) and definition.concrete_of is None:
        return definition.origin
    return NotPlain  # no value is of this class: each is left to the executor


def _reader(field: GraphQLField) -> Read | None:
    """How to read an attribute, or to call a method that takes nothing but the object; None for anything else."""
    definition = field.extensions.get("strawberry-definition")
    # a resolver that somebody has wrapped, to check who asks, is not ours to go around
    is_ours = type(field.resolve) is FunctionType and field.resolve.__globals__ is vars(lean)
    if not isinstance(definition, StrawberryField) or not is_ours:
        return None
    resolver = definition.base_resolver
    if resolver is None:
        return attrgetter(definition.python_name)
    takes_more = resolver.info_parameter or resolver.parent_parameter or resolver.root_parameter
    if definition.is_async or resolver.self_parameter is None or takes_more:
        return None
    method = resolver.wrapped_func
    return method if callable(method) else None


def _completer(kind: GraphQLOutputType, details: FieldDetailsList, collect: Collect) -> Read | None:
    if isinstance(kind, GraphQLNonNull):
        return _present(kind.of_type, details, collect)
    complete = _present(kind, details, collect)
    return None if complete is None else lambda value: None if value is None else complete(value)


def _present(kind: GraphQLOutputType, details: FieldDetailsList, collect: Collect) -> Read | None:
    """What completes a value that is not null; it raises for null."""
    if is_leaf_type(kind):
        return _leaf(kind)
    if isinstance(kind, GraphQLList):
        item = _completer(kind.of_type, details, collect)
        return None if item is None else _list(item)
    if isinstance(kind, GraphQLObjectType) and GUARD not in kind.extensions:  # the executor asks who may see it
        return _not_null(plain_object(kind, details, collect))
    return None


def _leaf(kind: GraphQLLeafType) -> Read:
    coerce = kind.coerce_output_value

    def read_leaf(value: Any) -> Any:
        # a scalar may well make text of an exception or of something to be awaited; the executor tells or awaits it
        if type(value) not in QUITE_PLAIN and (value is None or isinstance(value, Exception) or isawaitable(value)):
            raise NotPlain
        coerced = coerce(value)
        if type(coerced) not in QUITE_PLAIN and (coerced is None or coerced is Undefined or isawaitable(coerced)):
            raise NotPlain
        return coerced

    return read_leaf


def _list(item: Read) -> Read:
    def read_list(values: Any) -> list[Any]:
        if type(values) is not list:
            raise NotPlain
        return [item(value) for value in values]

    return read_list


def _not_null(read: Read | None) -> Read | None:
    if read is None:
        return None

    def read_present(value: Any) -> Any:
        if value is None or isinstance(value, Exception):
            raise NotPlain
        return read(value)

    return read_present
