"""Builders for orders, their payments and what a gateway tells of them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.orders import actions, queries, store
from domain.orders.rules import NewLine, NewOrder, Order
from domain.orders.tables import orders
from domain.payments import actions as payment_actions
from domain.payments import queries as payment_queries
from domain.payments import store as payment_store
from domain.payments.events import PaymentCaptured
from domain.payments.rules import Captured, Notice, Payment
from domain.payments.tables import payments
from domain.stock.queries import levels_by_sku_ids
from domain.stock.rules import Level

PRICE_MINOR = 1990


class OrdersGiven:
    """Builders for orders and payments."""

    db: Database
    now: datetime

    async def order(
        self,
        *skus: UUID,
        shopper_id: UUID | None = None,
        quantity: int = 1,
        allotment_id: UUID | None = None,
        source: str | None = None,
        pay_by: datetime | None = None,
        is_confirmed: bool = True,
    ) -> Order:
        """A placed order with a line for each SKU, to be paid within fifteen minutes."""
        shopper_id = shopper_id or await self.shopper()  # type: ignore[attr-defined]
        new = self.new_order(
            *skus,
            shopper_id=shopper_id,
            quantity=quantity,
            allotment_id=allotment_id,
            source=source,
            pay_by=pay_by,
            is_confirmed=is_confirmed,
        )
        await self.place([new])
        return await self.order_again(new.id)

    def new_order(
        self,
        *skus: UUID,
        shopper_id: UUID,
        quantity: int = 1,
        allotment_id: UUID | None = None,
        source: str | None = None,
        pay_by: datetime | None = None,
        is_confirmed: bool = True,
    ) -> NewOrder:
        """An order to be placed, of 19.90 a unit."""
        lines = tuple(NewLine(sku_id, "桂花酒酿", quantity, PRICE_MINOR, allotment_id) for sku_id in skus)
        return NewOrder(
            id=new_id(),
            shopper_id=shopper_id,
            source=source,
            source_id=new_id() if source else None,
            lines=lines,
            pay_by=pay_by or self.now + timedelta(minutes=15),
            is_confirmed=is_confirmed,
        )

    async def place(self, new: Sequence[NewOrder]) -> None:
        """Place orders in one transaction."""
        async with self.db.transaction() as tx:
            await store.place_many(tx, new, now=self.now)

    async def confirm(self, order: Order) -> Order:
        """The promotion that placed the order does not call it off any more."""
        async with self.db.transaction() as tx:
            await actions.confirm(tx, [order.id])
        return await self.order_again(order.id)

    async def order_again(self, order_id: UUID) -> Order:
        """The order as it is now."""
        return (await queries.by_ids(self.db, [order_id]))[order_id]

    async def order_states(self) -> Counter[str]:
        """How many orders are in each state."""
        return Counter(await self.db.column(select(orders.c.state)))

    async def payment(self, order: Order) -> Payment:
        """The order's pending payment, asked for as `orders.pay` does it, or the one that there is."""
        async with self.db.transaction() as tx:
            payment_id = await payment_store.open_pending(
                tx,
                payable=actions.PAYABLE,
                payable_id=order.id,
                payer_id=order.shopper_id,
                amount=order.total,
                gateway="wechat",
                expires_at=order.pay_by,
                now=self.now,
            )
            await payment_store.set_reference(tx, payment_id, f"wx{payment_id.hex}")
        return await self.payment_again(payment_id)

    async def closed_payment(self, order: Order) -> Payment:
        """A payment that was closed unpaid, so that another one can be asked for."""
        payment = await self.payment(order)
        async with self.db.transaction() as tx:
            await payment_store.close(tx, payment, now=self.now)
        return await self.payment_again(payment.id)

    async def payment_again(self, payment_id: UUID) -> Payment:
        """The payment as it is now."""
        return (await payment_queries.by_ids(self.db, [payment_id]))[payment_id]

    async def payment_states(self) -> Counter[str]:
        """How many payments are in each state."""
        return Counter(await self.db.column(select(payments.c.state)))

    def captured(self, payment: Payment, *, amount: Money | None = None, reference: str | None = None) -> Captured:
        """The gateway's word that the money has arrived."""
        return Captured(
            payment.id, reference or payment.reference or f"wx{payment.id.hex}", amount or payment.amount, self.now
        )

    def notice(self, payment: Payment, *, notice_id: str = "") -> Notice:
        """The same in a notice, each with an id of its own unless one is given."""
        return Notice(notice_id or f"n{new_id().hex}", self.captured(payment))

    async def money_for(self, order: Order, *, at: datetime | None = None) -> Payment:
        """A captured payment whose event nobody has heard yet."""
        payment = await self.payment(order)
        await payment_actions.take_notice(self.db, gateway="wechat", notice=self.notice(payment), now=at or self.now)
        return await self.payment_again(payment.id)

    async def hear_payments(self, *, now: datetime | None = None) -> None:
        """What the worker does with every PaymentCaptured of an order kept so far, in order."""
        recorded = await self.recorded(PaymentCaptured)  # type: ignore[attr-defined]
        for event in [each for each in recorded if each.payable == actions.PAYABLE]:
            await actions.take_payment(
                self.db,
                payable_id=event.payable_id,
                payment_id=event.payment_id,
                amount_minor=event.amount_minor,
                captured_at=event.captured_at,
                now=now or self.now,
            )

    async def stock_of(self, sku_id: UUID) -> Level:
        """The SKU's units."""
        return (await levels_by_sku_ids(self.db, [sku_id]))[0]
