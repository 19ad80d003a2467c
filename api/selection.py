"""Which fields an operation asks for below the field being resolved, so that a page is fetched whole and no wider."""

from collections.abc import Set

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode

from api.context import Info


def asked_below(info: Info) -> Set[str]:
    """The names of all fields below this one, at any depth, through fragments; @skip and @include are not looked at.

    So a name may be there without being asked for in the end, or in another place: fetch a little too much then.
    """
    raw = info._raw_info
    names: set[str] = set()
    entered: set[str] = set()
    waiting: list[SelectionSetNode | None] = [node.selection_set for node in raw.field_nodes]
    while waiting:
        selection_set = waiting.pop()
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                names.add(selection.name.value)
                waiting.append(selection.selection_set)
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in entered:
                entered.add(selection.name.value)
                waiting.append(raw.fragments[selection.name.value].selection_set)
    return names
