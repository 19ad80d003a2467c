"""One operation of a valid document, prepared for many executions. Never sees a request but its variables."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson
import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, FragmentDetails, GroupedFieldSet
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from api.cost import Costs
from api.faults import BAD_USER_INPUT, DOCUMENT_TOO_COMPLEX, RequestFault
from api.inputs import Inputs, ReadInput
from api.plain import Read

ERRORS_AT_MOST = 10  # told about one document, or about one set of variables

SubFields = dict[tuple[GraphQLObjectType, int], tuple[FieldDetailsList, CollectedFields]]
PublicSeconds = Callable[[GraphQLField], float]


class Variable(NamedTuple):
    """A variable an operation declares."""

    name: str
    signature: GraphQLVariableSignature
    read: ReadInput
    absent: VariableValueSource
    may_be_absent: bool  # without more ado: it may be null and has no default


class Operation:
    """One operation of a valid document with everything about it that no request changes.

    `root_counts` says how often each root field is asked for: under several aliases, through fragments.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        node: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        *,
        inputs: Inputs,
        costs: Costs,
        cost_limit: int,
        is_static: bool,
        suggestions: bool,
        public_seconds: PublicSeconds | None,
    ) -> None:
        self.schema = schema._schema
        self.node = node
        self.kind = node.operation.value
        self.fragment_definitions = fragments
        self.fragments = {name: FragmentDetails(fragment) for name, fragment in fragments.items()}
        root_type = self.schema.get_root_type(node.operation)
        assert root_type is not None  # or the document would not be valid
        self.root_type = root_type
        self.suggestions = suggestions
        self.variables = [_variable(self, definition, inputs) for definition in node.variable_definitions or ()]
        self.root_counts = Counter(_root_fields(node.selection_set, fragments))
        roots = list(self.root_counts)
        self.label = roots[0] if len(roots) == 1 else "several" if roots else "none"
        self.public_seconds = self._public_seconds(roots, public_seconds)
        self.cost = costs.of(node.selection_set, root_type)
        self.cost_limit = cost_limit
        self._told_cost = (
            _told(self.cost, cost_limit) if isinstance(self.cost, int) and self.cost <= cost_limit else None
        )
        # Without @skip and @include each execution collects the same fields, so they share what they find.
        self.is_static = is_static
        self.root_fields: GroupedFieldSet | None = None
        self.sub_fields: SubFields = {}
        self.plain: dict[tuple[GraphQLObjectType, int], Read | None] = {}

    def coerce(self, given: dict[str, Any]) -> VariableValues:
        """The variables of one request as resolvers take them. Raises RequestFault for values that do not fit.

        The usual case is short: every variable is given, or may be absent, and fits. For anything else graphql-core's
        own and slower way finds out what there is to say.
        """
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        try:
            for name, signature, read, absent, may_be_absent in self.variables:
                if name in given:
                    coerced[name] = read(given[name])
                    sources[name] = VariableValueSource(signature, given[name])
                elif may_be_absent:
                    sources[name] = absent
                else:
                    return self._coerce_slowly(given)
        except Exception:  # whatever a scalar raises, graphql-core takes for a value that does not fit
            return self._coerce_slowly(given)
        return VariableValues(sources, coerced)

    def price(self, variables: VariableValues) -> orjson.Fragment:
        """What this request is estimated to cost, as the `extensions` of its answer: `{"cost":{"requested":21,"limit":50000}}`.

        Raises RequestFault when that is more than the limit.
        """
        if self._told_cost is not None:
            return self._told_cost
        cost = self.cost if isinstance(self.cost, int) else self.cost(variables.coerced)
        if cost > self.cost_limit:
            entry = {
                "message": f"The operation costs about {cost}; allowed: {self.cost_limit}. Ask for smaller pages.",
                "extensions": {"code": DOCUMENT_TOO_COMPLEX, "cost": {"requested": cost, "limit": self.cost_limit}},
            }
            raise RequestFault([entry], well_formed=True)
        return _told(cost, self.cost_limit)

    def _coerce_slowly(self, given: dict[str, Any]) -> VariableValues:
        values = get_variable_values(
            self.schema,
            self.node.variable_definitions or (),
            given,
            max_errors=ERRORS_AT_MOST,
            hide_suggestions=not self.suggestions,
        )
        if isinstance(values, list):
            raise RequestFault.in_document(BAD_USER_INPUT, values)
        return values

    def _public_seconds(self, roots: list[str], public_seconds: PublicSeconds | None) -> float:
        """How long the whole answer is the same for everyone: as long as the shortest-lived root field says."""
        if public_seconds is None or self.kind != "query":
            return 0.0
        fields = [self.root_type.fields.get(name) for name in roots if name != "__typename"]
        return min((0.0 if field is None else public_seconds(field) for field in fields), default=0.0)


def _told(cost: int, limit: int) -> orjson.Fragment:
    return orjson.Fragment(b'{"cost":{"requested":%d,"limit":%d}}' % (cost, limit))


def _variable(operation: Operation, definition: Any, inputs: Inputs) -> Variable:
    signature = get_variable_signature(operation.schema, definition)
    assert isinstance(signature, GraphQLVariableSignature)  # or the document would not be valid
    may_be_absent = signature.default is None and not str(signature.type).endswith("!")
    return Variable(
        signature.name, signature, inputs.reader(signature.type), VariableValueSource(signature), may_be_absent
    )


def _root_fields(selection_set: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> Iterator[str]:
    for selection in selection_set.selections:
        if isinstance(selection, FieldNode):
            yield selection.name.value
        elif isinstance(selection, InlineFragmentNode):
            yield from _root_fields(selection.selection_set, fragments)
        else:
            yield from _root_fields(fragments[selection.name.value].selection_set, fragments)  # type: ignore[attr-defined]
