"""Customers for those who run the shop: what each is worth, and what that means."""

from datetime import date, datetime

import strawberry

from api.access import Who, to
from api.context import Info
from api.money import Money
from api.nodes import Connection, read_id, show_id
from domain.customers import actions, queries, rules
from domain.customers.rules import Segment, ValueRules

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


@strawberry.type(
    directives=to(Who.STAFF),
    description="What user value means. Version 0: nobody has set it, and the standard counts.",
)
class CustomerValueRules:
    """The rules."""

    version: int
    window_days: int = strawberry.field(
        description="Orders paid in so many of the shop's days, today's included, count."
    )
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
        return None if one is None else CustomerFigures.of(one)

    @strawberry.field(directives=to(Who.STAFF), description="The rules of user value that count now.")
    async def value_rules(self, info: Info) -> CustomerValueRules:
        """The rules."""
        async with info.context.market.db.reading() as reader:
            return CustomerValueRules.of(await queries.rules(reader))


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
