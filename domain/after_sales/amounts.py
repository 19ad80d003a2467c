"""How much goes back, and for which units: pure reckoning, the same for the preview and for the request.

A line's money is divided among its units as they are asked for: once k of its q units stand in after-sales, floor(total * k / q)
does. So the parts of a line are fair to a fen and sum exactly to its total, in whatever order and number they are asked for,
and also when some are withdrawn or rejected in between: the next one sets right what is missing. What staff did not agree
to is not divided among the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.after_sales.rules import (
    AfterSaleLine,
    Fault,
    GoodsHaveLeft,
    GoodsMustComeBack,
    Kind,
    Reason,
    check_in_time,
    check_sensible,
)
from domain.orders.rules import Line, LineRefund, Order, TooManyUnits, check_refundable, check_units


@dataclass(frozen=True, slots=True)
class Wish:
    """What a shopper asks for: units of lines by their position, or, with None, all there are."""

    kind: Kind
    reason: Reason
    units: Mapping[int, int] | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a line stands in after-sales already, open ones and those given back; `open_*` are of the open ones only."""

    goods_minor: int = 0
    freight_minor: int = 0
    open_quantity: int = 0
    open_unsent: int = 0


NOTHING_TAKEN = Taken()


@dataclass(frozen=True, slots=True)
class Left:
    """Units of a line that can still be asked for."""

    unsent: int
    sent: int


def quote(
    order: Order, lines: Sequence[Line], taken: Mapping[int, Taken], wish: Wish, *, now: datetime
) -> list[AfterSaleLine]:
    """What would go back, line by line.

    Raises OrderNotRefundable, AfterSaleTooLate, TooManyUnits for units that are not left, GoodsMustComeBack, and BadInput.
    """
    check_sensible(wish.kind, wish.reason)
    check_refundable(order)
    check_in_time(order, wish.reason, now)
    left = {line.position: left_of(line, taken.get(line.position, NOTHING_TAKEN)) for line in lines}
    possible = {position: _possible(some, wish.kind) for position, some in left.items()}
    units = _all_of(possible, lines[0]) if wish.units is None else wish.units
    check_units(units, possible)
    return [
        _line_quote(line, taken.get(line.position, NOTHING_TAKEN), left[line.position], units[line.position], wish)
        for line in lines
        if line.position in units
    ]


def left_of(line: Line, taken: Taken) -> Left:
    """What can still be asked for. Of units that left although they were asked for, the others are taken to have left."""
    quantity = line.quantity - line.refunded - taken.open_quantity
    unsent = min(max(0, line.to_ship - taken.open_unsent), quantity)
    return Left(unsent=unsent, sent=quantity - unsent)


def asked_minor(lines: Iterable[AfterSaleLine]) -> int:
    """What is asked for, freight included."""
    return sum(line.goods_minor + line.freight_minor for line in lines)


def check_unsent(after_sale_lines: Iterable[AfterSaleLine], lines: Iterable[Line]) -> None:
    """Raises GoodsHaveLeft unless the units that were to stay are still here: a parcel may have been faster."""
    to_ship = {line.position: line.to_ship for line in lines}
    for asked in after_sale_lines:
        if asked.unsent > to_ship[asked.position]:
            raise GoodsHaveLeft(position=asked.position, wanted=asked.unsent, left=to_ship[asked.position])


def line_refunds(lines: Sequence[AfterSaleLine], agreed_minor: int) -> list[LineRefund]:
    """What was agreed to, divided among goods and freight of the lines as they were asked for; sums exactly to it."""
    parts = divided(agreed_minor, [part for line in lines for part in (line.goods_minor, line.freight_minor)])
    return [
        LineRefund(line.position, line.quantity, line.unsent, goods_minor, freight_minor)
        for line, goods_minor, freight_minor in zip(lines, parts[::2], parts[1::2], strict=True)
    ]


def divided(amount: int, shares: Sequence[int]) -> list[int]:
    """An amount in proportion to shares, none above its own; `amount` is at most their sum, and the parts sum to it."""
    whole, before, parts = sum(shares), 0, []
    for share in shares:
        until = before + share
        parts.append(amount * until // whole - amount * before // whole if whole else 0)
        before = until
    return parts


def share_of(total: int, taken: int, *, until: int, of: int) -> int:
    """What the next units get, with whom `until` of the line's units have been asked for, when `taken` was asked for before.

    Never below zero: where earlier units got their fen and those before them were withdrawn, the next ones wait for it.
    """
    return max(0, total * until // of - taken)


def _line_quote(line: Line, taken: Taken, left: Left, quantity: int, wish: Wish) -> AfterSaleLine:
    unsent = _unsent(left, quantity, wish)
    sent = quantity - unsent
    is_merchants = wish.reason.fault is Fault.MERCHANT
    if sent and wish.kind is Kind.REFUND and not is_merchants:
        raise GoodsMustComeBack(position=line.position, sent=sent)
    until = line.quantity - left.unsent - left.sent + quantity
    goods = share_of(line.total.minor, taken.goods_minor, until=until, of=line.quantity)
    freight = share_of(line.freight.minor, taken.freight_minor, until=until, of=line.quantity)
    # what has travelled was paid for, unless it should not have travelled
    back = freight if is_merchants else freight * unsent // quantity
    return AfterSaleLine(line.position, quantity, unsent, goods, back, freight_kept_minor=freight - back)


def _unsent(left: Left, quantity: int, wish: Wish) -> int:
    """How many of the units never leave: as many as there are, unless it is said of units the shopper has."""
    if wish.kind is Kind.RETURN:
        return 0
    return max(0, quantity - left.sent) if wish.reason.is_of_goods_at_hand else min(quantity, left.unsent)


def _possible(left: Left, kind: Kind) -> int:
    return left.sent if kind is Kind.RETURN else left.unsent + left.sent


def _all_of(possible: Mapping[int, int], first: Line) -> dict[int, int]:
    units = {position: quantity for position, quantity in possible.items() if quantity}
    if not units:
        raise TooManyUnits(position=first.position, wanted=first.quantity, left=0)
    return units
