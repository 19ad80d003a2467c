"""Checkout: what a basket costs and why, and placing the order."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import strawberry

from api import rates
from api.access import Who, to
from api.context import Info
from api.money import Money
from api.nodes import read_id, show_id
from api.offers import OFFERS
from api.orders import Order, PriceStep, show_order, show_step
from api.products import Sku, sku_loader
from api.refusals import UserError, refusal, show_refusal
from api.scalars import Long
from domain.checkout import actions, quoting, rules
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.rates import Rate
from domain.points.offers import spendable
from domain.points.rules import NotEnoughPoints
from domain.pricing import rules as pricing
from domain.stock.rules import NotEnoughStock


@strawberry.input(description="Units of one SKU.")
class BasketLineInput:
    """What, and how many."""

    sku_id: strawberry.ID
    quantity: int = strawberry.field(description="Units, 1 to 999.")


@strawberry.input(description="By parcel. 快递配送")
class DeliveryInput:
    """Where to."""

    address_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="One's own address; without it a quote has no freight yet, and nothing can be ordered.",
    )


@strawberry.input(description="Fetched at a store. 到店自提")
class PickupInput:
    """Where."""

    store_id: strawberry.ID | None = strawberry.field(
        default=None, description="Without it a quote is not final, and nothing can be ordered."
    )


@strawberry.input(description="How the goods come to the shopper: one of the two.")
class FulfilmentInput:
    """One of the two."""

    delivery: DeliveryInput | None = None
    pickup: PickupInput | None = None


@strawberry.input(description="What is to be bought: `lines`, or what is chosen in one's cart.")
class QuoteInput:
    """A basket."""

    lines: list[BasketLineInput] | None = strawberry.field(
        default=None, description="At most 120; the same SKU named twice is one line."
    )
    from_cart: bool = strawberry.field(default=False, description="The chosen lines of one's cart, instead of `lines`.")
    fulfilment: FulfilmentInput | None = strawberry.field(
        default=None, description="Null: not decided yet. Then there is neither freight nor a minimum order."
    )
    coupon_code: str | None = strawberry.field(
        default=None, directives=rates.of(Rate.COUPON), description="At most 64 characters."
    )
    room_id: strawberry.ID | None = strawberry.field(
        default=None, description="The live room in which the shopper buys: its live prices count while they hold."
    )
    points: Long = strawberry.field(
        default=0, description="Points to be spent at most: as many are taken off as one has and the rules allow."
    )


@strawberry.input(description="Order a basket at the price that was quoted.")
class PlaceOrderInput:
    """A basket, and what it may cost."""

    lines: list[BasketLineInput] | None = strawberry.field(
        default=None, description="At most 120; the same SKU named twice is one line."
    )
    from_cart: bool = strawberry.field(
        default=False, description="The chosen lines of one's cart, instead of `lines`; they leave it with the order."
    )
    fulfilment: FulfilmentInput
    coupon_code: str | None = strawberry.field(
        default=None, directives=rates.of(Rate.COUPON), description="At most 64 characters."
    )
    expected_total: Long = strawberry.field(
        description="Minor units: fen. The `total` of the quote that the shopper saw; nothing is ordered at another price."
    )
    room_id: strawberry.ID | None = strawberry.field(
        default=None, description="The live room in which the shopper buys: its live prices count while they hold."
    )
    points: Long = strawberry.field(default=0, description="As in the quote that the shopper saw.")
    remark: str = strawberry.field(default="", description="For whoever packs it; at most 200 characters.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same order."
    )


@strawberry.type(directives=to(Who.INHERITED), description="Units of one SKU and what they cost.")
class QuoteLine:
    """A line."""

    sku_id: strawberry.ID
    title: str
    quantity: Long
    list_price: Money = strawberry.field(description="Of a unit, before every rule.")
    unit_price: Money = strawberry.field(description="Of a unit, before what is taken off the whole basket.")
    struck_through_price: Money | None = strawberry.field(
        description="The lowest price at which a unit was sold in the 7 days before today, where that is above `unitPrice`."
    )
    discount: Money = strawberry.field(description="The line's share of what is taken off the basket.")
    total: Money = strawberry.field(description="`unitPrice` times `quantity` less `discount`; freight is not in it.")
    freight: Money = strawberry.field(description="The line's share of the freight.")
    explanation: list[PriceStep] = strawberry.field(description="Why it costs that, step by step.")
    key: strawberry.Private[UUID]

    @strawberry.field(description="The SKU with its product's options and pictures.")
    async def sku(self, info: Info) -> Sku | None:
        """The SKU, fetched for all lines together."""
        return await sku_loader(info).load(self.key)


@strawberry.type(directives=to(Who.INHERITED), description="What points do for a basket. 积分抵扣")
class QuotePoints:
    """Points in a quote."""

    used: Long = strawberry.field(description="Points that the order will take: those that come to whole fen.")
    worth: Money = strawberry.field(description="What they take off; it is in `discount`.")
    without_minor: strawberry.Private[int]

    @strawberry.field(description="Points that could be used: what one has, or as much of the goods as points may pay.")
    async def usable(self, info: Info) -> Long:
        """The most that this shopper could use on this basket."""
        context = info.context
        mine = await spendable(context.market.db, context.shopper.account_id, rules.MOST_POINTS, now=context.now)
        return Long(mine.usable(self.without_minor)[0])


@strawberry.type(directives=to(Who.INHERITED), description="What a basket costs at this moment. Nothing is held. 报价")
class Quote:
    """A quote."""

    lines: list[QuoteLine] = strawberry.field(description="What can be bought; the rest is among the problems.")
    goods: Money = strawberry.field(description="The goods by themselves.")
    discount: Money = strawberry.field(description="What is taken off.")
    freight: Money
    total: Money = strawberry.field(description="What `placeOrder` expects: `goods` less `discount`, and `freight`.")
    points: QuotePoints
    problems: list[UserError] = strawberry.field(
        description="What keeps it from being ordered as it stands; `placeOrder` refuses with the first of them."
    )


PlaceOrderResult = Annotated[
    Order
    | refusal(rules.PriceChanged)
    | refusal(rules.BasketEmpty)
    | refusal(rules.TooManyUnpaidOrders)
    | refusal(rules.CouponUnknown)
    | refusal(NotEnoughPoints)
    | refusal(NotEnoughStock)
    | refusal(pricing.UnknownSku)
    | refusal(pricing.NotForSale)
    | refusal(pricing.MembersOnly)
    | refusal(pricing.BelowMinimum)
    | refusal(pricing.NotDeliveredThere)
    | refusal(pricing.NoPickupThere)
    | refusal(pricing.DestinationMissing)
    | refusal(pricing.CouponNotUsable)
    | refusal(pricing.AmountTooLarge)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("PlaceOrderResult"),
]


@strawberry.type
class CheckoutQuery:
    """What a basket costs."""

    @strawberry.field(
        directives=to(Who.SIGNED_IN),
        description="What a basket costs, every line with its explanation: the price that `placeOrder` charges.",
    )
    async def quote(self, info: Info, input: QuoteInput) -> Quote:
        """A price."""
        context = info.context
        found = await quoting.quote(context.market.db, _wish(info, input), source=OFFERS, now=context.now)
        return Quote(
            lines=[_show_line(line, context.language) for line in found.lines],
            goods=Money.of(found.goods_minor, found.currency),
            discount=Money.of(found.discount_minor, found.currency),
            freight=Money.of(found.freight_minor, found.currency),
            total=Money.of(found.total_minor, found.currency),
            points=_points(found),
            problems=[show_refusal(info, problem) for problem in found.problems],
        )


@strawberry.type
class CheckoutMutation:
    """Placing orders."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.PAY)],
        description="Order a basket; its units are held until `payBy`. PriceChanged when it costs something else by now.",
    )
    async def place_order(self, info: Info, input: PlaceOrderInput) -> PlaceOrderResult:
        """Order."""
        context = info.context
        order = await actions.place(
            context.market.db,
            _wish(info, input),
            expected_total_minor=input.expected_total,
            idempotency_key=input.idempotency_key,
            pay_within=timedelta(minutes=context.market.settings.order_pay_minutes),
            unpaid_at_most=context.market.settings.unpaid_orders,
            remark=input.remark,
            source=OFFERS,
            now=context.now,
        )
        return show_order(order)


def _wish(info: Info, given: QuoteInput | PlaceOrderInput) -> rules.Wish:
    if given.from_cart == (given.lines is not None):
        raise BadInput("give either lines or fromCart: true")
    lines = given.lines and given.lines[: rules.MOST_LINES + 1]  # one too many is enough to be refused
    how, address_id, store_id = _fulfilment(given.fulfilment)
    return rules.Wish(
        shopper_id=info.context.shopper.account_id,
        lines=None if lines is None else tuple(map(_wanted, lines)),
        fulfilment=how,
        address_id=address_id,
        store_id=store_id,
        coupon_code=given.coupon_code,
        room_id=read_id("room", given.room_id) if given.room_id else None,
        points=given.points,
    )


def _wanted(line: BasketLineInput) -> pricing.Wanted:
    return pricing.Wanted(read_id("sku", line.sku_id), line.quantity)


def _fulfilment(given: FulfilmentInput | None) -> tuple[pricing.Fulfilment | None, UUID | None, UUID | None]:
    """How, to which address, at which store."""
    if given is None:
        return None, None, None
    if (given.delivery is None) == (given.pickup is None):
        raise BadInput("fulfilment is either delivery or pickup")
    if given.pickup is not None:
        store_id = given.pickup.store_id
        return pricing.Fulfilment.PICKUP, None, read_id("store", store_id) if store_id else None
    assert given.delivery is not None
    address_id = given.delivery.address_id
    return pricing.Fulfilment.DELIVERY, read_id("address", address_id) if address_id else None, None


def _points(quote: pricing.Quote) -> QuotePoints:
    steps = (step for line in quote.lines for step in line.explanation)
    worth_minor = -sum(step.minor for step in steps if step.rule is pricing.Rule.POINTS)
    return QuotePoints(
        used=Long(quote.points),
        worth=Money.of(worth_minor),
        without_minor=quote.goods_minor - quote.discount_minor + worth_minor,
    )


def _show_line(line: pricing.PricedLine, language: str) -> QuoteLine:
    return QuoteLine(
        sku_id=show_id("sku", line.sku_id),
        title=line.title,
        quantity=Long(line.quantity),
        list_price=Money.of(line.list_minor),
        unit_price=Money.of(line.unit_price_minor),
        struck_through_price=Money.maybe(line.struck_through_minor),
        discount=Money.of(line.discount_minor),
        total=Money.of(line.total_minor),
        freight=Money.of(line.freight_minor),
        explanation=[show_step(step, language) for step in line.explanation],
        key=line.sku_id,
    )
