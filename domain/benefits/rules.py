"""What a benefit can be, when it is well-formed, and what several holdings come to together."""

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.foundation.clock import months_later
from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import LARGEST_MINOR

MOST_BENEFITS = 20
"""Benefits that one plan, level or person is granted together."""
MOST_PIECES = 20
MOST_POINTS = 10**9
LONGEST_EARLY_MINUTES = 7 * 24 * 60
SLOWEST_LANE = 9
MOST_POINTS_PERCENT = 1_000
MOST_AT_ONCE = 200
"""SKUs whose member prices, or products whose buyers, are set in one stroke."""
LONGEST_REASON = 200
LEAP_YEAR = 2028


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


def check_end(ends_at: datetime | None, *, now: datetime) -> None:
    """Raises BadInput for a grant that would be over already."""
    if ends_at is not None and ends_at <= now:
        raise BadInput(f"endsAt is {ends_at.isoformat()}; allowed: after this moment, or none")


def check_reason(reason: str) -> str:
    """The reason without blanks around it. Raises BadInput when there is none, or too long a one."""
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON or "\0" in reason:
        raise BadInput(f"reason has {len(reason)} characters; allowed: 1 to {LONGEST_REASON}, none of them NUL")
    return reason


def check_member_prices(prices: Mapping[UUID, int | None]) -> None:
    """Raises BadInput for no prices or too many at once, and for one that is no price."""
    if not 1 <= len(prices) <= MOST_AT_ONCE:
        raise BadInput(f"prices has {len(prices)} entries; allowed: 1 to {MOST_AT_ONCE}")
    for price in prices.values():
        if price is not None and not 1 <= price <= LARGEST_MINOR:
            raise BadInput(f"priceMinor is {price} minor units; allowed: 1 to {LARGEST_MINOR}, or none")


def check_member_only(products: Mapping[UUID, bool]) -> None:
    """Raises BadInput for no products or too many at once."""
    if not 1 <= len(products) <= MOST_AT_ONCE:
        raise BadInput(f"there are {len(products)} products; allowed: 1 to {MOST_AT_ONCE}")


def check_birthday(month: int, day: int) -> None:
    """Raises BadInput for what is no day of a year; the 29th of February is one."""
    if not (1 <= month <= 12 and 1 <= day <= monthrange(LEAP_YEAR, month)[1]):
        raise BadInput(f"month {month} and day {day} are no day of a year")


def check_birthday_change(set_at: datetime, *, now: datetime) -> None:
    """Raises BirthdaySetRecently for one that was set within a year."""
    again_at = months_later(set_at, 12)
    if now < again_at:
        raise BirthdaySetRecently(again_at=again_at)


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
    return combined(benefit for holding in holdings for benefit in holding.benefits)


def combined(benefits: Iterable[Benefit]) -> Privileges:
    """What these benefits come to, whoever grants them."""
    by_kind: dict[BenefitKind, list[Mapping[str, Any]]] = {}
    for benefit in benefits:
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


_BEST: Mapping[BenefitKind, str] = {BenefitKind.MEMBER_PRICE: "percent", BenefitKind.FREE_DELIVERY: "from_minor"}
_SOURCES = list(HolderSource)


def credited(holdings: Iterable[Holding], kind: BenefitKind) -> Holding | None:
    """The holding that a member price or free delivery is owed to: the one with the best terms; None where none has the kind.

    Of equals, a membership's, then a level's, then the staff's; then the oldest.
    """
    ranked = [
        (benefit.terms[_BEST[kind]], _SOURCES.index(holding.source), holding.starts_at, holding.id, holding)
        for holding in holdings
        for benefit in holding.benefits
        if benefit.kind is kind
    ]
    return min(ranked)[-1] if ranked else None


@dataclass(eq=False)
class BenefitsElsewhere(Refusal):
    """These benefits come with a membership or a level, and end with it."""

    source: HolderSource

    code: ClassVar[str] = "BENEFITS_ELSEWHERE"
    zh: ClassVar[str] = "该权益随会员卡或等级发放，不能单独终止"
    en: ClassVar[str] = "these benefits come with a {source} and end with it"


@dataclass(eq=False)
class BirthdaySetRecently(Refusal):
    """A birthday is set once a year."""

    again_at: datetime

    code: ClassVar[str] = "BIRTHDAY_SET_RECENTLY"
    zh: ClassVar[str] = "生日一年只能修改一次"
    en: ClassVar[str] = "a birthday is set once a year; yours can be changed from {again_at:%Y-%m-%d %H:%M} UTC on"
