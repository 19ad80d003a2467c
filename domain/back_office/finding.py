"""Orders as staff look for them: narrowed, newest first, a page at a time.

A page is looked for in two ways, as the products' own lists are. First a walk: from the cursor on along an index that
has the list's order, some thousand orders, until the page is full. Where the walk does not fill it, what is looked for is
rare or far away: then everything that matches is gathered by whatever index is narrowest and put in order. The choice is
not left to the planner: it cannot know that orders with an open after-sale are all among the newest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select, text, true, tuple_, union_all

from domain.after_sales.rules import OPEN
from domain.after_sales.tables import after_sales
from domain.back_office.rules import WantedOrders, check_wanted
from domain.back_office.seeking import Sought, seek
from domain.foundation.database import AnyRow, Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.orders.rules import Order
from domain.orders.store import COLUMNS, o, order_of
from domain.orders.tables import lines, orders

WALK = 3_000
"""Orders looked at in order before everything that matches is gathered."""

# From its sixth use on, a prepared statement may get one plan for all values; which index is narrow, only the values say.
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")

Condition = Callable[[Any], ColumnElement[bool]]
Place = tuple[datetime, UUID]


async def page(db: Database, wanted: WantedOrders, *, first: int, after: str | None = None) -> Page[Order]:
    """A page of orders, newest first by the moment they were placed. Raises BadInput for a cursor of another list."""
    check_wanted(wanted)
    size = page_size(first)
    place = read_cursor(after, datetime, UUID) if after is not None else None
    async with db.transaction() as tx:
        await tx.execute(_PLAN_FOR_THESE_VALUES)
        sought = await seek(tx, wanted.text)
        if sought is not None and sought.is_nothing:
            return Page([], [], has_next=False)
        narrowing = Narrowing.of(wanted, sought)
        rows: Sequence[AnyRow] = ()
        if not narrowing.is_rare:
            rows = await tx.rows(_walk(narrowing, place, size + 1))
        if len(rows) <= first and narrowing.conditions:
            rows = await tx.rows(_gather(narrowing, place, size + 1))
    return page_of([order_of(row) for row in rows], first, lambda order: (order.placed_at, str(order.id)))


@dataclass(frozen=True)
class Narrowing:
    """What a list of orders shows, in SQL.

    `lanes` are stretches of indexes that have the list's order: together they are all there is to walk along.
    `conditions` each order is looked at for, `gathered` finds what the text means by its own indexes.
    """

    lanes: list[ColumnElement[bool]]
    stretch: list[ColumnElement[bool]]
    conditions: list[Condition]
    gathered: list[ColumnElement[bool]]
    is_rare: bool

    @classmethod
    def of(cls, wanted: WantedOrders, sought: Sought | None) -> "Narrowing":
        """The narrowing of what is wanted; `sought` is what its text was found to mean."""
        lanes, states_left = _lanes(wanted)
        conditions = _conditions(wanted, states_left)
        gathered = [condition(o) for condition in conditions]
        if sought is not None:
            conditions.append(sought.met_by)
            gathered.append(sought.among(o.id))
        stretch = [
            *([o.placed_at >= wanted.placed_from] if wanted.placed_from is not None else []),
            *([o.placed_at < wanted.placed_to] if wanted.placed_to is not None else []),
        ]
        return cls(lanes, stretch, conditions, gathered, is_rare=sought is not None and sought.is_rare)


async def chunk(
    reader: Reader, narrowing: Narrowing, columns: Sequence[Any], *, place: Place | None, limit: int
) -> Sequence[AnyRow]:
    """The next orders of the whole list after a place, in its order: what an export reads, chunk by chunk."""
    found = select(*columns).where(or_(*narrowing.lanes), *_after(narrowing, place), *_met(narrowing))
    return await reader.rows(found.order_by(*_NEWEST).limit(limit))


async def count_lines(reader: Reader, narrowing: Narrowing, *, most: int) -> int:
    """How many order lines there are in the whole list, at most one more than `most`."""
    met = [or_(*narrowing.lanes), *narrowing.stretch, *narrowing.gathered]
    some = select(literal_column("1")).join_from(orders, lines).where(*met).limit(most + 1).subquery()
    return int(await reader.value(select(func.count()).select_from(some)))


_NEWEST = (o.placed_at.desc(), o.id.desc())


def _walk(narrowing: Narrowing, place: Place | None, limit: int) -> Select[Any]:
    """Along the list's order from the cursor on; not too far when each order has to be looked at."""
    far = WALK if narrowing.conditions else limit
    stretches = [
        select(orders).where(lane, *_after(narrowing, place)).order_by(*_NEWEST).limit(far).subquery()
        for lane in narrowing.lanes
    ]
    # lanes are joined in order before anything is looked at: the page may end before the shortest of them does
    joined = union_all(*(select(stretch) for stretch in stretches)).subquery("joined")
    steps = select(joined).order_by(joined.c.placed_at.desc(), joined.c.id.desc()).limit(far).subquery("steps")
    found = select(steps.c.id).where(*(condition(steps.c) for condition in narrowing.conditions))
    found = found.order_by(steps.c.placed_at.desc(), steps.c.id.desc()).limit(limit)
    return _shown(found.subquery("page"))


def _gather(narrowing: Narrowing, place: Place | None, limit: int) -> Select[Any]:
    """All that matches, by the indexes, then in order. MATERIALIZED keeps the planner from walking after all."""
    matching = (
        select(o.id, o.placed_at)
        .where(or_(*narrowing.lanes), *_after(narrowing, place), *narrowing.gathered)
        .cte("matching")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    in_order = select(matching.c.id).order_by(matching.c.placed_at.desc(), matching.c.id.desc()).limit(limit)
    return _shown(in_order.subquery("page"))


def _shown(found: Any) -> Select[Any]:
    return select(*COLUMNS).join_from(orders, found, o.id == found.c.id).order_by(*_NEWEST)


def _after(narrowing: Narrowing, place: Place | None) -> list[ColumnElement[bool]]:
    if place is None:
        return narrowing.stretch
    return [*narrowing.stretch, tuple_(o.placed_at, o.id) < tuple_(*place)]


def _met(narrowing: Narrowing) -> list[ColumnElement[bool]]:
    return narrowing.gathered if narrowing.is_rare else [condition(o) for condition in narrowing.conditions]


def _lanes(wanted: WantedOrders) -> tuple[list[ColumnElement[bool]], bool]:
    """The narrowest stretches that have the list's order, and whether the states are still to be looked at."""
    if wanted.store_id is not None:
        return [o.store_id == wanted.store_id], True
    if wanted.late_outcome is not None:
        return [o.late_outcome == wanted.late_outcome], True
    return [o.state == state for state in sorted(set(wanted.states))] or [true()], False


def _conditions(wanted: WantedOrders, states_left: bool) -> list[Condition]:
    """What each order is looked at for. One that its lane has settled already costs nothing to ask again."""
    asked: list[tuple[object, Condition]] = [
        (states_left and wanted.states, lambda c: c.state.in_(sorted(set(wanted.states)))),
        (wanted.late_outcome and wanted.store_id, lambda c: c.late_outcome == wanted.late_outcome),
        (wanted.paid_from, lambda c: c.paid_at >= wanted.paid_from),
        (wanted.paid_to, lambda c: c.paid_at < wanted.paid_to),
        (wanted.fulfilment, lambda c: c.fulfilment == wanted.fulfilment),
        (wanted.supplier_id, lambda c: _has_line_of(c, wanted)),
        (wanted.source, lambda c: c.source == wanted.source),
        (wanted.is_confirmed is not None, lambda c: c.is_confirmed.is_(wanted.is_confirmed)),
        (wanted.has_open_after_sale, _has_open_after_sale),
        (wanted.has_open_after_sale is False, lambda c: ~_has_open_after_sale(c)),
    ]
    return [condition for value, condition in asked if value]


def _has_line_of(c: Any, wanted: WantedOrders) -> ColumnElement[bool]:
    return select(lines.c.order_id).where(lines.c.order_id == c.id, lines.c.supplier_id == wanted.supplier_id).exists()


def _has_open_after_sale(c: Any) -> ColumnElement[bool]:
    a = after_sales.c
    is_open = and_(a.order_id == c.id, a.state.in_(sorted(OPEN)))
    return select(a.id).where(is_open).exists()
