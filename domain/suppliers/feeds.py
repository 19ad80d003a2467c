"""What suppliers say they can send: their stock feeds, in JSON or CSV, taken in a few statements whatever their length."""

import csv
import io
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.stock import receiving
from domain.stock.rules import Cause, Units
from domain.suppliers import rules, store
from domain.suppliers.rules import FEED_ROWS, LARGEST_QUANTITY, FeedReport, Letter, Supplier

Unheard = Callable[[Transaction, Sequence[UUID]], Awaitable[Mapping[UUID, int]]]
"""Units of SKUs that are paid for and that their suppliers have not heard of."""
SHOWN_AT_MOST = 100
"""Unknown codes and mistaken lines that a report names; it counts all."""


@dataclass(frozen=True, slots=True)
class Content:
    """A feed as it was read: units by the supplier's codes, and what could not be read."""

    rows: int
    quantities: dict[str, int]
    mistaken: tuple[str, ...]


def read(body: bytes, *, is_csv: bool) -> Content:
    """The content of a feed. JSON: `[{"code": "A-1", "quantity": 12}, ...]`; CSV: a heading with these names, then rows.

    A row that cannot be read, or names a code again, is kept apart. Raises BadInput when nothing can be read, or for more
    than 20,000 rows.
    """
    quantities: dict[str, int] = {}
    mistaken: list[str] = []
    number = 0
    for number, row in enumerate(_rows(body, is_csv=is_csv), 1):
        if number > FEED_ROWS:
            raise BadInput(f"a feed has at most {FEED_ROWS} rows")
        problem = _put(row, quantities)
        if problem:
            mistaken.append(f"row {number}: {problem}")
    return Content(number, quantities, tuple(mistaken))


async def take(
    db: Database, supplier: Supplier, letter: Letter, content: Content, *, unheard: Unheard, now: datetime
) -> FeedReport:
    """Set the free units of the supplier's SKUs to what it can send; the letter is verified.

    The quantity is what it can still send for orders it has not heard of: those that are held with us, and those that are
    paid and `unheard`, are taken off; the other paid ones it has put aside itself. The same reference again changes nothing
    and tells the figures again. Raises SupplierEnded, FeedOutdated, ReferenceTaken (for other content under the same
    reference), BadInput.
    """
    as_of = rules.read_as_of(letter.as_of, now)
    async with db.transaction() as tx:
        # locked: two feeds of one supplier come one after the other
        current = await store.lock(tx, supplier.id)
        if current.ended_at is not None:
            raise rules.SupplierEnded(supplier_id=current.id, ended_at=current.ended_at)
        kept = await store.feed_of_reference(tx, supplier.id, letter.reference)
        if kept:
            return _replayed(letter, kept)
        newest = await store.newest_feed(tx, supplier.id)
        if newest is not None and as_of < newest:
            raise rules.FeedOutdated(as_of=as_of, newest=newest)
        return await _apply(tx, supplier, letter, content, unheard=unheard, as_of=as_of, now=now)


async def _apply(
    tx: Transaction,
    supplier: Supplier,
    letter: Letter,
    content: Content,
    *,
    unheard: Unheard,
    as_of: datetime,
    now: datetime,
) -> FeedReport:
    feed_id = new_id()
    skus = await store.skus_by_codes(tx, supplier.id, list(content.quantities))
    told, unknown = rules.named(skus, content.quantities)
    levels = await receiving.lock_levels(tx, sorted(told))
    paid = await unheard(tx, list(told))
    changes = []
    for sku_id, quantity in told.items():
        level = levels.get(sku_id)
        free, held = (level.free, level.held) if level else (0, 0)
        if change := rules.free_units(quantity, held + paid.get(sku_id, 0)) - free:
            changes.append(Units(sku_id, change))
    if changes:
        await receiving.adjust_many(tx, changes, cause=Cause("supplier_feed", feed_id), now=now)
    report = FeedReport(
        reference=letter.reference,
        as_of=as_of,
        rows=content.rows,
        changed=len(changes),
        refused=len(unknown) + len(content.mistaken),
        unknown=tuple(unknown[:SHOWN_AT_MOST]),
        mistaken=content.mistaken[:SHOWN_AT_MOST],
    )
    await store.add_feed(tx, supplier.id, report, feed_id=feed_id, fingerprint=letter.fingerprint, now=now)
    return report


def _replayed(letter: Letter, kept: Any) -> FeedReport:
    if kept.fingerprint != letter.fingerprint:
        raise rules.ReferenceTaken(reference=letter.reference)
    return FeedReport(letter.reference, kept.as_of, kept.rows, kept.changed, kept.refused, is_replay=True)


def _rows(body: bytes, *, is_csv: bool) -> Iterator[Any]:
    try:
        yield from _csv_rows(body.decode("utf-8-sig")) if is_csv else _json_rows(body)
    except (ValueError, csv.Error) as error:
        raise BadInput(f"the feed cannot be read: {str(error)[:200]}") from None


def _json_rows(body: bytes) -> list[Any]:
    rows = orjson.loads(body)
    if not isinstance(rows, list):
        raise ValueError('it is to be a list of {"code": ..., "quantity": ...}')
    return rows


def _csv_rows(content: str) -> Iterable[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(content))
    if not {"code", "quantity"} <= set(reader.fieldnames or ()):
        raise ValueError("its first row is to name the columns code and quantity")
    return reader


def _put(row: Any, quantities: dict[str, int]) -> str | None:
    """Add a row to the quantities; what is wrong with it, if anything."""
    if not isinstance(row, dict):
        return "is no object"
    code, quantity = row.get("code"), row.get("quantity")
    if not isinstance(code, str) or not 1 <= len(code.strip()) <= 80 or "\0" in code:
        return "code is to be a text of 1 to 80 characters"
    number = _whole(quantity)
    if number is None:
        return f"quantity is {str(quantity)[:20]!r}; allowed: whole numbers from 0 to {LARGEST_QUANTITY}"
    if code.strip() in quantities:
        return f"code {code.strip()!r} stands in an earlier row"
    quantities[code.strip()] = number
    return None


def _whole(quantity: Any) -> int | None:
    if isinstance(quantity, str) and quantity.strip().isascii() and quantity.strip().isdigit() and len(quantity) <= 12:
        quantity = int(quantity)
    return quantity if type(quantity) is int and 0 <= quantity <= LARGEST_QUANTITY else None
