"""The words of pricing: what is wanted, what a shopper brings along, what a quote says and what it complains about.

How a quote comes about is in `engine`; ladders, freight and the splitting of money have files of their own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import LARGEST_MINOR, SHOP_CURRENCY, Money

MOST_UNITS = 999
"""Units of one SKU in a basket."""
MOST_LINES = 200
"""SKUs in a basket."""
LARGEST = Money(LARGEST_MINOR)
"""What the goods and the freight of a basket come to, at most."""


class Fulfilment(StrEnum):
    """How the goods come to the shopper."""

    DELIVERY = "delivery"
    PICKUP = "pickup"


class Rule(StrEnum):
    """What makes a price, in the order of application.

    Of SALE_PRICE, LIVE_PRICE, MEMBER_PRICE and LADDER at most one counts on a line, the one that makes it cheapest, and none when
    the list price is as low; the coupon comes off what is left, then points, and freight on top.
    """

    LIST = "list"
    SALE_PRICE = "sale_price"
    LIVE_PRICE = "live_price"
    MEMBER_PRICE = "member_price"
    LADDER = "ladder"
    COUPON = "coupon"
    POINTS = "points"
    FREIGHT = "freight"


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many units of a SKU."""

    sku_id: UUID
    quantity: int


@dataclass(frozen=True, slots=True)
class Coupon:
    """What comes off, from `threshold_minor` of eligible goods on: `amount_minor`, or `percent` up to `cap_minor`.

    Eligible are the SKUs of `sku_ids` (None: all), and of them only those at no sale, live or ladder price unless
    `stacks_with_sale_prices`. A member's price does not stand in the way. Raises ValueError for a coupon that is
    neither or both.
    """

    code_id: UUID
    amount_minor: int | None = None
    percent: int | None = None
    cap_minor: int | None = None
    threshold_minor: int = 0
    sku_ids: frozenset[UUID] | None = None
    stacks_with_sale_prices: bool = True

    def __post_init__(self) -> None:
        if (self.amount_minor is None) == (self.percent is None):
            raise ValueError("a coupon takes off an amount or a percentage, not both and not neither")
        if self.percent is not None and not 1 <= self.percent <= 100:
            raise ValueError(f"a coupon takes off {self.percent} percent; allowed: 1 to 100")
        if min(self.amount_minor or 0, self.cap_minor or 0, self.threshold_minor) < 0:
            raise ValueError("the amounts of a coupon are 0 or more")


@dataclass(frozen=True, slots=True)
class PointsToSpend:
    """Points that may be spent on a basket: at most `points`, and at most `most_percent` of its goods less the coupon.

    So many as `per_yuan` are worth 1 yuan; only as many are taken as come to whole fen.
    """

    points: int
    per_yuan: int
    most_percent: int

    def usable(self, worth_minor: int) -> tuple[int, int]:
        """How many points are taken off goods worth so much, and what they are worth: fen."""
        most_minor = worth_minor * self.most_percent // 100
        minor = min(self.points * 100 // self.per_yuan, most_minor)
        return -(-minor * self.per_yuan // 100), minor


@dataclass(frozen=True, slots=True)
class Offers:
    """What this shopper brings along: prices of a unit, by SKU, as a member and in a live room, the coupon and the points to
    be used, from which worth of goods on parcels travel free, and which of the SKUs are sold to others only.
    """

    member_prices: Mapping[UUID, int] = field(default_factory=dict)
    coupon: Coupon | None = None
    live_prices: Mapping[UUID, int] = field(default_factory=dict)
    points: PointsToSpend | None = None
    free_delivery_from_minor: int | None = None
    members_only: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """What a rule did to a whole line: minor units, below zero where it made it cheaper. `facts` are JSON values; with
    `otherwise_minor` what a unit, or the freight, would have cost somebody who is no member.

    LIST begins with the list price of all units, so the steps up to the coupon sum to the line's total, and those with
    FREIGHT to total and freight.
    """

    rule: Rule
    minor: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    def words(self, language: str = "zh") -> str:
        """A sentence for the shopper, in Chinese unless `language` is "en"."""
        zh, en = _WORDS[self._wording()]
        amounts = {name.removesuffix("_minor"): Money(value).amount for name, value in self._amounts()}
        return (en if language == "en" else zh).format(**self.facts, **amounts, amount=Money(abs(self.minor)).amount)

    def kept(self) -> dict[str, Any]:
        """The step as JSON, as an order keeps it."""
        return {"rule": self.rule.value, "minor": self.minor, "facts": dict(self.facts)}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """The step that `kept` gave."""
        return cls(Rule(kept["rule"]), kept["minor"], kept.get("facts", {}))

    def _wording(self) -> str:
        if self.rule is Rule.FREIGHT and self.minor == 0 and self.facts.get("free_from_minor") is not None:
            return "members_freight" if self.facts.get("is_members") else "free_freight"
        return self.rule

    def _amounts(self) -> Iterable[tuple[str, int]]:
        return ((name, value) for name, value in self.facts.items() if name.endswith("_minor") and value is not None)


_WORDS: Mapping[str, tuple[str, str]] = {
    Rule.LIST: ("原价 ¥{unit} × {quantity}", "list price ¥{unit} × {quantity}"),
    Rule.SALE_PRICE: ("活动价 ¥{unit}，共省 ¥{amount}", "sale price ¥{unit}: ¥{amount} off"),
    Rule.LIVE_PRICE: ("直播价 ¥{unit}，共省 ¥{amount}", "live price ¥{unit}: ¥{amount} off"),
    Rule.MEMBER_PRICE: ("会员价 ¥{unit}，共省 ¥{amount}", "member price ¥{unit}: ¥{amount} off"),
    Rule.LADDER: (
        "阶梯降价 {percent}%，每件 ¥{unit}，共省 ¥{amount}",
        "price ladder, {percent} % off: ¥{unit} each, ¥{amount} off",
    ),
    Rule.COUPON: ("优惠券减 ¥{amount}", "coupon: ¥{amount} off"),
    Rule.POINTS: ("{points} 积分抵扣 ¥{amount}", "{points} points: ¥{amount} off"),
    Rule.FREIGHT: ("运费 ¥{amount}", "freight: ¥{amount}"),
    "free_freight": ("满 ¥{free_from} 包邮", "free freight from ¥{free_from}"),
    "members_freight": ("会员满 ¥{free_from} 包邮", "free freight for members from ¥{free_from}"),
}


@dataclass(frozen=True, slots=True)
class PricedLine:
    """Units of one SKU and what they cost. `list_minor` and `unit_price_minor` are of one unit.

    `total_minor` is `unit_price_minor * quantity - discount_minor`: the goods without their share of the freight.
    `struck_through_minor` is the lowest price at which a unit was sold in the 7 shop days before today, where it is
    above `unit_price_minor`.
    """

    sku_id: UUID
    product_id: UUID
    title: str
    quantity: int
    list_minor: int
    unit_price_minor: int
    discount_minor: int
    freight_minor: int
    total_minor: int
    explanation: tuple[Step, ...]
    struck_through_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a basket costs. `total_minor = goods_minor - discount_minor + freight_minor`, never below zero.

    With `problems` it cannot be ordered as it stands; they are refusals, to be shown or, the first of them, raised.
    What cannot be bought at all is among the problems and not among the lines.
    """

    lines: tuple[PricedLine, ...]
    goods_minor: int
    discount_minor: int
    freight_minor: int
    total_minor: int
    currency: str = SHOP_CURRENCY
    problems: tuple[Refusal, ...] = ()
    points: int = 0
    """Points that are spent on it; what they take off is in `discount_minor`."""


def merged(wanted: Iterable[Wanted]) -> tuple[Wanted, ...]:
    """One entry for each SKU, in the order in which they were named first.

    Raises BadInput for less than 1 or more than MOST_UNITS of a SKU, and for more than MOST_LINES SKUs.
    """
    units: dict[UUID, int] = {}
    for each in wanted:
        if each.quantity < 1:
            raise BadInput(f"quantity is {each.quantity}; allowed: 1 to {MOST_UNITS}")
        units[each.sku_id] = units.get(each.sku_id, 0) + each.quantity
    for quantity in units.values():
        if quantity > MOST_UNITS:
            raise BadInput(f"quantity is {quantity}; allowed: 1 to {MOST_UNITS}")
    if len(units) > MOST_LINES:
        raise BadInput(f"the basket has {len(units)} SKUs; allowed: at most {MOST_LINES}")
    return tuple(Wanted(sku_id, quantity) for sku_id, quantity in units.items())


@dataclass(eq=False)
class UnknownSku(Refusal):
    """There is no such SKU."""

    sku_id: UUID

    code: ClassVar[str] = "UNKNOWN_SKU"
    zh: ClassVar[str] = "商品规格不存在"
    en: ClassVar[str] = "there is no such SKU"


@dataclass(eq=False)
class NotForSale(Refusal):
    """The product is not shown to shoppers, or not any more."""

    sku_id: UUID

    code: ClassVar[str] = "NOT_FOR_SALE"
    zh: ClassVar[str] = "商品已下架"
    en: ClassVar[str] = "this product is not for sale now"


@dataclass(eq=False)
class MembersOnly(Refusal):
    """The product is sold to members only, and the shopper is none."""

    sku_id: UUID

    code: ClassVar[str] = "MEMBERS_ONLY"
    zh: ClassVar[str] = "该商品仅限会员购买"
    en: ClassVar[str] = "this product is sold to members only"


@dataclass(eq=False)
class BelowMinimum(Refusal):
    """The goods, less discounts, are worth less than an order of this kind must be."""

    fulfilment: Fulfilment
    minimum: Money
    short_by: Money

    code: ClassVar[str] = "BELOW_MINIMUM"
    zh: ClassVar[str] = "未达到起送金额 ¥{minimum.amount}，还差 ¥{short_by.amount}"
    en: ClassVar[str] = "{fulfilment} takes goods of ¥{minimum.amount} or more; ¥{short_by.amount} are missing"


@dataclass(eq=False)
class NotDeliveredThere(Refusal):
    """Some of the goods are not sent to this region."""

    region_code: str

    code: ClassVar[str] = "NOT_DELIVERED_THERE"
    zh: ClassVar[str] = "部分商品不支持配送至该地区"
    en: ClassVar[str] = "some of these goods are not sent to region {region_code}"


@dataclass(eq=False)
class NoPickupThere(Refusal):
    """The store does not exist, or hands out no orders."""

    store_id: UUID

    code: ClassVar[str] = "NO_PICKUP_THERE"
    zh: ClassVar[str] = "该门店暂不支持自提"
    en: ClassVar[str] = "this store hands out no orders now"


@dataclass(eq=False)
class DestinationMissing(Refusal):
    """A delivery needs an address, a pickup needs a store: without it freight and prices are not final."""

    fulfilment: Fulfilment

    code: ClassVar[str] = "DESTINATION_MISSING"
    zh: ClassVar[str] = "请先选择收货地址或自提门店"
    en: ClassVar[str] = "choose an address or, for pickup, a store first"


@dataclass(eq=False)
class CouponNotUsable(Refusal):
    """The goods that the coupon is for are worth too little, or there are none."""

    threshold: Money
    eligible: Money

    code: ClassVar[str] = "COUPON_NOT_USABLE"
    zh: ClassVar[str] = "优惠券不可用：适用商品需满 ¥{threshold.amount}，当前 ¥{eligible.amount}"
    en: ClassVar[str] = "the coupon needs eligible goods of ¥{threshold.amount}; there are ¥{eligible.amount}"


@dataclass(eq=False)
class AmountTooLarge(Refusal):
    """The basket is worth more than any order may be."""

    largest: Money = LARGEST

    code: ClassVar[str] = "AMOUNT_TOO_LARGE"
    zh: ClassVar[str] = "订单金额超过上限 ¥{largest.amount}"
    en: ClassVar[str] = "an order is worth ¥{largest.amount} at most"


PROBLEMS = (
    UnknownSku,
    NotForSale,
    MembersOnly,
    BelowMinimum,
    NotDeliveredThere,
    NoPickupThere,
    DestinationMissing,
    CouponNotUsable,
    AmountTooLarge,
)
"""Every kind of problem that a quote may have."""
