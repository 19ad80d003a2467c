"""Who a sale is for: crowds, the doors that let them in, and from which moment on a door is open to somebody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal
from domain.trust.rules import Tier

MOST_DOORS = 10
MOST_MINUTES = 1_440
"""How much earlier than everybody a crowd may come: a day."""
HIGHEST_RANK = 10


class CrowdKind(StrEnum):
    """By what a crowd is told from everybody else."""

    MEMBERS = "members"
    """Whoever has a membership now."""
    PLAN = "plan"
    """Whose membership is of one plan."""
    LEVEL = "level"
    """Whose level has at least a rank."""
    SUPER_USERS = "super_users"
    TIER = "tier"
    """Whose tier of trust is at least one."""
    SEGMENT = "segment"
    """Whoever a segment holds."""
    EARLY_ACCESS = "early_access"
    """Holders of that benefit, as much earlier as it says, and the door allows."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """People whom a door lets in. Exactly that is named which its kind asks for."""

    kind: CrowdKind
    plan_id: UUID | None = None
    rank: int | None = None
    tier: Tier | None = None
    segment_id: UUID | None = None


_NAMED = {CrowdKind.PLAN: "plan_id", CrowdKind.LEVEL: "rank", CrowdKind.TIER: "tier", CrowdKind.SEGMENT: "segment_id"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is at a moment, as far as doors ask. What was not asked for is as of somebody who has nothing."""

    is_member: bool = False
    plan_ids: frozenset[UUID] = frozenset()
    rank: int | None = None
    is_super_user: bool = False
    tier: Tier | None = None
    segment_ids: frozenset[UUID] = frozenset()
    early_minutes: int = 0

    def is_of(self, crowd: Crowd) -> bool:
        """Whether somebody of this standing belongs to the crowd."""
        match crowd.kind:
            case CrowdKind.MEMBERS:
                return self.is_member
            case CrowdKind.PLAN:
                return crowd.plan_id in self.plan_ids
            case CrowdKind.LEVEL:
                return self.rank is not None and crowd.rank is not None and self.rank >= crowd.rank
            case CrowdKind.SUPER_USERS:
                return self.is_super_user
            case CrowdKind.TIER:
                return self.tier is not None and crowd.tier is not None and self.tier >= crowd.tier
            case CrowdKind.SEGMENT:
                return crowd.segment_id in self.segment_ids
            case CrowdKind.EARLY_ACCESS:
                return self.early_minutes > 0


@dataclass(frozen=True, slots=True)
class Door:
    """Lets a crowd in, so many minutes before the sale opens; for EARLY_ACCESS that many at most."""

    crowd: Crowd
    minutes_early: int = 0

    def minutes_for(self, standing: Standing) -> int:
        """How much earlier somebody of the crowd may come."""
        if self.crowd.kind is CrowdKind.EARLY_ACCESS:
            return min(self.minutes_early, standing.early_minutes)
        return self.minutes_early

    def kept(self) -> dict[str, Any]:
        """The door as JSON."""
        crowd = self.crowd
        named = _NAMED.get(crowd.kind)
        about = {named: _plain(getattr(crowd, named))} if named else {}
        return {"crowd": crowd.kind.value, **about, "minutes_early": self.minutes_early}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Door":
        """The door that `kept` gave."""
        plan_id, tier, segment_id = kept.get("plan_id"), kept.get("tier"), kept.get("segment_id")
        crowd = Crowd(
            CrowdKind(kept["crowd"]),
            plan_id=UUID(plan_id) if plan_id else None,
            rank=kept.get("rank"),
            tier=Tier.of(tier) if tier else None,
            segment_id=UUID(segment_id) if segment_id else None,
        )
        return cls(crowd, kept["minutes_early"])


def _plain(named: UUID | Tier | int) -> str | int:
    if isinstance(named, Tier):
        return named.word
    return str(named) if isinstance(named, UUID) else named


@dataclass(frozen=True, slots=True)
class Opening:
    """From when on a sale is open to somebody, and by which door; None: it is open to everybody then."""

    at: datetime
    door: Door | None = None


@dataclass(frozen=True, slots=True)
class Doors:
    """How a sale lets people in: by which doors, and whether whoever has come through none may come when it opens."""

    doors: tuple[Door, ...]
    lets_others_in: bool

    @property
    def most_minutes(self) -> int:
        """How much earlier than the sale opens its first door does."""
        return max((door.minutes_early for door in self.doors), default=0)

    @property
    def kinds(self) -> frozenset[CrowdKind]:
        """By what the crowds are told."""
        return frozenset(door.crowd.kind for door in self.doors)

    @property
    def segment_ids(self) -> frozenset[UUID]:
        """The segments that are let in."""
        return frozenset(door.crowd.segment_id for door in self.doors if door.crowd.segment_id is not None)

    def first_opening(self, opens_at: datetime) -> datetime:
        """When the first door opens of a sale that opens to everybody at that moment."""
        return opens_at - timedelta(minutes=self.most_minutes)

    def opening(self, standing: Standing, *, opens_at: datetime) -> Opening | None:
        """The earliest moment for somebody of this standing; None: the sale is not for them."""
        mine = [
            Opening(opens_at - timedelta(minutes=door.minutes_for(standing)), door)
            for door in self.doors
            if standing.is_of(door.crowd)
        ]
        if self.lets_others_in:
            mine.append(Opening(opens_at))
        return min(mine, key=lambda opening: opening.at, default=None)

    def kept(self) -> dict[str, Any]:
        """The doors as JSON."""
        return {"doors": [door.kept() for door in self.doors], "lets_others_in": self.lets_others_in}

    @classmethod
    def read(cls, kept: Mapping[str, Any] | None) -> "Doors | None":
        """The doors that `kept` gave; None for none: everybody is let in when the sale opens."""
        return None if kept is None else cls(tuple(map(Door.read, kept["doors"])), kept["lets_others_in"])


def check_doors(doors: Doors) -> None:
    """Raises BadInput for doors that say too little, too much, twice the same, or nothing that everybody has not."""
    if not 1 <= len(doors.doors) <= MOST_DOORS:
        raise BadInput(f"{len(doors.doors)} doors; allowed: 1 to {MOST_DOORS}")
    for door in doors.doors:
        _check_door(door)
        if doors.lets_others_in and door.minutes_early == 0:
            raise BadInput(f"the door for {door.crowd.kind.name} opens with the sale, which lets others in too")
    if len({door.crowd for door in doors.doors}) < len(doors.doors):
        raise BadInput("a crowd has two doors; allowed: one for each")


def _check_door(door: Door) -> None:
    crowd = door.crowd
    if not 0 <= door.minutes_early <= MOST_MINUTES:
        raise BadInput(f"minutesEarly is {door.minutes_early}; allowed: 0 to {MOST_MINUTES}")
    for kind, name in _NAMED.items():
        if (getattr(crowd, name) is not None) != (kind is crowd.kind):
            raise BadInput(f"a door for {crowd.kind.name} names {_NAMED.get(crowd.kind, 'nothing else')}")
    if crowd.rank is not None and not 1 <= crowd.rank <= HIGHEST_RANK:
        raise BadInput(f"rank is {crowd.rank}; allowed: 1 to {HIGHEST_RANK}")
    if crowd.kind is CrowdKind.EARLY_ACCESS and door.minutes_early == 0:
        raise BadInput("a door for EARLY_ACCESS opens before the sale; allowed: 1 minute or more")


@dataclass(eq=False)
class SaleDoorsFixed(Refusal):
    """Shoppers rely on the doors by now: the sale is open to somebody, about to be, or over."""

    state: str

    code: ClassVar[str] = "SALE_DOORS_FIXED"
    zh: ClassVar[str] = "活动当前状态（{state}）不能再修改参与人群"
    en: ClassVar[str] = "the doors of a sale that is {state} can be changed no more"
