"""Keyset pages: a cursor is the sort key of the last row seen, so page 1,000 costs what page 1 costs."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from domain.foundation.errors import BadInput

T = TypeVar("T")
LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows in order, a cursor for each, and whether more follow."""

    rows: Sequence[T]
    cursors: Sequence[str]
    has_next: bool


def page_size(first: int) -> int:
    """`first` itself when it is 1 to 100, else BadInput."""
    if not 1 <= first <= LARGEST_PAGE:
        raise BadInput(f"first is {first}; allowed: 1 to {LARGEST_PAGE}")
    return first


def cursor(*key: Any) -> str:
    """An opaque cursor for a sort key of JSON values (ids and moments as text)."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def read_cursor(text: str, *kinds: type) -> tuple[Any, ...]:
    """The sort key inside a cursor. Raises BadInput unless it has exactly these kinds of values."""
    try:
        key = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, list) or [type(value) for value in key] != list(kinds):
        raise BadInput(f"{text[:64]!r} is not a cursor of this list; pass an `endCursor` as it was given")
    return tuple(key)


def page_of(rows: Sequence[T], first: int, key: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """A page of at most `first` rows out of `first + 1` fetched ones: the extra row only says that more follow."""
    shown = rows[:first]
    return Page(shown, [cursor(*key(row)) for row in shown], has_next=len(rows) > first)
