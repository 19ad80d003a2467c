"""Scalars that GraphQL lacks."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NewType

import strawberry
from graphql import GraphQLError

LARGEST = 2**53 - 1
EARLIEST_YEAR, LATEST_YEAR = 1970, 2999

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


def _parse_moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not _is_near(moment):
        raise GraphQLError(
            f"{str(value)[:40]!r} is not a DateTime: write it with its zone, like 2026-11-11T20:00:00+08:00, "
            f"in the years {EARLIEST_YEAR} to {LATEST_YEAR}"
        )
    return moment


def _parse_day(value: object) -> date:
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        day = None
    if day is None or not _is_near(day):
        raise GraphQLError(
            f"{str(value)[:40]!r} is not a Date: write it like 2026-11-11, in the years {EARLIEST_YEAR} to {LATEST_YEAR}"
        )
    return day


def _is_near(day: date) -> bool:
    """Whether reckoning with it stays within what Python and PostgreSQL can hold."""
    return EARLIEST_YEAR <= day.year <= LATEST_YEAR


datetime_definition = strawberry.scalar(
    name="DateTime",
    description="A moment in ISO 8601 with its zone: 2026-11-11T20:00:00+08:00. Answers are in UTC.",
    serialize=lambda moment: moment.isoformat(),
    parse_value=_parse_moment,
)
date_definition = strawberry.scalar(
    name="Date",
    description="A day of the shop's calendar (Asia/Shanghai): 2026-11-11.",
    serialize=lambda day: day.isoformat(),
    parse_value=_parse_day,
)

SCALARS: dict[object, Any] = {Long: long_definition, datetime: datetime_definition, date: date_definition}
