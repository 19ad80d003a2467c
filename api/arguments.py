"""How the arguments of a field become what its resolver takes: inputs as their classes, worked out once per field."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

import strawberry
from strawberry.relay.types import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryObjectDefinition,
    StrawberryOptional,
    get_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

Convert = Callable[[Any], Any]


class OnlyStrawberryKnows(Exception):
    """Something this house does not know for certain how to treat as strawberry would."""


class Arguments:
    """How a field's arguments become what its resolver takes, worked out once."""

    def __init__(self, schema: strawberry.Schema, definition: StrawberryField) -> None:
        names = schema.config.name_converter
        self._inputs: dict[Any, Convert] = {}
        self._schema = schema
        self._slots = [
            (names.from_argument(argument), argument.python_name, self._converter(argument.type))
            for argument in definition.arguments
        ]

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Python arguments by name; one that was not given is left to the resolver's default."""
        return {
            python_name: given[name] if convert is None else convert(given[name])
            for name, python_name, convert in self._slots
            if name in given
        }

    def _converter(self, kind: Any) -> Convert | None:
        """What makes a value of this type; None where the executor's value is already it. Null stays null."""
        if isinstance(kind, StrawberryMaybe) or kind is GlobalID:
            raise OnlyStrawberryKnows
        if isinstance(kind, StrawberryOptional):
            return self._converter(kind.of_type)
        if isinstance(kind, StrawberryList):
            return _list_converter(self._converter(kind.of_type))
        if isinstance(kind, LazyType):
            return self._converter(kind.resolve_type())
        if is_scalar(kind, self._schema.schema_converter.scalar_registry):
            return None
        if isinstance(kind, StrawberryEnumDefinition) or has_enum_definition(kind):
            return None
        definition = get_object_definition(kind)
        if definition is None or not definition.is_input or definition.from_input is not None:
            raise OnlyStrawberryKnows
        return self._input_converter(kind, definition)

    def _input_converter(self, kind: Any, definition: StrawberryObjectDefinition) -> Convert:
        if kind in self._inputs:
            return self._inputs[kind]
        fields = definition.fields
        # Without a default of its own, a field that the client leaves out is null.
        nulls = [f.python_name for f in fields if f.default_value is MISSING and f.default_factory is MISSING]
        slots: list[tuple[str, str, Convert | None]] = []

        def convert(value: Any) -> Any:
            if value is None or value is UNSET:
                return value
            arguments = dict.fromkeys(nulls)
            for name, python_name, inner in slots:
                if name in value:
                    arguments[python_name] = value[name] if inner is None else inner(value[name])
            return kind(**arguments)

        self._inputs[kind] = convert  # before its fields are looked at: an input may contain itself
        names = self._schema.config.name_converter
        for field in fields:
            inner = self._converter(field.resolve_type(type_definition=definition))
            slots.append((names.from_field(field), field.python_name, inner))
        return convert


def _list_converter(item: Convert | None) -> Convert:
    def convert(values: Any) -> Any:
        if values is None or values is UNSET:
            return values
        # Plain items are copied too: graphql-core gives everyone the same default list.
        return list(values) if item is None else [item(value) for value in values]

    return convert
