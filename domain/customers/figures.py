"""What is told of all customers together: ladder, RFM segments, Pareto by margin, growth; read from what a refresh kept."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import func, select

from domain.customers import rules
from domain.customers.rules import LADDER_STEPS, Cuts, Segment, cuts_of
from domain.customers.tables import ladder, standings
from domain.foundation.database import AnyRow, Database

_s, _l = standings.c, ladder.c


@dataclass(frozen=True, slots=True)
class Step:
    """From one purchase to the next: of those who `had` the one, so many `came_again`, ever or within the days asked for."""

    number: int
    had: int
    came_again: int

    @property
    def rate(self) -> float | None:
        """Share who came again; None where nobody had the purchase before."""
        return self.came_again / self.had if self.had else None


@dataclass(frozen=True, slots=True)
class Cohort:
    """Customers whose first purchase was in this month of the shop's, and the steps of their ladder."""

    month: date
    customers: int
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """Customers of a segment; spend and margin are those of the window of the rules."""

    segment: Segment
    customers: int = 0
    spend_minor: int = 0
    margin_minor: int = 0


@dataclass(frozen=True, slots=True)
class Segmented:
    """Everybody who bought in the window, by segment, as of a day; `customers` are all there are, also those who did not."""

    day: date
    made_at: datetime
    customers: int
    cuts: Cuts
    segments: Sequence[SegmentFigures]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The so many `customers` with the highest margin have `margin_minor` together."""

    customers: int
    margin_minor: int


@dataclass(frozen=True, slots=True)
class Pareto:
    """How margin is spread. `carriers`: the fewest customers who have 80 % of it together; None while there is none above zero."""

    day: date
    made_at: datetime
    customers: int
    margin_minor: int
    goods_minor: int
    costed_minor: int
    carriers: int | None
    curve: Sequence[CurvePoint] = field(default_factory=list)

    @property
    def carriers_share(self) -> float | None:
        """The carriers' part of all customers."""
        return None if self.carriers is None else self.carriers / self.customers


@dataclass(frozen=True, slots=True)
class Standing:
    """All customers together, as they stood on a day when they were counted on it last. Amounts are of all time."""

    day: date
    made_at: datetime
    customers: int
    orders: int
    spend_minor: int
    refunded_minor: int
    goods_minor: int
    costed_minor: int
    margin_minor: int


async def repurchase_ladder(
    db: Database, *, first: date, last: date, within_days: int | None = None
) -> Sequence[Cohort]:
    """The ladder of each month's new customers, of the months of `first` to that of `last`; months without any are missing.

    Step n counts those of a cohort who had at least n purchases, and those of them who had another one (within so many days
    of the n-th, where asked). Raises BadInput for more than 36 months.
    """
    first, last = rules.months_between(first, last)
    rules.check_within(within_days)
    came = func.sum(_l.customers)
    in_time = came if within_days is None else came.filter(_l.days <= within_days)
    rows = await db.rows(
        select(_l.cohort, _l.step, came.label("ever"), func.coalesce(in_time, 0).label("in_time"))
        .where(_l.cohort.between(first, last))
        .group_by(_l.cohort, _l.step)
        .having(came > 0)
        .order_by(_l.cohort)
    )
    by_cohort: dict[date, dict[int, AnyRow]] = defaultdict(dict)
    for row in rows:
        by_cohort[row.cohort][row.step] = row
    return [_cohort(month, steps) for month, steps in by_cohort.items()]


async def segments(db: Database) -> Segmented | None:
    """RFM segments as of the last standing, each with its customers; None before the first one."""
    row = await _latest(db)
    if row is None:
        return None
    found = {segment: [0, 0, 0] for segment in Segment}
    for cell in row.cells:
        totals = found[rules.segment(cell["recency"], cell["frequency"], cell["monetary"])]
        for at, name in enumerate(("customers", "spend_minor", "margin_minor")):
            totals[at] += cell[name]
    figures = [SegmentFigures(segment, *totals) for segment, totals in found.items()]
    return Segmented(row.day, row.made_at, row.customers, cuts_of(row.cuts), figures)


async def pareto(db: Database) -> Pareto | None:
    """How all customers' margin of all time is spread over them, as of the last standing; None before the first one."""
    row = await _latest(db)
    if row is None:
        return None
    return Pareto(
        day=row.day,
        made_at=row.made_at,
        customers=row.customers,
        margin_minor=row.margin_minor,
        goods_minor=row.goods_minor,
        costed_minor=row.costed_minor,
        carriers=row.pareto["carriers"] if row.margin_minor > 0 else None,
        curve=[CurvePoint(*point) for point in row.pareto["curve"] or ()],
    )


async def growth(db: Database, *, first: date, last: date) -> Sequence[Standing]:
    """All customers together on each day from `first` to `last` on which they were counted. Raises BadInput for 1,096 days."""
    rules.check_days(first, last)
    columns = [column for column in standings.c if column.name not in ("cuts", "cells", "pareto")]
    rows = await db.rows(select(*columns).where(_s.day.between(first, last)).order_by(_s.day))
    return [Standing(*row) for row in rows]


async def _latest(db: Database) -> AnyRow | None:
    return await db.one(select(*_s).order_by(_s.day.desc()).limit(1))


def _cohort(month: date, counted: dict[int, AnyRow]) -> Cohort:
    had = [counted[step].ever if step in counted else 0 for step in range(LADDER_STEPS)]
    again = [counted[step].in_time if step in counted else 0 for step in range(1, LADDER_STEPS + 1)]
    steps = [Step(number, *pair) for number, pair in enumerate(zip(had, again, strict=True), 1)]
    return Cohort(month, had[0], steps)
