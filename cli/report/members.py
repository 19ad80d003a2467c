"""What an evening of members has to tell: who bought cards, who came early, what one card gave back, and the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class EarlySale:
    """A sale that members may enter earlier: who tried, who has a unit, and how others were answered."""

    title: str
    minutes_early: int
    units: int
    members: int
    sold: int
    turned_away: int


@dataclass(frozen=True)
class Basket:
    """What a member paid for goods: list price, member price, points spent and the total, in fen."""

    title: str
    list_minor: int
    member_minor: int
    points: int
    points_minor: int
    total_minor: int


@dataclass(frozen=True)
class CardBack:
    """A card that was given back on its first day: paid, used by its benefits, given back, in fen."""

    paid_minor: int
    used_minor: int
    refunded_minor: int


@dataclass(frozen=True)
class Metric:
    """A metric with its definition; `share` of it is drawn, None where it is no part of a whole, or has no base."""

    zh: str
    en: str
    shown: str
    share: float | None
    means: str


@dataclass(frozen=True)
class MembersReport:
    """The members' evening."""

    plan: str
    price_minor: int
    bought: int
    given: int
    check_ins: int
    sale: EarlySale
    basket: Basket
    card_back: CardBack
    metrics: Sequence[Metric]
    faults: Sequence[str]
    """What was not as it must be."""
