"""What many may watch together: a subscription's source that tells everybody the same, and which variables must be alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
from graphql import Node, VariableNode, Visitor, visit

from api.audience_members import Changed
from api.context import Context
from api.operations import Operation
from domain.live_rooms.feeds import Listener
from domain.live_rooms.rules import RoomEvent


class Source(ABC):
    """What a subscription's resolver gives back where everybody is told the same: one for each subscriber.

    What happens is numbered without gaps. The same `key`: the same thing is watched.
    """

    __slots__ = ("key", "owner", "since")

    key: UUID
    since: int
    """The number of the last event that this subscriber knows."""
    owner: UUID | None
    """Who is told of what is their own; None: nobody."""

    @property
    @abstractmethod
    def last(self) -> int:
        """The number of the last event that was handed on to those who listen."""

    @abstractmethod
    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have the listener told from now on; gives back how to stop that."""

    @abstractmethod
    async def after(self, number: int) -> Sequence[RoomEvent]:
        """The first events after that one, in order."""

    @abstractmethod
    def show(self, events: Sequence[RoomEvent], last: int) -> object:
        """What everybody is told: these events, with how things stand now."""

    @abstractmethod
    async def own_at_first(self, context: Context) -> object | None:
        """What the owner is told of their own when they come; None: nothing."""

    @abstractmethod
    def own(self, changed: Collection[Changed], context: Context) -> tuple[object | None, bool]:
        """What the owner is told when these of their own have changed, None for nothing, and whether that is the end."""

    @abstractmethod
    def came(self) -> None:
        """This subscriber is there."""

    @abstractmethod
    def left(self) -> None:
        """This subscriber is there no more."""


_own_variables: WeakKeyDictionary[Operation, str | None] = WeakKeyDictionary()


def same_for_all(operation: Operation, given: dict[str, Any]) -> bytes:
    """The variables that must be the same for all: every one but that which only says where somebody goes on from."""
    if operation not in _own_variables:
        _own_variables[operation] = _variable_of_since(operation)
    own = _own_variables[operation]
    asked = {each.name: given[each.name] for each in operation.variables if each.name != own and each.name in given}
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)


def _variable_of_since(operation: Operation) -> str | None:
    """The variable that is given to the root field as `since` and used nowhere else."""
    root = next(iter(operation.node.selection_set.selections))
    arguments: Sequence[Any] = getattr(root, "arguments", None) or ()
    given = next((each.value for each in arguments if each.name.value == "since"), None)
    if not isinstance(given, VariableNode):
        return None
    uses = _Uses()
    for part in (operation.node.selection_set, *operation.fragment_definitions.values()):
        visit(part, uses)
    return given.name.value if uses.names.count(given.name.value) == 1 else None


class _Uses(Visitor):
    """Every place where a variable is used."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_variable(self, node: VariableNode, *_: Node) -> None:
        self.names.append(node.name.value)
