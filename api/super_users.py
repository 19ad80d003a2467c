"""Super users as shoppers meet them: whether one is one, and the polls that they are asked in."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api import rates
from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, Node, finds, read_id, show_id
from api.products import Product, load_product
from api.refusals import refusal
from domain.foundation.errors import NotFound
from domain.foundation.rates import Rate
from domain.super_users import actions, queries, rules


@strawberry.type(directives=to(Who.INHERITED), description="One of a poll's products.")
class ProductPollOption:
    """An option."""

    id: strawberry.ID
    votes: int = strawberry.field(description="How many want it, so far.")
    product_id: strawberry.Private[UUID]

    @strawberry.field(description="Null when it is not shown any more.")
    async def product(self, info: Info) -> Product | None:
        """The product, fetched for all options together."""
        return await load_product(info, self.product_id)


@strawberry.type(
    directives=to(Who.SIGNED_IN), description="What super users are asked: which product they want. 选品投票"
)
class ProductPoll(Node):
    """A poll."""

    title: str
    opens_at: datetime
    closes_at: datetime = strawberry.field(description="From this moment on no vote counts.")
    row: strawberry.Private[rules.Poll]

    @strawberry.field(description="2 to 10.")
    async def options(self, info: Info) -> list[ProductPollOption]:
        """The options, fetched for all polls together."""
        found = await batched(info, queries.options_by_poll_ids).load(self.row.id) or []
        return [
            ProductPollOption(id=show_id("polloption", each.id), votes=each.votes, product_id=each.product_id)
            for each in found
        ]

    @strawberry.field(description="The option that the asker has chosen; null before they have.")
    async def my_choice(self, info: Info) -> strawberry.ID | None:
        """The asker's vote, fetched for all polls together."""
        option_id = await _my_votes(info).load(self.row.id)
        return show_id("polloption", option_id) if option_id else None


@strawberry.input(description="What one wants of a poll's products.")
class VoteInPollInput:
    """A vote."""

    poll_id: strawberry.ID
    option_id: strawberry.ID


VoteInPollResult = Annotated[
    ProductPoll | refusal(NotFound) | refusal(rules.PollNotOpen) | refusal(rules.SuperUsersOnly),
    strawberry.union("VoteInPollResult"),
]


@strawberry.type
class SuperUserQuery:
    """What shoppers ask."""

    @strawberry.field(directives=to(Who.SIGNED_IN), description="Whether the asker is a super user. 超级用户")
    async def am_i_super_user(self, info: Info) -> bool:
        """Whether the asker is one."""
        account_id = info.context.shopper.account_id
        return account_id in await queries.are_super_users(info.context.market.db, [account_id])

    @strawberry.field(
        directives=to(Who.SIGNED_IN),
        description="Polls that take votes now; those that close first come first. Super users vote, everybody may look.",
    )
    async def product_polls(self, info: Info, first: int = 20, after: str | None = None) -> Connection[ProductPoll]:
        """Polls that are open."""
        context = info.context
        page = await queries.open_polls(context.market.db, now=context.now, first=first, after=after)
        return Connection.of(page, show_poll)


@strawberry.type
class SuperUserMutation:
    """What super users do."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CLAIM)],
        description="Vote, or vote otherwise until the poll closes. Repeating it changes nothing.",
    )
    async def vote_in_poll(self, info: Info, input: VoteInPollInput) -> VoteInPollResult:
        """Vote."""
        context = info.context
        poll = await actions.vote(
            context.market.db,
            poll_id=read_id("poll", input.poll_id),
            option_id=read_id("polloption", input.option_id),
            account_id=context.shopper.account_id,
            now=context.now,
        )
        return show_poll(poll)


@finds("poll")
async def find_poll(info: Info, id: UUID) -> ProductPoll | None:
    """A poll, for whoever is signed in."""
    poll = await batched(info, queries.polls_by_ids).load(id)
    return show_poll(poll) if poll and info.context.principal else None


def show_poll(poll: rules.Poll) -> ProductPoll:
    """The GraphQL object of a poll."""
    return ProductPoll(
        id=show_id("poll", poll.id), title=poll.title, opens_at=poll.opens_at, closes_at=poll.closes_at, row=poll
    )


def _my_votes(info: Info) -> DataLoader[UUID, UUID | None]:
    loaders, context = info.context.loaders, info.context
    if _my_votes not in loaders:

        async def load(ids: list[UUID]) -> list[UUID | None]:
            found = await queries.votes_of(context.market.db, context.shopper.account_id, ids)
            return [found.get(id) for id in ids]

        loaders[_my_votes] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, UUID | None] = loaders[_my_votes]
    return loader
