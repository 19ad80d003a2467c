"""What a night in a live room has to tell: who watched, what was on air, what was sold, who won. Draws nothing."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OnAir:
    """An item that was on air for so many seconds: its prices and what was sold of it, in fen."""

    title: str
    live_price_minor: int
    list_price_minor: int
    seconds: int
    orders: int
    units: int
    gmv_minor: int


@dataclass(frozen=True)
class RoomSale:
    """A flash sale that was started in the room: how many tapped, who had a unit."""

    title: str
    price_minor: int
    units: int
    claimed: int
    sold: int


@dataclass(frozen=True)
class Drawing:
    """A lucky draw: who won, and whether the winners follow from what is published, reckoned anew."""

    prize: str
    pieces: int
    entrants: int
    winners: Sequence[str]
    is_verified: bool


@dataclass(frozen=True)
class Guide:
    """Who shared the room: viewers who came by their link, and what these bought, in fen."""

    name: str
    viewers: int
    orders: int
    gmv_minor: int


@dataclass(frozen=True)
class Moment:
    """So many seconds into the night: who watched."""

    seconds: float
    viewers: int


@dataclass(frozen=True)
class LiveRoomReport:
    """A night in a room. `heard_ms`: from the host's tap to each phone, for everything that was put on air."""

    title: str
    viewers: int
    peak: int
    came_back: int
    comments: int
    likes: int
    heard_ms: Sequence[float]
    orders: int
    buyers: int
    gmv_minor: int
    conversion: float | None
    coupons_claimed: int
    items: Sequence[OnAir]
    sale: RoomSale
    drawing: Drawing
    guides: Sequence[Guide]
    curve: Sequence[Moment]
    faults: Sequence[str]
    """What was not as it must be."""
