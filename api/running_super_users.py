"""Super users as staff see them: the rules, who is one, the way to the next milestone, and polls."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from api.super_users import ProductPoll, show_poll
from domain.accounts.queries import names_by_ids
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.super_users import actions, queries, rules


@strawberry.type(directives=to(Who.INHERITED), description="What all has to be so of a super user. 超级用户规则")
class SuperUserRules:
    """A version."""

    version: int = strawberry.field(description="0 before anybody has set one.")
    value_minor: Long = strawberry.field(description="User value in its window, at least: fen. See `customerValue`.")
    orders: int = strawberry.field(description="Paid orders in the window, at least.")
    referred: int = strawberry.field(description="Buyers brought along in the window, at least.")
    bought_within_days: int = strawberry.field(description="The last purchase is no longer ago, in days of the shop.")
    are_members: bool = strawberry.field(description="Whether they must hold a living membership.")


@strawberry.type(directives=to(Who.MERCHANDISER), description="Somebody who is a super user. 超级用户")
class SuperUser:
    """One of them."""

    account_id: strawberry.ID
    key: strawberry.Private[UUID]
    since: datetime
    rules_version: int = strawberry.field(description="By which version of the rules.")

    @strawberry.field(description="Their whole name.")
    async def display_name(self, info: Info) -> str | None:
        """Their name, those of all fetched together."""
        return await batched(info, names_by_ids).load(self.key)


@strawberry.type(directives=to(Who.MERCHANDISER), description="Somebody became a super user, or is one no more.")
class SuperUserMove:
    """A move."""

    has_become: bool
    rules_version: int
    value_minor: Long | None = strawberry.field(
        description="User value then: fen; null for who was no customer any more."
    )
    orders: int | None
    referred: int | None
    last_day: date | None = strawberry.field(description="Of their last purchase, in the shop's calendar.")
    moved_at: datetime


@strawberry.type(directives=to(Who.INHERITED), description="So many super users. 里程碑")
class CoreFanMilestone:
    """A milestone."""

    size: int
    reached_at: datetime | None = strawberry.field(description="When there were that many for the first time.")


@strawberry.type(directives=to(Who.STAFF), description="How many super users there are, and what that means. 核心粉丝")
class CoreFans:
    """Core fans."""

    count: int
    missing: int | None = strawberry.field(description="To the next milestone; null beyond the last.")
    milestones: list[CoreFanMilestone]


@strawberry.input(description="What all has to be so of a super user, from now on.")
class SuperUserRulesInput:
    """The next version."""

    value_minor: Long = strawberry.field(description="User value in its window, at least: fen, 0 or more.")
    orders: int = strawberry.field(description="1 to 1000.")
    bought_within_days: int = strawberry.field(description="1 to 1095.")
    referred: int = strawberry.field(default=0, description="0 to 1000.")
    are_members: bool = False


@strawberry.input(description="Ask super users about products.")
class CreateProductPollInput:
    """What is asked."""

    title: str = strawberry.field(description="1 to 60 characters.")
    product_ids: list[strawberry.ID] = strawberry.field(description="2 to 10 different ones.")
    opens_at: datetime
    closes_at: datetime = strawberry.field(description="At most 30 days after it opens.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same poll."
    )


ProductPollResult = Annotated[
    ProductPoll | refusal(NotFound) | refusal(IdempotencyConflict), strawberry.union("ProductPollResult")
]


@strawberry.type
class RunningSuperUsersQuery:
    """What staff ask."""

    @strawberry.field(directives=to(Who.STAFF), description="Who is a super user.")
    async def super_user_rules(self, info: Info) -> SuperUserRules:
        """The rules in force."""
        return _show_rules(await queries.criteria(info.context.market.db))

    @strawberry.field(directives=to(Who.MERCHANDISER), description="Super users, the newest first.")
    async def super_users(self, info: Info, first: int = 20, after: str | None = None) -> Connection[SuperUser]:
        """Who they are."""
        return Connection.of(await queries.newest(info.context.market.db, first=first, after=after), _show)

    @strawberry.field(
        directives=to(Who.MERCHANDISER),
        description="How somebody became a super user and left, the latest first; at most 100.",
    )
    async def super_user_moves(self, info: Info, account_id: strawberry.ID) -> list[SuperUserMove]:
        """Somebody's history."""
        found = await queries.moves_of(info.context.market.db, read_id("account", account_id))
        return [_show_move(move) for move in found]

    @strawberry.field(directives=to(Who.STAFF), description="How many there are, and the way to the next milestone.")
    async def core_fans(self, info: Info) -> CoreFans:
        """The milestones."""
        count, milestones = await queries.fans(info.context.market.db)
        ahead = next((each.size for each in milestones if each.size > count), None)
        return CoreFans(
            count=count,
            missing=ahead - count if ahead else None,
            milestones=[CoreFanMilestone(size=each.size, reached_at=each.reached_at) for each in milestones],
        )

    @strawberry.field(directives=to(Who.STAFF), description="Every poll; those that close last come first.")
    async def all_product_polls(self, info: Info, first: int = 20, after: str | None = None) -> Connection[ProductPoll]:
        """Every poll."""
        return Connection.of(await queries.all_polls(info.context.market.db, first=first, after=after), show_poll)


@strawberry.type
class RunningSuperUsersMutation:
    """What merchandisers do."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Say who is a super user; people come and go by it within minutes. The same rules again change nothing.",
    )
    async def set_super_user_rules(self, info: Info, input: SuperUserRulesInput) -> SuperUserRules:
        """The next version."""
        context = info.context
        wanted = rules.Criteria(
            value_minor=input.value_minor,
            orders=input.orders,
            referred=input.referred,
            bought_within_days=input.bought_within_days,
            are_members=input.are_members,
        )
        set_by = context.shopper.account_id
        return _show_rules(await actions.set_criteria(context.market.db, wanted, by=set_by, now=context.now))

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Ask super users about products.")
    async def create_product_poll(self, info: Info, input: CreateProductPollInput) -> ProductPollResult:
        """A poll."""
        context = info.context
        wish = rules.NewPoll(
            title=input.title.strip(),
            product_ids=tuple(read_id("product", id) for id in input.product_ids[: rules.MOST_OPTIONS + 1]),
            opens_at=input.opens_at,
            closes_at=input.closes_at,
        )
        poll = await actions.create_poll(
            context.market.db,
            wish,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_poll(poll)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="No vote counts from now on. Repeating it changes nothing."
    )
    async def close_product_poll(self, info: Info, id: strawberry.ID) -> ProductPollResult:
        """End a poll."""
        context = info.context
        poll = await actions.close_poll(
            context.market.db, poll_id=read_id("poll", id), by=context.shopper.account_id, now=context.now
        )
        return show_poll(poll)


def _show(each: rules.SuperUser) -> SuperUser:
    return SuperUser(
        account_id=show_id("account", each.account_id),
        key=each.account_id,
        since=each.since,
        rules_version=each.version,
    )


def _show_move(move: rules.Move) -> SuperUserMove:
    facts = move.facts
    return SuperUserMove(
        has_become=move.has_become,
        rules_version=move.version,
        value_minor=facts["value_minor"],
        orders=facts["orders"],
        referred=facts["referred"],
        last_day=date.fromisoformat(facts["last_day"]) if facts["last_day"] else None,
        moved_at=move.moved_at,
    )


def _show_rules(wanted: rules.Criteria) -> SuperUserRules:
    return SuperUserRules(
        version=wanted.version,
        value_minor=Long(wanted.value_minor),
        orders=wanted.orders,
        referred=wanted.referred,
        bought_within_days=wanted.bought_within_days,
        are_members=wanted.are_members,
    )
