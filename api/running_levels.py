"""Levels for those who run the shop: the ladder, who stands where, and how they came there."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.benefits import BenefitInput
from api.context import Info
from api.levels import LadderLevel, LevelLadder, LevelStanding, find_standing, show_ladder, show_level
from api.nodes import Connection, read_id
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import NotFound
from domain.levels import actions, queries, rules
from domain.levels.rules import NewLadder, Rung

LevelChangeReason = strawberry.enum(
    rules.ChangeReason,
    name="LevelChangeReason",
    description="Why a level, or until when it is guaranteed, was decided anew. KEPT: the guarantee was over, and there was "
    "enough growth; DECAYED: there was not; REFUNDED: orders without which it would not have been reached were refunded; "
    "LADDER: another ladder was set.",
)


@strawberry.type(directives=to(Who.STAFF), description="A decision about somebody's level; it never changes.")
class LevelChange:
    """A decision."""

    from_rank: int
    to_rank: int
    reason: LevelChangeReason
    ladder_version: int
    growth: Long = strawberry.field(description="The growth that counted then.")
    threshold: Long = strawberry.field(
        description="What the level needed then; a guarantee may have held it with less."
    )
    guaranteed_until: datetime | None
    decided_at: datetime


@strawberry.type(directives=to(Who.STAFF), description="How many people have a level.")
class LevelCount:
    """A count."""

    level: LadderLevel
    people: int = strawberry.field(description="On the lowest: those who ever had growth, and have no higher one.")


@strawberry.type(directives=to(Who.STAFF), description="How many people have each level of the ladder in force.")
class LevelCounts:
    """All counts."""

    ladder_version: int
    levels: list[LevelCount]
    people_to_move: int = strawberry.field(
        description="Those whose level was decided by an earlier ladder, counted by its rank; 0 minutes after one was set."
    )


@strawberry.input(description="A level of the ladder.")
class LadderLevelInput:
    """A level."""

    title: str = strawberry.field(description="1 to 20 characters, another for each level.")
    threshold: Long = strawberry.field(description="Growth: 0 for the first level, then more than for the one below.")
    benefits: list[BenefitInput] = strawberry.field(
        default_factory=list, description="What it brings; the first level is everybody's and brings nothing."
    )


@strawberry.input(
    description="The whole ladder. It is named by the version that it follows: repeated, it changes nothing."
)
class SetLevelLadderInput:
    """A ladder."""

    version: int = strawberry.field(description="Of the ladder that was read before, in whose place this one comes.")
    levels: list[LadderLevelInput] = strawberry.field(description="2 to 10, from the lowest to the highest.")
    growth_per_yuan: int = strawberry.field(default=1, description="1 to 100, for orders received from now on.")
    counting_months: int = strawberry.field(default=12, description="1 to 36.")
    guarantee_months: int = strawberry.field(default=12, description="1 to 36, for levels reached from now on.")


SetLevelLadderResult = Annotated[
    LevelLadder | refusal(NotFound) | refusal(rules.LevelLadderChanged), strawberry.union("SetLevelLadderResult")
]


@strawberry.type
class RunningLevelsQuery:
    """What staff ask about levels."""

    @strawberry.field(directives=to(Who.STAFF), description="Where somebody stands on the ladder.")
    async def level_of(self, info: Info, account_id: strawberry.ID) -> LevelStanding:
        """Somebody's level."""
        return await find_standing(info, _account(account_id))

    @strawberry.field(
        directives=to(Who.STAFF), description="What was decided about somebody's level, the newest first."
    )
    async def level_history(
        self, info: Info, account_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> Connection[LevelChange]:
        """Somebody's history."""
        page = await queries.history_of(info.context.market.db, _account(account_id), first=first, after=after)
        return Connection.of(page, _show_change)

    @strawberry.field(directives=to(Who.STAFF), description="How many people have each level.")
    async def level_counts(self, info: Info) -> LevelCounts:
        """All counts."""
        db = info.context.market.db
        ladder, counts = await queries.counts(db)
        return LevelCounts(
            ladder_version=ladder.version,
            levels=[LevelCount(level=show_level(each.rank, each.rung), people=each.people) for each in counts],
            people_to_move=await queries.people_behind(db, ladder),
        )


@strawberry.type
class RunningLevelsMutation:
    """What staff do with levels."""

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Put a ladder in force in place of another. People are moved to it within minutes; nobody's rank falls before "
        "its guarantee is over, unless the ladder has no such rank any more.",
    )
    async def set_level_ladder(self, info: Info, input: SetLevelLadderInput) -> SetLevelLadderResult:
        """A new ladder."""
        context = info.context
        rungs = tuple(
            Rung(level.title, level.threshold, tuple(benefit.read() for benefit in level.benefits))
            for level in input.levels[: rules.MOST_LEVELS + 1]
        )
        ladder = await actions.set_ladder(
            context.market.db,
            NewLadder(rungs, input.growth_per_yuan, input.counting_months, input.guarantee_months),
            version=input.version,
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_ladder(ladder)


def _account(account_id: str) -> UUID:
    return read_id("account", account_id)


def _show_change(change: rules.Change) -> LevelChange:
    return LevelChange(
        from_rank=change.from_rank,
        to_rank=change.to_rank,
        reason=change.reason,
        ladder_version=change.ladder_version,
        growth=Long(change.growth),
        threshold=Long(change.threshold),
        guaranteed_until=change.guaranteed_until,
        decided_at=change.decided_at,
    )
