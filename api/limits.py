"""How much one document may ask for, measured before it is validated. Never looks at the schema."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of everything a document may have; a document at the limit is accepted.

    With these figures the costliest document found keeps the validation rules of graphql-core busy for some 60 ms
    (its rule for fields that can be merged compares fields of one name pair by pair).
    """

    document_bytes: int = 8_192
    tokens: int = 1_000
    depth: int = 12  # fields inside fields; what stands inside `__schema` and `__type` is not counted
    aliases: int = 30
    root_fields: int = 10
    fields: int = 300  # with every fragment written out wherever it is spread
    cost: int = 50_000  # values in the answer (api/cost.py)


@dataclass(frozen=True, slots=True)
class Weight:
    """What a selection set comes to with its fragments written out."""

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    fields: int = 0


NOTHING = Weight()


def excesses(document: DocumentNode, limits: Limits) -> Iterator[GraphQLError]:
    """One error for each operation and each limit it goes beyond."""
    scales = _Scales(
        {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
    )
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        weight = scales.weigh(definition.selection_set)
        for name in ("depth", "aliases", "root_fields", "fields"):
            most = getattr(limits, name)
            if getattr(weight, name) > most:
                # How far beyond is not said: fragments can double it often enough to fill a page with digits.
                yield GraphQLError(f"The operation has more than {most} {WORDS[name]}.", definition)


WORDS = {
    "depth": "levels of fields",
    "aliases": "aliases",
    "root_fields": "root fields",
    "fields": "fields with its fragments written out",
}


@dataclass(slots=True)
class _Scales:
    """Weighs each fragment once, however often it is spread: thirty that double each other are thirty weighings."""

    fragments: dict[str, FragmentDefinitionNode]
    weighed: dict[str, Weight] = field(default_factory=dict)

    def weigh(self, selection_set: SelectionSetNode | None) -> Weight:
        if selection_set is None:
            return NOTHING
        depth = aliases = root_fields = fields = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                inner = self.weigh(selection.selection_set)
                hidden = selection.name.value in INTROSPECTION
                depth = max(depth, 1 if hidden else 1 + inner.depth)
                aliases += inner.aliases + (selection.alias is not None)
                root_fields += 1
                fields += 1 + inner.fields
            else:
                inner = (
                    self.weigh(selection.selection_set)
                    if isinstance(selection, InlineFragmentNode)
                    else self._weigh_fragment(selection.name.value)  # type: ignore[attr-defined]
                )
                depth = max(depth, inner.depth)
                aliases += inner.aliases
                root_fields += inner.root_fields
                fields += inner.fields
        return Weight(depth, aliases, root_fields, fields)

    def _weigh_fragment(self, name: str) -> Weight:
        if name not in self.weighed:
            # A fragment weighs nothing inside itself: cycles, and unknown names, are for validation to refuse.
            self.weighed[name] = NOTHING
            if name in self.fragments:
                self.weighed[name] = self.weigh(self.fragments[name].selection_set)
        return self.weighed[name]
