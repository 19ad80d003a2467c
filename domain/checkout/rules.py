"""What a shopper wants at the counter, and when it can be ordered."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar
from uuid import UUID

from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import Money
from domain.pricing.rules import Fulfilment, Quote, Wanted
from domain.stock.rules import Level, NotEnoughStock

MOST_LINES = 120
MOST_UNPAID = 10
"""Orders of one shopper that may wait for their money. Each holds units: without a limit one account could hold them all."""
LONGEST_REMARK = 200
LONGEST_COUPON_CODE = 64
MOST_POINTS = 10**9


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants, and how it shall come to them.

    `lines` None: what is chosen in the shopper's cart. `fulfilment` None: not decided yet, so a price without freight.
    """

    shopper_id: UUID
    lines: tuple[Wanted, ...] | None = None
    fulfilment: Fulfilment | None = None
    address_id: UUID | None = None
    store_id: UUID | None = None
    coupon_code: str | None = None
    room_id: UUID | None = None
    """The live room in which the shopper buys."""
    points: int = 0
    """Points to be spent on it, at most."""


def check_wish(wish: Wish) -> None:
    """Raises BadInput for more than 120 lines, a coupon code that is too long or no text, and points below 0."""
    if wish.lines is not None and len(wish.lines) > MOST_LINES:
        raise BadInput(f"lines has {len(wish.lines)} entries; allowed: at most {MOST_LINES}")
    if not 0 <= wish.points <= MOST_POINTS:
        raise BadInput(f"points is {wish.points}; allowed: 0 to {MOST_POINTS}")
    if wish.coupon_code is not None:
        _check_text("couponCode", wish.coupon_code, LONGEST_COUPON_CODE)


def check_placeable(wish: Wish) -> None:
    """`check_wish`, and raises BadInput also where it is not decided how the goods come to the shopper."""
    check_wish(wish)
    if wish.fulfilment is None:
        raise BadInput("fulfilment is missing; allowed: delivery or pickup")


def check_remark(remark: str) -> str:
    """The remark without blanks around it. Raises BadInput when it has more than 200 characters or is no text."""
    return _check_text("remark", remark.strip(), LONGEST_REMARK)


def check_unpaid(unpaid: int, *, at_most: int) -> None:
    """Raises TooManyUnpaidOrders when so many orders wait for their money that no more may: each holds its units."""
    if unpaid >= at_most:
        raise TooManyUnpaidOrders(limit=at_most)


def request_of(wish: Wish, *, expected_total_minor: int, remark: str) -> dict[str, Any]:
    """What an idempotency key stands for: the whole wish."""
    return {**asdict(wish), "expected_total_minor": expected_total_minor, "remark": remark}


def check_orderable(quote: Quote, *, expected_total_minor: int) -> None:
    """Raises the quote's first problem, BasketEmpty, or PriceChanged unless the total is the expected one."""
    for problem in quote.problems:
        raise problem
    if not quote.lines:
        raise BasketEmpty()
    if quote.total_minor != expected_total_minor:
        raise PriceChanged(
            expected=Money(expected_total_minor, quote.currency), now=Money(quote.total_minor, quote.currency)
        )


def shortages(quote: Quote, levels: Mapping[UUID, Level]) -> Sequence[NotEnoughStock]:
    """One problem for each line that has more units than are free."""
    return [
        NotEnoughStock(sku_id=line.sku_id, wanted=line.quantity, free=levels[line.sku_id].free)
        for line in quote.lines
        if line.quantity > levels[line.sku_id].free
    ]


def _check_text(name: str, text: str, longest: int) -> str:
    if len(text) > longest or "\0" in text:
        raise BadInput(f"{name} has {len(text)} characters; allowed: at most {longest}, and no NUL among them")
    return text


@dataclass(eq=False)
class BasketEmpty(Refusal):
    """There is nothing to order: no line is named, or none is chosen in the cart."""

    code: ClassVar[str] = "BASKET_EMPTY"
    zh: ClassVar[str] = "请先选择要购买的商品"
    en: ClassVar[str] = "there is nothing to order: choose something first"


@dataclass(eq=False)
class TooManyUnpaidOrders(Refusal):
    """So many of the shopper's orders wait for their money that another one would have to wait, too."""

    limit: int

    code: ClassVar[str] = "TOO_MANY_UNPAID_ORDERS"
    zh: ClassVar[str] = "您有 {limit} 个订单待付款，请先付款或取消后再下单"
    en: ClassVar[str] = "{limit} of your orders wait to be paid: pay or cancel one first"


@dataclass(eq=False)
class PriceChanged(Refusal):
    """The basket costs something else than was expected; ask for a quote again."""

    expected: Money
    now: Money

    code: ClassVar[str] = "PRICE_CHANGED"
    zh: ClassVar[str] = "价格已变动：由 ¥{expected.amount} 变为 ¥{now.amount}，请确认后重新提交"
    en: ClassVar[str] = "the price has changed from ¥{expected.amount} to ¥{now.amount}: look again"


@dataclass(eq=False)
class CouponUnknown(Refusal):
    """There is no coupon with this code that this shopper may use."""

    coupon_code: str

    code: ClassVar[str] = "COUPON_UNKNOWN"
    zh: ClassVar[str] = "优惠券 {coupon_code} 不存在或不可使用"
    en: ClassVar[str] = "there is no coupon {coupon_code} that you may use"
