"""A day of payments and refunds at Stripe and in our books, where each can be told apart from the other's."""

import asyncio
import itertools
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.foundation.clock import shop_day
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.orders import actions as orders
from domain.payments import actions, bill_queries, queries, store
from domain.payments.rules import Captured, Notice, Payment, Refund, Refunded
from domain.payments.stripe import StripeGateway
from tests.conftest import NOON
from tests.given import Given
from tests.given.stripe import RunningStripe

_later = itertools.count(1000, 10)
"""Days apart, so that what one test does around midnight is not in another one's day."""
MORNING_AFTER = timedelta(hours=22)
"""From noon to ten the next morning, when the day's bill is out."""


class ADay:
    """A day of its own at the company, which keeps everything that was ever paid there."""

    def __init__(self, given: Given, stripe: RunningStripe, gateway: StripeGateway) -> None:
        self.given, self.stripe, self.gateway = given, stripe, gateway
        self.sku_id: UUID | None = None
        self.noon: datetime = NOON + timedelta(days=next(_later))
        self.day: date = shop_day(self.noon)
        self.morning_after = self.noon + MORNING_AFTER

    async def at(self, moment: datetime) -> None:
        """Let it be this moment, here and there."""
        self.given.now = moment
        await self.stripe.set_clock(moment)

    async def asked(self, *, there_minor: int | None = None) -> Payment:
        """A payment of 19.90 that can be paid on Stripe's page, where it may have another amount."""
        [payment] = await self.opened(1)
        return await self.prepared(payment, there_minor=there_minor)

    async def opened(self, count: int) -> list[Payment]:
        """Payments of 19.90 of which Stripe has not heard."""
        self.sku_id = self.sku_id or await self.given.stocked_sku(1000)
        shopper_id = await self.given.shopper()
        new = [self.given.new_order(self.sku_id, shopper_id=shopper_id) for _ in range(count)]
        await self.given.place(new)
        async with self.given.db.transaction() as tx:
            opened = [
                await store.open_pending(
                    tx,
                    payable=orders.PAYABLE,
                    payable_id=order.id,
                    payer_id=shopper_id,
                    amount=Money(1990),
                    gateway="stripe",
                    expires_at=order.pay_by,
                    now=self.given.now,
                )
                for order in new
            ]
        found = await queries.by_ids(self.given.db, opened)
        return [found[payment_id] for payment_id in opened]

    async def prepared(self, payment: Payment, *, there_minor: int | None = None) -> Payment:
        """The same with a page at Stripe."""
        there = payment if there_minor is None else replace(payment, amount=Money(there_minor))
        instructions = await self.gateway.prepare(there, None)
        async with self.given.db.transaction() as tx:
            await store.set_reference(tx, payment.id, str(instructions.reference))
        return replace(payment, reference=instructions.reference)

    async def paid_there(self, payment: Payment) -> Payment:
        """The shopper has paid, and Stripe's webhook is lost."""
        assert await self.stripe.pay(payment.id, behaviour="never") == 200
        return payment

    async def told(self, payment: Payment, *, at: datetime | None = None) -> Payment:
        """We believe that it was paid, whether it was or not. Its order has not heard of it yet."""
        assert payment.reference is not None
        news = Captured(payment.id, payment.reference, payment.amount, at or self.given.now)
        notice = Notice(f"evt_{new_id().hex}", news)
        await actions.take_notice(self.given.db, gateway="stripe", notice=notice, now=self.given.now)
        return payment

    async def paid(self) -> Payment:
        """A payment as they should be: paid there, known here."""
        return await self.told(await self.paid_there(await self.asked()))

    async def many_paid(self, count: int) -> list[Payment]:
        """Many such payments."""
        hands = asyncio.Semaphore(8)

        async def one(payment: Payment) -> Payment:
            async with hands:
                return await self.told(await self.paid_there(await self.prepared(payment)))

        return list(await asyncio.gather(*(one(payment) for payment in await self.opened(count))))

    async def to_go_back(self, payment: Payment) -> Refund:
        """A refund that is due, because nobody keeps the money, and that nobody has asked Stripe for."""
        async with self.given.db.transaction() as tx:
            await store.mark_refund_due(tx, payment.id, reason="test", now=self.given.now)
        [refund] = (await queries.refunds_by_payment_ids(self.given.db, [payment.id]))[payment.id]
        return refund

    async def given_back(self, payment: Payment) -> Refund:
        """A refund as they should be: made there, known here."""
        refund = await self.to_go_back(payment)
        await self.given_back_there(refund)
        return await self.told_given_back(refund)

    async def given_back_there(self, refund: Refund) -> Refunded | None:
        """Stripe has made the refund, and we have not heard of it."""
        return await self.gateway.refund(replace(refund, attempts=1))

    async def told_given_back(self, refund: Refund) -> Refund:
        """We believe that it was made, whether it was or not."""
        news = Refunded(refund.id, refund.payment_id, "re_told", refund.amount, self.given.now)
        notice = Notice(f"evt_{new_id().hex}", news)
        await actions.take_notice(self.given.db, gateway="stripe", notice=notice, now=self.given.now)
        return refund

    async def refund_again(self, refund_id: UUID) -> Refund:
        """The refund as it is now."""
        return (await bill_queries.refunds_by_ids(self.given.db, [refund_id]))[refund_id]

    async def payment_again(self, payment: Payment) -> Payment:
        """The payment as it is now."""
        return (await queries.by_ids(self.given.db, [payment.id]))[payment.id]


def unknown_here(payment: Payment) -> Payment:
    """The same payment for somebody whom our books do not know."""
    return replace(payment, id=new_id(), reference=None)
