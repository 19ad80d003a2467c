"""Lives of orders, made up: what shoppers, staff, the clock and a gateway do to them, in random order and often twice.

Everything goes through the domain's own actions, side by side with many other lives; the gateway's words are made up
here, as if their signatures had been checked. Whatever is refused in the confusion is refused: that the books agree
all the same is what it is for.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from domain.after_sales import actions as after_sales
from domain.after_sales import arriving, deciding
from domain.after_sales.amounts import Wish as Return
from domain.after_sales.queries import by_order_ids as after_sales_of
from domain.after_sales.queries import lines_by_ids as after_sale_lines
from domain.after_sales.rules import SHOPPERS_REASONS, AfterSale, AfterSaleState, Kind, Reason
from domain.checkout import actions as checkout
from domain.checkout import quoting
from domain.checkout.rules import Wish
from domain.foundation.database import Database
from domain.foundation.errors import Refusal
from domain.foundation.ids import new_id
from domain.orders import actions as orders
from domain.orders import queries
from domain.orders.rules import HAS_MONEY, Order
from domain.payments import actions as payments
from domain.payments import store as payments_store
from domain.payments.rules import Captured, Notice, Refunded
from domain.pricing.rules import Fulfilment, Wanted
from domain.shipments import receiving, shipping
from domain.shipments.rules import Carrier

PAY_WITHIN = timedelta(minutes=30)
GATEWAY = "wechat"


@dataclass(frozen=True)
class Shop:
    """What the lives take place in."""

    db: Database
    sku_ids: Sequence[UUID]
    store_id: UUID
    staff_id: UUID
    people: Sequence[tuple[UUID, UUID]]
    """Shoppers and their addresses."""
    opened_at: datetime


@dataclass
class Life:
    """One order from the basket to whatever end chance has for it."""

    shop: Shop
    number: int
    chance: Random
    told: Counter[str]
    minutes: float = field(default=0.0)

    @property
    def now(self) -> datetime:
        """The life's own moment. Lives begin one after the other, and time passes in each."""
        return self.shop.opened_at + timedelta(seconds=self.number, minutes=self.minutes)

    async def live(self) -> None:
        """From the basket to the end."""
        order = await self._order()
        if order is None:
            return
        if self.chance.random() < 0.1:
            await self._cancel(order)
        elif self.chance.random() < 0.1:
            await self._let_lapse(order)
        if self.chance.random() < 0.93:
            await self._pay(order)
        steps = [self._ship, self._ask_back, self._receive, self._ask_back, self._decide, self._take_back]
        for step in steps[: self.chance.randint(0, len(steps))]:
            self.minutes += self.chance.uniform(1, 600)
            await step(await self._again(order))
        await self._give_back()

    async def _order(self) -> Order | None:
        """Two taps on the button are one order."""
        shopper_id, address_id = self.chance.choice(self.shop.people)
        chosen = self.chance.sample(self.shop.sku_ids, self.chance.randint(1, 3))
        lines = tuple(Wanted(sku_id, self.chance.choice((1, 1, 2, 3))) for sku_id in chosen)
        is_pickup = self.chance.random() < 0.15
        wish = Wish(
            shopper_id,
            lines,
            fulfilment=Fulfilment.PICKUP if is_pickup else Fulfilment.DELIVERY,
            address_id=None if is_pickup else address_id,
            store_id=self.shop.store_id if is_pickup else None,
        )
        quote = await quoting.quote(self.shop.db, wish, now=self.now)
        taps = [
            checkout.place(
                self.shop.db,
                wish,
                expected_total_minor=quote.total_minor,
                idempotency_key=f"life-{self.number:08}",
                pay_within=PAY_WITHIN,
                unpaid_at_most=1_000_000,  # a few people buy all this
                now=self.now,
            )
            for _ in range(self._times())
        ]
        placed = await self._all(*taps)
        assert len({order.id for order in placed}) <= 1, "one key, two orders"
        if placed:
            assert placed[0].total.minor == quote.total_minor
            self.told["placed"] += 1
        return placed[0] if placed else None

    async def _cancel(self, order: Order) -> None:
        cancel = orders.cancel(
            self.shop.db,
            order_id=order.id,
            shopper_id=order.shopper_id,
            idempotency_key=f"cancel-{self.number:08}",
            now=self.now,
        )
        await self._all(cancel)

    async def _let_lapse(self, order: Order) -> None:
        """Everybody's orders lapse whose time is over, not only this one."""
        self.minutes += PAY_WITHIN.total_seconds() / 60
        await orders.lapse_due(self.shop.db, now=self.now, limit=50)

    async def _pay(self, order: Order) -> None:
        """The money comes, told of more than once, in time or late; sometimes a payment that was given up is paid as well."""
        if not order.total.minor:
            return
        asked = [await self._ask(order)]
        if self.chance.random() < 0.08:
            await self._give_up(asked[0])
            asked.append(await self._ask(order))
        for payment_id in self.chance.sample(asked, len(asked)):
            self.minutes += self.chance.choice((0.1, 1, 5, 45))
            await self._hear_of_money(order, payment_id)

    async def _ask(self, order: Order) -> UUID:
        async with self.shop.db.transaction() as tx:
            return await payments_store.open_pending(
                tx,
                payable=orders.PAYABLE,
                payable_id=order.id,
                payer_id=order.shopper_id,
                amount=order.total,
                gateway=GATEWAY,
                expires_at=order.pay_by,
                now=self.now,
            )

    async def _give_up(self, payment_id: UUID) -> None:
        async with self.shop.db.transaction() as tx:
            payment = (await payments_store.lock_all_of_payable(tx, payment_id))[payment_id]
            await payments_store.close(tx, payment, now=self.now)

    async def _hear_of_money(self, order: Order, payment_id: UUID) -> None:
        news = Captured(payment_id, f"t{payment_id.hex}", order.total, self.now)
        same = f"n{new_id().hex}"
        notices = [Notice(self.chance.choice((same, f"n{new_id().hex}")), news) for _ in range(self._times())]
        await self._all(*(payments.take_notice(self.shop.db, gateway=GATEWAY, notice=n, now=self.now) for n in notices))
        heard = [
            orders.take_payment(
                self.shop.db,
                payable_id=order.id,
                payment_id=payment_id,
                amount_minor=order.total.minor,
                captured_at=self.now,
                now=self.now,
            )
            for _ in range(self._times())
        ]
        await self._all(*heard)

    async def _ship(self, order: Order) -> None:
        """In one parcel or in two, or over the counter."""
        if order.fulfilment is Fulfilment.PICKUP:
            return
        lines = (await queries.lines_by_order_ids(self.shop.db, [order.id]))[order.id]
        some = {line.position: self.chance.randint(1, line.to_ship) for line in lines if line.to_ship}
        for number, units in enumerate((some, None) if self.chance.random() < 0.4 else (None,)):
            parcel = shipping.ship(
                self.shop.db,
                order_id=order.id,
                lines=units,
                carrier=Carrier.SF,
                tracking_number=f"SF{self.number:012}{number}",
                by=self.shop.staff_id,
                idempotency_key=f"ship-{self.number:08}-{number}",
                now=self.now,
            )
            await self._all(parcel)

    async def _receive(self, order: Order) -> None:
        if order.fulfilment is Fulfilment.PICKUP:
            await self._all(
                receiving.hand_over(
                    self.shop.db,
                    order_id=order.id,
                    code=order.pickup_code or "00000000",
                    by=self.shop.staff_id,
                    idempotency_key=f"handover-{self.number:08}",
                    now=self.now,
                )
            )
        elif self.chance.random() < 0.5:
            await self._all(
                receiving.confirm(
                    self.shop.db,
                    order_id=order.id,
                    shopper_id=order.shopper_id,
                    idempotency_key=f"receive-{self.number:08}",
                    now=self.now,
                )
            )
        else:
            self.minutes += 15 * 24 * 60
            await receiving.receive_due(self.shop.db, now=self.now, limit=50)

    async def _ask_back(self, order: Order) -> None:
        """For everything, or for some units; twice at once now and then."""
        if order.state not in HAS_MONEY:
            return
        lines = (await queries.lines_by_order_ids(self.shop.db, [order.id]))[order.id]
        line = self.chance.choice(lines)
        units = None if self.chance.random() < 0.4 else {line.position: self.chance.randint(1, line.quantity)}
        reason = self.chance.choice(SHOPPERS_REASONS)
        kind = Kind.REFUND if reason is Reason.NOT_ARRIVED else self.chance.choice(list(Kind))
        wish = Return(kind, reason, units)
        asked = [
            after_sales.request(
                self.shop.db,
                order_id=order.id,
                shopper_id=order.shopper_id,
                wish=wish,
                idempotency_key=f"back-{new_id()}",
                now=self.now,
            )
            for _ in range(self._times())
        ]
        await self._all(*asked)
        if self.chance.random() < 0.7:
            await self._decide(order)

    async def _decide(self, order: Order) -> None:
        for asked in await self._after_sales(order):
            fate = self.chance.random()
            key, now, db = f"decide-{new_id()}", self.now, self.shop.db
            if asked.state is AfterSaleState.REQUESTED and fate < 0.15:
                await self._all(
                    deciding.reject(
                        db, after_sale_id=asked.id, by=self.shop.staff_id, words="不符合", idempotency_key=key, now=now
                    )
                )
            elif asked.state is AfterSaleState.REQUESTED and fate < 0.25:
                await self._all(
                    after_sales.withdraw(
                        db, after_sale_id=asked.id, shopper_id=asked.shopper_id, idempotency_key=key, now=now
                    )
                )
            elif asked.state is AfterSaleState.REQUESTED:
                agreed = None if fate < 0.8 else max(asked.asked.minor // 2, 1)
                await self._all(
                    *(
                        deciding.approve(
                            db,
                            after_sale_id=asked.id,
                            by=self.shop.staff_id,
                            agreed_minor=agreed,
                            idempotency_key=f"{key}-{tap}",
                            now=now,
                        )
                        for tap in range(self._times())
                    )
                )

    async def _take_back(self, order: Order) -> None:
        for asked in await self._after_sales(order):
            key, now, db = f"return-{new_id()}", self.now, self.shop.db
            if asked.state is AfterSaleState.TO_SEND:
                await self._all(
                    after_sales.send_back(
                        db,
                        after_sale_id=asked.id,
                        shopper_id=asked.shopper_id,
                        carrier="SF",
                        number="SF000000000001",
                        idempotency_key=key,
                        now=now,
                    )
                )
                lines = (await after_sale_lines(db, [asked.id]))[asked.id]
                restock = {line.position: self.chance.randint(0, line.sent) for line in lines}
                await self._all(
                    arriving.accept_goods(
                        db,
                        after_sale_id=asked.id,
                        by=self.shop.staff_id,
                        restock={position: count for position, count in restock.items() if count},
                        idempotency_key=f"{key}-here",
                        now=now,
                    )
                )

    async def _give_back(self) -> None:
        """The gateway does some of the refunds that are due, whosever they are, and tells so twice."""
        if self.chance.random() < 0.5:
            await give_back(self.shop.db, now=self.now, limit=5)

    async def _after_sales(self, order: Order) -> Sequence[AfterSale]:
        return (await after_sales_of(self.shop.db, [order.id])).get(order.id, [])

    async def _again(self, order: Order) -> Order:
        return (await queries.by_ids(self.shop.db, [order.id]))[order.id]

    def _times(self) -> int:
        return 2 if self.chance.random() < 0.15 else 1

    async def _all(self, *calls: Awaitable[Any]) -> list[Any]:
        """Everything at once; what came of those that were not refused."""
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                if not isinstance(outcome, Refusal):
                    raise outcome
                self.told[outcome.code] += 1
        return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]


async def give_back(db: Database, *, now: datetime, limit: int = 50) -> int:
    """The gateway does refunds that are due; how many it was asked for."""
    async with db.transaction() as tx:
        due = await payments_store.take_refunds(tx, gateway=GATEWAY, now=now, limit=limit)
    for refund in due:
        news = Refunded(refund.id, refund.payment_id, f"r{refund.id.hex}", refund.amount, now)
        for notice_id in (f"n{refund.id.hex}", f"n{refund.id.hex}", f"m{refund.id.hex}"):
            await payments.take_notice(db, gateway=GATEWAY, notice=Notice(notice_id, news), now=now)
        if refund.cause_id is not None:
            await after_sales.note_refunded(db, after_sale_id=refund.cause_id, refunded_at=now)
    return len(due)
