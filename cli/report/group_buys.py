"""What an evening's group-buys have to tell: each group step by step, what its link brought, and a poster. Draws nothing."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.group_buys.rules import EventKind

LARGEST_EMBEDDED = 300_000
"""Bytes of a poster that a page may carry with it."""

WORDS: Mapping[EventKind, tuple[str, str]] = {
    EventKind.OPENED: ("开团", "opened"),
    EventKind.JOINED: ("入团", "joined"),
    EventKind.PAID: ("付款", "paid"),
    EventKind.LEFT: ("退出", "left"),
    EventKind.HANDED_ON: ("换团长", "handed on"),
    EventKind.FILLED: ("成团", "filled"),
    EventKind.COMPLETED: ("商家成团", "completed by the merchant"),
    EventKind.EXPIRED: ("未成团", "expired"),
    EventKind.DISSOLVED: ("解散", "dissolved"),
    EventKind.REFUNDED: ("退款", "refunded"),
}


class Ending(StrEnum):
    """How a group has come to its end, or that it has not."""

    FILLED = "filled"
    COMPLETED = "completed"
    REFUNDED = "refunded"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Event:
    """Something that happened in a group, so many seconds after it was opened."""

    number: int
    kind: EventKind
    seconds: float
    seat: int | None = None


@dataclass(frozen=True)
class Funnel:
    """What came of a share link: devices that opened it, those that count for the sharer, orders, paid orders."""

    opened: int
    signed_in: int
    joined: int
    paid: int


@dataclass(frozen=True)
class GroupFigures:
    """A group: of its `seats`, `paid` were paid, and the money of `refunded` of them went back. No link, no funnel."""

    leader: str
    ending: Ending
    seats: int
    paid: int
    refunded: int
    events: Sequence[Event]
    funnel: Funnel | None = None

    @property
    def seconds(self) -> float:
        """From its opening to the last that happened in it."""
        return self.events[-1].seconds if self.events else 0.0


@dataclass(frozen=True)
class Contest:
    """Those who wanted the last seat at the same moment, and whose group the others were offered."""

    joiners: int
    seated: int
    offered: int
    to_group_of: str


@dataclass(frozen=True)
class Poster:
    """A share poster as the market made it; `path` is where it is shown, sizes in pixels."""

    path: str
    width: int
    height: int
    png: bytes

    @property
    def source(self) -> str | None:
        """What an `img` of a page that fetches nothing shows; None for one that is too large to carry."""
        if len(self.png) > LARGEST_EMBEDDED:
            return None
        return f"data:image/png;base64,{b64encode(self.png).decode()}"


@dataclass(frozen=True)
class GroupBooks:
    """What the ledger says of the groups' orders, in fen, and of the units set aside for them; who has the money back no longer
    has their unit.
    """

    orders: int
    confirmed: int
    paid_minor: int
    refunded: int
    refunded_minor: int
    units: int
    left: int

    @property
    def sold(self) -> int:
        """Units that are no longer there for other groups."""
        return self.units - self.left


@dataclass(frozen=True)
class GroupBuysReport:
    """The group-buys of one evening. `refunds` and `refunded_minor` are what the payment gateway sent back."""

    title: str
    seats: int
    group_price_minor: int
    solo_price_minor: int
    groups: Sequence[GroupFigures]
    contest: Contest
    refunds: int
    refunded_minor: int
    books: GroupBooks
    poster: Poster
