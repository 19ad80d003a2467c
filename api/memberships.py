"""Memberships as shoppers see them: plans, one's own card and its terms, activating a code, and giving a card back."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api import rates
from api.access import Who, public, to
from api.benefits import Benefit, show_benefit
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, show_id
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import IdempotencyConflict
from domain.foundation.rates import Rate
from domain.memberships import activating, code_rules, plan_rules, queries, refunding, rules

MembershipPlanKind = strawberry.enum(
    plan_rules.PlanKind,
    name="MembershipPlanKind",
    description="What sort of card it is. TRIAL: it may be free, and a person has one once, whichever it is.",
)
MembershipEndReason = strawberry.enum(
    rules.EndReason, name="MembershipEndReason", description="Why a membership is over."
)


@strawberry.type(
    directives=to(Who.ANYONE),
    description="What is sold; its terms never change, another plan takes its place. 会员方案",
)
class MembershipPlan(Node):
    """A plan."""

    name: str
    kind: MembershipPlanKind
    price: Money = strawberry.field(description="Of one term.")
    months: int | None = strawberry.field(
        description="How long a term is, from the day it begins, which comes free: from January 31 on one month ends with "
        "February's last day, two end with March 31. Null where it is `days`."
    )
    days: int | None = strawberry.field(description="How long a term is, after the day it begins.")
    rank: int = strawberry.field(description="A plan of a higher rank is an upgrade.")
    is_renewable: bool = strawberry.field(description="Whether it can renew itself by contract.")
    stopped_at: datetime | None = strawberry.field(description="Nobody begins to buy it since then.")
    row: strawberry.Private[plan_rules.Plan]

    @strawberry.field(description="What its holder is granted.")
    def benefits(self) -> list[Benefit]:
        """The benefits."""
        return [show_benefit(benefit) for benefit in self.row.benefits]


@strawberry.type(directives=to(Who.INHERITED), description="A period that was bought, given or activated. 会员期")
class MembershipTerm:
    """A term."""

    number: int = strawberry.field(description="From 1, in a card's order.")
    starts_at: datetime
    ends_at: datetime
    first_day: date = strawberry.field(description="The first day that is paid for, in the shop's calendar.")
    last_day: date
    days: int = strawberry.field(description="How many days are paid for.")
    paid: Money = strawberry.field(description="What it cost, with what an upgrade credited; a code's costs nothing.")
    refundable: Money = strawberry.field(description="The part of it that came from the holder: nothing of a gift.")
    closed_at: datetime | None = strawberry.field(description="It was given back, or counted towards another plan.")


@strawberry.type(directives=to(Who.OWNER), description="Somebody's card of a plan; a person has one at a time. 会员卡")
class Membership(Node):
    """A card."""

    account_id: strawberry.ID = strawberry.field(description="Whose it is.")
    began_at: datetime
    ends_at: datetime = strawberry.field(description="Paid until then, a midnight at the shop.")
    grace_until: datetime | None = strawberry.field(
        description="It stays until then, though nothing was paid for that. 宽限期"
    )
    ended_at: datetime | None = strawberry.field(description="When it was over; written a moment later.")
    end_reason: MembershipEndReason | None
    row: strawberry.Private[rules.Membership]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="Whether they have it now.")
    def is_running(self, info: Info) -> bool:
        """Whether it runs."""
        return self.row.is_running(info.context.now)

    @strawberry.field(description="What it is a card of.")
    async def plan(self, info: Info) -> MembershipPlan:
        """The plan, fetched for all cards together."""
        plan = await batched(info, queries.plans_by_ids).load(self.row.plan_id)
        assert plan is not None
        return show_plan(plan)

    @strawberry.field(description="Its terms, in their order.")
    async def terms(self, info: Info) -> list[MembershipTerm]:
        """The terms, fetched for all cards together."""
        terms = await batched(info, queries.terms_by_membership_ids).load(self.row.id)
        return [show_term(term) for term in terms or ()]


@strawberry.type(
    directives=to(Who.SIGNED_IN),
    description="What giving one's card back comes to now: the unused days of the running and the coming terms, less what its "
    "benefits were worth.",
)
class MembershipRefundPreview:
    """The figures."""

    amount: Money = strawberry.field(description="What would go back; 0: nothing is left to give back.")
    unused: Money = strawberry.field(
        description="Of each term: what the holder paid x unused days / days, down to the fen. Today is used; the day on which "
        "the card began is not counted."
    )
    used_benefits: Money = strawberry.field(
        description="What member prices and free delivery saved, coupons took off, and gifts and more points were worth since the "
        "running term began."
    )
    days_left: int


@strawberry.input(description="A code that somebody gave, or that came with a campaign.")
class ActivateMembershipInput:
    """The code."""

    code: str = strawberry.field(
        directives=rates.of(Rate.COUPON),
        description="16 letters and digits; case, spaces and dashes do not matter.",
    )
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same card."
    )


@strawberry.input(description="Give one's card back.")
class RefundMembershipInput:
    """For how much."""

    amount_minor: Long = strawberry.field(description="As `previewMembershipRefund` showed it: fen.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


ActivateMembershipResult = Annotated[
    Membership
    | refusal(code_rules.ActivationCodeUnknown)
    | refusal(code_rules.ActivationCodeUsed)
    | refusal(code_rules.ActivationCodeOver)
    | refusal(code_rules.OwnGift)
    | refusal(rules.MembershipRunning)
    | refusal(rules.TrialTaken)
    | refusal(IdempotencyConflict),
    strawberry.union("ActivateMembershipResult"),
]
PreviewMembershipRefundResult = Annotated[
    MembershipRefundPreview | refusal(rules.NoMembership), strawberry.union("PreviewMembershipRefundResult")
]
RefundMembershipResult = Annotated[
    Membership
    | refusal(rules.NoMembership)
    | refusal(rules.NothingToRefund)
    | refusal(rules.MembershipAmountChanged)
    | refusal(IdempotencyConflict),
    strawberry.union("RefundMembershipResult"),
]


@strawberry.type
class MembershipQuery:
    """What shoppers ask about memberships."""

    @strawberry.field(directives=public(), description="What is sold now, the lowest rank first. 会员方案")
    async def membership_plans(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[MembershipPlan]:
        """The plans."""
        return Connection.of(await queries.plans_on_sale(info.context.market.db, first=first, after=after), show_plan)

    @strawberry.field(directives=to(Who.SIGNED_IN), description="One's own card; null for who has none now. 我的会员卡")
    async def my_membership(self, info: Info) -> Membership | None:
        """The asker's card."""
        context = info.context
        mine = context.shopper.account_id
        found = (await queries.current_of(context.market.db, [mine], now=context.now)).get(mine)
        return show_membership(found) if found else None

    @strawberry.field(directives=to(Who.SIGNED_IN), description="What giving one's card back would come to now.")
    async def preview_membership_refund(self, info: Info) -> PreviewMembershipRefundResult:
        """The figures."""
        context = info.context
        reckoned = await refunding.preview(context.market.db, account_id=context.shopper.account_id, now=context.now)
        found = reckoned.refunding
        return MembershipRefundPreview(
            amount=Money.of(found.amount.minor),
            unused=Money.of(found.unused_minor),
            used_benefits=Money.of(found.used_benefits_minor),
            days_left=found.days_left,
        )


@strawberry.type
class MembershipMutation:
    """Activating, and giving back."""

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN),
        description="Begin a card with a code, or make one's card of the same plan longer. A code is good once. 激活",
    )
    async def activate_membership(self, info: Info, input: ActivateMembershipInput) -> ActivateMembershipResult:
        """Activate."""
        context = info.context
        membership_id = await activating.activate(
            context.market.db,
            code=input.code,
            account_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await load_membership(info, membership_id)

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.PAY)],
        description="Give one's card back, for the amount that was shown. It ends now, with its benefits; terms that were given "
        "or activated by code end, too, and pay nothing. The money goes to where it came from. 退卡",
    )
    async def refund_membership(self, info: Info, input: RefundMembershipInput) -> RefundMembershipResult:
        """Give back."""
        context = info.context
        membership_id = await refunding.refund(
            context.market.db,
            account_id=context.shopper.account_id,
            amount_minor=input.amount_minor,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await load_membership(info, membership_id)


@finds("plan")
async def find_plan(info: Info, id: UUID) -> MembershipPlan | None:
    """A plan, on sale or not."""
    plan = await batched(info, queries.plans_by_ids).load(id)
    return show_plan(plan) if plan else None


@finds("membership")
async def find_membership(info: Info, id: UUID) -> Membership | None:
    """A card that the asker may see: one's own, or as staff anybody's."""
    found = await batched(info, queries.by_ids).load(id)
    principal = info.context.principal
    if found is None or principal is None or not (principal.is_staff or found.account_id == principal.account_id):
        return None
    return show_membership(found)


async def load_membership(info: Info, id: UUID) -> Membership:
    """A card that exists."""
    return show_membership((await queries.by_ids(info.context.market.db, [id]))[id])


def show_plan(plan: plan_rules.Plan) -> MembershipPlan:
    """The GraphQL object of a plan."""
    return MembershipPlan(
        id=show_id("plan", plan.id),
        name=plan.name,
        kind=plan.kind,
        price=Money.of(plan.price.minor),
        months=plan.months,
        days=plan.days,
        rank=plan.rank,
        is_renewable=plan.is_renewable,
        stopped_at=plan.stopped_at,
        row=plan,
    )


def show_membership(membership: rules.Membership) -> Membership:
    """The GraphQL object of a card."""
    return Membership(
        id=show_id("membership", membership.id),
        account_id=show_id("account", membership.account_id),
        began_at=membership.began_at,
        ends_at=membership.ends_at,
        grace_until=membership.grace_until,
        ended_at=membership.ended_at,
        end_reason=membership.end_reason,
        row=membership,
        owner=membership.account_id,
    )


def show_term(term: rules.Term) -> MembershipTerm:
    """The GraphQL object of a term."""
    return MembershipTerm(
        number=term.number,
        starts_at=term.starts_at,
        ends_at=term.ends_at,
        first_day=term.first_day,
        last_day=term.last_day,
        days=term.days,
        paid=Money.of(term.paid_minor),
        refundable=Money.of(term.refundable_minor),
        closed_at=term.closed_at,
    )
