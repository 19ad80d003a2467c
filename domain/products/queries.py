"""How screens read products: pages of a search, and everything else by ids, many at once. Never locks.

A page is looked for in two ways. First a walk: from the cursor along the list's own order, a few thousand products, until
the page is full. A common word fills it within some dozen steps, in whatever order. Where the walk does not fill it, what
is looked for is rare (or stands far away), and the indexes of words, tags, categories and prices gather all that matches,
which is then put in order. PostgreSQL's planner would choose between the two by an estimate; for phrases of Chinese pairs,
whose words never come alone, its estimates are wrong by powers of ten. So neither is left to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, String, Uuid, bindparam, cast, func, literal, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY

from domain.foundation.database import Database, Reader
from domain.foundation.pages import Page, page_of, read_cursor
from domain.products import words
from domain.products.rules import Category, Image, Product, Sku, State
from domain.products.tables import categories, images, products, skus

WALK = 3_000
"""Products looked at, in order, before the indexes are asked. Measured on a million SKUs: benchmarks/catalogue.py."""


class Order(StrEnum):
    """The orders of a list of products."""

    NEWEST = "newest"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shows; None does not narrow it. Prices are those a product begins at, both ends included."""

    state: State = State.PUBLISHED
    search: str | None = None
    category_id: UUID | None = None
    tag: str | None = None
    vendor: str | None = None
    least_minor: int | None = None
    most_minor: int | None = None


Among = Callable[[ColumnElement[UUID]], ColumnElement[bool]]
"""A condition on a product's id that another feature lays down, such as that units of it are free."""


async def page(
    reader: Reader,
    wanted: Wanted,
    *,
    order: Order = Order.NEWEST,
    first: int,
    after: str | None = None,
    among: Among | None = None,
    with_body: bool = False,
) -> Page[Product]:
    """A page of a list. A search without a single word in it finds nothing. One statement, or two for what is rare.

    Raises BadInput for a cursor of another list.
    """
    parameters = _parameters(wanted) | {"limit": first + 1} | _place(order, after)
    if parameters.get("search") == "":
        return Page([], [], has_next=False)
    shape = _Shape(order, frozenset(parameters), among, with_body)
    rows = await reader.rows(_walk(shape), parameters)
    if shape.is_narrowed and len(rows) <= first:
        rows = await reader.rows(_gather(shape), parameters)
    return page_of([_product(row) for row in rows], first, _KEYS[order])


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a list's statement depends on; its values are parameters."""

    order: Order
    given: frozenset[str]
    among: Among | None
    with_body: bool

    @property
    def is_narrowed(self) -> bool:
        return bool(self.given & _CONDITIONS.keys())

    def conditions(self, c: Columns) -> list[ColumnElement[bool]]:
        return [condition(c) for name, condition in _CONDITIONS.items() if name in self.given]
"""
"""
