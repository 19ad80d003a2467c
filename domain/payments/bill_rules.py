"""Where a gateway's bill of a day and our books differ. Pure: it knows neither the gateway nor the database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

from domain.foundation.clock import SHOP_ZONE, shop_day
from domain.foundation.errors import BadInput
from domain.payments.rules import BillKind, BillRow

PUBLISHED_AT = time(10)
"""WeChat Pay has a day's bill ready at ten the next morning; we ask nobody earlier."""
CATCH_UP = timedelta(days=31)
"""Days missed longer ago are not compared any more; WeChat Pay keeps its bills for three months."""
EDGE = timedelta(minutes=10)
"""A notice may tell of money a moment after the gateway has booked it, and so on the next day."""
DONE = frozenset({"success", "succeeded"})
"""How gateways call what is done, in lower case."""
LONGEST_WORDS = 500


class DifferenceKind(StrEnum):
    """How a line differs."""

    NOT_IN_BOOKS = "not_in_books"
    NOT_IN_BILL = "not_in_bill"
    AMOUNT = "amount"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Booked:
    """A payment or refund as our books have it. `done_at` is when its money moved, None as long as it has not."""

    kind: BillKind
    id: UUID
    gateway: str
    reference: str
    amount_minor: int
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """All rows of a bill about one payment or refund: money that was taken back again adds up to nothing."""

    kind: BillKind
    id: UUID | None
    reference: str
    amount_minor: int
    is_done: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Something on which the gateway and we do not agree. `subject_id` is our payment's or refund's, if it can be one."""

    kind: DifferenceKind
    subject: BillKind
    subject_id: UUID | None
    reference: str
    ours_minor: int | None
    theirs_minor: int | None
    is_repaired: bool = False


Books = Mapping[tuple[BillKind, UUID], Booked]


def lines_of(rows: Iterable[BillRow]) -> list[Line]:
    """A bill by payment and refund, in its own order."""
    found: dict[tuple[BillKind, UUID | str], Line] = {}
    for row in rows:
        key = row.kind, row.id or row.reference
        line = Line(row.kind, row.id, row.reference, row.amount_minor, row.state.lower() in DONE)
        before = found.get(key)
        if before is not None:
            amount_minor = before.amount_minor + line.amount_minor
            line = replace(before, amount_minor=amount_minor, is_done=before.is_done and line.is_done)
        found[key] = line
    return [line for line in found.values() if line.amount_minor]


def missed(gateway: str, lines: Iterable[Line], books: Books) -> list[Booked]:
    """What the gateway has done and we do not know yet: its notice was lost. To be asked about."""
    pairs = ((line, _booked(gateway, line, books)) for line in lines if line.is_done)
    return [ours for _, ours in pairs if ours is not None and ours.done_at is None]


def differences(
    gateway: str, lines: Iterable[Line], *, before: Books, after: Books, expected: Iterable[Booked]
) -> Iterator[Difference]:
    """Where they differ. `before` and `after` are the books before and after asking about what was missed.

    `expected` is what moved that day by our books, and must stand in the bill.
    """
    billed = set()
    for line in lines:
        billed.add((line.kind, line.id))
        found = _difference(line, _booked(gateway, line, before), _booked(gateway, line, after))
        if found is not None:
            yield found
    for ours in expected:
        if (ours.kind, ours.id) not in billed:
            kind = DifferenceKind.NOT_IN_BILL
            yield Difference(kind, ours.kind, ours.id, ours.reference, ours.amount_minor, theirs_minor=None)


def _difference(line: Line, before: Booked | None, after: Booked | None) -> Difference | None:
    if before is None or after is None:
        return _differs(DifferenceKind.NOT_IN_BOOKS, line, None)
    if not line.is_done:
        # under way or failed at the gateway: right as long as we do not take it for done
        return _differs(DifferenceKind.STATE, line, after) if after.done_at is not None else None
    if before.amount_minor != line.amount_minor:
        return _differs(DifferenceKind.AMOUNT, line, after)
    if before.done_at is None:
        return replace(_differs(DifferenceKind.NOT_IN_BOOKS, line, after), is_repaired=after.done_at is not None)
    return None


def _differs(kind: DifferenceKind, line: Line, ours: Booked | None) -> Difference:
    ours_minor = None if ours is None else ours.amount_minor
    return Difference(kind, line.kind, line.id, line.reference, ours_minor, line.amount_minor)


def _booked(gateway: str, line: Line, books: Books) -> Booked | None:
    ours = None if line.id is None else books.get((line.kind, line.id))
    return ours if ours is not None and ours.gateway == gateway else None


def newest_published(now: datetime) -> date:
    """The newest day whose bill can be asked for."""
    at_the_shop = now.astimezone(SHOP_ZONE)
    return shop_day(now) - timedelta(days=1 if at_the_shop.time() >= PUBLISHED_AT else 2)


def days_to_compare(first_money_at: datetime | None, compared: Iterable[date], *, now: datetime) -> list[date]:
    """Days without a comparison since the first money, oldest first; none before `CATCH_UP` ago."""
    if first_money_at is None:
        return []
    newest = newest_published(now)
    first = max(shop_day(first_money_at), newest - CATCH_UP + timedelta(days=1))
    done = set(compared)
    every = (first + timedelta(days=more) for more in range((newest - first).days + 1))
    return [day for day in every if day not in done]


def check_words(words: str) -> str:
    """Why a difference is none any more. Raises BadInput unless it has 1 to 500 characters, none of them NUL."""
    if not 1 <= len(words.strip()) <= LONGEST_WORDS or "\0" in words:
        raise BadInput(f"words has {len(words)} characters; allowed: 1 to {LONGEST_WORDS}, none of them NUL")
    return words.strip()
