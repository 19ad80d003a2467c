"""Leaner resolvers for a schema that strawberry built: the same answers with less work per field.

Per call, strawberry makes an Info whether it is asked for or not, finds out again how each argument becomes a Python
value, and looks through its types for the member of a union. All of that is known once the schema stands. What this
module does not know for certain (extensions, GlobalID, Maybe, inputs that build themselves, generic types) keeps
strawberry's own way, field by field, and so does a resolver that somebody else has already wrapped.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, GraphQLResolveInfo, GraphQLUnionType
from strawberry.schema import schema_converter
from strawberry.types import union
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.cast import get_strawberry_type_cast
from strawberry.types.field import StrawberryField
from strawberry.utils.await_maybe import await_maybe

from api.arguments import Arguments, OnlyStrawberryKnows

Abstract = GraphQLUnionType | GraphQLInterfaceType
ResolveInfo = GraphQLResolveInfo[Any]


def lean(schema: strawberry.Schema) -> set[str]:
    """Give every field and every abstract type its leaner resolver, where it can have one; a second call does nothing.

    Gives back what was changed: "Product.title", "ClaimResult". Call it before anything else wraps resolvers: what
    it finds wrapped it leaves alone.
    """
    changed = set()
    for graphql_type in schema._schema.type_map.values():
        if isinstance(graphql_type, GraphQLObjectType):
            for name, field in graphql_type.fields.items():
                if (resolve := _lean_resolver(schema, field)) is not None:
                    field.resolve = resolve
                    changed.add(f"{graphql_type.name}.{name}")
        elif isinstance(graphql_type, Abstract) and _is_strawberrys(graphql_type.resolve_type):
            graphql_type.resolve_type = _lean_type_resolver(schema, graphql_type)
            changed.add(graphql_type.name)
    return changed


def _lean_resolver(schema: strawberry.Schema, field: GraphQLField) -> Callable[..., Any] | None:
    definition = field.extensions.get("strawberry-definition")
    if (
        not isinstance(definition, StrawberryField)
        or type(definition).get_result is not StrawberryField.get_result
        or definition.extensions
        or definition.is_subscription
        or not _is_strawberrys(field.resolve)
    ):
        return None
    handlers = schema.schema_converter._get_field_exception_handlers(definition)
    if definition.base_resolver is None:
        is_plain = not handlers and schema.config.default_resolver is getattr
        return _attribute(definition.python_name) if is_plain else None
    if handlers and not definition.is_async:
        return None
    try:
        call = _call(schema, definition)
    except OnlyStrawberryKnows:
        return None
    return _handled(call, definition, schema, handlers) if handlers else call


def _attribute(name: str) -> Callable[..., Any]:
    get = attrgetter(name)

    def resolve(source: Any, info: ResolveInfo) -> Any:
        return get(source)

    return resolve


def _call(schema: strawberry.Schema, definition: StrawberryField) -> Callable[..., Any]:
    """The resolver itself, its arguments read as its signature wants them."""
    resolver = definition.base_resolver
    assert resolver is not None
    function: Any = resolver.wrapped_func
    if not callable(function):  # a static or class method that strawberry could not bind
        raise OnlyStrawberryKnows
    read = Arguments(schema, definition).read
    takes_self = resolver.self_parameter is not None
    source_names = [p.name for p in (resolver.parent_parameter, resolver.root_parameter) if p is not None]
    info_name = resolver.info_parameter.name if resolver.info_parameter is not None else None
    info_class = schema.config.info_class

    def resolve(source: Any, info: ResolveInfo, /, **given: Any) -> Any:
        arguments = read(given)
        for name in source_names:
            arguments[name] = source
        if info_name is not None:
            arguments[info_name] = info_class(_raw_info=info, _field=definition)
        return function(source, **arguments) if takes_self else function(**arguments)

    return resolve


def _handled(
    call: Callable[..., Any], definition: StrawberryField, schema: strawberry.Schema, handlers: Any
) -> Callable[..., Any]:
    """An async resolver whose refusals become members of its union, by strawberry's exception handlers."""
    info_class = schema.config.info_class

    async def resolve(source: Any, info: ResolveInfo, /, **given: Any) -> Any:
        try:
            return await call(source, info, **given)
        except Exception as error:
            handler = next((handler for kinds, handler in handlers if isinstance(error, kinds)), None)
            if handler is None:
                raise
            own_info = info_class(_raw_info=info, _field=definition)
            result = await await_maybe(handler.handle(error, field=definition, info=own_info))
            if result is None:  # the handler declines this one
                raise
            return result

    return resolve


def _lean_type_resolver(schema: strawberry.Schema, abstract: Abstract) -> Callable[..., Any]:
    """A table by exact class; anything else is asked of strawberry."""
    otherwise: Any = abstract.resolve_type
    type_map = schema.schema_converter.type_map
    interface = type_map[abstract.name].definition
    table: dict[type, str] = {}
    for possible in schema._schema.get_possible_types(abstract):
        definition = type_map[possible.name].definition
        if not isinstance(definition, StrawberryObjectDefinition) or definition.concrete_of is not None:
            continue
        if isinstance(interface, StrawberryObjectDefinition) and not issubclass(definition.origin, interface.origin):
            continue
        table[definition.origin] = possible.name

    def resolve_type(value: Any, info: ResolveInfo, asked: Any) -> Any:
        name = table.get(type(value))
        if name is None or get_strawberry_type_cast(value) is not None:
            return otherwise(value, info, asked)
        return name

    return resolve_type


def _is_strawberrys(function: Any) -> bool:
    """Whether strawberry itself wrote this function; a wrapper that borrows its name did not."""
    home = getattr(function, "__globals__", None)
    return home is vars(schema_converter) or home is vars(union)
