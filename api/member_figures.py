"""What paid membership brings, for those who run the shop."""

from datetime import datetime

import strawberry

from api.access import Who, to
from api.context import Info
from api.customer_figures import DAY, Before, From
from api.money import Money
from domain.insights import member_rules, members


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
class MemberFiguresQuery:
    """What those who run the shop ask of members."""

    @strawberry.field(
        directives=to(Who.STAFF),
        description=f"What paid membership brought in at most {member_rules.LONGEST_DAYS} days; null while none of them has come.",
    )
    async def membership_figures(self, info: Info, from_: From, to: Before) -> MembershipFigures | None:
        """The metrics."""
        found = await members.figures(info.context.market.db, first=from_, last=to - DAY)
        return None if found is None else MembershipFigures.of(found)
