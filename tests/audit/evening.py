"""An evening of trade in which everything has happened once, through the real actions, and every event was heard."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.flash_sales import actions as sales
from domain.flash_sales.rules import Item
from domain.foundation import outbox
from domain.foundation.ids import new_id
from domain.foundation.runtime import Market
from domain.orders import actions as orders
from domain.orders.rules import Order, OrderState
from domain.payments import actions as payments
from domain.payments.rules import Payment, PaymentState
from domain.stock import store as stock
from domain.stock.rules import Cause, Movement, Units
from tests.given import Given
from workers import flash_sales, payments as _  # noqa: F401 - their hearers are registered by importing them
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
    item: Item
    paid_ticket: UUID
    collector: UUID
    settled: Item


@dataclass(frozen=True)
class _At(WorkerContext):
    moment: datetime

    def now(self) -> datetime:
        return self.moment


class Listener:
    """A relay that is asked to work instead of working all the time."""

    def __init__(self, market: Market, *, now: datetime) -> None:
        async def send(*_: object) -> None:
            raise AssertionError("no hearer sends messages")

        self._relay = Relay(_At(market, send, now))

    async def hear(self) -> None:
        """Carry letters until none is left."""
        while any([await self._relay.carry_lane(lane) for lane in range(outbox.LANES)]):
            pass

    async def close(self) -> None:
        await self._relay._db.close()


async def after_an_evening(given: Given, listener: Listener) -> Evening:
    """Orders of every fate, two sales (one of them settled), a refund on its way."""
    lamp, tea = await given.stocked_sku(30), await given.stocked_sku(1)
    async with given.db.transaction() as tx:
        cause = Cause("adjustment", lamp, by=new_id(), reason="two broke")
        await stock.receive(tx, Units(lamp, -2), movement=Movement.ADJUSTED, cause=cause, now=given.now)

    revived, refused = await given.order(lamp, pay_by=given.now), await given.order(tea, pay_by=given.now)
    over = await given.flash_sale(units=1, price_minor=500)
    await _claim(given, over.item, pay_seconds_from_now=0)
    await orders.lapse_due(given.db, now=given.now + timedelta(hours=1), limit=10)
    await listener.hear()
    await given.order(tea)
    for late in (revived, refused):
        await given.money_for(late)
    await listener.hear()

    paid = await given.order(lamp, quantity=3)
    closed = await given.closed_payment(paid)
    await given.money_for(paid)
    await payments.take_notice(given.db, gateway="sandbox", notice=given.notice(closed), now=given.now)
    cancelled = await given.order(lamp)
    await orders.cancel(
        given.db, order_id=cancelled.id, shopper_id=cancelled.shopper_id, idempotency_key=str(new_id()), now=given.now
    )

    warm = await given.flash_sale(units=10, stocked=12, per_shopper=2)
    collector = await given.shopper()
    tickets = [await _claim(given, warm.item, shopper_id=collector) for _ in range(2)]
    await _claim(given, warm.item)
    for ticket_id in tickets:
        await _pay(given, ticket_id)
    await _pay(given, await _claim(given, over.item))
    await listener.hear()
    await sales.stop(given.db, given.market.gate, sale_id=over.sale.id, by=new_id(), now=given.now)
    assert await sales.settle(given.db, given.market.gate, sale_id=over.sale.id, now=given.now)

    return Evening(
        lamp=lamp,
        placed=await given.order(lamp, quantity=2),
        other=await given.order(lamp, quantity=1),
        paid=await given.order_again(paid.id),
        revived=await given.order_again(revived.id),
        refused=await given.order_again(refused.id),
        item=(await given.reread(warm.sale.id)).item,
        paid_ticket=tickets[0],
        collector=collector,
        settled=over.item,
    )
