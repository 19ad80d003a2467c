"""An evening of trade in which everything has happened once, through the real actions, and every event was heard."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from domain.flash_sales import actions as sales
from domain.flash_sales.rules import Item
from domain.flash_sales.tables import tickets
from domain.foundation import outbox
from domain.foundation.ids import new_id
from domain.foundation.runtime import Market
from domain.orders import actions as orders
from domain.orders.rules import Order
from domain.payments import actions as payments
from domain.stock import actions as stock
from tests.given import Given
from tests.given.flash_sales import OneItem
from workers import flash_sales as _flash_sales  # noqa: F401 - importing registers the hearers
from workers import levels as _levels  # noqa: F401
from workers import payments as _payments  # noqa: F401
from workers.context import WorkerContext
from workers.relay import Relay


@dataclass(frozen=True)
class Evening:
    """What a test may look at, or corrupt, by name."""

    lamp: UUID
    placed: Order
    other: Order
    paid: Order
    revived: Order
    refused: Order
    sale: OneItem
    reserved: Order
    collected: list[Order]
    collector: UUID
    settled: Item
    settled_orders: list[Order]


@dataclass(frozen=True)
class _At(WorkerContext):
    listener: "Listener"

    def now(self) -> datetime:
        return self.listener.now


class Listener:
    """A relay that is asked to work instead of working all the time. It hears at the moment that `now` says."""

    def __init__(self, market: Market, *, now: datetime) -> None:
        async def send(*_: object) -> None:
            raise AssertionError("no hearer sends messages")

        self.now = now
        self._relay = Relay(_At(market, send, self))

    async def hear(self) -> None:
        """Carry letters until none is left."""
        while any([await self._relay.carry_lane(lane) for lane in range(outbox.LANES)]):
            pass

    async def close(self) -> None:
        await self._relay._db.close()


async def after_an_evening(given: Given, listener: Listener) -> Evening:
    """Orders of every fate, a sale under way and a settled one, refunds on their way."""
    lamp, tea = await given.stocked_sku(30), await given.stocked_sku(1)
    await stock.adjust(
        given.db,
        sku_id=lamp,
        change=-2,
        expected_free=30,
        reason="two broke",
        by=new_id(),
        idempotency_key=str(new_id()),
        now=given.now,
    )
    over = await given.flash_sale(units=1, price_minor=500, pay_seconds=1)
    warm = await given.flash_sale(units=10, stocked=12, per_shopper=2, pay_seconds=1)

    revived, refused = await given.order(lamp, pay_by=given.now), await given.order(tea, pay_by=given.now)
    lapsed, _ = [await claimed(given, item) for item in (over.item, warm.item)]
    await orders.lapse_due(given.db, now=given.now + timedelta(minutes=1), limit=10)
    await listener.hear()
    await given.order(tea)
    for late in (revived, refused):
        await given.money_for(late)

    paid = await given.order(lamp, quantity=3)
    closed = await given.closed_payment(paid)
    await given.money_for(paid)
    await payments.take_notice(given.db, gateway="wechat", notice=given.notice(closed), now=given.now)
    cancelled = await given.order(lamp)
    await orders.cancel(
        given.db, order_id=cancelled.id, shopper_id=cancelled.shopper_id, idempotency_key=str(new_id()), now=given.now
    )

    collector = await given.shopper()
    collected = [await claimed(given, warm.item, shopper_id=collector) for _ in range(2)]
    last = await claimed(given, over.item)
    for order in (*collected, last):
        await given.money_for(order)
    reserved = await claimed(given, warm.item)
    await listener.hear()
    await sales.stop(given.db, given.market.gate, sale_id=over.sale.id, by=new_id(), now=given.now)
    assert await sales.settle(given.db, given.market.gate, sale_id=over.sale.id, now=given.now)

    return Evening(
        lamp=lamp,
        placed=await given.order(lamp, quantity=2),
        other=await given.order(lamp),
        paid=await given.order_again(paid.id),
        revived=await given.order_again(revived.id),
        refused=await given.order_again(refused.id),
        sale=await given.reread(warm.sale.id),
        reserved=reserved,
        collected=[await given.order_again(order.id) for order in collected],
        collector=collector,
        settled=over.item,
        settled_orders=[lapsed, last],
    )


async def claimed(given: Given, item: Item, *, shopper_id: UUID | None = None) -> Order:
    """The order that a claim has become."""
    shopper_id = shopper_id or await given.shopper()
    ticket = await given.desk().claim(
        leave=given.leave(item, shopper_id), shopper_id=shopper_id, quantity=1, request_id=str(new_id()), now=given.now
    )
    assert await given.reserved_all(item) == 1
    order_id = await given.db.value(select(tickets.c.order_id).where(tickets.c.id == ticket.ticket_id))
    return await given.order_again(order_id)
