"""The engine: from a basket to its quote. Pure, so that a quote and a charge of the same basket are always equal.

The rules in their order: the lowest of list price, sale price, live price, member price and ladder price; the coupon; the
minimum order; points; freight. Everything is whole minor units; what does not divide goes to the shopper's favour, to the fen.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain.foundation.errors import Refusal
from domain.foundation.money import LARGEST_MINOR, Money
from domain.pricing.freight import Measure, Template, price_of_parcel, zone_for
from domain.pricing.ladders import Ladder, laddered, percent_off
from domain.pricing.rules import (
    AmountTooLarge,
    BelowMinimum,
    Coupon,
    CouponNotUsable,
    DestinationMissing,
    Fulfilment,
    MembersOnly,
    NotDeliveredThere,
    Offers,
    PointsToSpend,
    PricedLine,
    Quote,
    Rule,
    Step,
)
from domain.pricing.shares import split


@dataclass(frozen=True, slots=True)
class SalePrice:
    """What a unit costs from `starts_at` until just before `ends_at`."""

    id: UUID
    price_minor: int
    starts_at: datetime
    ends_at: datetime

    def is_running(self, now: datetime) -> bool:
        """Whether it holds at this moment."""
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Goods:
    """Units of a SKU in a basket, and all that prices depend on. `grams` are of one unit.

    `lowest_deal_minor` is the lowest price at which a unit was sold in the 7 shop days before today.
    """

    sku_id: UUID
    product_id: UUID
    title: str
    quantity: int
    list_minor: int
    grams: int = 0
    needs_parcel: bool = True
    sale_prices: Sequence[SalePrice] = ()
    is_on_ladder: bool = False
    template_id: UUID | None = None
    lowest_deal_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Basket:
    """All that a price depends on but the moment. `fulfilment` None: not chosen yet, so without freight and minimum.

    A ladder is that of the store where the goods are picked up. `problems` are those found while it was filled.
    """

    goods: tuple[Goods, ...]
    fulfilment: Fulfilment | None = None
    region_code: str | None = None
    store_id: UUID | None = None
    ladder: Ladder | None = None
    templates: Mapping[UUID, Template] = field(default_factory=dict)
    minimum_minor: int = 0
    offers: Offers = field(default_factory=Offers)
    problems: tuple[Refusal, ...] = ()


@dataclass(slots=True)
class _Line:
    """A line being priced."""

    goods: Goods
    unit_minor: int
    steps: list[Step]
    discount_minor: int = 0
    freight_minor: int = 0

    @property
    def goods_minor(self) -> int:
        return self.unit_minor * self.goods.quantity

    @property
    def is_at_sale_price(self) -> bool:
        return self.steps[-1].rule in {Rule.SALE_PRICE, Rule.LIVE_PRICE, Rule.LADDER}


def price(basket: Basket, *, now: datetime) -> Quote:
    """What the basket costs at this moment, each line with its explanation. The same basket and moment, the same quote."""
    problems = [*basket.problems, *_sold_to_others(basket)]
    percent = _ladder_percent(basket, now)
    lines = [_priced_by_unit(goods, basket.offers, percent, now) for goods in basket.goods]
    problems += _take_off_coupon(lines, basket.offers.coupon)
    problems += _missing_for_minimum(lines, basket)
    points = _take_off_points(lines, basket.offers.points)
    problems += _add_freight(lines, basket)
    return _quoted(lines, problems, points)


def lowest_running(sale_prices: Iterable[SalePrice], now: datetime) -> SalePrice | None:
    """The sale price that counts at this moment: of several the lowest, of equal ones the one that ends last."""
    running = (each for each in sale_prices if each.is_running(now))
    return min(running, key=lambda each: (each.price_minor, -each.ends_at.timestamp()), default=None)


def _sold_to_others(basket: Basket) -> Sequence[Refusal]:
    return [MembersOnly(goods.sku_id) for goods in basket.goods if goods.sku_id in basket.offers.members_only]


def _ladder_percent(basket: Basket, now: datetime) -> int:
    if basket.ladder is None or basket.fulfilment is not Fulfilment.PICKUP:
        return 0
    return percent_off(basket.ladder, now)


def _priced_by_unit(goods: Goods, offers: Offers, ladder_percent: int, now: datetime) -> _Line:
    list_minor, quantity = goods.list_minor, goods.quantity
    first = Step(Rule.LIST, list_minor * quantity, {"unit_minor": list_minor, "quantity": quantity})
    candidates = [(list_minor, first)]

    def candidate(rule: Rule, unit_minor: int, **facts: object) -> None:
        step = Step(rule, (unit_minor - list_minor) * quantity, {"unit_minor": unit_minor, **facts})
        candidates.append((unit_minor, step))

    if sale := lowest_running(goods.sale_prices, now):
        candidate(Rule.SALE_PRICE, sale.price_minor, sale_price_id=str(sale.id), ends_at=sale.ends_at.isoformat())
    if (live_minor := offers.live_prices.get(goods.sku_id)) is not None:
        candidate(Rule.LIVE_PRICE, live_minor)
    if (member_minor := offers.member_prices.get(goods.sku_id)) is not None:
        candidate(Rule.MEMBER_PRICE, max(0, member_minor))
    if goods.is_on_ladder and ladder_percent:
        candidate(Rule.LADDER, laddered(list_minor, ladder_percent), percent=ladder_percent)
    # of equal prices the first in the order of the rules: `min` keeps it
    unit_minor, step = min(candidates, key=lambda each: each[0])
    if step.rule is Rule.MEMBER_PRICE:
        otherwise_minor = min(minor for minor, each in candidates if each is not step)
        step = replace(step, facts={**step.facts, "otherwise_minor": otherwise_minor})
    return _Line(goods, unit_minor, [first] if step is first else [first, step])


def _take_off_coupon(lines: Sequence[_Line], coupon: Coupon | None) -> Sequence[Refusal]:
    if coupon is None:
        return ()
    weights = {line.goods.sku_id: line.goods_minor for line in lines if _is_eligible(line, coupon)}
    eligible_minor = sum(weights.values())
    if eligible_minor == 0 or eligible_minor < coupon.threshold_minor:
        return (CouponNotUsable(threshold=Money(coupon.threshold_minor), eligible=Money(eligible_minor)),)
    shares = split(_worth(coupon, eligible_minor), weights)
    for line in lines:
        if share := shares.get(line.goods.sku_id, 0):
            line.discount_minor = share
            line.steps.append(Step(Rule.COUPON, -share, {"code_id": str(coupon.code_id)}))
    return ()


def _is_eligible(line: _Line, coupon: Coupon) -> bool:
    if coupon.sku_ids is not None and line.goods.sku_id not in coupon.sku_ids:
        return False
    return coupon.stacks_with_sale_prices or not line.is_at_sale_price


def _worth(coupon: Coupon, eligible_minor: int) -> int:
    """What comes off; a percentage is rounded up to the fen, so that the price is rounded down."""
    worth = coupon.amount_minor or 0
    if coupon.percent is not None:
        worth = -(-eligible_minor * coupon.percent // 100)
        worth = worth if coupon.cap_minor is None else min(worth, coupon.cap_minor)
    return min(worth, eligible_minor)


def _take_off_points(lines: Sequence[_Line], offered: PointsToSpend | None) -> int:
    """Take off what the points are worth; how many were taken. Each line's step says how many of them are its own."""
    if offered is None:
        return 0
    weights = {line.goods.sku_id: line.goods_minor - line.discount_minor for line in lines}
    points, minor = offered.usable(sum(weights.values()))
    if minor == 0:
        return 0
    shares = split(minor, weights)
    of_points = split(points, shares)
    for line in lines:
        if share := shares[line.goods.sku_id]:
            line.discount_minor += share
            line.steps.append(Step(Rule.POINTS, -share, {"points": of_points[line.goods.sku_id]}))
    return points


def _missing_for_minimum(lines: Sequence[_Line], basket: Basket) -> Sequence[Refusal]:
    worth, minimum = sum(line.goods_minor - line.discount_minor for line in lines), basket.minimum_minor
    if basket.fulfilment is None or not lines or worth >= minimum:
        return ()
    return (BelowMinimum(basket.fulfilment, minimum=Money(minimum), short_by=Money(minimum - worth)),)


def _add_freight(lines: Sequence[_Line], basket: Basket) -> Sequence[Refusal]:
    if basket.fulfilment is None:
        return ()
    if basket.fulfilment is Fulfilment.PICKUP:
        return () if basket.store_id is not None else (DestinationMissing(Fulfilment.PICKUP),)
    if basket.region_code is None:
        return (DestinationMissing(Fulfilment.DELIVERY),)
    # a list, not all(...) of a generator: every parcel is charged, also after one that goes nowhere
    members_from = _members_free_from(lines, basket.offers)
    parcels = _parcels(lines, basket)
    served = [_charge_parcel(template, parcel, basket.region_code, members_from) for template, parcel in parcels]
    return () if all(served) else (NotDeliveredThere(basket.region_code),)


def _parcels(lines: Sequence[_Line], basket: Basket) -> Iterable[tuple[Template, list[_Line]]]:
    """The lines of each template; those that need no parcel, or whose products have no template, travel free."""
    by_template: dict[UUID, list[_Line]] = defaultdict(list)
    for line in lines:
        template_id = line.goods.template_id
        if line.goods.needs_parcel and template_id is not None and template_id in basket.templates:
            by_template[template_id].append(line)
    return ((basket.templates[template_id], parcel) for template_id, parcel in by_template.items())


def _members_free_from(lines: Sequence[_Line], offers: Offers) -> int | None:
    """From which worth of the whole basket on its parcels travel free for this member; None where it is not worth that."""
    from_minor = offers.free_delivery_from_minor
    worth = sum(line.goods_minor for line in lines)
    return from_minor if from_minor is not None and worth >= from_minor else None


def _charge_parcel(template: Template, parcel: Sequence[_Line], region_code: str, members_from: int | None) -> bool:
    """Put the freight of these lines onto them; False when nothing is sent to the region."""
    zone = zone_for(template, region_code)
    if zone is None or not zone.is_served:
        return False
    measures = {line.goods.sku_id: _measure(line.goods, template.measure) for line in parcel}
    # what counts for free freight is the goods before the coupon: a coupon must never make a basket dearer
    goods_minor = sum(line.goods_minor for line in parcel)
    freight = price_of_parcel(zone, measure=sum(measures.values()), goods_minor=goods_minor)
    # goods whose weight nobody noted still share the price of their parcel
    shares = split(freight, measures if any(measures.values()) else dict.fromkeys(measures, 1))
    is_free = freight == 0 and zone.free_from_minor is not None and goods_minor >= zone.free_from_minor
    is_members = freight > 0 and members_from is not None
    for line in parcel:
        share = shares[line.goods.sku_id]
        facts: dict[str, object] = {"template": template.name}
        if is_free:
            facts |= {"free_from_minor": zone.free_from_minor}
        elif is_members:
            facts |= {"free_from_minor": members_from, "is_members": True, "otherwise_minor": share}
        line.freight_minor = 0 if is_members else share
        line.steps.append(Step(Rule.FREIGHT, line.freight_minor, facts))
    return True


def _measure(goods: Goods, measure: Measure) -> int:
    return goods.quantity * (goods.grams if measure is Measure.WEIGHT else 1)


def _quoted(lines: Sequence[_Line], problems: list[Refusal], points: int) -> Quote:
    goods = sum(line.goods_minor for line in lines)
    discount = sum(line.discount_minor for line in lines)
    freight = sum(line.freight_minor for line in lines)
    # the goods by themselves are kept with the order too, so they must fit as well
    if goods + freight > LARGEST_MINOR:
        problems.append(AmountTooLarge())
    return Quote(
        lines=tuple(_shown(line) for line in lines),
        goods_minor=goods,
        discount_minor=discount,
        freight_minor=freight,
        total_minor=goods - discount + freight,
        problems=tuple(problems),
        points=points,
    )


def _shown(line: _Line) -> PricedLine:
    goods = line.goods
    return PricedLine(
        sku_id=goods.sku_id,
        product_id=goods.product_id,
        title=goods.title,
        quantity=goods.quantity,
        list_minor=goods.list_minor,
        unit_price_minor=line.unit_minor,
        discount_minor=line.discount_minor,
        freight_minor=line.freight_minor,
        total_minor=line.goods_minor - line.discount_minor,
        explanation=tuple(line.steps),
        struck_through_minor=struck_through(goods.lowest_deal_minor, above=line.unit_minor),
    )


def struck_through(lowest_deal_minor: int | None, *, above: int) -> int | None:
    """The lowest deal of the 7 days before today, where it is above the price of now; else nothing is struck through.

    A merchant may compare a price with nothing higher than the lowest one at which the goods were really sold in the
    7 days before (国家市场监督管理总局, 规范促销行为暂行规定, 第二十一条).
    """
    return lowest_deal_minor if lowest_deal_minor is not None and lowest_deal_minor > above else None
