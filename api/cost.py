"""What an operation costs: an estimate of how many values its answer will hold, told before anything is executed.

Every field counts one for each object it is asked of. A page counts as many entries as its `first` allows; a plain list
counts LISTED, and may have more: what an answer really holds is bounded while it is made (execution). Fields of
fragments for different types are added up, and so are fields that will be merged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from domain.foundation.pages import LARGEST_PAGE

LISTED = 10
"""Entries that a list that is not paged is taken for, such as an order's lines: few have more, but some have 120."""

Variables = Mapping[str, Any]
Cost = int | Callable[[Variables], int]
"""Known once the document is, or once the coerced variables are."""


@dataclass(slots=True)
class Costs:
    """The costs of the operations of one document; each fragment is worked out once for each length of its lists."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    _known: dict[tuple[str, Cost], Cost] = field(default_factory=dict)

    def of(self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType, entries: Cost = LISTED) -> Cost:
        """The cost of what is asked of one object of the type `parent`, whose own lists have so many `entries`."""
        costs: list[Cost] = []
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                costs.append(self._of_field(selection, parent, entries))
            elif isinstance(selection, FragmentSpreadNode):
                costs.append(self._of_fragment(selection.name.value, entries))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                narrowed = self.schema.type_map[condition.name.value] if condition else parent
                costs.append(self.of(selection.selection_set, narrowed, entries))
        return _sum(costs)

    def _of_field(self, node: FieldNode, parent: GraphQLNamedType, entries: Cost) -> Cost:
        fields = parent.fields if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else {}
        definition = fields.get(node.name.value)
        if definition is None or node.selection_set is None:  # introspection, `__typename`, or a leaf
            return 1
        page = _first(node, definition)
        # of a connection it is the edges and nodes that `first` is about, of a list the list itself
        inner = self.of(node.selection_set, get_named_type(definition.type), LISTED if page is None else page)
        if not _is_list(definition.type):
            return _sum([1, inner])
        return _sum([1, _product(entries if page is None else page, inner)])

    def _of_fragment(self, name: str, entries: Cost) -> Cost:
        known = self._known.get((name, entries))
        if known is None:
            fragment = self.fragments[name]
            on = self.schema.type_map[fragment.type_condition.name.value]
            known = self._known[name, entries] = self.of(fragment.selection_set, on, entries)
        return known


def _first(node: FieldNode, definition: GraphQLField) -> Cost | None:
    """How long a page the field is asked for; None when it is not paged."""
    declared = definition.args.get("first")
    if declared is None:
        return None
    default = declared.default_value if isinstance(declared.default_value, int) else LARGEST_PAGE
    given = next((argument.value for argument in node.arguments or () if argument.name.value == "first"), None)
    if isinstance(given, IntValueNode):
        return _page(int(given.value))
    if isinstance(given, VariableNode):
        name = given.name.value
        return lambda variables: _page(variables.get(name, default))
    return _page(default)


def _page(first: int | None) -> int:
    return LARGEST_PAGE if first is None else max(0, min(first, LARGEST_PAGE))  # beyond it, the field itself refuses


def _is_list(kind: GraphQLOutputType) -> bool:
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)


def _sum(costs: list[Cost]) -> Cost:
    known = sum(cost for cost in costs if isinstance(cost, int))
    if not (varying := [cost for cost in costs if not isinstance(cost, int)]):
        return known
    return lambda variables: known + sum([cost(variables) for cost in varying])


def _product(times: Cost, cost: Cost) -> Cost:
    if isinstance(times, int):
        return times * cost if isinstance(cost, int) else lambda variables: times * cost(variables)
    if isinstance(cost, int):
        return lambda variables: times(variables) * cost
    return lambda variables: times(variables) * cost(variables)
