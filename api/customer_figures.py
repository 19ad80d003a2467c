"""All customers together for those who run the shop: how they come again, who they are, how margin is spread, how they grow."""

from datetime import date, datetime, timedelta
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.customers import CustomerSegment
from api.money import Money
from api.scalars import Long
from domain.customers import figures, queries, rules
from domain.customers.rules import LADDER_STEPS
from domain.foundation.database import Database

DAY = timedelta(days=1)
From = Annotated[date, strawberry.argument(name="from", description="The first day.")]
Before = Annotated[date, strawberry.argument(description="The day after the last.")]


@strawberry.type(directives=to(Who.INHERITED), description="From one purchase to the next.")
class LadderStep:
    """A step."""

    step: int = strawberry.field(description=f"1: from the first purchase to the second; to {LADDER_STEPS}.")
    had: int = strawberry.field(description="Customers of the cohort who had this purchase.")
    came_again: int = strawberry.field(description="Those of them who had the next one, in time where that was asked.")
    rate: float | None = strawberry.field(description="`cameAgain` / `had`, 0 to 1; null where nobody had. 复购率")


@strawberry.type(directives=to(Who.INHERITED), description="Customers by the month of their first purchase. 同期群")
class LadderCohort:
    """A cohort."""

    month: date = strawberry.field(description="Its first day.")
    customers: int
    steps: list[LadderStep]


@strawberry.type(
    directives=to(Who.STAFF), description="How customers come again, by the month of their first purchase. 复购阶梯"
)
class RepurchaseLadder:
    """The ladder."""

    cohorts: list[LadderCohort] = strawberry.field(
        description="Oldest first; months without new customers are missing."
    )
    refreshed_at: datetime | None = strawberry.field(
        description="Up to when it counts what became of orders; null before the first time."
    )


@strawberry.type(directives=to(Who.INHERITED), description="A segment and what its customers brought in the window.")
class SegmentFigures:
    """A segment."""

    segment: CustomerSegment
    customers: int
    share: float | None = strawberry.field(description="In all customers of the segments, 0 to 1; null without any.")
    spend: Money
    margin: Money


@strawberry.type(
    directives=to(Who.INHERITED),
    description="From which value on a customer has scores 2, 3, 4 and 5; null: nobody has as much. A score is 1 + floor(5 x "
    "customers with less / customers), so equal values have equal scores, whatever the order.",
)
class RfmCuts:
    """The cuts."""

    last_day: list[date | None] = strawberry.field(description="Recency: the later the last purchase, the better.")
    purchases: list[int | None] = strawberry.field(description="Frequency, in the window of the value rules.")
    spend_minor: list[Long | None] = strawberry.field(description="Monetary value, in that window: fen.")


@strawberry.type(
    directives=to(Who.STAFF),
    description="RFM segments of all customers who bought something in the window of the value rules.",
)
class RfmSegments:
    """The segments."""

    day: date = strawberry.field(description="As of which day.")
    refreshed_at: datetime
    customers: int = strawberry.field(description="All there are, also those who bought nothing in the window.")
    segments: list[SegmentFigures]
    cuts: RfmCuts


@strawberry.type(directives=to(Who.INHERITED), description="A point of the curve.")
class ParetoPoint:
    """A point."""

    customers: int = strawberry.field(description="So many, those with the highest margin.")
    margin: Money = strawberry.field(description="Of all time, theirs together.")


@strawberry.type(directives=to(Who.STAFF), description="How margin of all time is spread over all customers. 帕累托")
class MarginPareto:
    """The spread."""

    day: date = strawberry.field(description="As of which day.")
    refreshed_at: datetime
    customers: int
    margin: Money = strawberry.field(description="All customers', what those with a loss cost taken off.")
    costed_share: float | None = strawberry.field(description="The part of the goods' money whose cost is known.")
    carriers: int | None = strawberry.field(
        description="The fewest customers who have 80 % of `margin` together; null while that is not above zero."
    )
    carriers_share: float | None = strawberry.field(description="`carriers` / `customers`, 0 to 1.")
    curve: list[ParetoPoint] = strawberry.field(
        description=f"The best 1/{rules.CURVE_POINTS} of the customers (rounded up), 2/{rules.CURVE_POINTS}, and so on to all."
    )


@strawberry.type(
    directives=to(Who.INHERITED), description="All customers together, of all time, as they stood on a day."
)
class CustomerTotals:
    """Totals."""

    day: date
    refreshed_at: datetime
    customers: int
    orders: Long
    spend: Money
    refunded: Money
    margin: Money


@strawberry.type
class CustomerFiguresQuery:
    """What those who run the shop ask of all customers."""

    @strawberry.field(
        directives=to(Who.STAFF),
        description=f"Repurchase by cohort, of at most {rules.MOST_MONTHS} months. Young cohorts have had little time: give "
        "`withinDays` to compare, and leave out those younger than that.",
    )
    async def repurchase_ladder(
        self,
        info: Info,
        cohort_from: Annotated[date, strawberry.argument(description="A day of the first month.")],
        cohort_to: Annotated[date, strawberry.argument(description="A day of the last month.")],
        within_days: Annotated[
            int | None,
            strawberry.argument(
                description=f"1 to {rules.MOST_DAYS}: only who came again within so many days counts. Left out: ever."
            ),
        ] = None,
    ) -> RepurchaseLadder:
        """The ladder."""
        db = info.context.market.db
        cohorts = await figures.repurchase_ladder(db, first=cohort_from, last=cohort_to, within_days=within_days)
        return RepurchaseLadder(
            cohorts=[_show_cohort(cohort) for cohort in cohorts], refreshed_at=await _refreshed_at(db)
        )

    @strawberry.field(directives=to(Who.STAFF), description="RFM segments; null until customers were counted once.")
    async def rfm_segments(self, info: Info) -> RfmSegments | None:
        """The segments."""
        found = await figures.segments(info.context.market.db)
        return None if found is None else _show_segments(found)

    @strawberry.field(
        directives=to(Who.STAFF),
        description="Which part of the customers has 80 % of the margin; null until customers were counted once.",
    )
    async def pareto_by_margin(self, info: Info) -> MarginPareto | None:
        """The spread."""
        found = await figures.pareto(info.context.market.db)
        if found is None:
            return None
        return MarginPareto(
            day=found.day,
            refreshed_at=found.made_at,
            customers=found.customers,
            margin=Money.of(found.margin_minor),
            costed_share=found.costed_minor / found.goods_minor if found.goods_minor else None,
            carriers=found.carriers,
            carriers_share=found.carriers_share,
            curve=[
                ParetoPoint(customers=point.customers, margin=Money.of(point.margin_minor)) for point in found.curve
            ],
        )

    @strawberry.field(
        directives=to(Who.STAFF),
        description=f"All customers together on each of these days on which they were counted; at most {rules.MOST_DAYS} days.",
    )
    async def customer_growth(self, info: Info, from_: From, to: Before) -> list[CustomerTotals]:
        """Growth."""
        return [
            CustomerTotals(
                day=day.day,
                refreshed_at=day.made_at,
                customers=day.customers,
                orders=day.orders,
                spend=Money.of(day.spend_minor),
                refunded=Money.of(day.refunded_minor),
                margin=Money.of(day.margin_minor),
            )
            for day in await figures.growth(info.context.market.db, first=from_, last=to - DAY)
        ]


async def _refreshed_at(db: Database) -> datetime | None:
    async with db.reading() as reader:
        as_of = await queries.refreshed(reader)
    return None if as_of is None else as_of[1]


def _show_cohort(cohort: figures.Cohort) -> LadderCohort:
    steps = [
        LadderStep(step=step.number, had=step.had, came_again=step.came_again, rate=step.rate) for step in cohort.steps
    ]
    return LadderCohort(month=cohort.month, customers=cohort.customers, steps=steps)


def _show_segments(found: figures.Segmented) -> RfmSegments:
    ranked = sum(one.customers for one in found.segments)
    return RfmSegments(
        day=found.day,
        refreshed_at=found.made_at,
        customers=found.customers,
        segments=[
            SegmentFigures(
                segment=one.segment,
                customers=one.customers,
                share=one.customers / ranked if ranked else None,
                spend=Money.of(one.spend_minor),
                margin=Money.of(one.margin_minor),
            )
            for one in found.segments
        ],
        cuts=RfmCuts(
            last_day=list(found.cuts.recency),
            purchases=list(found.cuts.frequency),
            spend_minor=list(found.cuts.monetary),
        ),
    )
