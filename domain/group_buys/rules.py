"""What a group-buy is, who may join it, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.audiences.rules import Doors
from domain.foundation.errors import BadInput, NotFound, Refusal
from domain.foundation.money import LARGEST_MINOR, Money

FEWEST_SEATS, MOST_SEATS = 2, 100
NEWS_TAKES = timedelta(seconds=5)
"""How long after a group's time the news of money that came within it is waited for."""
SURELY_HEARD = timedelta(minutes=1)
"""How long after it what became of every order has been heard, unless the news was lost."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)
"""Between two attempts at a refund; it doubles with each."""
MOST_ITEMS = 50
LONGEST_REASON = 200
LONGEST_TO_FILL = timedelta(days=7)
LONGEST_WINDOW = timedelta(days=90)
LONGEST_TO_PAY = timedelta(days=1)


class CampaignState(StrEnum):
    """Where a campaign stands. Within its window a live one lets groups be opened."""

    DRAFT = "draft"
    LIVE = "live"
    STOPPED = "stopped"
    SETTLED = "settled"


NEXT: Mapping[CampaignState, frozenset[CampaignState]] = {
    CampaignState.DRAFT: frozenset({CampaignState.LIVE}),
    CampaignState.LIVE: frozenset({CampaignState.STOPPED, CampaignState.SETTLED}),
    CampaignState.STOPPED: frozenset({CampaignState.SETTLED}),
    CampaignState.SETTLED: frozenset(),
}


class OpenerBenefit(StrEnum):
    """What whoever opens a group pays less: nothing, an amount off the order, or one unit."""

    NONE = "none"
    DISCOUNT = "discount"
    FREE = "free"


class GroupState(StrEnum):
    """Where a group stands."""

    OPEN = "open"
    FILLED = "filled"
    EXPIRED = "expired"
    DISSOLVED = "dissolved"


class SeatState(StrEnum):
    """Where a seat stands, from the moment somebody took it."""

    HELD = "held"
    PAID = "paid"
    FREED = "freed"
    REFUNDED = "refunded"


LIVING = frozenset({SeatState.HELD, SeatState.PAID})


class EventKind(StrEnum):
    """What happens in a group."""

    OPENED = "opened"
    JOINED = "joined"
    PAID = "paid"
    LEFT = "left"
    HANDED_ON = "handed_on"
    FILLED = "filled"
    COMPLETED = "completed"
    EXPIRED = "expired"
    DISSOLVED = "dissolved"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Item:
    """A SKU of a campaign at its group price, with the units set aside for it."""

    id: UUID
    campaign_id: UUID
    sku_id: UUID
    title: str
    group_price_minor: int
    currency: str
    units: int
    allotment_id: UUID | None

    @property
    def group_price(self) -> Money:
        """What a unit costs a member."""
        return Money(self.group_price_minor, self.currency)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One product at a group price: groups are opened within the window, and each has `fill_seconds` to fill its seats."""

    id: UUID
    title: str
    product_id: UUID
    state: CampaignState
    opens_at: datetime
    closes_at: datetime
    seats: int
    fill_seconds: int
    pay_seconds: int
    per_shopper: int
    newcomers_only: bool
    opener_benefit: OpenerBenefit
    opener_discount_minor: int | None
    published_at: datetime | None = None
    stopped_at: datetime | None = None
    called_off_at: datetime | None = None
    settled_at: datetime | None = None
    doors: Doors | None = None
    """Who may take part, and who earlier than others; None: everybody, from `opens_at` on."""
    items: tuple[Item, ...] = ()

    @property
    def begins_at(self) -> datetime:
        """When its first door opens: `opens_at`, unless somebody may come earlier."""
        return self.doors.first_opening(self.opens_at) if self.doors else self.opens_at

    def is_open(self, now: datetime) -> bool:
        """Whether a group may be opened by whoever it is for."""
        return self.state is CampaignState.LIVE and self.opens_at <= now < self.closes_at

    def moved_to(self, state: CampaignState) -> "Campaign":
        """The campaign in its next state. Raises WrongCampaignState when none leads there."""
        if state not in NEXT[self.state]:
            raise WrongCampaignState(state=self.state, wanted=state)
        return replace(self, state=state)

    def discount_minor(self, item: Item, quantity: int, *, is_opener: bool) -> int:
        """What is taken off the order for whoever opens a group: never more than it costs."""
        if not is_opener or self.opener_benefit is OpenerBenefit.NONE:
            return 0
        if self.opener_benefit is OpenerBenefit.FREE:
            return item.group_price_minor
        assert self.opener_discount_minor is not None
        return min(self.opener_discount_minor, item.group_price_minor * quantity)


@dataclass(frozen=True, slots=True)
class Group:
    """Shoppers who buy together. `taken` seats are held or paid, `paid` of them paid; an expired group keeps its last figures."""

    id: UUID
    campaign_id: UUID
    opened_by: UUID
    leader_id: UUID
    state: GroupState
    seats: int
    taken: int
    paid: int
    events: int
    opened_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    completed_by: UUID | None = None

    @property
    def seats_left(self) -> int:
        """Seats that nobody holds; none once the group has ended."""
        return self.seats - self.taken if self.state is GroupState.OPEN else 0

    def is_joinable(self, now: datetime) -> bool:
        """Whether somebody may take a seat now."""
        return self.state is GroupState.OPEN and now < self.expires_at and self.taken < self.seats


@dataclass(frozen=True, slots=True)
class Seat:
    """A numbered place in a group, from the moment somebody took it."""

    id: UUID
    group_id: UUID
    number: int
    shopper_id: UUID
    item_id: UUID
    quantity: int
    order_id: UUID
    state: SeatState
    held_at: datetime
    paid_at: datetime | None = None
    freed_at: datetime | None = None
    refund_at: datetime | None = None
    refund_failures: int = 0
    refunded_at: datetime | None = None
    share_link_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class GroupEvent:
    """Something that happened in a group, numbered from 1 without gaps; `taken` and `paid` are the seats from then on."""

    group_id: UUID
    number: int
    kind: EventKind
    seat: int | None
    taken: int
    paid: int
    happened_at: datetime


class Course:
    """What happens to a locked group within one transaction: the group as it is by now, and the news of it."""

    def __init__(self, group: Group, *, now: datetime) -> None:
        self.group = group
        self.news: list[GroupEvent] = []
        self._now = now

    def go(self, kind: EventKind, *, seat: int | None = None, taken: int = 0, paid: int = 0, **changes: Any) -> None:
        """Something happens: so many seats more (or fewer) are taken and paid, and whatever else changes."""
        group = self.group
        self.group = replace(
            group, taken=group.taken + taken, paid=group.paid + paid, events=group.events + 1, **changes
        )
        now = self.group
        self.news.append(GroupEvent(now.id, now.events, kind, seat, now.taken, now.paid, self._now))

    def end(self, kind: EventKind, state: GroupState, **changes: Any) -> None:
        """The group comes to its end."""
        self.go(kind, state=state, ended_at=self._now, **changes)


@dataclass(frozen=True, slots=True)
class NewItem:
    """A SKU to be sold in groups."""

    sku_id: UUID
    group_price_minor: int
    units: int


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign as a merchandiser wishes it; its SKUs are all of one product."""

    title: str
    opens_at: datetime
    closes_at: datetime
    seats: int
    fill_seconds: int
    items: tuple[NewItem, ...]
    pay_seconds: int = 900
    per_shopper: int = 1
    newcomers_only: bool = False
    opener_benefit: OpenerBenefit = OpenerBenefit.NONE
    opener_discount_minor: int | None = None


def check_campaign(wish: NewCampaign, *, now: datetime) -> None:
    """Raises BadInput for whatever is outside its limits."""
    if not 1 <= len(wish.title.strip()) <= 120 or "\0" in wish.title:
        raise BadInput("title must have 1 to 120 characters")
    if not wish.opens_at < wish.closes_at or wish.closes_at - wish.opens_at > LONGEST_WINDOW:
        raise BadInput(f"the window must end after it begins, within {LONGEST_WINDOW.days} days")
    if wish.closes_at <= now:
        raise BadInput("the window must end in the future")
    _check("seats", wish.seats, FEWEST_SEATS, MOST_SEATS)
    _check("fillSeconds", wish.fill_seconds, 1, int(LONGEST_TO_FILL.total_seconds()))
    _check("paySeconds", wish.pay_seconds, 1, int(LONGEST_TO_PAY.total_seconds()))
    _check("perShopper", wish.per_shopper, 1, 10_000)
    if not 1 <= len(wish.items) <= MOST_ITEMS or len({item.sku_id for item in wish.items}) < len(wish.items):
        raise BadInput(f"a campaign has 1 to {MOST_ITEMS} items, each SKU once")
    for item in wish.items:
        # what the dearest order costs must be an amount, too
        _check("groupPriceMinor", item.group_price_minor, 1, LARGEST_MINOR // wish.per_shopper)
        _check("units", item.units, 1, 10_000_000)
    if sum(item.units for item in wish.items) < wish.seats:
        raise BadInput(f"the items have fewer units together than a group has seats, {wish.seats}")
    if (wish.opener_benefit is OpenerBenefit.DISCOUNT) != (wish.opener_discount_minor is not None):
        raise BadInput("openerDiscountMinor belongs to the benefit DISCOUNT, and to no other")
    if wish.opener_discount_minor is not None:
        _check("openerDiscountMinor", wish.opener_discount_minor, 1, min(i.group_price_minor for i in wish.items))


def check_open(campaign: Campaign, *, opens_at: datetime, now: datetime) -> None:
    """Raises GroupBuyCampaignClosed unless groups may be opened now by somebody for whom it opens at that moment."""
    if campaign.state is not CampaignState.LIVE or not opens_at <= now < campaign.closes_at:
        raise GroupBuyCampaignClosed(opens_at=opens_at, closes_at=campaign.closes_at)


def check_not_over(campaign: Campaign, *, now: datetime) -> None:
    """Raises GroupBuyCampaignClosed once the window is over."""
    if now >= campaign.closes_at:
        raise GroupBuyCampaignClosed(opens_at=campaign.opens_at, closes_at=campaign.closes_at)


def leavable(group: Group, seat: Seat | None) -> Seat:
    """The seat, which is not paid yet. Raises SeatNotLeavable for one that is, NotFound where the shopper has none."""
    if seat is None:
        raise NotFound.of("groupbuy", group.id)
    if seat.state is not SeatState.HELD:
        raise SeatNotLeavable(state=seat.state)
    return seat


def check_joinable(group: Group, *, now: datetime, another_id: UUID | None) -> None:
    """Raises GroupBuyOver once the group has ended, GroupBuyFull, naming `another_id`, while every seat is taken."""
    if group.state is not GroupState.OPEN or now >= group.expires_at:
        raise GroupBuyOver(group_id=group.id, state=group.state, another_id=another_id)
    if group.taken >= group.seats:
        raise GroupBuyFull(seats=group.seats, another_id=another_id)


def check_quantity(quantity: int, *, per_shopper: int) -> None:
    """Raises BadInput below 1 unit, GroupBuyLimitReached for more than a shopper may ever have."""
    if quantity < 1:
        raise BadInput(f"quantity is {quantity}; allowed: 1 to {per_shopper}")
    if quantity > per_shopper:
        raise GroupBuyLimitReached(limit=per_shopper)


def check_reason(reason: str) -> str:
    """The reason without blanks around it. Raises BadInput unless it has 1 to 200 characters."""
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON or "\0" in reason:
        raise BadInput(f"reason must have 1 to {LONGEST_REASON} characters")
    return reason


def pause_after(failures: int) -> timedelta:
    """How long a refund is put off that has failed so many times."""
    return min(FIRST_PAUSE * (1 << min(failures - 1, 20)), LONGEST_PAUSE)


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"{name} is {value}; allowed: {least} to {most}")


@dataclass(eq=False)
class GroupBuyCampaignClosed(Refusal):
    """Nobody can open a group, or this shopper cannot take part yet: it is not their time, not any more, or it was stopped."""

    opens_at: datetime
    closes_at: datetime

    code: ClassVar[str] = "GROUP_BUY_CAMPAIGN_CLOSED"
    zh: ClassVar[str] = "该拼团活动未开始或已结束"
    en: ClassVar[str] = "no group can be opened now: the campaign has not begun or is over"


@dataclass(eq=False)
class GroupBuyNotForYou(Refusal):
    """The campaign is for others only; its `doors` say for whom."""

    code: ClassVar[str] = "GROUP_BUY_NOT_FOR_YOU"
    zh: ClassVar[str] = "该拼团仅限指定人群参与"
    en: ClassVar[str] = "this group-buy is for some only, and you are none of them"


@dataclass(eq=False)
class GroupBuyFull(Refusal):
    """Every seat is held or paid. `another_id`: an open group of the same campaign with room; None: open one."""

    seats: int
    another_id: UUID | None

    code: ClassVar[str] = "GROUP_BUY_FULL"
    zh: ClassVar[str] = "手慢了，{seats} 个席位已满，可参加其他团或自己开团"
    en: ClassVar[str] = "all {seats} seats are taken: join another group, or open one"


@dataclass(eq=False)
class GroupBuyOver(Refusal):
    """The group is filled, expired or dissolved, or its time is just over. `another_id`: an open group of the same campaign."""

    group_id: UUID
    state: GroupState
    another_id: UUID | None

    code: ClassVar[str] = "GROUP_BUY_OVER"
    zh: ClassVar[str] = "该团已结束，可参加其他团或自己开团"
    en: ClassVar[str] = (
        "nobody can join this group any more, it has ended or its time is over: join another one, or open one"
    )


@dataclass(eq=False)
class AlreadyInGroupBuy(Refusal):
    """The shopper has a seat in this group; `seat_id` is theirs."""

    group_id: UUID
    seat_id: UUID

    code: ClassVar[str] = "ALREADY_IN_GROUP_BUY"
    zh: ClassVar[str] = "您已在该团中"
    en: ClassVar[str] = "you have a seat in this group already"


@dataclass(eq=False)
class GroupBuyLimitReached(Refusal):
    """The shopper holds or has as many units of this campaign as they may."""

    limit: int

    code: ClassVar[str] = "GROUP_BUY_LIMIT_REACHED"
    zh: ClassVar[str] = "该活动每人限购 {limit} 件"
    en: ClassVar[str] = "at most {limit} units of this campaign for each shopper"


@dataclass(eq=False)
class NewcomersOnly(Refusal):
    """Only who has never paid for an order may join; whoever has may open a group."""

    code: ClassVar[str] = "NEWCOMERS_ONLY"
    zh: ClassVar[str] = "该团仅限新客参加，您可以自己开团"
    en: ClassVar[str] = "only newcomers may join this group: you may open one"


@dataclass(eq=False)
class SeatNotLeavable(Refusal):
    """Only a seat that is not paid can be left: a paid one waits for the group, and is given its money back if it expires."""

    state: SeatState

    code: ClassVar[str] = "SEAT_NOT_LEAVABLE"
    zh: ClassVar[str] = "已付款的席位不能退出：成团后发货，未成团自动退款"
    en: ClassVar[str] = "this seat cannot be left, it is {state}: if the group expires, its money goes back by itself"


@dataclass(eq=False)
class NobodyHasPaid(Refusal):
    """A group in which nobody has paid has no order that the merchant could complete."""

    group_id: UUID

    code: ClassVar[str] = "NOBODY_HAS_PAID"
    zh: ClassVar[str] = "该团尚无已付款的团员，无法成团"
    en: ClassVar[str] = "nobody in this group has paid: there is nothing to complete"


@dataclass(eq=False)
class WrongCampaignState(Refusal):
    """The campaign cannot go there from where it stands."""

    state: CampaignState
    wanted: CampaignState

    code: ClassVar[str] = "WRONG_CAMPAIGN_STATE"
    zh: ClassVar[str] = "活动当前状态不能执行此操作"
    en: ClassVar[str] = "a campaign that is {state} cannot become {wanted}"


@dataclass(eq=False)
class NotOneProduct(Refusal):
    """The SKUs of a campaign belong to several products: a group is about one."""

    products: int

    code: ClassVar[str] = "NOT_ONE_PRODUCT"
    zh: ClassVar[str] = "一个拼团活动只能包含同一商品的规格，当前包含 {products} 个商品"
    en: ClassVar[str] = "the SKUs are of {products} products; a campaign is about one"
