"""What a text that staff look for orders by may mean. Every meaning is found by an index, none by looking at each order."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, func, literal_column, or_, select, text, union_all
from sqlalchemy.dialects.postgresql import TSQUERY

from domain.foundation import ids
from domain.foundation.database import Reader
from domain.foundation.errors import BadInput
from domain.orders.store import o
from domain.orders.tables import lines
from domain.products import words
from domain.products.tables import products, skus

MOST_SKUS = 5_000
"""SKUs that the words of a text may mean, at most: beyond, it says too little."""
MOST_PARCELS = 1_000
_SHOWN_DAY = 6
"""Digits of the day with which a shown order number begins."""
_LARGEST = 2**63 - 1

# MATERIALIZED: for one row out of many the planner would rather read the table until it meets one, and there may be none.
_EXACTLY = text("""
    WITH called AS MATERIALIZED (SELECT id FROM orders WHERE destination IS NOT NULL AND destination ->> 'phone' = :text),
         named AS MATERIALIZED (SELECT id FROM orders WHERE destination IS NOT NULL AND destination ->> 'recipient' = :text)
    SELECT 'order' AS kind, id FROM orders WHERE number = CAST(:whole AS bigint) OR id = CAST(:id AS uuid)
    UNION ALL
    SELECT 'order', id FROM orders WHERE number = CAST(:running AS bigint)
       AND to_char(placed_at AT TIME ZONE 'Asia/Shanghai', 'YYMMDD') = :day
    UNION ALL
    (SELECT 'order', order_id FROM shipments WHERE tracking_number = :text LIMIT :most_parcels)
    UNION ALL
    (SELECT 'person', id FROM called LIMIT 1)
    UNION ALL
    (SELECT 'person', id FROM named LIMIT 1)
    UNION ALL
    SELECT 'sku', id FROM skus WHERE code = :text
""")


@dataclass(frozen=True)
class Sought:
    """What a text was found to mean: these orders, those that go to a person, those of these SKUs."""

    order_ids: list[UUID]
    person: str | None
    sku_ids: list[UUID]

    @property
    def is_nothing(self) -> bool:
        """Whether it means nothing that there is."""
        return not (self.order_ids or self.person or self.sku_ids)

    @property
    def is_rare(self) -> bool:
        """Whether it can only mean a handful: an order, a parcel, a person. A SKU may be in every other order."""
        return not self.sku_ids

    def met_by(self, c: Any) -> ColumnElement[bool]:
        """Whether one order is meant."""
        has_line = select(lines.c.order_id).where(lines.c.order_id == c.id, lines.c.sku_id == func.any(self.sku_ids))
        return or_(c.id == func.any(self.order_ids), *self._to_person(c), has_line.exists())

    def among(self, order_id: ColumnElement[UUID]) -> ColumnElement[bool]:
        """The same of all orders at once, by the index of each meaning."""
        meanings = [select(o.id).where(o.id == func.any(self.order_ids))]
        meanings += [select(o.id).where(goes_there) for goes_there in self._to_person(o)]
        if self.sku_ids:
            meanings.append(select(lines.c.order_id).where(lines.c.sku_id == func.any(self.sku_ids)))
        return order_id.in_(union_all(*meanings))

    def _to_person(self, c: Any) -> list[ColumnElement[bool]]:
        if self.person is None:
            return []
        # written out, not bound: the indexes are on these very expressions
        parts = (
            c.destination.op("->>", return_type=String)(literal_column(part)) for part in ("'phone'", "'recipient'")
        )
        return [and_(c.destination.isnot(None), part == self.person) for part in parts]


async def seek(reader: Reader, wanted: str | None) -> Sought | None:
    """What a text means; None for no text, or a blank one.

    Exactly: an order's number, running or as it is shown, or its id; a tracking number; a recipient's phone or name; a
    SKU's code. If it is none of these: words of products' titles. Raises BadInput for words that too many SKUs have.
    """
    said = (wanted or "").strip()
    if not said:
        return None
    rows = await reader.rows(_EXACTLY, {"text": said, "most_parcels": MOST_PARCELS, **_numbers(said)})
    found: dict[str, list[UUID]] = {"order": [], "person": [], "sku": []}
    for row in rows:
        found[row.kind].append(row.id)
    if rows:
        return Sought(found["order"], said if found["person"] else None, found["sku"])
    return Sought([], None, await _skus_called(reader, said))


def _numbers(said: str) -> dict[str, Any]:
    """The order numbers and the id that a text may be."""
    numbers: dict[str, Any] = {"whole": None, "running": None, "day": None, "id": None}
    if said.isascii() and said.isdigit():
        day, running = said[:_SHOWN_DAY], said[_SHOWN_DAY:]
        numbers["whole"] = int(said) if int(said) <= _LARGEST else None
        if len(running) >= 8 and int(running) <= _LARGEST:
            numbers |= {"day": day, "running": int(running)}
        return numbers
    try:
        return numbers | {"id": ids.decode("order", said)}
    except ValueError:
        return numbers


async def _skus_called(reader: Reader, said: str) -> list[UUID]:
    query = words.query(said)
    if not query:
        return []
    called = products.c.words.op("@@")(cast(query, TSQUERY))
    found = await reader.column(select(skus.c.id).join_from(skus, products).where(called).limit(MOST_SKUS + 1))
    if len(found) > MOST_SKUS:
        raise BadInput(f"more than {MOST_SKUS} SKUs are called {said!r}; say more of the title")
    return list(found)
