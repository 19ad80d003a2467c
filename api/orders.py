"""Orders: one's own, how to pay one, and calling one off."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.payments import Payment, PaymentInstructions, show_instructions, show_payment
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.orders import actions, queries, rules
from domain.payments import queries as payments
from domain.payments.gateways import gateway_of
from domain.payments.rules import GatewayUnavailable, PaymentsSwitchedOff

_payments_by_order_ids = partial(payments.by_payable_ids, payable=actions.PAYABLE)

OrderState = strawberry.enum(rules.OrderState, name="OrderState", description="Where an order stands.")
LateOutcome = strawberry.enum(
    rules.LateOutcome,
    name="LateOutcome",
    description="What became of money that came after the order had ended: order revived, or money refunded.",
)


@strawberry.type(description="Some units of one SKU, as they were sold.")
class OrderLine:
    """A line."""

    sku_id: strawberry.ID
    title: str = strawberry.field(description="What the SKU was called when the order was placed.")
    quantity: Long
    unit_price: Money
    total: Money


@strawberry.type(description="What a shopper has bought. 订单")
class Order(Node):
    """An order."""

    number: str = strawberry.field(description="For people: the shop's day, then a running number.")
    state: OrderState
    total: Money
    placed_at: datetime
    pay_by: datetime = strawberry.field(description="From this moment on an order that is not paid lapses.")
    paid_at: datetime | None
    lapsed_at: datetime | None
    cancelled_at: datetime | None
    late_outcome: LateOutcome | None = strawberry.field(description="Null unless money came too late.")
    key: strawberry.Private[UUID]

    @strawberry.field(description="What it is made of.")
    async def lines(self, info: Info) -> list[OrderLine]:
        """Its lines."""
        return [_show_line(line) for line in await batched(info, queries.lines_by_order_ids).load(self.key) or ()]

    @strawberry.field(description="The payment that paid it, else the newest one asked for, if any was.")
    async def payment(self, info: Info) -> Payment | None:
        """Its payment."""
        found = await batched(info, _payments_by_order_ids).load(self.key)
        return show_payment(found) if found else None


@strawberry.input(description="Ask how to pay an order.")
class PayOrderInput:
    """Which order."""

    order_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same payment."
    )


@strawberry.input(description="Call off an order that is not paid yet.")
class CancelOrderInput:
    """Which order."""

    order_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


PayOrderResult = Annotated[
    PaymentInstructions
    | refusal(rules.OrderNotPayable)
    | refusal(GatewayUnavailable)
    | refusal(PaymentsSwitchedOff)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("PayOrderResult"),
]
CancelOrderResult = Annotated[
    Order | refusal(rules.OrderNotCancellable) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("CancelOrderResult"),
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
        directives=to(Who.SIGNED_IN),
        description="How to pay one's order. Asked again, with this key or another, it gives the same payment.",
    )
    async def pay_order(self, info: Info, input: PayOrderInput) -> PayOrderResult:
        """How to pay."""
        context = info.context
        asked = await actions.pay(
            context.market.db,
            gateway_of(context.market.settings),
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
        total=Money.of(order.total.minor, order.total.currency),
        placed_at=order.placed_at,
        pay_by=order.pay_by,
        paid_at=order.paid_at,
        lapsed_at=order.lapsed_at,
        cancelled_at=order.cancelled_at,
        late_outcome=order.late_outcome,
        key=order.id,
    )


def _show_line(line: rules.Line) -> OrderLine:
    return OrderLine(
        sku_id=show_id("sku", line.sku_id),
        title=line.title,
        quantity=Long(line.quantity),
        unit_price=Money.of(line.unit_price.minor, line.unit_price.currency),
        total=Money.of(line.total.minor, line.total.currency),
    )
