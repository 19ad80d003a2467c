"""The road of an order from the basket to the refund, in steps that whoever takes them takes again after a crash.

Each step finds its way by the shopper, who has one order, and by keys of its own; so it can be taken in any process. In
production the shopper's and the staff's apps repeat a request with its key, WeChat Pay brings a notice again and is
asked anyway, the relay delivers an event again, and sweeps come round.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from domain.after_sales import actions as after_sales
from domain.after_sales import arriving, deciding
from domain.after_sales.amounts import Wish as Return
from domain.after_sales.queries import by_order_ids as after_sales_of
from domain.after_sales.rules import AfterSale, AfterSaleState, Kind, Reason
from domain.checkout import actions as checkout
from domain.checkout.rules import Wish
from domain.foundation.runtime import Market
from domain.orders import actions as orders
from domain.orders import paying_together
from domain.orders import queries as order_queries
from domain.orders import tables as order_tables
from domain.orders.rules import Order
from domain.payments import actions as payments
from domain.payments.events import PaymentCaptured
from domain.payments.gateways import gateway_of
from domain.payments.store import COLUMNS, p, payment_of
from domain.pricing.rules import Fulfilment, Wanted
from domain.shipments import receiving, shipping
from domain.shipments.rules import Carrier

PAY_WITHIN = timedelta(minutes=30)


@dataclass(frozen=True)
class Journey:
    """Who buys what: two units of one SKU and one of another, to be sent home."""

    shopper_id: UUID
    address_id: UUID
    staff_id: UUID
    sku_ids: tuple[UUID, UUID]
    total_minor: int
    now: datetime


async def place(market: Market, journey: Journey) -> None:
    """The shopper orders."""
    one, other = journey.sku_ids
    wish = Wish(
        journey.shopper_id,
        (Wanted(one, 2), Wanted(other, 1)),
        fulfilment=Fulfilment.DELIVERY,
        address_id=journey.address_id,
    )
    await checkout.place(
        market.db,
        wish,
        expected_total_minor=journey.total_minor,
        idempotency_key="road-place",
        pay_within=PAY_WITHIN,
        now=journey.now,
    )


async def ask(market: Market, journey: Journey) -> payments.Asked:
    """The shopper asks how to pay."""
    return await orders.pay(
        market.db,
        gateway_of(market.settings),
        order_id=(await order_of(market, journey)).id,
        shopper_id=journey.shopper_id,
        idempotency_key="road-pay",
        now=journey.now,
    )


async def hear_of_money(market: Market, journey: Journey) -> None:
    """The sweep asks WeChat Pay how the payment stands: what a notice would have told. It comes round again."""
    for minutes in (1, 20):
        later = journey.now + timedelta(minutes=minutes)
        await payments.reconcile_pending(market.db, gateway_of(market.settings), now=later)


async def take_money(market: Market, journey: Journey) -> None:
    """The relay hands the money to the order."""
    for event in await _captured(market, journey):
        await orders.take_payment(
            market.db,
            payable_id=event.payable_id,
            payment_id=event.payment_id,
            amount_minor=event.amount_minor,
            captured_at=event.captured_at,
            now=journey.now,
        )


async def take_money_together(market: Market, journey: Journey) -> None:
    """The same, together with others'."""
    await paying_together.take_payments(market.db, await _captured(market, journey), now=journey.now)


async def ship_first(market: Market, journey: Journey) -> None:
    """Staff send a first parcel."""
    await _ship(market, journey, {1: 1}, number="SF000000000001")


async def ship_rest(market: Market, journey: Journey) -> None:
    """Staff send the rest."""
    await _ship(market, journey, None, number="SF000000000002")


async def confirm(market: Market, journey: Journey) -> None:
    """The shopper has the goods."""
    await receiving.confirm(
        market.db,
        order_id=(await order_of(market, journey)).id,
        shopper_id=journey.shopper_id,
        idempotency_key="road-confirm",
        now=journey.now,
    )


async def ask_back(market: Market, journey: Journey) -> None:
    """The shopper wants to give one unit back."""
    await after_sales.request(
        market.db,
        order_id=(await order_of(market, journey)).id,
        shopper_id=journey.shopper_id,
        wish=Return(Kind.RETURN, Reason.DAMAGED, {1: 1}),
        idempotency_key="road-ask-back",
        now=journey.now,
    )


async def agree(market: Market, journey: Journey) -> None:
    """Staff agree."""
    asked = await after_sale_of(market, journey)
    await deciding.approve(
        market.db, after_sale_id=asked.id, by=journey.staff_id, idempotency_key="road-agree", now=journey.now
    )


async def send_back(market: Market, journey: Journey) -> None:
    """The shopper sends it back."""
    asked = await after_sale_of(market, journey)
    await after_sales.send_back(
        market.db,
        after_sale_id=asked.id,
        shopper_id=journey.shopper_id,
        carrier="SF",
        number="SF000000000003",
        idempotency_key="road-send-back",
        now=journey.now,
    )


async def accept_goods(market: Market, journey: Journey) -> None:
    """Staff have it."""
    asked = await after_sale_of(market, journey)
    await arriving.accept_goods(
        market.db,
        after_sale_id=asked.id,
        by=journey.staff_id,
        restock={1: 1},
        idempotency_key="road-accept",
        now=journey.now,
    )


async def ask_refund(market: Market, journey: Journey) -> None:
    """The sweep asks WeChat Pay to give the money back; WeChat Pay says that it is at work on it."""
    await payments.refund_due(market.db, gateway_of(market.settings), now=journey.now)


async def hear_of_refund(market: Market, journey: Journey) -> None:
    """The sweep asks again, later, and again: it is done."""
    for hours in (1, 2):
        later = journey.now + timedelta(hours=hours)
        if await payments.refund_due(market.db, gateway_of(market.settings), now=later):
            await asyncio.sleep(0.4)  # WeChat Pay needs a moment


async def end_after_sale(market: Market, journey: Journey) -> None:
    """The relay tells the after-sale."""
    asked = await after_sale_of(market, journey)
    if asked.state is AfterSaleState.REFUNDING:
        await after_sales.note_refunded(market.db, after_sale_id=asked.id, refunded_at=journey.now)


async def order_of(market: Market, journey: Journey) -> Order:
    """The shopper's only order."""
    mine = select(order_tables.orders.c.id).where(order_tables.orders.c.shopper_id == journey.shopper_id)
    (order_id,) = await market.db.column(mine)
    return (await order_queries.by_ids(market.db, [order_id]))[order_id]


async def after_sale_of(market: Market, journey: Journey) -> AfterSale:
    """Its only after-sale."""
    order = await order_of(market, journey)
    (asked,) = (await after_sales_of(market.db, [order.id]))[order.id]
    return asked


async def _ship(market: Market, journey: Journey, units: dict[int, int] | None, *, number: str) -> None:
    await shipping.ship(
        market.db,
        order_id=(await order_of(market, journey)).id,
        lines=units,
        carrier=Carrier.SF,
        tracking_number=number,
        by=journey.staff_id,
        idempotency_key=f"road-{number}",
        now=journey.now,
    )


async def _captured(market: Market, journey: Journey) -> list[PaymentCaptured]:
    order = await order_of(market, journey)
    rows = await market.db.rows(select(*COLUMNS).where(p.payable_id == order.id, p.captured_at.isnot(None)))
    paid = [payment_of(row) for row in rows]
    return [
        PaymentCaptured(one.payable, one.payable_id, one.id, one.amount.minor, one.captured_at)
        for one in paid
        if one.captured_at is not None
    ]
