"""What a benefit can be, when it is well-formed, and what several holdings come to together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.foundation.errors import BadInput
from domain.foundation.money import LARGEST_MINOR

MOST_BENEFITS = 20
"""Benefits that one plan, level or person is granted together."""
MOST_PIECES = 20
MOST_POINTS = 10**9
LONGEST_EARLY_MINUTES = 7 * 24 * 60
SLOWEST_LANE = 9
MOST_POINTS_PERCENT = 1_000


class BenefitKind(StrEnum):
    """What somebody may be granted, and what its terms are called."""

    MEMBER_PRICE = "member_price"
    """Member prices count; `percent`: what goods without one cost, of their list price (100: the list price)."""
    FREE_DELIVERY = "free_delivery"
    """Goods of `from_minor` on travel free."""
    COUPONS = "coupons"
    """`pieces` of batch `batch_id` in each month of the holding, counted from its beginning."""
    EARLY_ACCESS = "early_access"
    """Into sales that allow it `minutes` before they open."""
    SERVICE_LANE = "service_lane"
    """After-sales and questions are seen first; `rank` 1 is the fastest."""
    BIRTHDAY_GIFT = "birthday_gift"
    """`points`, or a coupon of `batch_id`, on the birthday."""
    MEMBER_ONLY_GOODS = "member_only_goods"
    """Goods that are sold to members only; no terms."""
    POINTS_MULTIPLIER = "points_multiplier"
    """`percent` of the points that others earn: 150 is half as many again."""


class HolderSource(StrEnum):
    """Who has granted a holding."""

    MEMBERSHIP = "membership"
    LEVEL = "level"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Benefit:
    """One benefit with its terms, as it stands in a plan, a level or a holding."""

    kind: BenefitKind
    terms: Mapping[str, Any]

    def kept(self) -> dict[str, Any]:
        """The benefit as JSON."""
        return {"kind": self.kind.value, "terms": dict(self.terms)}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Benefit":
        """The benefit that `kept` gave."""
        return cls(BenefitKind(kept["kind"]), kept["terms"])

    @property
    def batch_id(self) -> UUID | None:
        """The batch of coupons that it gives pieces of, if it does."""
        text = self.terms.get("batch_id")
        return UUID(text) if text else None


@dataclass(frozen=True, slots=True)
class Holding:
    """Benefits that an account has from `starts_at` until before `ends_at` (None: for good), granted by one source."""

    id: UUID
    account_id: UUID
    source: HolderSource
    source_id: UUID
    benefits: tuple[Benefit, ...]
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Privileges:
    """What somebody's holdings come to at a moment: of each kind the best for them."""

    member_price_percent: int | None = None
    free_delivery_from_minor: int | None = None
    early_minutes: int = 0
    service_rank: int | None = None
    has_member_only_goods: bool = False
    points_percent: int = 100

    @property
    def has_member_prices(self) -> bool:
        """Whether member prices count."""
        return self.member_price_percent is not None


_RANGES: Mapping[BenefitKind, Mapping[str, tuple[int, int]]] = {
    BenefitKind.MEMBER_PRICE: {"percent": (1, 100)},
    BenefitKind.FREE_DELIVERY: {"from_minor": (0, LARGEST_MINOR)},
    BenefitKind.COUPONS: {"pieces": (1, MOST_PIECES)},
    BenefitKind.EARLY_ACCESS: {"minutes": (1, LONGEST_EARLY_MINUTES)},
    BenefitKind.SERVICE_LANE: {"rank": (1, SLOWEST_LANE)},
    BenefitKind.BIRTHDAY_GIFT: {"points": (1, MOST_POINTS)},
    BenefitKind.MEMBER_ONLY_GOODS: {},
    BenefitKind.POINTS_MULTIPLIER: {"percent": (100, MOST_POINTS_PERCENT)},
}
"""The numbers among the terms of each kind, least and most."""


def check(benefits: Sequence[Benefit]) -> None:
    """Raises BadInput for terms that are missing, too many or out of range, and for a kind that is there twice.

    Only of COUPONS there may be several, each of another batch. Whether the batches exist is not looked at here.
    """
    if not 1 <= len(benefits) <= MOST_BENEFITS:
        raise BadInput(f"benefits has {len(benefits)} entries; allowed: 1 to {MOST_BENEFITS}")
    seen = set()
    for benefit in benefits:
        _check_terms(benefit)
        what = (benefit.kind, benefit.batch_id if benefit.kind is BenefitKind.COUPONS else None)
        if what in seen:
            raise BadInput(f"{benefit.kind} is there twice; allowed: once, and COUPONS once of each batch")
        seen.add(what)


def _check_terms(benefit: Benefit) -> None:
    kind, terms = benefit.kind, benefit.terms
    wanted = {*_RANGES[kind], "batch_id"} if kind is BenefitKind.COUPONS else set(_RANGES[kind])
    if kind is BenefitKind.BIRTHDAY_GIFT and "batch_id" in terms:
        wanted = {"batch_id"}
    if terms.keys() != wanted:
        raise BadInput(f"{kind} has {_listed(terms)}; it takes {_listed(wanted)}")
    for name, (least, most) in _RANGES[kind].items():
        value = terms.get(name, least)
        if type(value) is not int or not least <= value <= most:
            raise BadInput(f"{name} of {kind} is {value!r}; allowed: {least} to {most}")
    if "batch_id" in terms and not _is_id(terms["batch_id"]):
        raise BadInput(f"batch_id of {kind} is {terms['batch_id']!r}; allowed: a UUID as text")


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names)) or "no terms"


def _is_id(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def privileges(holdings: Iterable[Holding]) -> Privileges:
    """What these holdings come to."""
    by_kind: dict[BenefitKind, list[Mapping[str, Any]]] = {}
    for holding in holdings:
        for benefit in holding.benefits:
            by_kind.setdefault(benefit.kind, []).append(benefit.terms)

    def each(kind: BenefitKind, name: str) -> list[int]:
        return [terms[name] for terms in by_kind.get(kind, ())]

    return Privileges(
        member_price_percent=min(each(BenefitKind.MEMBER_PRICE, "percent"), default=None),
        free_delivery_from_minor=min(each(BenefitKind.FREE_DELIVERY, "from_minor"), default=None),
        early_minutes=max(each(BenefitKind.EARLY_ACCESS, "minutes"), default=0),
        service_rank=min(each(BenefitKind.SERVICE_LANE, "rank"), default=None),
        has_member_only_goods=BenefitKind.MEMBER_ONLY_GOODS in by_kind,
        points_percent=max(each(BenefitKind.POINTS_MULTIPLIER, "percent"), default=100),
    )
