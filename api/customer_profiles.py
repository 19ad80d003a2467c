"""Customers one by one, for those who look after them: where they stand and why, what comes next, tags, remarks, complaints.

All of it is personal data, for merchandisers and admins.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from api.trail import StaffMember
from api.trust import (
    MessagePace,
    TrustAction,
    TrustGoal,
    TrustReason,
    TrustTier,
    show_goal,
    show_pace,
    show_reason,
)
from domain.accounts.queries import names_by_ids
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.trust import caring, pacing, queries, rules, store


@strawberry.type(directives=to(Who.MERCHANDISER), description="Somebody came from a tier to another.")
class TrustMove:
    """A move."""

    from_tier: TrustTier
    to_tier: TrustTier
    reasons: list[TrustReason]
    rule_version: int
    moved_at: datetime


@strawberry.type(directives=to(Who.MERCHANDISER), description="A word on somebody. 标签")
class CustomerTag:
    """A tag."""

    tag: str
    tagged_at: datetime
    by: strawberry.Private[UUID]

    @strawberry.field(description="Who tagged them.")
    async def tagged_by(self, info: Info) -> StaffMember:
        """Who tagged them."""
        return await _staff(info, self.by)


@strawberry.type(directives=to(Who.MERCHANDISER), description="What staff keep in mind about somebody. 备注")
class CustomerRemark:
    """A remark."""

    text: str
    made_at: datetime
    by: strawberry.Private[UUID]

    @strawberry.field(description="Who made it.")
    async def made_by(self, info: Info) -> StaffMember:
        """Who made it."""
        return await _staff(info, self.by)


@strawberry.type(directives=to(Who.MERCHANDISER), description="What somebody complains of. 投诉")
class CustomerComplaint:
    """A complaint."""

    id: strawberry.ID
    customer_id: strawberry.ID
    words: str
    reference: str
    opened_at: datetime
    resolved_at: datetime | None = strawberry.field(description="Null: it is open, and counts against them.")
    resolution: str | None


@strawberry.type(directives=to(Who.MERCHANDISER), description="A customer in a list.")
class TieredCustomer:
    """A customer in a list."""

    id: strawberry.ID
    key: strawberry.Private[UUID]
    tier: TrustTier

    @strawberry.field(description="Their whole name.")
    async def display_name(self, info: Info) -> str | None:
        """Their name, those of all fetched together."""
        return await batched(info, names_by_ids).load(self.key)

    @strawberry.field(description="Since when they are of the tier.")
    async def since(self, info: Info) -> datetime | None:
        """Since when, those of all fetched together."""
        standing = await batched(info, queries.standings_by_ids).load(self.key)
        return standing.since if standing else None

    @strawberry.field(description="In the order of the words.")
    async def tags(self, info: Info) -> list[str]:
        """Their tags, those of all fetched together."""
        return [tag.tag for tag in await batched(info, queries.tags_by_account_ids).load(self.key) or ()]


@strawberry.type(directives=to(Who.MERCHANDISER), description="Everything that is kept about a customer's nearness.")
class CustomerProfile:
    """A customer."""

    id: strawberry.ID
    tier: TrustTier
    since: datetime
    rule_version: int = strawberry.field(description="Of the rules by which the tier was derived; 0: the first day's.")
    reasons: list[TrustReason] = strawberry.field(description="Why; none for a stranger.")
    key: strawberry.Private[UUID]

    @strawberry.field(description="Their whole name.")
    async def display_name(self, info: Info) -> str | None:
        """Their name."""
        return await batched(info, names_by_ids).load(self.key)

    @strawberry.field(description="The tier after this one; null for a super user.")
    async def next_tier(self, info: Info) -> TrustTier | None:
        """The next tier."""
        return None if self.tier is rules.Tier.SUPER_USER else rules.Tier(self.tier + 1)

    @strawberry.field(
        description="What is missing for the next tier: any one of these, unless `reasons` holds them down."
    )
    async def goals(self, info: Info) -> list[TrustGoal]:
        """Goals by the rules in force."""
        context = info.context
        evidence = await batched(info, queries.evidence_by_ids).load(self.key)
        terms = (await store.rules_in_force(context.market.db)).terms
        found = rules.goals(evidence or (), terms, self.tier, now=context.now)
        return [show_goal(goal, context.language) for goal in found]

    @strawberry.field(description="What the rules in force suggest for this tier.")
    async def next_action(self, info: Info) -> TrustAction:
        """The next action."""
        return (await store.rules_in_force(info.context.market.db)).terms.rung(self.tier).next_action

    @strawberry.field(description="Whether they may be messaged.")
    async def pace(self, info: Info) -> MessagePace:
        """The pace."""
        return show_pace(await pacing.pace_of(info.context.market.db, self.key, now=info.context.now))

    @strawberry.field(description="In the order of the words.")
    async def tags(self, info: Info) -> list[CustomerTag]:
        """Tags."""
        tags = await batched(info, queries.tags_by_account_ids).load(self.key) or ()
        return [CustomerTag(tag=tag.tag, tagged_at=tag.tagged_at, by=tag.tagged_by) for tag in tags]

    @strawberry.field(description="How they moved from tier to tier, the newest first.")
    async def history(self, info: Info, first: int = 20, after: str | None = None) -> Connection[TrustMove]:
        """History."""
        page = await queries.history(info.context.market.db, self.key, first=first, after=after)
        return Connection.of(page, _show_move)

    @strawberry.field(description="The newest first.")
    async def remarks(self, info: Info, first: int = 20, after: str | None = None) -> Connection[CustomerRemark]:
        """Remarks."""
        page = await queries.remarks_on(info.context.market.db, self.key, first=first, after=after)
        return Connection.of(page, lambda each: CustomerRemark(text=each.text, made_at=each.made_at, by=each.made_by))

    @strawberry.field(description="The newest first.")
    async def complaints(self, info: Info, first: int = 20, after: str | None = None) -> Connection[CustomerComplaint]:
        """Complaints."""
        page = await queries.complaints_of(info.context.market.db, self.key, first=first, after=after)
        return Connection.of(page, show_complaint)


@strawberry.type(directives=to(Who.MERCHANDISER), description="A tag that is in use.")
class TagInUse:
    """A tag."""

    tag: str
    customers: Long


@strawberry.input(description="A tag of somebody.")
class CustomerTagInput:
    """A tag of somebody."""

    customer_id: strawberry.ID
    tag: str = strawberry.field(description="1 to 30 characters.")


@strawberry.input(description="Words about somebody, for the others behind the counter.")
class RemarkOnCustomerInput:
    """A remark."""

    customer_id: strawberry.ID
    text: str = strawberry.field(description="1 to 500 characters.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


CustomerResult = Annotated[
    CustomerProfile | refusal(NotFound) | refusal(IdempotencyConflict), strawberry.union("CustomerResult")
]


@strawberry.type
class CustomerProfileQuery:
    """What those who look after customers ask."""

    @strawberry.field(directives=to(Who.MERCHANDISER), description="A customer; null when there is no such account.")
    async def customer(self, info: Info, id: strawberry.ID) -> CustomerProfile | None:
        """A customer."""
        return await find_profile(info, read_id("account", id))

    @strawberry.field(
        directives=to(Who.MERCHANDISER),
        description="Customers of a tier, with a tag if one is given; who came to the shop first comes first.",
    )
    async def customers_by_tier(
        self, info: Info, tier: TrustTier, tag: str | None = None, first: int = 20, after: str | None = None
    ) -> Connection[TieredCustomer]:
        """Customers of a tier."""
        page = await queries.of_tier(info.context.market.db, tier, tag=tag, first=first, after=after)
        return Connection.of(page, lambda key: TieredCustomer(id=show_id("account", key), key=key, tier=tier))

    @strawberry.field(
        directives=to(Who.MERCHANDISER), description="Every tag that somebody has, in the order of the words."
    )
    async def customer_tags(self, info: Info, first: int = 20, after: str | None = None) -> Connection[TagInUse]:
        """Tags."""
        page = await queries.all_tags(info.context.market.db, first=first, after=after)
        return Connection.of(page, lambda each: TagInUse(tag=each[0], customers=Long(each[1])))


@strawberry.type
class CustomerProfileMutation:
    """What those who look after customers keep about them."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Put a tag on somebody. Tagged so already: no change."
    )
    async def tag_customer(self, info: Info, input: CustomerTagInput) -> CustomerResult:
        """Tag."""
        context, account_id = info.context, read_id("account", input.customer_id)
        by = context.shopper.account_id
        await caring.tag(context.market.db, account_id=account_id, tag=input.tag, by=by, now=context.now)
        return await profile_now(info, account_id)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Take a tag off somebody. Not tagged so: no change."
    )
    async def untag_customer(self, info: Info, input: CustomerTagInput) -> CustomerResult:
        """Untag."""
        context, account_id = info.context, read_id("account", input.customer_id)
        by = context.shopper.account_id
        await caring.untag(context.market.db, account_id=account_id, tag=input.tag, by=by, now=context.now)
        return await profile_now(info, account_id)

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Keep words about somebody, for good.")
    async def remark_on_customer(self, info: Info, input: RemarkOnCustomerInput) -> CustomerResult:
        """Remark."""
        context, account_id = info.context, read_id("account", input.customer_id)
        await caring.remark(
            context.market.db,
            account_id=account_id,
            text=input.text,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await profile_now(info, account_id)


async def profile_now(info: Info, account_id: UUID) -> CustomerProfile:
    """A customer that there is, after something was kept about them: what this operation has read before is forgotten."""
    info.context.loaders.clear()
    found = await find_profile(info, account_id)
    assert found is not None
    return found


async def find_profile(info: Info, account_id: UUID) -> CustomerProfile | None:
    """A customer, if there is such an account."""
    standing = await batched(info, queries.standings_by_ids).load(account_id)
    if standing is None:
        return None
    return CustomerProfile(
        id=show_id("account", account_id),
        tier=standing.tier,
        since=standing.since,
        rule_version=standing.rule_version,
        reasons=[show_reason(reason) for reason in standing.reasons],
        key=account_id,
    )


def show_complaint(complaint: caring.Complaint) -> CustomerComplaint:
    """The GraphQL object of a complaint."""
    return CustomerComplaint(
        id=show_id("complaint", complaint.id),
        customer_id=show_id("account", complaint.account_id),
        words=complaint.words,
        reference=complaint.reference,
        opened_at=complaint.opened_at,
        resolved_at=complaint.resolved_at,
        resolution=complaint.resolution,
    )


def _show_move(move: queries.Move) -> TrustMove:
    return TrustMove(
        from_tier=move.from_tier,
        to_tier=move.to_tier,
        reasons=[show_reason(reason) for reason in move.reasons],
        rule_version=move.rule_version,
        moved_at=move.moved_at,
    )


async def _staff(info: Info, account_id: UUID) -> StaffMember:
    name = await batched(info, names_by_ids).load(account_id)
    return StaffMember(id=show_id("account", account_id), name=name)
