"""What a flash sale allows: its states and window, and who gets a unit at the gate."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.audiences.rules import Doors
from domain.foundation.clock import SHOP_ZONE
from domain.foundation.errors import Refusal


class SaleState(StrEnum):
    """Where a sale is on its way. Whether a warm sale is open is a matter of its window, not of its state."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    WARM = "warm"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    SETTLED = "settled"


NEXT: dict[SaleState, frozenset[SaleState]] = {
    SaleState.DRAFT: frozenset({SaleState.SCHEDULED, SaleState.CANCELLED}),
    SaleState.SCHEDULED: frozenset({SaleState.WARM, SaleState.CANCELLED}),
    SaleState.WARM: frozenset({SaleState.STOPPED, SaleState.SETTLED}),
    SaleState.STOPPED: frozenset({SaleState.SETTLED}),
    SaleState.CANCELLED: frozenset(),
    SaleState.SETTLED: frozenset(),
}

WARM_AHEAD = timedelta(seconds=60)
"""How long before its first door opens a scheduled sale is warmed by the timetable."""


class TicketState(StrEnum):
    """Where a claim stands. Only RESERVED is a promise, and it says until when to pay. ENDED: waited until the sale was over."""

    QUEUED = "queued"
    WAITING = "waiting"
    RESERVED = "reserved"
    PAID = "paid"
    LAPSED = "lapsed"
    REFUSED = "refused"
    ENDED = "ended"


@dataclass(frozen=True)
class Item:
    """A SKU in a sale."""

    id: UUID
    number: int
    sale_id: UUID
    sku_id: UUID
    title: str
    sale_price_minor: int
    currency: str
    units: int
    per_shopper: int
    waiting_places: int
    buckets: int
    allotment_id: UUID | None
    epoch: int
    gate_run_id: str | None = None

    @property
    def lanes(self) -> range:
        """The numbers of its lanes, one for each bucket."""
        return range(self.number << 8, (self.number << 8) + self.buckets)


@dataclass(frozen=True)
class Sale:
    """A sale with its items."""

    id: UUID
    title: str
    state: SaleState
    slot_id: UUID | None
    opens_at: datetime
    closes_at: datetime
    pay_seconds: int
    items: tuple[Item, ...] = ()
    warmed_at: datetime | None = None
    stopped_at: datetime | None = None
    settled_at: datetime | None = None
    admissions_per_second: int | None = None
    """Shoppers who get a pass in one second, at most, the others standing in line; None: everybody at once."""
    doors: Doors | None = None
    """Who may come, and who earlier than others; None: everybody, from `opens_at` on."""

    @property
    def begins_at(self) -> datetime:
        """When its first door opens: `opens_at`, unless somebody may come earlier."""
        return self.doors.first_opening(self.opens_at) if self.doors else self.opens_at

    def moved_to(self, state: SaleState) -> "Sale":
        """The sale in its next state. Raises WrongSaleState when the table does not lead there."""
        if state not in NEXT[self.state]:
            raise WrongSaleState(state=self.state, wanted=state)
        return replace(self, state=state)

    @property
    def is_public(self) -> bool:
        """Whether shoppers may know of it."""
        return self.state not in {SaleState.DRAFT, SaleState.CANCELLED}

    def is_open(self, now: datetime) -> bool:
        """Whether claims are taken at this moment, of whoever it is for: warm, and `opens_at <= now < closes_at`."""
        return self.state is SaleState.WARM and self.opens_at <= now < self.closes_at

    def check_open(self, now: datetime) -> None:
        """Raises FlashSaleNotOpen before the window, FlashSaleClosed after it or when the sale was stopped."""
        self.check_not_over(now)
        self.check_open_from(self.opens_at, now)

    def check_not_over(self, now: datetime) -> None:
        """Raises FlashSaleClosed after the window, or when the sale was stopped."""
        if self.state in {SaleState.STOPPED, SaleState.CANCELLED, SaleState.SETTLED} or now >= self.closes_at:
            raise FlashSaleClosed(closed_at=min(self.stopped_at or self.closes_at, self.closes_at))

    def check_open_from(self, opens_at: datetime, now: datetime) -> None:
        """Raises FlashSaleNotOpen before this moment, at which a door of it opens, and while it is not warm."""
        if self.state is not SaleState.WARM or now < opens_at:
            raise FlashSaleNotOpen(opens_at=opens_at)


def slot_window(day: date, starts_at: time, minutes: int) -> tuple[datetime, datetime]:
    """The half-open window of a daily slot on a day of the shop's calendar; a slot may run past midnight."""
    opens_at = datetime.combine(day, starts_at, tzinfo=SHOP_ZONE).astimezone(UTC)
    return opens_at, opens_at + timedelta(minutes=minutes)


# --- the gate's rule, stated a second time: claim.lua is the first, one table of cases runs through both ---


@dataclass(frozen=True)
class Claim:
    """One shopper's wish."""

    shopper: str
    request: str
    ticket: str
    quantity: int


@dataclass
class Lane:
    """One bucket of one item, as the gate keeps it. Shopper names, request ids and tickets are plain text here."""

    free: int
    per_shopper: int
    places: int
    is_open: bool = True
    queued: int = 0
    drained: int = 0
    waited: int = 0
    served: int = 0
    units: dict[str, int] = field(default_factory=dict)
    requests: dict[tuple[str, str], Claim] = field(default_factory=dict)
    standing: dict[str, tuple[TicketState, int]] = field(default_factory=dict)

    def claim(self, claim: Claim) -> tuple[str, int, str]:
        """The gate's answer: kind, position (or figure), ticket."""
        known = self.requests.get((claim.shopper, claim.request))
        if known:
            if known.quantity != claim.quantity:
                return "conflict", 0, ""
            state, sequence = self.standing[known.ticket]
            passed = self.served if state is TicketState.WAITING else self.drained
            return state.value, max(sequence - passed, 0), known.ticket
        if not self.is_open:
            return "closed", 0, ""
        units = self.units.get(claim.shopper, 0)
        if units + claim.quantity > self.per_shopper:
            return "limit", units, ""
        nobody_waits = self.waited == self.served
        if nobody_waits and self.free >= claim.quantity:
            self.free -= claim.quantity
            self.queued += 1
            state, sequence, position = TicketState.QUEUED, self.queued, self.queued - self.drained
        elif nobody_waits and self.free > 0:
            return "short", self.free, ""
        elif self.waited - self.served < self.places:
            self.waited += 1
            state, sequence, position = TicketState.WAITING, self.waited, self.waited - self.served
        else:
            return "soldout", 0, ""
        self.units[claim.shopper] = units + claim.quantity
        self.requests[claim.shopper, claim.request] = claim
        self.standing[claim.ticket] = (state, sequence)
        return state.value, position, claim.ticket


# --- refusals ---


@dataclass(eq=False)
class FlashSaleNotOpen(Refusal):
    """The sale has not begun for this shopper: from `opens_at` on it is open to them."""

    opens_at: datetime

    code: ClassVar[str] = "FLASH_SALE_NOT_OPEN"
    zh: ClassVar[str] = "抢购尚未开始，请稍候"
    en: ClassVar[str] = "this sale opens at {opens_at:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(eq=False)
class FlashSaleNotForYou(Refusal):
    """The sale is for others only; its `doors` say for whom."""

    code: ClassVar[str] = "FLASH_SALE_NOT_FOR_YOU"
    zh: ClassVar[str] = "该抢购仅限指定人群参与"
    en: ClassVar[str] = "this sale is for some only, and you are none of them"


@dataclass(eq=False)
class FlashSaleClosed(Refusal):
    """The sale is over, or was stopped."""

    closed_at: datetime

    code: ClassVar[str] = "FLASH_SALE_CLOSED"
    zh: ClassVar[str] = "抢购已结束"
    en: ClassVar[str] = "this sale closed at {closed_at:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(eq=False)
class FlashSaleSoldOut(Refusal):
    """No unit is free and no place in the waiting line; units of unpaid orders may come back."""

    retry_after_ms: int

    code: ClassVar[str] = "FLASH_SALE_SOLD_OUT"
    zh: ClassVar[str] = "已抢光，未付款的商品可能重新放出"
    en: ClassVar[str] = "sold out; units of unpaid orders may return"


@dataclass(eq=False)
class FlashSaleShort(Refusal):
    """Some units are free, but fewer than were asked for."""

    wanted: int
    left: int

    code: ClassVar[str] = "FLASH_SALE_SHORT"
    zh: ClassVar[str] = "仅剩 {left} 件，不足 {wanted} 件"
    en: ClassVar[str] = "only {left} left, {wanted} wanted"


@dataclass(eq=False)
class FlashSaleLimitReached(Refusal):
    """The shopper already has as many units as one shopper may have."""

    limit: int
    held: int

    code: ClassVar[str] = "FLASH_SALE_LIMIT_REACHED"
    zh: ClassVar[str] = "每人限购 {limit} 件，您已有 {held} 件"
    en: ClassVar[str] = "{limit} per shopper, and you have {held}"


@dataclass(eq=False)
class FlashSalePassRefused(Refusal):
    """The pass is not this shopper's, was not made by us, is over, or belongs to an earlier epoch: get a new one."""

    reason: str

    code: ClassVar[str] = "FLASH_SALE_PASS_REFUSED"
    zh: ClassVar[str] = "入场券无效，请重新获取"
    en: ClassVar[str] = "the pass is {reason}; request a new one"


@dataclass(eq=False)
class FlashSalePlaceRefused(Refusal):
    """The place in line is not this shopper's, was not made by us, is of another sale, or its turn is long over."""

    reason: str

    code: ClassVar[str] = "FLASH_SALE_PLACE_REFUSED"
    zh: ClassVar[str] = "排队号无效，请重新排队"
    en: ClassVar[str] = "the place is {reason}; ask again without it"


@dataclass(eq=False)
class FlashSaleBusy(Refusal):
    """The gate is being rebuilt or does not answer. Repeat with the same idempotency key: it takes nothing twice."""

    retry_after_ms: int

    code: ClassVar[str] = "FLASH_SALE_BUSY"
    zh: ClassVar[str] = "排队人数较多，请稍后重试"
    en: ClassVar[str] = "the gate is busy; repeat the same request in {retry_after_ms} ms"


@dataclass(eq=False)
class WrongSaleState(Refusal):
    """The sale is not in a state that leads to the wanted one."""

    state: str
    wanted: str

    code: ClassVar[str] = "WRONG_SALE_STATE"
    zh: ClassVar[str] = "抢购活动当前状态（{state}）不允许该操作"
    en: ClassVar[str] = "a sale that is {state} cannot become {wanted}"
