"""Receipts: the shopper's word that the goods are there, and more time to look at them."""

from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.context import Info
from api.nodes import read_id
from api.orders import Order, show_order
from api.refusals import refusal
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.orders import queries, rules
from domain.shipments import receiving
from domain.shipments.rules import ReceiptNotExtendable


@strawberry.input(description="Say that one has the goods of an order.")
class ConfirmReceiptInput:
    """Which order."""

    order_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


@strawberry.input(description="Ask for seven more days before an order counts as received.")
class ExtendReceiptInput:
    """Which order."""

    order_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


ConfirmReceiptResult = Annotated[
    Order | refusal(rules.OrderNotReceivable) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("ConfirmReceiptResult"),
]
ExtendReceiptResult = Annotated[
    Order | refusal(ReceiptNotExtendable) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("ExtendReceiptResult"),
]


@strawberry.type
class ReceiptMutation:
    """What shoppers say of goods on their way."""

    @strawberry.mutation(directives=to(Who.SIGNED_IN), description="Say that one has the goods of an order. 确认收货")
    async def confirm_receipt(self, info: Info, input: ConfirmReceiptInput) -> ConfirmReceiptResult:
        """Confirm."""
        context = info.context
        order_id = await receiving.confirm(
            context.market.db,
            order_id=read_id("order", input.order_id),
            shopper_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await shown_order(info, order_id)

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN),
        description="Put off by seven days, once, that an order counts as received by itself. 延长收货",
    )
    async def extend_receipt(self, info: Info, input: ExtendReceiptInput) -> ExtendReceiptResult:
        """Extend."""
        context = info.context
        order_id = await receiving.extend(
            context.market.db,
            order_id=read_id("order", input.order_id),
            shopper_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await shown_order(info, order_id)


async def shown_order(info: Info, order_id: UUID) -> Order:
    """The order as it is now."""
    return show_order((await queries.by_ids(info.context.market.db, [order_id]))[order_id])
