"""What a segment is: people whom a rule chooses, or who are named one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.customers.rules import Segment as Rfm
from domain.foundation.errors import BadInput, Refusal
from domain.trust.rules import Tier

LONGEST_NAME = 60
SHORTEST_REFRESH, LONGEST_REFRESH = 5, 43_200
"""Minutes between two looks of the timetable."""
MOST_NAMED = 50
"""Tags, products, SKUs, plans of one condition."""
LONGEST_TAG = 30
MOST_DAYS = 3_650
MOST_FIGURE = 10**12


class MemberState(StrEnum):
    """Where somebody stands with memberships."""

    MEMBER = "member"
    """They have one now."""
    FORMER = "former"
    """They had one, and have none now."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """Who is chosen: whoever meets every condition that is given. Days are counted back from the refresh."""

    rfm: tuple[Rfm, ...] = ()
    value_at_least_minor: int | None = None
    spent_at_least_minor: int | None = None
    orders_at_least: int | None = None
    orders_at_most: int | None = None
    ordered_within_days: int | None = None
    not_ordered_within_days: int | None = None
    tier_at_least: Tier | None = None
    tags: tuple[str, ...] = ()
    """Whoever has one of them."""
    rank_at_least: int | None = None
    member_state: MemberState | None = None
    bought_product_ids: tuple[UUID, ...] = ()
    """Whoever has paid for one of them and not given it back; with `bought_sku_ids`: one of either."""
    bought_sku_ids: tuple[UUID, ...] = ()

    def kept(self) -> dict[str, Any]:
        """The conditions that are given, as JSON."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _plain(value) for name, value in given.items() if value is not None and value != ()}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "SegmentRule":
        """The rule that `kept` gave."""
        return cls(**{name: _READ.get(name, lambda same: same)(value) for name, value in kept.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return value.word if isinstance(value, Tier) else value


_READ: Mapping[str, Any] = {
    "rfm": lambda names: tuple(map(Rfm, names)),
    "tier_at_least": Tier.of,
    "tags": tuple,
    "member_state": MemberState,
    "bought_product_ids": lambda ids: tuple(map(UUID, ids)),
    "bought_sku_ids": lambda ids: tuple(map(UUID, ids)),
}


@dataclass(frozen=True, slots=True)
class Refresh:
    """A look at everybody by a version of the rule: how many accounts it has looked at, and found."""

    segment_id: UUID
    generation: int
    version: int
    started_at: datetime
    looked_up_to: UUID | None = None
    looked_at: int = 0
    found: int = 0
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """People as of the last refresh; `version` 0: a list of people who were named."""

    id: UUID
    name: str
    has_rule: bool
    version: int
    refresh_minutes: int | None
    generation: int
    members: int
    refreshed_at: datetime | None
    created_at: datetime
    rule: SegmentRule | None = None


def check_name(name: str) -> str:
    """The name without the spaces around it. Raises BadInput unless it has 1 to 60 characters."""
    said = name.strip()
    if not 1 <= len(said) <= LONGEST_NAME or "\0" in said:
        raise BadInput(f"name must have 1 to {LONGEST_NAME} characters")
    return said


def check_rule(rule: SegmentRule) -> None:
    """Raises BadInput for a rule without conditions, or with one outside its limits."""
    if not rule.kept():
        raise BadInput("a rule needs a condition at least")
    limits = {
        "value_at_least_minor": (0, MOST_FIGURE),
        "spent_at_least_minor": (0, MOST_FIGURE),
        "orders_at_least": (0, MOST_FIGURE),
        "orders_at_most": (0, MOST_FIGURE),
        "ordered_within_days": (1, MOST_DAYS),
        "not_ordered_within_days": (1, MOST_DAYS),
        "rank_at_least": (1, 10),
    }
    for name, (least, most) in limits.items():
        value = getattr(rule, name)
        if value is not None and not least <= value <= most:
            raise BadInput(f"{name} is {value}; allowed: {least} to {most}")
    for name in ("tags", "bought_product_ids", "bought_sku_ids"):
        if len(getattr(rule, name)) > MOST_NAMED:
            raise BadInput(f"{name} names {len(getattr(rule, name))}; allowed: up to {MOST_NAMED}")
    if any(not 1 <= len(tag) <= LONGEST_TAG or "\0" in tag for tag in rule.tags):
        raise BadInput(f"a tag has 1 to {LONGEST_TAG} characters")


def check_refresh_minutes(minutes: int | None) -> None:
    """Raises BadInput outside 5 to 43200, thirty days."""
    if minutes is not None and not SHORTEST_REFRESH <= minutes <= LONGEST_REFRESH:
        raise BadInput(f"refreshMinutes is {minutes}; allowed: {SHORTEST_REFRESH} to {LONGEST_REFRESH}")


@dataclass(eq=False)
class SegmentNameTaken(Refusal):
    """Another segment is called that."""

    name: str

    code: ClassVar[str] = "SEGMENT_NAME_TAKEN"
    zh: ClassVar[str] = "已有名为“{name}”的分群"
    en: ClassVar[str] = "another segment is called {name}"
