"""Who a flash sale or a group-buy is for, and from when on somebody may come, as shoppers and merchandisers see it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import read_id, show_id
from api.trust import TrustTier
from domain.audiences import rules
from domain.audiences.rules import Crowd, Door, Doors, Standing
from domain.audiences.standings import standings
from domain.memberships.queries import plans_by_ids

SaleCrowdKind = strawberry.enum(
    rules.CrowdKind,
    name="SaleCrowdKind",
    description="By what a crowd is told from everybody else. SEGMENT: people whom the shop has chosen; EARLY_ACCESS: holders "
    "of that benefit, as much earlier as theirs says.",
)


@strawberry.type(directives=to(Who.INHERITED), description="People whom a door lets in. 人群")
class SaleCrowd:
    """A crowd."""

    kind: SaleCrowdKind
    plan_id: strawberry.ID | None = strawberry.field(description="PLAN: whose membership is of it.")
    rank: int | None = strawberry.field(description="LEVEL: the lowest rank that is let in.")
    tier: TrustTier | None = strawberry.field(description="TIER: the lowest one that is let in.")
    crowd: strawberry.Private[Crowd]

    @strawberry.field(description="PLAN: what it is called.")
    async def plan_name(self, info: Info) -> str | None:
        """The plan's name, fetched for all crowds together."""
        if self.crowd.plan_id is None:
            return None
        plan = await batched(info, plans_by_ids).load(self.crowd.plan_id)
        return plan.name if plan else None

    @strawberry.field(description="SEGMENT: which one; only staff are told.")
    def segment_id(self, info: Info) -> strawberry.ID | None:
        """The segment, for staff."""
        principal, segment_id = info.context.principal, self.crowd.segment_id
        return show_id("segment", segment_id) if segment_id and principal and principal.is_staff else None


@strawberry.type(
    directives=to(Who.INHERITED), description="A crowd that is let in, and how much earlier than others. 准入"
)
class SaleDoor:
    """A door."""

    crowd: SaleCrowd
    minutes_early: int = strawberry.field(
        description="Minutes before the sale opens; of EARLY_ACCESS at most so many, and no more than one's benefit says."
    )
    opens_at: datetime = strawberry.field(description="When it opens; of EARLY_ACCESS at the earliest.")


@strawberry.input(description="People. Name what the kind asks for, and nothing else.")
class SaleCrowdInput:
    """A crowd."""

    kind: SaleCrowdKind
    plan_id: strawberry.ID | None = strawberry.field(default=None, description="PLAN: a plan of memberships.")
    rank: int | None = strawberry.field(default=None, description="LEVEL: the lowest rank, 1 to 10.")
    tier: TrustTier | None = strawberry.field(default=None, description="TIER: the lowest one.")
    segment_id: strawberry.ID | None = strawberry.field(default=None, description="SEGMENT: which one.")


def read_crowd(wish: SaleCrowdInput) -> Crowd:
    """The crowd, as the domain knows it."""
    return Crowd(
        wish.kind,
        plan_id=read_id("plan", wish.plan_id) if wish.plan_id else None,
        rank=wish.rank,
        tier=wish.tier,
        segment_id=read_id("segment", wish.segment_id) if wish.segment_id else None,
    )


def show_doors(doors: Doors | None, *, opens_at: datetime) -> list[SaleDoor]:
    """The GraphQL objects of the doors of a sale; none where everybody comes when it opens."""
    return [_show_door(door, opens_at) for door in doors.doors] if doors else []


def _show_door(door: Door, opens_at: datetime) -> SaleDoor:
    crowd = door.crowd
    return SaleDoor(
        crowd=SaleCrowd(
            kind=crowd.kind,
            plan_id=show_id("plan", crowd.plan_id) if crowd.plan_id else None,
            rank=crowd.rank,
            tier=crowd.tier,
            crowd=crowd,
        ),
        minutes_early=door.minutes_early,
        opens_at=opens_at - timedelta(minutes=door.minutes_early),
    )


async def opens_for_me_at(info: Info, doors: Doors | None, *, opens_at: datetime) -> datetime | None:
    """From when on a sale is open to whoever asks; None: never. Asked for all sales of the operation together."""
    principal = info.context.principal
    if doors is None:
        return opens_at
    standing = await _my_standing(info, principal.account_id).load(doors) if principal else Standing()
    opening = doors.opening(standing, opens_at=opens_at)
    return opening.at if opening else None


def _my_standing(info: Info, account_id: UUID) -> DataLoader[Doors, Standing]:
    loaders, context = info.context.loaders, info.context
    if _my_standing not in loaders:

        async def load(asked: Sequence[Doors]) -> list[Standing]:
            found = await standings(context.market.db, [account_id], asked, now=context.now)
            return [found[account_id]] * len(asked)

        loaders[_my_standing] = DataLoader(load_fn=load)
    loader: DataLoader[Doors, Standing] = loaders[_my_standing]
    return loader
