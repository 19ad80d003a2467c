"""What the figures of a room say, and who may read them. Money is in minor units."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.foundation.errors import BadInput

MOST_POINTS = 500
"""Of a curve: a chart has no more pixels to show them."""
MOST_GUIDES = 300
LONGEST_RANGE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Sold:
    """Paid orders, also those that were refunded since. `refunded_minor`: what was agreed to go back of `gmv_minor`."""

    orders: int
    buyers: int
    units: int
    gmv_minor: int
    refunded_minor: int

    @property
    def net_minor(self) -> int:
        """What is left."""
        return self.gmv_minor - self.refunded_minor

    @property
    def average_minor(self) -> int | None:
        """GMV of an order, a part of a fen left out; None where there is none."""
        return self.gmv_minor // self.orders if self.orders else None


@dataclass(frozen=True, slots=True)
class ChannelSold:
    """What was sold in one way: `shelf`, `flash_sale` or `group_buy`."""

    channel: str
    sold: Sold


@dataclass(frozen=True, slots=True)
class ItemSold:
    """Paid goods of an item, without freight; of an order that was placed while it was on air, a second time by itself.

    `item_id` None: goods that are not on the shelf, bought with them. `on_air_seconds`: of all its chapters.
    """

    item_id: UUID | None
    orders: int
    units: int
    gmv_minor: int
    on_air_units: int
    on_air_gmv_minor: int
    on_air_seconds: int


@dataclass(frozen=True, slots=True)
class Guide:
    """What came of somebody's links. `opened`: visits of the links; `viewers`: who came by them and watched."""

    sharer_id: UUID
    name: str
    opened: int
    viewers: int
    orders: int
    gmv_minor: int
    refunded_minor: int

    @property
    def net_minor(self) -> int:
        """What is left."""
        return self.gmv_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class Seller:
    """What somebody has sold in rooms: as their host, or by links to them."""

    account_id: UUID
    name: str
    rooms: int
    sold: Sold


@dataclass(frozen=True, slots=True)
class Point:
    """Counters of a stretch of time: `viewers` is the most of it, the others as of its end."""

    at: datetime
    viewers: int
    distinct: int
    likes: int
    buying: int


@dataclass(frozen=True, slots=True)
class RoomFigures:
    """A room in figures, all of one moment. `brought`: distinct viewers who came by anybody's link."""

    as_of: datetime
    sold: Sold
    channels: Sequence[ChannelSold]
    items: Sequence[ItemSold]
    guides: Sequence[Guide]
    brought: int
    distinct: int
    peak: int
    likes: int
    comments: int

    @property
    def conversion(self) -> float | None:
        """Buyers in distinct viewers; None where nobody watched."""
        return self.sold.buyers / self.distinct if self.distinct else None


def check_range(starts_at: datetime, ends_at: datetime) -> None:
    """Raises BadInput unless it is a stretch of time of at most 366 days."""
    if not starts_at < ends_at <= starts_at + LONGEST_RANGE:
        raise BadInput(
            f"from {starts_at.isoformat()} to {ends_at.isoformat()}: allowed are up to {LONGEST_RANGE.days} days, from before to"
        )


def check_first(first: int) -> None:
    """Raises BadInput unless `first` is 1 to 300."""
    if not 1 <= first <= MOST_GUIDES:
        raise BadInput(f"first is {first}; allowed: 1 to {MOST_GUIDES}")
