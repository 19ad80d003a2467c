"""Levels as shoppers see them: the ladder, where one stands on it, and what comes next."""

from datetime import datetime
from uuid import UUID

import strawberry

from api.access import Who, public, to
from api.benefits import Benefit, show_benefit
from api.context import Info
from api.scalars import Long
from domain.levels import queries, rules


@strawberry.type(directives=to(Who.INHERITED), description="A level, as a ladder has it. 等级")
class LadderLevel:
    """A level."""

    rank: int = strawberry.field(description="1 is the lowest, which everybody has.")
    title: str
    threshold: Long = strawberry.field(description="From so much growth value on it is reached.")
    benefits: list[Benefit] = strawberry.field(description="What it brings for as long as it is held.")


@strawberry.type(
    directives=to(Who.ANYONE),
    description="The ladder of levels and the rules of growth value. An order that was received brings growth for what was paid "
    "for its goods, after coupons and points and without freight; what is refunded of it takes its growth back. Months are the "
    "shop's. 等级阶梯",
)
class LevelLadder:
    """A ladder."""

    version: int = strawberry.field(description="Counts the ladders that were set; 0: the one before any was.")
    levels: list[LadderLevel] = strawberry.field(description="From the lowest to the highest.")
    growth_per_yuan: int = strawberry.field(description="Growth for each whole yuan.")
    counting_months: int = strawberry.field(
        description="Growth counts in the month of the receipt and for so many full months after it. 成长值有效期"
    )
    guarantee_months: int = strawberry.field(
        description="A level is reached at once, and held at least until the end of the month that comes so many months later; "
        "then it is decided anew by the growth that counts. A refund may end it before. 保级期"
    )


@strawberry.type(directives=to(Who.INHERITED), description="Growth that counts until a moment.")
class GrowthExpiry:
    """An expiry."""

    growth: Long
    expires_at: datetime = strawberry.field(description="From then on it counts no more: the shop's first of a month.")


@strawberry.type(directives=to(Who.INHERITED), description="Where somebody stands on the ladder.")
class LevelStanding:
    """A standing."""

    level: LadderLevel = strawberry.field(
        description="As it was when it was last decided: a new ladder moves people within minutes."
    )
    growth: Long = strawberry.field(description="The growth value that counts now. 成长值")
    next: LadderLevel | None = strawberry.field(description="The level above; null on the highest.")
    missing: Long = strawberry.field(description="Growth to the level above; 0 on the highest. 距下一级所需成长值")
    guaranteed_until: datetime | None = strawberry.field(
        description="Decided anew from then on; null on the lowest level."
    )
    expiring: list[GrowthExpiry] = strawberry.field(
        description="All growth that counts, by when it counts no more, the first first."
    )


@strawberry.type
class LevelQuery:
    """What shoppers ask about levels."""

    @strawberry.field(directives=public(), description="The ladder in force.")
    async def level_ladder(self, info: Info) -> LevelLadder:
        """The ladder."""
        return show_ladder(await queries.ladder(info.context.market.db))

    @strawberry.field(directives=to(Who.SIGNED_IN), description="Where one stands on the ladder, and what comes next.")
    async def my_level(self, info: Info) -> LevelStanding:
        """The asker's level."""
        return await find_standing(info, info.context.shopper.account_id)


async def find_standing(info: Info, account_id: UUID) -> LevelStanding:
    """Where an account stands: whoever calls this has made sure who asks."""
    context = info.context
    found = await queries.standing_of(context.market.db, account_id, now=context.now)
    return LevelStanding(
        level=show_level(found.rank, found.rung),
        growth=Long(found.growth),
        next=show_level(found.rank + 1, found.next_rung) if found.next_rung else None,
        missing=Long(found.missing),
        guaranteed_until=found.guaranteed_until,
        expiring=[GrowthExpiry(growth=Long(each.growth), expires_at=each.expires_at) for each in found.expiring],
    )


def show_ladder(ladder: rules.Ladder) -> LevelLadder:
    """The GraphQL object of a ladder."""
    return LevelLadder(
        version=ladder.version,
        levels=[show_level(rank, rung) for rank, rung in enumerate(ladder.rungs, 1)],
        growth_per_yuan=ladder.growth_per_yuan,
        counting_months=ladder.counting_months,
        guarantee_months=ladder.guarantee_months,
    )


def show_level(rank: int, rung: rules.Rung) -> LadderLevel:
    """The GraphQL object of a ladder's level."""
    return LadderLevel(
        rank=rank,
        title=rung.title,
        threshold=Long(rung.threshold),
        benefits=[show_benefit(benefit) for benefit in rung.benefits],
    )
