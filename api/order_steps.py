"""What a shopper can do with an order now, as pages ask for it: the facts around an order, fetched for all of a list."""

from uuid import UUID

import strawberry

from api.context import Info
from api.loaders import batched
from domain.after_sales import queries as after_sales
from domain.after_sales.rules import ASKED_WITHIN, MOST_AFTER_SALES, OPEN
from domain.orders import queries, steps
from domain.orders.rules import HAS_MONEY, Order, OrderState
from domain.shipments import queries as shipments

OrderStep = strawberry.enum(steps.OrderStep, name="OrderStep", description="What its shopper can do with an order.")


async def next_steps(info: Info, order: Order) -> list[steps.OrderStep]:
    """The steps of an order's shopper, whoever looks at it."""
    lines = await batched(info, queries.lines_by_order_ids).load(order.id) or ()
    is_sent = order.state is OrderState.SHIPPED
    around = steps.Around(
        has_left=any(line.shipped for line in lines),
        is_extended=is_sent and bool(await batched(info, shipments.extended_by_order_ids).load(order.id)),
        units_to_ask_for=sum(line.quantity - line.refunded for line in lines),
        ask_until=order.received_at and order.received_at + max(ASKED_WITHIN.values()),
    )
    if order.state in HAS_MONEY:
        around = await _without_those_asked_for(info, order.id, around)
    return steps.steps_of(order, around, now=info.context.now)


async def _without_those_asked_for(info: Info, order_id: UUID, around: steps.Around) -> steps.Around:
    known = await batched(info, after_sales.by_order_ids).load(order_id) or ()
    open_ones = [one.id for one in known if one.state in OPEN]
    asked = await batched(info, after_sales.lines_by_ids).load_many(open_ones)
    in_open_ones = sum(line.quantity for lines in asked for line in lines or ())
    left = around.units_to_ask_for - in_open_ones if len(known) < MOST_AFTER_SALES else 0
    return steps.Around(around.has_left, around.is_extended, left, around.ask_until)
