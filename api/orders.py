"""Orders: one's own, how to pay one, calling one off, and where one goes."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from api import rates
from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.order_steps import OrderStep, next_steps
from api.payments import Payment, PaymentGateway, PaymentInstructions, show_instructions, show_payment
from api.products import Sku, sku_loader
from api.refusals import refusal
from api.scalars import Long
from api.shipments import Shipment, shipments_of
from api.stores import Store, find_store
from api.trail import OrderMoment, show_history
from domain.addresses.rules import Destination as KeptDestination
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.money import Money as DomainMoney
from domain.foundation.rates import Rate
from domain.orders import actions, queries, rules
from domain.payments import queries as payments
from domain.payments.gateways import gateway_of, gateways_of
from domain.payments.rules import GatewayUnavailable, PayerUnknown, PaymentsSwitchedOff
from domain.pricing import rules as pricing

if TYPE_CHECKING:
    from api.after_sales import AfterSale
    from api.group_buys import GroupBuy

_payments_by_order_ids = partial(payments.by_payable_ids, payable=actions.PAYABLE)

OrderState = strawberry.enum(
    rules.OrderState,
    name="OrderState",
    description="Where an order stands: PLACED waits for its money, SHIPPED has sent everything, REFUNDED has given back "
    "every unit; LAPSED and CANCELLED have ended unpaid.",
)
Fulfilment = strawberry.enum(rules.Fulfilment, name="Fulfilment", description="How the goods come to the shopper.")
PriceRule = strawberry.enum(
    pricing.Rule, name="PriceRule", description="What makes a price, in the order of application."
)
LateOutcome = strawberry.enum(
    rules.LateOutcome,
    name="LateOutcome",
    description="What became of money that came after the order had ended: order revived, or money refunded.",
)


@strawberry.type(
    directives=to(Who.INHERITED), description="One step from the list price to what a line costs. 价格说明"
)
class PriceStep:
    """A step."""

    rule: PriceRule
    amount: Money = strawberry.field(
        description="Of the whole line: LIST begins it, below zero made it cheaper, FREIGHT is its share of the freight."
    )
    text: str = strawberry.field(description="A sentence for people, Chinese or English by Accept-Language.")


@strawberry.type(
    directives=to(Who.INHERITED), description="To whom and where a parcel goes, as it was when it was ordered."
)
class OrderDestination:
    """Where it goes."""

    recipient: str
    phone: str
    province: str
    city: str
    district: str
    region_code: str = strawberry.field(description="GB/T 2260 code of the district, six digits.")
    street: str


@strawberry.type(directives=to(Who.INHERITED), description="Some units of one SKU, as they were sold.")
class OrderLine:
    """A line."""

    position: Long = strawberry.field(description="Counts the order's lines from 1.")
    sku_id: strawberry.ID
    title: str = strawberry.field(description="What the SKU was called when the order was placed.")
    quantity: Long
    unit_price: Money
    discount: Money = strawberry.field(description="The line's share of what was taken off the order.")
    total: Money = strawberry.field(description="`unitPrice` times `quantity` less `discount`; freight is not in it.")
    freight: Money = strawberry.field(description="The line's share of the freight.")
    explanation: list[PriceStep] = strawberry.field(description="Why it costs that; none for a promotion's order.")
    shipped: Long = strawberry.field(description="Units that have left or were handed over.")
    refunded: Long = strawberry.field(description="Units whose money was agreed to go back.")
    refundable: Long = strawberry.field(description="The others: units whose money could still go back.")
    key: strawberry.Private[UUID]

    @strawberry.field(description="The SKU as it is now, with its product's options and pictures.")
    async def sku(self, info: Info) -> Sku | None:
        """The SKU, fetched for all lines together."""
        return await sku_loader(info).load(self.key)


@strawberry.type(directives=to(Who.OWNER), description="What a shopper has bought. 订单")
class Order(Node):
    """An order."""

    number: str = strawberry.field(description="For people: the shop's day, then a running number.")
    state: OrderState
    goods: Money = strawberry.field(description="The goods by themselves.")
    discount: Money = strawberry.field(description="What was taken off.")
    freight: Money
    total: Money = strawberry.field(description="What is to be paid: `goods` less `discount`, and `freight`.")
    refunded: Money = strawberry.field(description="What was agreed to go back so far.")
    fulfilment: Fulfilment | None = strawberry.field(
        description="Null until the buyer of a flash sale, or of a group-buy, has said where it goes: `setOrderDestination`."
    )
    destination: OrderDestination | None = strawberry.field(description="For a delivery.")
    remark: str = strawberry.field(description="What the shopper asked for, at most 200 characters.")
    placed_at: datetime
    pay_by: datetime = strawberry.field(description="From this moment on an order that is not paid lapses.")
    paid_at: datetime | None
    lapsed_at: datetime | None
    cancelled_at: datetime | None
    shipped_at: datetime | None = strawberry.field(description="When everything that was to be sent had left.")
    receive_by: datetime | None = strawberry.field(
        description="From this moment on a sent order counts as received, if its shopper says nothing."
    )
    received_at: datetime | None = strawberry.field(description="Since when the shopper has it.")
    refunded_at: datetime | None = strawberry.field(description="When the last unit's money was agreed to go back.")
    late_outcome: LateOutcome | None = strawberry.field(description="Null unless money came too late.")
    is_confirmed: bool = strawberry.field(
        description="False while the promotion that placed it may still call it off, as a group-buy does until it is full. "
        "While it is PAID and not confirmed nothing is sent and no after-sale can be asked for: show that it waits for the "
        "group (待成团), not that it is to be shipped, and that all its money goes back by itself if the group is not filled."
    )
    key: strawberry.Private[UUID]
    shown: strawberry.Private[rules.Order]
    owner: strawberry.Private[UUID]

    @strawberry.field(
        directives=to(Who.ONLY_OWNER),
        description="Eight digits to be shown at the store, for a pickup that is paid; null for staff.",
    )
    def pickup_code(self) -> str | None:
        """The code of one's own order."""
        return self.shown.pickup_code

    @strawberry.field(description="Where it is picked up; null for a delivery.")
    async def store(self, info: Info) -> Store | None:
        """Its store."""
        found: Store | None = await find_store(info, self.shown.store_id) if self.shown.store_id else None
        return found

    @strawberry.field(description="What its shopper can do with it now; none of it is promised.")
    async def next_steps(self, info: Info) -> list[OrderStep]:
        """Its shopper's steps."""
        return await next_steps(info, self.shown)

    @strawberry.field(description="What it is made of.")
    async def lines(self, info: Info) -> list[OrderLine]:
        """Its lines."""
        lines = await batched(info, queries.lines_by_order_ids).load(self.key) or ()
        return [_show_line(line, info.context.language) for line in lines]

    @strawberry.field(description="The payment that paid it, else the newest one asked for, if any was.")
    async def payment(self, info: Info) -> Payment | None:
        """Its payment."""
        found = await batched(info, _payments_by_order_ids).load(self.key)
        return show_payment(found) if found else None

    @strawberry.field(description="What was asked to go back of it, oldest first.")
    async def after_sales(self, info: Info) -> list[Annotated["AfterSale", strawberry.lazy("api.after_sales")]]:
        """Its after-sales."""
        from api.after_sales import after_sales_of  # which shows orders, too

        return await after_sales_of(info, self.key)

    @strawberry.field(
        description="The group-buy that placed it, if one did: while it is open, who is still to come. 团"
    )
    async def group_buy(self, info: Info) -> Annotated["GroupBuy", strawberry.lazy("api.group_buys")] | None:
        """Its group."""
        from api.group_buys import group_of_order  # which shows orders, too

        return await group_of_order(info, self.shown)

    @strawberry.field(description="Its parcels, oldest first.")
    async def shipments(self, info: Info) -> list[Shipment]:
        """Its parcels."""
        return await shipments_of(info, self.key, owner=self.owner)

    @strawberry.field(description="All that happened to it, in order; staff see more than its owner does.")
    async def history(self, info: Info) -> list[OrderMoment]:
        """Its history."""
        return await show_history(info, self.key)


@strawberry.input(description="Ask how to pay an order.")
class PayOrderInput:
    """Which order."""

    order_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same payment."
    )
    gateway: PaymentGateway | None = strawberry.field(
        default=None,
        description="Through which company; null: the market's usual one. A payment pending at another is closed first.",
    )


@strawberry.input(description="Call off an order that is not paid yet.")
class CancelOrderInput:
    """Which order."""

    order_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


@strawberry.input(description="Say where an order of a flash sale or a group-buy goes. It costs what it did before.")
class SetOrderDestinationInput:
    """Which order, and where to."""

    order_id: strawberry.ID
    address_id: strawberry.ID = strawberry.field(description="One's own; the order keeps it as it is now.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


PayOrderResult = Annotated[
    PaymentInstructions
    | refusal(rules.OrderNotPayable)
    | refusal(GatewayUnavailable)
    | refusal(PayerUnknown)
    | refusal(PaymentsSwitchedOff)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("PayOrderResult"),
]
CancelOrderResult = Annotated[
    Order | refusal(rules.OrderNotCancellable) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("CancelOrderResult"),
]
SetOrderDestinationResult = Annotated[
    Order | refusal(rules.OrderNotRedirectable) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("SetOrderDestinationResult"),
]


@strawberry.type
class OrderQuery:
    """Questions about one's orders."""

    @strawberry.field(directives=to(Who.SIGNED_IN), description="One of one's own orders; null when it is none.")
    async def order(self, info: Info, id: strawberry.ID) -> Order | None:
        """One order."""
        found: Order | None = await find_order(info, read_id("order", id))
        return found

    @strawberry.field(directives=to(Who.SIGNED_IN), description="One's own orders, newest first.")
    async def orders(
        self, info: Info, first: int = 20, after: str | None = None, state: OrderState | None = None
    ) -> Connection[Order]:
        """One's own orders."""
        context = info.context
        page = await queries.of_shopper(
            context.market.db, context.shopper.account_id, first=first, after=after, state=state
        )
        return Connection.of(page, show_order)


@strawberry.type
class OrderMutation:
    """Paying and calling off."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.PAY)],
        description="How to pay one's order. Asked again, with this key or another, it gives the same payment.",
    )
    async def pay_order(self, info: Info, input: PayOrderInput) -> PayOrderResult:
        """How to pay."""
        context = info.context
        settings = context.market.settings
        gateway = gateway_of(settings, input.gateway.name.lower() if input.gateway else None)
        asked = await actions.pay(
            context.market.db,
            gateway,
            others=[other for other in gateways_of(settings).values() if other is not gateway],
            order_id=read_id("order", input.order_id),
            shopper_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_instructions(asked)

    @strawberry.mutation(directives=to(Who.SIGNED_IN), description="Call off one's own order before it is paid.")
    async def cancel_order(self, info: Info, input: CancelOrderInput) -> CancelOrderResult:
        """Call off."""
        context = info.context
        cancelled = await actions.cancel(
            context.market.db,
            order_id=read_id("order", input.order_id),
            shopper_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_order(cancelled)

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN),
        description="Say where one's order of a flash sale or a group-buy goes; again and again, until something has left.",
    )
    async def set_order_destination(self, info: Info, input: SetOrderDestinationInput) -> SetOrderDestinationResult:
        """Say where it goes."""
        context = info.context
        order = await actions.set_destination(
            context.market.db,
            order_id=read_id("order", input.order_id),
            shopper_id=context.shopper.account_id,
            address_id=read_id("address", input.address_id),
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_order(order)


@finds("order")
async def find_order(info: Info, id: UUID) -> Order | None:
    """One's own order; any for staff."""
    principal = info.context.principal
    found = (await queries.by_ids(info.context.market.db, [id])).get(id) if principal else None
    if found is None or principal is None:
        return None
    return show_order(found) if principal.is_staff or found.shopper_id == principal.account_id else None


async def orders_by_ids(info: Info, ids: Sequence[UUID]) -> list[Order | None]:
    """Orders in the order asked, None where there is none; whoever asks has made sure that they may be seen."""
    found = await batched(info, queries.by_ids).load_many(list(ids))
    return [None if order is None else show_order(order) for order in found]


def show_order(order: rules.Order) -> Order:
    """The GraphQL object of an order."""
    return Order(
        id=show_id("order", order.id),
        number=order.number,
        state=order.state,
        goods=_money(order.goods),
        discount=_money(order.discount),
        freight=_money(order.freight),
        total=_money(order.total),
        refunded=_money(order.refunded),
        fulfilment=order.fulfilment,
        destination=_show_destination(order.destination) if order.destination else None,
        remark=order.remark,
        placed_at=order.placed_at,
        pay_by=order.pay_by,
        paid_at=order.paid_at,
        lapsed_at=order.lapsed_at,
        cancelled_at=order.cancelled_at,
        shipped_at=order.shipped_at,
        receive_by=order.receive_by,
        received_at=order.received_at,
        refunded_at=order.refunded_at,
        late_outcome=order.late_outcome,
        is_confirmed=order.is_confirmed,
        key=order.id,
        shown=order,
        owner=order.shopper_id,
    )


def show_step(step: pricing.Step, language: str) -> PriceStep:
    """The GraphQL object of a step of an explanation."""
    return PriceStep(rule=step.rule, amount=Money.of(step.minor), text=step.words(language))


def _show_line(line: rules.Line, language: str) -> OrderLine:
    return OrderLine(
        position=Long(line.position),
        sku_id=show_id("sku", line.sku_id),
        title=line.title,
        quantity=Long(line.quantity),
        unit_price=_money(line.unit_price),
        discount=_money(line.discount),
        total=_money(line.total),
        freight=_money(line.freight),
        explanation=[show_step(pricing.Step.read(kept), language) for kept in line.explanation],
        shipped=Long(line.shipped),
        refunded=Long(line.refunded),
        refundable=Long(line.quantity - line.refunded),
        key=line.sku_id,
    )


def _show_destination(kept: KeptDestination) -> OrderDestination:
    return OrderDestination(
        recipient=kept.recipient,
        phone=kept.phone,
        province=kept.province,
        city=kept.city,
        district=kept.district,
        region_code=kept.region_code,
        street=kept.street,
    )


def _money(amount: DomainMoney) -> Money:
    return Money.of(amount.minor, amount.currency)
