"""Points for those who run the shop: the rules, and what somebody is given or loses by hand."""

from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.nodes import Connection, read_id
from api.points import PointMove, PointRules, show_move, show_rules
from api.refusals import refusal
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.points import actions, queries, rules


@strawberry.input(
    description="What points are earned by and worth, from now on. What was earned before keeps its time."
)
class SetPointRulesInput:
    """The rules."""

    earned_per_yuan: int = strawberry.field(description="0 to 1000 points for each ¥1 that was paid for goods.")
    spent_per_yuan: int = strawberry.field(description="1 to 100000 points take ¥1 off.")
    most_percent: int = strawberry.field(description="0 to 100 percent of a basket's goods, less its coupon.")
    months: int = strawberry.field(description="1 to 120 months for which points count.")


@strawberry.input(description="Give somebody points, or take some back.")
class AdjustPointsInput:
    """How many, and why."""

    account_id: strawberry.ID
    points: int = strawberry.field(
        description="1 to 1000000; below zero they are taken back, and what the shopper has spent of them is owed."
    )
    reason: str = strawberry.field(description="1 to 200 characters, which the shopper reads.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


AdjustPointsResult = Annotated[
    PointMove | refusal(NotFound) | refusal(rules.NotYourOwnPoints) | refusal(IdempotencyConflict),
    strawberry.union("AdjustPointsResult"),
]


@strawberry.type
class RunningPointsQuery:
    """What staff ask about points."""

    @strawberry.field(
        directives=to(Who.STAFF),
        description="Every version of the rules, from the one in force down to what counted before any was set.",
    )
    async def point_rules(self, info: Info, first: int = 20, after: str | None = None) -> Connection[PointRules]:
        """Every version."""
        return Connection.of(await queries.rules_page(info.context.market.db, first=first, after=after), show_rules)

    @strawberry.field(directives=to(Who.STAFF), description="What became of somebody's points, newest first.")
    async def point_moves(
        self, info: Info, account_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> Connection[PointMove]:
        """Somebody's moves."""
        account = read_id("account", account_id)
        return Connection.of(
            await queries.moves_of(info.context.market.db, account, first=first, after=after), show_move
        )


@strawberry.type
class RunningPointsMutation:
    """What staff do with points."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Say what points are earned by and worth, from now on. What is in force already stays the same version.",
    )
    async def set_point_rules(self, info: Info, input: SetPointRulesInput) -> PointRules:
        """New rules."""
        context = info.context
        terms = rules.Terms(input.earned_per_yuan, input.spent_per_yuan, input.most_percent, input.months)
        return show_rules(
            await actions.set_rules(context.market.db, terms, by=context.shopper.account_id, now=context.now)
        )

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Give somebody points, or take some back, for a reason."
    )
    async def adjust_points(self, info: Info, input: AdjustPointsInput) -> AdjustPointsResult:
        """By hand."""
        context = info.context
        move = await actions.adjust(
            context.market.db,
            account_id=read_id("account", input.account_id),
            points=input.points,
            reason=input.reason,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_move(move)
