"""Scalars that GraphQL lacks."""

from typing import TYPE_CHECKING, Any, NewType

import strawberry
from graphql import GraphQLError

LARGEST = 2**53 - 1

if TYPE_CHECKING:
    Long = int
else:
    Long = NewType("Long", int)


def _parse(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
        raise GraphQLError(f"Long is a whole number between -{LARGEST} and {LARGEST}, not {str(value)[:40]!r}")
    return value


long_definition = strawberry.scalar(
    name="Long",
    description="A whole number up to 2^53 - 1, which JavaScript keeps exactly; GraphQL's Int ends at 2^31 - 1.",
    serialize=lambda value: value,
    parse_value=_parse,
)

SCALARS: dict[object, Any] = {Long: long_definition}
