"""Ids and connections: everything with an id is a `Node`, every list a Relay connection with a `nodes` shortcut."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from domain.foundation import ids
from domain.foundation.errors import BadInput
from domain.foundation.pages import Page

T = TypeVar("T")


@strawberry.interface(description="Anything with an id. The id says what it is: `product_01h455vb4pex5vsknk084sn02q`.")
class Node:
    """Anything with an id."""

    id: strawberry.ID


Finder = Callable[[Info, UUID], Awaitable[Any]]
F = TypeVar("F", bound=Finder)
_finders: dict[str, Finder] = {}


def finds(prefix: str) -> Callable[[F], F]:
    """Register how `node(id:)` finds things whose ids begin with this prefix: the object if the asker may see it."""

    def register(finder: F) -> F:
        _finders[prefix] = finder
        return finder

    return register


async def find(info: Info, node_id: str) -> Any:
    """The node, or None when there is none the asker may see. Raises BadInput for an id of no known type."""
    prefix = node_id.rpartition("_")[0]
    if prefix not in _finders:
        raise BadInput(f"{node_id[:64]!r} is no id; ids begin with one of {', '.join(sorted(_finders))}")
    return await _finders[prefix](info, read_id(prefix, node_id))


def read_id(prefix: str, text: str) -> UUID:
    """The UUID of a typed id. Raises BadInput saying what such an id looks like."""
    try:
        return ids.decode(prefix, text)
    except ValueError as error:
        raise BadInput(str(error)) from None


def show_id(prefix: str, value: UUID) -> strawberry.ID:
    """The typed id of a UUID."""
    return strawberry.ID(ids.encode(prefix, value))


@strawberry.type(directives=to(Who.INHERITED), description="Where a page ends and whether more follows.")
class PageInfo:
    """Where a page ends and whether more follows."""

    has_next_page: bool = strawberry.field(description="Whether more follows after `endCursor`.")
    end_cursor: str | None = strawberry.field(description="Pass it as `after` to get the next page.")


@strawberry.type(directives=to(Who.INHERITED))
class Edge(Generic[T]):
    """One entry of a page with its place."""

    node: T
    cursor: str


@strawberry.type(directives=to(Who.INHERITED))
class Connection(Generic[T]):
    """A page of a list."""

    edges: list[Edge[T]]
    nodes: list[T] = strawberry.field(description="The entries without their cursors.")
    page_info: PageInfo

    @classmethod
    def of(cls, page: Page[Any], show: Callable[[Any], T]) -> "Connection[T]":
        """The connection of a domain page, each row shown by `show`."""
        nodes = [show(row) for row in page.rows]
        edges = [Edge(node=node, cursor=cursor) for node, cursor in zip(nodes, page.cursors, strict=True)]
        end = page.cursors[-1] if page.cursors else None
        return cls(edges=edges, nodes=nodes, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end))
