"""How often a field may be asked for: stated in the schema by `@rate`, counted before anything is executed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import strawberry
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    InlineFragmentNode,
    NullValueNode,
    ObjectValueNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)
from starlette.requests import Request
from strawberry.schema_directive import Location

from api.context import Context
from api.operations import Operation
from domain.foundation import rates
from domain.foundation.errors import RateLimited
from domain.foundation.rates import By, counted_address

Rate = strawberry.enum(rates.Rate, name="Rate", description="What a request counts as where requests are limited.")

LONGEST_DEVICE = 64


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.ARGUMENT_DEFINITION, Location.INPUT_FIELD_DEFINITION],
    name="rate",
    description="Which limit a field counts against, as often as a document asks for it; GENERAL where none is stated. "
    "An argument or an input field counts besides, when a value is given.",
)
class Rated:
    """The class of a root field, of an argument or of an input field."""

    of: Rate


def of(rate: rates.Rate) -> list[object]:
    """`directives=[*to(Who.ANYONE), *rates.of(Rate.LOGIN)]` on a strawberry field, and likewise on arguments."""
    return [Rated(of=rate)]


def rate_of(rated: GraphQLField | GraphQLArgument | GraphQLInputField) -> rates.Rate | None:
    """The class that a field, an argument or an input field states."""
    definition = rated.extensions.get("strawberry-definition")
    return next((stated.of for stated in getattr(definition, "directives", ()) if isinstance(stated, Rated)), None)


async def admit(context: Context, operation: Operation, variables: Mapping[str, Any]) -> None:
    """Charge the operation to whoever asks: to their account or, without one, to their address, and to their device.

    What signs staff in is charged to the address in any case: a guesser may have a hundred accounts of shoppers.
    Raises RateLimited, and then it is charged to nobody.
    """
    charged = charges(operation, variables)
    who: list[tuple[By, str]] = []
    if context.principal is not None:
        who.append((By.SHOPPER, context.principal.account_id.hex))
    if (context.principal is None or rates.Rate.STAFF_LOGIN in charged) and (address := _counted(context.address)):
        who.append((By.ADDRESS, address))
    if context.device:
        who.append((By.DEVICE, context.device[:LONGEST_DEVICE]))
    await context.services.rates.admit(who, charged)


async def admits(request: Request, rate: rates.Rate) -> bool:
    """Charge a request at a door that is not GraphQL's to its address; whether that had enough left."""
    app = request.app.state
    address = _counted(app.address_of(request.scope))
    if not app.market.settings.rate_limits or not address:
        return True
    try:
        await app.services.rates.admit([(By.ADDRESS, address)], {rate: 1})
    except RateLimited:
        return False
    return True


def signs_in(operation: Operation) -> bool:
    """Whether the operation asks for nothing but ways to sign in, or to stay signed in."""
    fields = operation.root_type.fields
    asked = {(field := fields.get(name)) and rate_of(field) for name in operation.root_counts}
    return asked <= {rates.Rate.LOGIN, rates.Rate.STAFF_LOGIN, rates.Rate.REFRESH}


_counted = lru_cache(maxsize=4096)(counted_address)

Given = Callable[[Mapping[str, Any]], bool]
_plans: WeakKeyDictionary[Operation, tuple[Mapping[rates.Rate, int], list[tuple[rates.Rate, int, Given]]]]
_plans = WeakKeyDictionary()


def charges(operation: Operation, variables: Mapping[str, Any]) -> Mapping[rates.Rate, int]:
    """How many of each class an operation costs with these variables, as they were sent."""
    plan = _plans.get(operation)
    if plan is None:
        plan = _plans[operation] = _plan(operation)
    always, sometimes = plan
    if not sometimes:
        return always
    counted = Counter(always)
    for rate, times, is_given in sometimes:
        if is_given(variables):
            counted[rate] += times
    return counted


def _plan(operation: Operation) -> tuple[Mapping[rates.Rate, int], list[tuple[rates.Rate, int, Given]]]:
    """What the operation always costs, and what it costs when something is given."""
    always: Counter[rates.Rate] = Counter()
    fields = operation.root_type.fields
    for name, times in operation.root_counts.items():
        field = fields.get(name)
        always[(field and rate_of(field)) or rates.Rate.GENERAL] += times
    return always, [
        (rate, 1, is_given)
        for node in _root_nodes(operation, operation.node.selection_set, set())
        if node.name.value in fields
        for rate, is_given in _rated_values(operation, fields[node.name.value], node)
    ]


def _root_nodes(operation: Operation, selection_set: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
    """The root fields as they stand in the document, each once however often its fragment is spread."""
    for selection in selection_set.selections:
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            yield from _root_nodes(operation, selection.selection_set, seen)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
            seen.add(selection.name.value)
            fragment = operation.fragment_definitions[selection.name.value]
            yield from _root_nodes(operation, fragment.selection_set, seen)


def _rated_values(operation: Operation, field: GraphQLField, node: FieldNode) -> Iterator[tuple[rates.Rate, Given]]:
    """The classes stated by arguments of a root field and by the fields of its inputs, with whether a value is given."""
    for written in node.arguments or ():
        argument, value = field.args[written.name.value], written.value
        if (rate := rate_of(argument)) is not None:
            yield rate, _given(operation, value)
        input_type = get_named_type(argument.type)
        if isinstance(input_type, GraphQLInputObjectType):
            for name, input_field in input_type.fields.items():
                if (rate := rate_of(input_field)) is not None:
                    yield rate, _given(operation, value, name)


def _given(operation: Operation, value: ValueNode, member: str | None = None) -> Given:
    """Whether a value, or the member of that name in it, is given and not null: at once, or by the variables."""
    if isinstance(value, VariableNode):
        name, default = value.name.value, _default(operation, value)
        if default is not None:
            is_given_by_default = _given(operation, default, member)({})
            return lambda variables: _has(variables[name], member) if name in variables else is_given_by_default
        return lambda variables: _has(variables.get(name), member)
    if member is not None and isinstance(value, ObjectValueNode):
        inner = next((each.value for each in value.fields if each.name.value == member), None)
        return (lambda variables: False) if inner is None else _given(operation, inner)
    is_something = not isinstance(value, NullValueNode)
    return lambda variables: is_something


def _default(operation: Operation, variable: VariableNode) -> ValueNode | None:
    definitions = operation.node.variable_definitions or ()
    return next((d.default_value for d in definitions if d.variable.name.value == variable.name.value), None)


def _has(value: Any, member: str | None) -> bool:
    if member is None:
        return value is not None
    return isinstance(value, Mapping) and value.get(member) is not None
