"""Customers for those who run the shop: what each is worth, how they come again, how they are spread, and what members bring."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.money import Money
from api.nodes import Connection, read_id, show_id
from api.scalars import Long
from domain.customers import actions, figures, queries, rules
from domain.customers.rules import LADDER_STEPS, Segment, ValueRules
from domain.foundation.database import Database
from domain.insights import member_rules, members

From = Annotated[date, strawberry.argument(name="from", description="The first day.")]
Until = Annotated[date, strawberry.argument(description="The last day, which counts.")]
CustomerSegment = strawberry.enum(
    Segment,
    name="CustomerSegment",
    description="RFM segments, by whether recency, frequency and monetary value are high: CHAMPION 重要价值 (all three), LOYAL "
    "一般价值 (R and F), PROMISING_SPENDER 重要发展 (R and M), NEWCOMER 一般发展 (R), AT_RISK 重要保持 (F and M), FADING "
    "一般保持 (F), LOST_SPENDER 重要挽留 (M), HIBERNATING 一般挽留 (none). A score of 4 or 5 is high.",
)


@strawberry.type(
    directives=to(Who.INHERITED),
    description="User value: `orders` x `marginPerOrder` x `referralIndex`, in the window of the value rules. 用户价值",
)
class UserValue:
    """What somebody is worth."""

    value: Money = strawberry.field(description="The product, which is `margin` x `referralIndex`, rounded down.")
    orders: int = strawberry.field(
        description="Purchase frequency: orders paid in the window that were not given back whole. 消费频次"
    )
    margin: Money = strawberry.field(
        description="Gross margin of these orders: what was kept of the goods' money, without freight, less what the goods cost "
        "when they were paid for. Units that were given back cost nothing; lines of unknown cost are left out. 毛利"
    )
    margin_per_order: Money | None = strawberry.field(
        description="`margin` / `orders`, rounded down; null without orders. 单均毛利"
    )
    costed_share: float | None = strawberry.field(
        description="The part of the goods' money kept whose cost is known, 0 to 1: how far `margin` can be trusted."
    )
    referred_buyers: int = strawberry.field(
        description="People whose first order came of this customer's share link, was paid in the window and not given back whole."
    )
    referral_index: float = strawberry.field(
        description="1 + weight x `referredBuyers`, of whom no more count than the rules say. 推荐指数"
    )

    @classmethod
    def of(cls, value: rules.Value) -> "UserValue":
        """The GraphQL object."""
        return cls(
            value=Money.of(value.value_minor),
            orders=value.orders,
            margin=Money.of(value.margin_minor),
            margin_per_order=Money.maybe(value.margin_per_order_minor),
            costed_share=value.costed_share,
            referred_buyers=value.referred,
            referral_index=value.referral_index_permille / rules.PERMILLE,
        )


@strawberry.type(
    directives=to(Who.STAFF),
    description="A customer: somebody who paid for an order that was not given back whole. Of all time, unless said. 客户",
)
class CustomerFigures:
    """A customer in figures."""

    account_id: strawberry.ID
    first_day: date = strawberry.field(description="Of the first purchase. 首购日")
    last_day: date = strawberry.field(description="Of the last purchase. 最近消费日")
    recency_days: int = strawberry.field(description="Days since the last purchase. R")
    orders: int = strawberry.field(description="Paid and not given back whole. 订单数")
    purchases: int = strawberry.field(
        description="Days of the shop's calendar with such an order: two orders of an evening are one purchase. 消费次数"
    )
    spend: Money = strawberry.field(description="Paid for these orders, with freight, less what went back. 累计消费")
    refunded: Money = strawberry.field(description="Went back of any paid order. 累计退款")
    margin: Money = strawberry.field(description="As in `value`, of all time. 累计毛利")
    costed_share: float | None = strawberry.field(
        description="The part of the goods' money whose cost is known, 0 to 1."
    )
    recent_purchases: int = strawberry.field(description="Purchases in the window of the value rules. F")
    recent_spend: Money = strawberry.field(description="Spend in the window of the value rules. M")
    referred_by: strawberry.ID | None = strawberry.field(
        description="The account by whose share link the first order came."
    )
    value: UserValue
    segment: CustomerSegment | None = strawberry.field(
        description="As of `rfmSegments`; null for whoever bought nothing in the window."
    )
    refreshed_at: datetime = strawberry.field(description="When this was worked out last.")

    @classmethod
    def of(cls, one: rules.Customer) -> "CustomerFigures":
        """The GraphQL object."""
        return cls(
            account_id=show_id("account", one.account_id),
            first_day=one.first_day,
            last_day=one.last_day,
            recency_days=one.recency_days,
            orders=one.orders,
            purchases=one.purchases,
            spend=Money.of(one.spend_minor),
            refunded=Money.of(one.refunded_minor),
            margin=Money.of(one.margin_minor),
            costed_share=one.costed_share,
            recent_purchases=one.recent_purchases,
            recent_spend=Money.of(one.recent_spend_minor),
            referred_by=None if one.referred_by is None else show_id("account", one.referred_by),
            value=UserValue.of(one.value),
            segment=one.segment,
            refreshed_at=one.refreshed_at,
        )


@strawberry.type(directives=to(Who.INHERITED), description="From one purchase to the next.")
class LadderStep:
    """A step."""

    step: int = strawberry.field(description=f"1: from the first purchase to the second; to {LADDER_STEPS}.")
    had: int = strawberry.field(description="Customers of the cohort who had this purchase.")
    came_again: int = strawberry.field(description="Those of them who had the next one, in time where that was asked.")
    rate: float | None = strawberry.field(
        description="`cameAgain` / `had`, 0 to 1; null where nobody had. 复购率"
    )


@strawberry.type(directives=to(Who.INHERITED), description="Customers by the month of their first purchase. 同期群")
class LadderCohort:
    """A cohort."""

    month: date = strawberry.field(description="Its first day.")
    customers: int
    steps: list[LadderStep]


@strawberry.type(directives=to(Who.STAFF), description="How customers come again, by the month of their first purchase. 复购阶梯")
class RepurchaseLadder:
    """The ladder."""

    cohorts: list[LadderCohort] = strawberry.field(description="Oldest first; months without new customers are missing.")
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


@strawberry.type(directives=to(Who.INHERITED), description="All customers together, of all time, as they stood on a day.")
class CustomerTotals:
    """Totals."""

    day: date
    refreshed_at: datetime
    customers: int
    orders: Long
    spend: Money
    refunded: Money
    margin: Money


@strawberry.type(
    directives=to(Who.STAFF),
    description="What user value means. Version 0: nobody has set it, and the standard counts.",
)
class CustomerValueRules:
    """The rules."""

    version: int
    window_days: int = strawberry.field(description="Orders paid in so many of the shop's days, today's included, count.")
    referral_permille: int = strawberry.field(description="What a referred buyer adds to the index: thousandths.")
    most_referred: int = strawberry.field(description="No more referred buyers count.")

    @classmethod
    def of(cls, standing: ValueRules) -> "CustomerValueRules":
        """The GraphQL object."""
        return cls(
            version=standing.version,
            window_days=standing.window_days,
            referral_permille=standing.referral_permille,
            most_referred=standing.most_referred,
        )


@strawberry.input(description="What user value shall mean; everybody's is worked out anew by it.")
class SetValueRulesInput:
    """The rules."""

    window_days: int = strawberry.field(description=f"{rules.SHORTEST_WINDOW} to {rules.LONGEST_WINDOW}.")
    referral_permille: int = strawberry.field(description=f"0 to {rules.MOST_WEIGHT}: thousandths.")
    most_referred: int = strawberry.field(description=f"0 to {rules.MOST_REFERRED}.")


@strawberry.type(
    directives=to(Who.STAFF),
    description="What paid membership brings. A member is who has a running membership of any plan but a trial; people, on a "
    "day, are all who by its end had paid for an order or been a member. Spend is paid orders less what was given back on "
    "the same days, members' where they were members when they paid; card fees are not in it.",
)
class MembershipFigures:
    """The metrics."""

    days: int = strawberry.field(description="Of those asked for, the days that have come and were counted.")
    members: int = strawberry.field(description="At the end of the last day, or now. 会员数")
    people: int = strawberry.field(description="By the end of the last day, or now.")
    penetration: float | None = strawberry.field(description="`members` / `people`; null without people. 渗透率")
    new_members: int = strawberry.field(description="Who became a member for the first time in these days.")
    conversion: float | None = strawberry.field(
        description="`newMembers` / (`people` - members at the end of the day before `from`): of those who could become one, who "
        "did. Null where nobody could. 转化率"
    )
    terms_due: int = strawberry.field(
        description="Terms whose last day is one of these and is over, neither trials nor ended early by refund or upgrade."
    )
    terms_renewed: int = strawberry.field(
        description="Those of them whose holder has a term after it that was made before or within "
        f"{member_rules.RENEWED_WITHIN_DAYS} days after its end."
    )
    renewal_rate: float | None = strawberry.field(
        description="`termsRenewed` / `termsDue`; null without any due. It may grow for "
        f"{member_rules.RENEWED_WITHIN_DAYS} days. 续费率"
    )
    member_orders: int = strawberry.field(description="Orders paid by members.")
    other_orders: int = strawberry.field(description="Orders paid by others.")
    member_spend: Money
    other_spend: Money
    revenue_per_member: Money | None = strawberry.field(
        description="`memberSpend` / members on average, over the ends of the days; rounded down. 单客产值"
    )
    revenue_per_other: Money | None = strawberry.field(description="The same of people who are no members.")
    spend_multiple: float | None = strawberry.field(
        description="`revenuePerMember` : `revenuePerOther`, before rounding; null unless others spent something. 消费倍数"
    )
    refreshed_at: datetime = strawberry.field(description="When its newest day was counted.")

    @classmethod
    def of(cls, found: member_rules.MemberFigures) -> "MembershipFigures":
        """The GraphQL object."""
        return cls(
            days=found.days,
            members=found.members,
            people=found.people,
            penetration=found.penetration,
            new_members=found.new_members,
            conversion=found.conversion,
            terms_due=found.terms_due,
            terms_renewed=found.terms_renewed,
            renewal_rate=found.renewal_rate,
            member_orders=found.member_orders,
            other_orders=found.other_orders,
            member_spend=Money.of(found.member_spend_minor),
            other_spend=Money.of(found.other_spend_minor),
            revenue_per_member=Money.maybe(found.revenue_per_member_minor),
            revenue_per_other=Money.maybe(found.revenue_per_other_minor),
            spend_multiple=found.spend_multiple,
            refreshed_at=found.as_of,
        )


@strawberry.type
class CustomerQuery:
    """What those who run the shop ask of customers."""

    @strawberry.field(directives=to(Who.STAFF), description="Customers by their user value, the highest first.")
    async def customer_value(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[CustomerFigures]:
        """The most valuable."""
        page = await queries.highest(info.context.market.db, first=first, after=after)
        return Connection.of(page, CustomerFigures.of)

    @strawberry.field(directives=to(Who.STAFF), description="Somebody as a customer; null while they are none.")
    async def customer_figures(self, info: Info, account_id: strawberry.ID) -> CustomerFigures | None:
        """One."""
        id = read_id("account", account_id)
        one = (await queries.by_ids(info.context.market.db, [id])).get(id)
        return one and CustomerFigures.of(one)

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
        return RepurchaseLadder(cohorts=[_show_cohort(cohort) for cohort in cohorts], refreshed_at=await _refreshed_at(db))

    @strawberry.field(directives=to(Who.STAFF), description="RFM segments; null until customers were counted once.")
    async def rfm_segments(self, info: Info) -> RfmSegments | None:
        """The segments."""
        found = await figures.segments(info.context.market.db)
        return found and _show_segments(found)

    @strawberry.field(
        directives=to(Who.STAFF),
        description="Which part of the customers has 80 % of the margin; null until customers were counted once.",
    )
    async def pareto_by_margin(self, info: Info) -> MarginPareto | None:
        """The spread."""
        found = await figures.pareto(info.context.market.db)
        return found and MarginPareto(
            day=found.day,
            refreshed_at=found.made_at,
            customers=found.customers,
            margin=Money.of(found.margin_minor),
            costed_share=found.costed_minor / found.goods_minor if found.goods_minor else None,
            carriers=found.carriers,
            carriers_share=found.carriers_share,
            curve=[ParetoPoint(customers=point.customers, margin=Money.of(point.margin_minor)) for point in found.curve],
        )

    @strawberry.field(
        directives=to(Who.STAFF),
        description=f"All customers together on each of these days on which they were counted; at most {rules.MOST_DAYS} days.",
    )
    async def customer_growth(self, info: Info, from_: From, to: Until) -> list[CustomerTotals]:
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
            for day in await figures.growth(info.context.market.db, first=from_, last=to)
        ]

    @strawberry.field(directives=to(Who.STAFF), description="The rules of user value that count now.")
    async def value_rules(self, info: Info) -> CustomerValueRules:
        """The rules."""
        async with info.context.market.db.reading() as reader:
            return CustomerValueRules.of(await queries.rules(reader))

    @strawberry.field(
        directives=to(Who.STAFF),
        description=f"What paid membership brought in at most {member_rules.LONGEST_DAYS} days; null while none of them has come.",
    )
    async def membership_figures(self, info: Info, from_: From, to: Until) -> MembershipFigures | None:
        """The metrics."""
        found = await members.figures(info.context.market.db, first=from_, last=to)
        return found and MembershipFigures.of(found)


@strawberry.type
class CustomerMutation:
    """What those who run the shop say of customers."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="The next version of the rules of user value; the same rules again are no new version.",
    )
    async def set_value_rules(self, info: Info, input: SetValueRulesInput) -> CustomerValueRules:
        """Set them."""
        context = info.context
        new = ValueRules(
            window_days=input.window_days, referral_permille=input.referral_permille, most_referred=input.most_referred
        )
        standing = await actions.set_rules(context.market.db, new, by=context.shopper.account_id, now=context.now)
        return CustomerValueRules.of(standing)


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
