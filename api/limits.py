"""How much one document may ask for, measured before it is validated. Never looks at the schema."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    visit,
)

INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of everything a document may have; a document at the limit is accepted.

    The largest document of the house's own apps has a fifth of the tokens and a third of the fields. With these figures
    the costliest document found is refused or validated within some 30 ms.
    """

    document_bytes: int = 8_192
    tokens: int = 1_000
    definitions: int = 50  # operations and fragments
    directives: int = 50  # in the whole document
    directives_in_place: int = 5  # on one field, fragment, variable or operation
    depth: int = 12  # fields inside fields; what stands inside `__schema` and `__type` is not counted
    aliases: int = 30
    root_fields: int = 10
    fields: int = 300  # with every fragment written out wherever it is spread
    cost: int = 50_000  # values in the answer (api/cost.py): twice what the longest page of the back office comes to


@dataclass(frozen=True, slots=True)
class Weight:
    """What a selection set comes to with its fragments written out."""

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    fields: int = 0


NOTHING = Weight()

WORDS = {
    "definitions": "operations and fragments",
    "directives": "directives",
    "directives_in_place": "directives in one place",
    "depth": "levels of fields",
    "aliases": "aliases",
    "root_fields": "root fields",
    "fields": "fields with its fragments written out",
}


def excesses(document: DocumentNode, limits: Limits) -> Iterator[GraphQLError]:
    """One error for each limit the document goes beyond, or one of its operations."""
    scales = _Scales({d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)})
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    directives = _Directives()
    visit(document, directives)
    for name, has in (
        ("definitions", len(document.definitions)),
        ("directives", directives.all),
        ("directives_in_place", directives.most_in_place),
    ):
        if has > (most := getattr(limits, name)):
            yield GraphQLError(f"The document has more than {most} {WORDS[name]}.")
    for operation in operations:
        weight = scales.weigh(operation.selection_set)
        for name in ("depth", "aliases", "root_fields", "fields"):
            if getattr(weight, name) > (most := getattr(limits, name)):
                # How far beyond is not said: fragments can double it often enough to fill a page with digits.
                yield GraphQLError(f"The operation has more than {most} {WORDS[name]}.", operation)


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


class _Directives(Visitor):
    """Counts directives."""

    def __init__(self) -> None:
        super().__init__()
        self.all = self.most_in_place = 0

    def enter(self, node: Node, *_: object) -> None:
        here = len(getattr(node, "directives", None) or ())
        self.all += here
        self.most_in_place = max(self.most_in_place, here)
