"""Lists of products: narrowed, in order, a page at a time.

A page is looked for in two ways. First a walk: from the cursor on along the list's own order, some thousand products,
until the page is full. A common word fills it within a few dozen steps, in any order. Where the walk does not fill it,
what is looked for is rare or far away: then the indexes of words, tags, categories, vendors and prices gather all that
matches, and that is put in order. PostgreSQL's planner would choose between the two by an estimate, and for phrases of
Chinese pairs, which never come alone, it is wrong by powers of ten. So the choice is not left to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY, array

from domain.foundation.database import Database
from domain.foundation.pages import Page, page_of, read_cursor
from domain.products import words
from domain.products.queries import PRODUCT_COLUMNS, product_of
from domain.products.rules import BETWEEN_CATEGORIES, Product, State
from domain.products.tables import categories, products

WALK = 3_000
"""Products looked at in order before the indexes are asked. Measured on a million SKUs, by benchmarks/catalogue.py."""

# From its sixth use on, a prepared statement may get one plan for all values. Which index is the narrow one, though,
# only the values say: with a plan for all of them, a small category took 90 ms instead of 10.
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")

Condition = Callable[[Any], ColumnElement[bool]]
Among = Callable[[ColumnElement[UUID]], ColumnElement[bool]]
"""A condition on a product's id that another feature lays down: that units of it are free."""


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


async def page(
    db: Database,
    wanted: Wanted,
    *,
    order: Order = Order.NEWEST,
    first: int,
    after: str | None = None,
    among: Among | None = None,
    with_body: bool = False,
) -> Page[Product]:
    """A page of a list, by one statement, or three for what is rare. A search without a word in it finds nothing.

    A category is found with all below it. Raises BadInput for a cursor of another list.
    """
    asked = _parameters(wanted)
    # nothing is called by a name with a NUL in it, and PostgreSQL cannot even be asked for one
    if asked.get("search") == "" or any("\0" in name for name in (wanted.tag, wanted.vendor) if name):
        return Page([], [], has_next=False)
    parameters = asked | {"limit": first + 1} | _place(order, after)
    shape = _Shape(order, frozenset(parameters), among, with_body, WALK)
    rows = await db.rows(_walk(shape), parameters)
    if len(rows) <= first and shape.conditions:
        async with db.transaction() as tx:
            await tx.execute(_PLAN_FOR_THESE_VALUES)
            rows = await tx.rows(_gather(shape), parameters)
    return page_of([product_of(row) for row in rows], first, _KEYS[order])


@dataclass(frozen=True)
class _Shape:
    """What the text of a list's statement depends on; all values are parameters."""

    order: Order
    given: frozenset[str]
    among: Among | None
    with_body: bool
    walk: int

    @property
    def conditions(self) -> list[Condition]:
        """What a walk has to look at each product for."""
        return [condition for name, condition in _CONDITIONS.items() if name in self.given and name not in self._ends]

    @property
    def ends(self) -> list[Condition]:
        """Between which prices a walk along the prices goes at all."""
        return [_CONDITIONS[name] for name in self._ends if name in self.given]

    @property
    def _ends(self) -> tuple[str, ...]:
        return () if self.order is Order.NEWEST else ("least_minor", "most_minor")


@lru_cache
def _walk(shape: _Shape) -> Select[Any]:
    """Along the list's order from the cursor on; not too far when the list is narrowed."""
    c = products.c
    walked = select(products).where(*_begun(shape)).order_by(*_ordered(shape.order, c))
    if shape.conditions:
        walked = walked.limit(literal_column(str(shape.walk)))
    steps = walked.subquery("steps")
    found = select(steps.c.id, steps.c.lowest_price_minor).where(
        *(condition(steps.c) for condition in shape.conditions)
    )
    return _shown(shape, _first_among(shape, found, steps))


@lru_cache
def _gather(shape: _Shape) -> Select[Any]:
    """All that matches, by the indexes, then in order. MATERIALIZED keeps the planner from walking after all."""
    c = products.c
    matching = (
        select(c.id, c.lowest_price_minor)
        .where(*_begun(shape), *(condition(c) for condition in shape.conditions))
        .cte("matching")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    # offset 0 has them in order before `among`, which costs a look into another table, is asked of the first of them
    in_order = (
        select(matching).order_by(*_ordered(shape.order, matching.c)).offset(literal_column("0")).subquery("in_order")
    )
    return _shown(shape, _first_among(shape, select(in_order), in_order))


def _first_among(shape: _Shape, found: Select[Any], rows: FromClause) -> FromClause:
    """The ids of the page, and of the one product more that says whether another page follows."""
    if shape.among is not None:
        found = found.where(shape.among(rows.c.id))
    return found.order_by(*_ordered(shape.order, rows.c)).limit(bindparam("limit")).subquery("page")


def _shown(shape: _Shape, found: FromClause) -> Select[Any]:
    body = products.c.body_html if shape.with_body else literal("").label("body_html")
    return (
        select(*PRODUCT_COLUMNS, body)
        .select_from(found.join(products, products.c.id == found.c.id).outerjoin(categories))
        .order_by(*_ordered(shape.order, found.c))
    )


def _ordered(order: Order, c: Any) -> list[ColumnElement[Any]]:
    match order:
        case Order.NEWEST:
            return [c.id.desc()]
        case Order.PRICE_ASC:
            return [c.lowest_price_minor, c.id]
        case Order.PRICE_DESC:
            return [c.lowest_price_minor.desc(), c.id.desc()]


def _begun(shape: _Shape) -> list[ColumnElement[bool]]:
    """The stretch of the order's index that the list lies on, from the cursor on."""
    c = products.c
    stretch = [c.state == bindparam("state"), *(end(c) for end in shape.ends)]
    if "after_id" not in shape.given:
        return stretch
    after_id = bindparam("after_id", type_=c.id.type)
    if shape.order is Order.NEWEST:
        return [*stretch, c.id < after_id]
    here = tuple_(c.lowest_price_minor, c.id)
    place = tuple_(bindparam("after_price", type_=c.lowest_price_minor.type), after_id)
    return [*stretch, here > place if shape.order is Order.PRICE_ASC else here < place]


def _place(order: Order, after: str | None) -> dict[str, Any]:
    """The parameters of a cursor."""
    if after is None:
        return {}
    if order is Order.NEWEST:
        (product_id,) = read_cursor(after, UUID)
        return {"after_id": product_id}
    price, product_id = read_cursor(after, int, UUID)
    return {"after_price": price, "after_id": product_id}


_KEYS: dict[Order, Callable[[Product], tuple[Any, ...]]] = {
    Order.NEWEST: lambda product: (str(product.id),),
    Order.PRICE_ASC: lambda product: (product.lowest_price_minor, str(product.id)),
    Order.PRICE_DESC: lambda product: (product.lowest_price_minor, str(product.id)),
}


def _parameters(wanted: Wanted) -> dict[str, Any]:
    """The values that narrow the list, and its state."""
    search = (wanted.search or "").strip()
    values = {
        "state": wanted.state.value,
        "search": words.query(search) if search else None,
        "category_id": wanted.category_id,
        "tag": wanted.tag,
        "vendor": wanted.vendor,
        "least_minor": wanted.least_minor,
        "most_minor": wanted.most_minor,
    }
    return {name: value for name, value in values.items() if value is not None}


def _below(c: Any) -> ColumnElement[bool]:
    """In the category or in one below it."""
    top = select(categories.c.path).where(categories.c.id == bindparam("category_id")).scalar_subquery()
    below = select(categories.c.id).where(
        (categories.c.id == bindparam("category_id")) | func.starts_with(categories.c.path, top + BETWEEN_CATEGORIES)
    )
    return c.category_id == func.any(func.array(below.scalar_subquery()))  # type: ignore[no-any-return]


_CONDITIONS: dict[str, Condition] = {
    "search": lambda c: c.words.op("@@")(cast(bindparam("search"), TSQUERY)),
    "category_id": _below,
    "tag": lambda c: c.tags.op("@>")(array([bindparam("tag", type_=String)])),
    "vendor": lambda c: c.vendor == bindparam("vendor"),
    "least_minor": lambda c: c.lowest_price_minor >= bindparam("least_minor"),
    "most_minor": lambda c: c.lowest_price_minor <= bindparam("most_minor"),
}
