"""What a live room allows: its states, its shelf, who runs it, and what can happen in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import LARGEST_MINOR, Money

MOST_ITEMS = 200
"""Products on a shelf."""
MOST_CREW = 20
LONGEST_AHEAD = timedelta(days=90)
"""How far ahead a room is scheduled."""
EARLY = timedelta(hours=2)
"""How long before its planned beginning a room may go live."""
LONGEST_LIVE = timedelta(hours=24)
"""After which the timetable ends a room that nobody has ended: live prices must not hold for ever."""
GRACE_SECONDS = 300
MOST_GRACE_SECONDS = 3_600
REMIND_AHEAD = timedelta(minutes=10)
"""How long before the planned beginning reminders go out."""


class RoomState(StrEnum):
    """Where a room is on its way. PAUSED is still on: what is on air stays there."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"
    CANCELLED = "cancelled"


NEXT: Mapping[RoomState, frozenset[RoomState]] = {
    RoomState.SCHEDULED: frozenset({RoomState.LIVE, RoomState.CANCELLED}),
    RoomState.LIVE: frozenset({RoomState.PAUSED, RoomState.ENDED}),
    RoomState.PAUSED: frozenset({RoomState.LIVE, RoomState.ENDED}),
    RoomState.ENDED: frozenset(),
    RoomState.CANCELLED: frozenset(),
}
ON = frozenset({RoomState.LIVE, RoomState.PAUSED})


class Duty(StrEnum):
    """What somebody of the crew does. Both run the room; only hosts are shown to viewers."""

    HOST = "host"
    ASSISTANT = "assistant"


class PromotionKind(StrEnum):
    """What can be started from a room."""

    FLASH_SALE = "flash_sale"
    GROUP_BUY = "group_buy"
    COUPONS = "coupons"
    DRAW = "draw"


class Channel(StrEnum):
    """How an order came about in a room."""

    SHELF = "shelf"
    FLASH_SALE = "flash_sale"
    GROUP_BUY = "group_buy"


class EventKind(StrEnum):
    """What can happen in a room."""

    WENT_LIVE = "went_live"
    PAUSED = "paused"
    RESUMED = "resumed"
    ENDED = "ended"
    CANCELLED = "cancelled"
    SHELF_CHANGED = "shelf_changed"
    ON_AIR = "on_air"
    OFF_AIR = "off_air"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    FLASH_SALE_STARTED = "flash_sale_started"
    GROUP_BUY_STARTED = "group_buy_started"
    COUPONS_DROPPED = "coupons_dropped"
    DRAW_OPENED = "draw_opened"
    DRAW_CALLED_OFF = "draw_called_off"
    DRAWN = "drawn"
    COMMENTED = "commented"
    COMMENT_REMOVED = "comment_removed"
    CHAT_CHANGED = "chat_changed"
    NOTICE = "notice"


FACTS: Mapping[EventKind, frozenset[str]] = {
    EventKind.WENT_LIVE: frozenset(),
    EventKind.PAUSED: frozenset(),
    EventKind.RESUMED: frozenset(),
    EventKind.ENDED: frozenset(),
    EventKind.CANCELLED: frozenset(),
    EventKind.SHELF_CHANGED: frozenset(),
    EventKind.ON_AIR: frozenset({"item_id"}),
    EventKind.OFF_AIR: frozenset({"item_id"}),
    EventKind.PINNED: frozenset({"item_id"}),
    EventKind.UNPINNED: frozenset({"item_id"}),
    EventKind.FLASH_SALE_STARTED: frozenset({"flash_sale_id", "item_id"}),
    EventKind.GROUP_BUY_STARTED: frozenset({"campaign_id", "item_id"}),
    EventKind.COUPONS_DROPPED: frozenset({"batch_id"}),
    EventKind.DRAW_OPENED: frozenset({"draw_id"}),
    EventKind.DRAW_CALLED_OFF: frozenset({"draw_id"}),
    EventKind.DRAWN: frozenset({"draw_id"}),
    EventKind.COMMENTED: frozenset({"comment_id", "author", "badge", "text"}),
    EventKind.COMMENT_REMOVED: frozenset({"comment_id"}),
    EventKind.CHAT_CHANGED: frozenset({"is_open", "slow_seconds"}),
    EventKind.NOTICE: frozenset({"text"}),
}
"""What is kept with an event of each kind: JSON values, ids as text."""
MAY_WAIT = frozenset({EventKind.COMMENTED, EventKind.COMMENT_REMOVED})
"""Events of which many are told at once, a few times a second; all others are told the moment they happen."""


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """Something that has happened in a room. `number` counts from 1, without gaps."""

    room_id: UUID
    number: int
    kind: EventKind
    facts: Mapping[str, Any]
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happens now."""

    kind: EventKind
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.facts.keys() != FACTS[self.kind]:
            raise ValueError(f"{self.kind} has the facts {sorted(FACTS[self.kind])}, not {sorted(self.facts)}")


@dataclass(frozen=True, slots=True)
class LivePrice:
    """What the crew may ask for a SKU, in minor units.

    `live_minor`: the price while its item is on air; None: no other than everywhere. `floor_minor`: the lowest price of a
    sale that is started in the room.
    """

    sku_id: UUID
    live_minor: int | None
    floor_minor: int


@dataclass(frozen=True, slots=True)
class ShelfItem:
    """A product that is to stand on a shelf; the shelf's order is that of the list."""

    product_id: UUID
    pitch: str = ""
    prices: tuple[LivePrice, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomItem:
    """A product on a room's shelf."""

    id: UUID
    room_id: UUID
    product_id: UUID
    position: int
    pitch: str
    prices: tuple[LivePrice, ...]
    pinned_at: datetime | None = None
    removed_at: datetime | None = None

    def price_of(self, sku_id: UUID) -> LivePrice | None:
        """What the crew may ask for the SKU; None where nothing was said."""
        return next((price for price in self.prices if price.sku_id == sku_id), None)


@dataclass(frozen=True, slots=True)
class Chapter:
    """An item's time on air: from `began_at` to `ended_at`, None while it is on air. `live_prices`: SKU to minor units."""

    id: UUID
    room_id: UUID
    item_id: UUID
    began_at: datetime
    ended_at: datetime | None
    prices_until: datetime | None
    live_prices: Mapping[UUID, int]

    def prices_hold(self, now: datetime) -> bool:
        """Whether its live prices may be asked for."""
        return self.began_at <= now and (self.prices_until is None or now < self.prices_until)


@dataclass(frozen=True, slots=True)
class NewRoom:
    """A room that is to be. `crew`: accounts and what they do; at least one host."""

    title: str
    starts_at: datetime
    crew: Mapping[UUID, Duty]
    cover_url: str = ""
    store_id: UUID | None = None
    grace_seconds: int = GRACE_SECONDS
    prize_budget_minor: int = 0
    """What all prizes that the crew promises may be worth together, in minor units; a merchandiser may promise more."""


@dataclass(frozen=True, slots=True)
class Room:
    """A room."""

    id: UUID
    title: str
    cover_url: str
    state: RoomState
    store_id: UUID | None
    starts_at: datetime
    grace_seconds: int
    prize_budget_minor: int
    is_chat_open: bool
    slow_seconds: int
    events: int
    live_at: datetime | None = None
    paused_at: datetime | None = None
    ended_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def is_on(self) -> bool:
        """Whether it is live, or paused."""
        return self.state in ON

    def moved_to(self, state: RoomState) -> "Room":
        """The room in its next state. Raises WrongRoomState when none leads there."""
        if state not in NEXT[self.state]:
            raise WrongRoomState(state=self.state, wanted=state)
        return replace(self, state=state)

    def check_not_over(self) -> None:
        """Raises RoomNotOn once it has ended, or was called off."""
        if not NEXT[self.state]:
            raise RoomNotOn(state=self.state)

    def check_on(self) -> None:
        """Raises RoomNotOn unless it is live or paused."""
        if not self.is_on:
            raise RoomNotOn(state=self.state)


def check_room(wish: NewRoom, *, now: datetime) -> None:
    """Raises BadInput for a room that cannot be."""
    if not 1 <= len(wish.title.strip()) <= 120 or "\0" in wish.title:
        raise BadInput("title must have 1 to 120 characters")
    if not now - EARLY <= wish.starts_at <= now + LONGEST_AHEAD:
        raise BadInput(f"startsAt must be from now to {LONGEST_AHEAD.days} days ahead")
    is_address = wish.cover_url.startswith("https://") and len(wish.cover_url) <= 500 and "\0" not in wish.cover_url
    if wish.cover_url and not is_address:
        raise BadInput("coverUrl must be an https address of at most 500 characters")
    if not 0 <= wish.grace_seconds <= MOST_GRACE_SECONDS:
        raise BadInput(f"graceSeconds is {wish.grace_seconds}; allowed: 0 to {MOST_GRACE_SECONDS}")
    if not 0 <= wish.prize_budget_minor <= LARGEST_MINOR:
        raise BadInput(f"prizeBudgetMinor is {wish.prize_budget_minor}; allowed: 0 to {LARGEST_MINOR}")
    check_crew(wish.crew)


def check_crew(crew: Mapping[UUID, Duty]) -> None:
    """Raises BadInput for a crew without a host, or of more than 20."""
    if not 1 <= len(crew) <= MOST_CREW or Duty.HOST not in crew.values():
        raise BadInput(f"a room has 1 to {MOST_CREW} people who run it, at least one of them a host")


def check_shelf(shelf: Sequence[ShelfItem]) -> None:
    """Raises BadInput for a shelf that cannot be."""
    if len(shelf) > MOST_ITEMS or len({item.product_id for item in shelf}) < len(shelf):
        raise BadInput(f"a shelf has at most {MOST_ITEMS} products, each once")
    for item in shelf:
        if len(item.pitch) > 60 or "\0" in item.pitch:
            raise BadInput(f"pitch has {len(item.pitch)} characters; allowed: at most 60")
        if len({price.sku_id for price in item.prices}) < len(item.prices):
            raise BadInput("prices name a SKU twice; allowed: once")
        for price in item.prices:
            if not 1 <= price.floor_minor <= LARGEST_MINOR:
                raise BadInput(f"floorMinor is {price.floor_minor}; allowed: 1 to {LARGEST_MINOR}")
            if price.live_minor is not None and not price.floor_minor <= price.live_minor <= LARGEST_MINOR:
                raise BadInput(f"liveMinor is {price.live_minor}; allowed: floorMinor {price.floor_minor} and above")


@dataclass(eq=False)
class WrongRoomState(Refusal):
    """The room cannot do that from where it is."""

    state: RoomState
    wanted: RoomState

    code: ClassVar[str] = "WRONG_ROOM_STATE"
    zh: ClassVar[str] = "直播间当前状态不允许此操作"
    en: ClassVar[str] = "a room that is {state} cannot become {wanted}"


@dataclass(eq=False)
class RoomNotOn(Refusal):
    """The room is not live now."""

    state: RoomState

    code: ClassVar[str] = "ROOM_NOT_ON"
    zh: ClassVar[str] = "直播间未开播"
    en: ClassVar[str] = "the room is {state}, not live"


@dataclass(eq=False)
class TooEarlyToGoLive(Refusal):
    """The room is planned for later."""

    starts_at: datetime

    code: ClassVar[str] = "TOO_EARLY_TO_GO_LIVE"
    zh: ClassVar[str] = "未到开播时间，可提前 2 小时开播"
    en: ClassVar[str] = "the room is planned for {starts_at:%Y-%m-%d %H:%M} UTC; it can go live 2 hours before"


@dataclass(eq=False)
class NotOnTheShelf(Refusal):
    """The item does not stand on the room's shelf, or the SKU is none of its."""

    code: ClassVar[str] = "NOT_ON_THE_SHELF"
    zh: ClassVar[str] = "该商品不在直播间购物袋中"
    en: ClassVar[str] = "this does not stand on the room's shelf"


@dataclass(eq=False)
class CouponsDroppedElsewhere(Refusal):
    """The coupons were dropped in another room: make a batch for each room, and each can be counted by itself."""

    code: ClassVar[str] = "COUPONS_DROPPED_ELSEWHERE"
    zh: ClassVar[str] = "该批优惠券已在其他直播间发放"
    en: ClassVar[str] = "these coupons were dropped in another room"


@dataclass(eq=False)
class BelowTheFloor(Refusal):
    """The crew may not sell a SKU at so low a price."""

    floor: Money

    code: ClassVar[str] = "BELOW_THE_FLOOR"
    zh: ClassVar[str] = "价格不能低于 ¥{floor.amount}"
    en: ClassVar[str] = "the lowest price in this room is ¥{floor.amount}"
