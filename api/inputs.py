"""Input values, read by calls that were laid out once for each type: what graphql-core finds out anew for every request.

Only what is plainly right is read here. For anything else graphql-core's own and slower way finds out whether it is wrong,
and what there is to say of it.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    is_required_input_field,
)
from graphql.utilities import coerce_input_value
from graphql.utilities.coerce_input_value import coerce_default_value

ReadInput = Callable[[Any], Any]
Slot = tuple[str, str, ReadInput, bool, Any]
"""A field's name, the name that resolvers know it by, its reader, whether it must be there, and its default."""


class NotPlain(Exception):
    """This one is for graphql-core."""


class Inputs:
    """The readers of the input types of one schema."""

    def __init__(self) -> None:
        self._known: dict[GraphQLInputObjectType, ReadInput] = {}

    def reader(self, kind: GraphQLInputType) -> ReadInput:
        """What reads a value of this type; it raises NotPlain, or whatever a scalar raises."""
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type)
        present = self._present(kind)
        return lambda value: None if value is None else present(value)

    def _present(self, kind: Any) -> ReadInput:
        """What reads a value that is not null; it raises NotPlain for null."""
        if isinstance(kind, GraphQLList):
            return _list(self.reader(kind.of_type))
        if isinstance(kind, GraphQLInputObjectType):
            return self._known.get(kind) or self._object(kind)
        return _leaf(kind)

    def _object(self, kind: GraphQLInputObjectType) -> ReadInput:
        if kind.is_one_of:
            return _elsewhere(kind)
        slots: list[Slot] = []
        # known before its fields are: it may have itself among them
        read = self._known[kind] = _object(slots, kind.out_type)
        for name, field in kind.fields.items():
            default = Undefined if is_required_input_field(field) else coerce_default_value(field)
            slots.append(
                (name, field.out_name or name, self.reader(field.type), is_required_input_field(field), default)
            )
        return read


def _object(slots: list[Slot], make: Callable[[dict[str, Any]], Any]) -> ReadInput:
    def read_object(value: Any) -> Any:
        if type(value) is not dict:
            raise NotPlain
        found = 0
        read_fields = {}
        for name, inner_name, read, is_required, default in slots:
            if name in value:
                found += 1
                read_fields[inner_name] = read(value[name])
            elif is_required:
                raise NotPlain
            elif default is not Undefined:
                read_fields[inner_name] = default
        if found != len(value):  # a field that is not known
            raise NotPlain
        return make(read_fields)

    return read_object


def _list(read: ReadInput) -> ReadInput:
    def read_list(value: Any) -> Any:
        if type(value) is not list:  # one value stands for a list of it
            raise NotPlain
        return [read(item) for item in value]

    return read_list


def _leaf(kind: GraphQLLeafType) -> ReadInput:
    coerce = kind.coerce_input_value

    def read_leaf(value: Any) -> Any:
        if value is None or (coerced := coerce(value)) is Undefined:
            raise NotPlain
        return coerced

    return read_leaf


def _elsewhere(kind: GraphQLInputType) -> ReadInput:
    def read_slowly(value: Any) -> Any:
        if value is None or (coerced := coerce_input_value(value, kind)) is Undefined:
            raise NotPlain
        return coerced

    return read_slowly
