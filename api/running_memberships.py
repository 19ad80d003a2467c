"""Running memberships: the plans that merchandisers make, codes for campaigns, and who has which card."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.benefits import BenefitInput
from api.context import Info
from api.loaders import batched
from api.memberships import Membership, MembershipPlan, MembershipPlanKind, show_membership, show_plan
from api.nodes import Connection, Node, finds, read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from domain.benefits.rules import MOST_BENEFITS
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.memberships import code_rules, giving, planning, queries
from domain.memberships.plan_rules import NewPlan, PlanKind


@strawberry.type(directives=to(Who.STAFF), description="Codes that were made together, for a campaign. 激活码批次")
class ActivationCodeBatch(Node):
    """A batch."""

    title: str
    pieces: int
    valid_until: datetime
    created_at: datetime
    row: strawberry.Private[code_rules.CodeBatch]

    @strawberry.field(description="How many of them were activated.")
    async def used(self, info: Info) -> int:
        """The count, fetched for all batches together."""
        return await batched(info, queries.used_by_batch_ids).load(self.row.id) or 0

    @strawberry.field(description="What they activate.")
    async def plan(self, info: Info) -> MembershipPlan:
        """The plan, fetched for all batches together."""
        plan = await batched(info, queries.plans_by_ids).load(self.row.plan_id)
        assert plan is not None
        return show_plan(plan)


@strawberry.input(description="A plan to be sold; nothing of it can be changed later.")
class CreateMembershipPlanInput:
    """The terms."""

    name: str = strawberry.field(description="1 to 30 characters.")
    kind: MembershipPlanKind
    price_minor: Long = strawberry.field(description="Of a term: 1 to 100000000 fen; a trial may cost 0.")
    rank: int = strawberry.field(description="1 to 100; higher is an upgrade.")
    benefits: list[BenefitInput] = strawberry.field(description="What its holders are granted; each kind once.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same plan."
    )
    months: int | None = strawberry.field(default=None, description="1 to 36: how long a term is. This, or `days`.")
    days: int | None = strawberry.field(default=None, description="1 to 366: how long a term is.")
    is_renewable: bool = strawberry.field(
        default=True, description="Whether it can renew itself by contract; a trial cannot."
    )


@strawberry.input(description="Codes for a campaign, each good for one term of a plan, once.")
class MakeActivationCodesInput:
    """How many, of what."""

    plan_id: strawberry.ID
    title: str = strawberry.field(description="1 to 60 characters: which campaign, which partner.")
    pieces: int = strawberry.field(description="1 to 10000.")
    valid_until: datetime = strawberry.field(description="In the future, at most 1098 days from now.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same batch."
    )


MembershipPlanResult = Annotated[
    MembershipPlan | refusal(NotFound) | refusal(IdempotencyConflict), strawberry.union("MembershipPlanResult")
]
ActivationCodesResult = Annotated[
    ActivationCodeBatch | refusal(NotFound) | refusal(IdempotencyConflict), strawberry.union("ActivationCodesResult")
]


@strawberry.type
class RunningMembershipsQuery:
    """What those who run memberships ask."""

    @strawberry.field(directives=to(Who.STAFF), description="Every plan, also those that were stopped, newest first.")
    async def all_membership_plans(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[MembershipPlan]:
        """Every plan."""
        return Connection.of(await queries.all_plans(info.context.market.db, first=first, after=after), show_plan)

    @strawberry.field(
        directives=to(Who.STAFF), description="Cards, over or not, newest first; of one plan, if it is given."
    )
    async def memberships(
        self, info: Info, plan_id: strawberry.ID | None = None, first: int = 20, after: str | None = None
    ) -> Connection[Membership]:
        """Cards."""
        page = await queries.newest(
            info.context.market.db, plan_id=read_id("plan", plan_id) if plan_id else None, first=first, after=after
        )
        return Connection.of(page, show_membership)

    @strawberry.field(directives=to(Who.STAFF), description="Batches of activation codes, newest first.")
    async def activation_code_batches(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[ActivationCodeBatch]:
        """Every batch."""
        page = await queries.code_batches_page(info.context.market.db, first=first, after=after)
        return Connection.of(page, show_batch)


@strawberry.type
class RunningMembershipsMutation:
    """What those who run memberships do."""

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="A plan, on sale from now on.")
    async def create_membership_plan(self, info: Info, input: CreateMembershipPlanInput) -> MembershipPlanResult:
        """A plan."""
        context = info.context
        wish = NewPlan(
            name=input.name,
            kind=PlanKind(input.kind),
            price_minor=input.price_minor,
            rank=input.rank,
            benefits=[benefit.read() for benefit in input.benefits[: MOST_BENEFITS + 1]],
            months=input.months,
            days=input.days,
            is_renewable=input.is_renewable,
        )
        plan = await planning.create(
            context.market.db,
            wish,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_plan(plan)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Nobody begins to buy the plan from now on; who has it keeps it. Repeating it changes nothing.",
    )
    async def stop_membership_plan(self, info: Info, id: strawberry.ID) -> MembershipPlanResult:
        """Stop a plan."""
        context = info.context
        plan = await planning.stop(
            context.market.db, plan_id=read_id("plan", id), by=context.shopper.account_id, now=context.now
        )
        return show_plan(plan)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="A batch of codes; exportActivationCodes gives them to whoever made it. 生成激活码",
    )
    async def make_activation_codes(self, info: Info, input: MakeActivationCodesInput) -> ActivationCodesResult:
        """Codes."""
        context = info.context
        batch = await giving.make_codes(
            context.market.db,
            plan_id=read_id("plan", input.plan_id),
            title=input.title,
            pieces=input.pieces,
            valid_until=input.valid_until,
            secret=context.market.settings.signing_secret,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_batch(batch)


@finds("codebatch")
async def find_batch(info: Info, id: UUID) -> ActivationCodeBatch | None:
    """A batch, for staff."""
    principal = info.context.principal
    batch = await batched(info, queries.batches_by_ids).load(id) if principal and principal.is_staff else None
    return show_batch(batch) if batch else None


def show_batch(batch: code_rules.CodeBatch) -> ActivationCodeBatch:
    """The GraphQL object of a batch."""
    return ActivationCodeBatch(
        id=show_id("codebatch", batch.id),
        title=batch.title,
        pieces=batch.pieces,
        valid_until=batch.valid_until,
        created_at=batch.created_at,
        row=batch,
    )
