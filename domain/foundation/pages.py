"""Keyset pages: a cursor is the sort key of the last row seen, so page 1,000 costs what page 1 costs."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

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
    """An opaque cursor for a sort key of texts, integers, ids and aware moments."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def read_cursor(text: str, *kinds: type) -> tuple[Any, ...]:
    """The sort key inside a cursor: `str`, `int`, `UUID` or aware `datetime` values.

    Raises BadInput unless it has exactly these kinds of values, each such that PostgreSQL can compare with it.
    """
    try:
        key = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(key, list):
            return tuple(_READ[kind](value) for kind, value in zip(kinds, key, strict=True))
    except (ValueError, OverflowError):
        pass
    raise BadInput(f"{text[:64]!r} is not a cursor of this list; pass an `endCursor` as it was given")


def page_of(rows: Sequence[T], first: int, key: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """A page of at most `first` rows out of `first + 1` fetched ones: the extra row only says that more follow."""
    shown = rows[:first]
    return Page(shown, [cursor(*key(row)) for row in shown], has_next=len(rows) > first)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(value)
    return value


def _integer(value: object) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError(value)
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(UTC)


_READ: dict[type, Callable[[object], Any]] = {
    str: _text,
    int: _integer,
    UUID: lambda value: UUID(_text(value)),
    datetime: _moment,
}
