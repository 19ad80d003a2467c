"""Builders for after-sales: orders that have their money, parcels that left, what the gateway gave back, and the books."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy import func, insert, select

from domain.addresses.rules import Destination
from domain.after_sales import actions, arriving, deciding, queries
from domain.after_sales.amounts import Wish
from domain.after_sales.rules import AfterSale, AfterSaleState, Kind, Reason
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.ledger.tables import postings
from domain.orders import actions as order_actions
from domain.orders import fulfilling, store
from domain.orders import queries as order_queries
from domain.orders.rules import Fulfilment, Line, NewLine, NewOrder, Order, Receiver
from domain.payments import actions as payments
from domain.payments.events import PaymentRefunded
from domain.payments.rules import Notice, Refunded
from domain.payments.store import REFUND_COLUMNS, r, refund_of
from domain.payments.tables import payments as payment_table
from domain.payments.tables import refunds
from domain.shipments import shipping
from domain.shipments.rules import Carrier
from domain.stores.tables import stores
from domain.suppliers.tables import suppliers

HOME = Destination("林晚", "13812345678", "上海市", "上海市", "静安区", "310106", "南京西路 1 号")


@dataclass(frozen=True)
class Goods:
    """A line to be bought; of a SKU of its own that has just so many units."""

    quantity: int = 1
    price_minor: int = 1990
    discount_minor: int = 0
    freight_minor: int = 0
    supplier_id: UUID | None = None
    cost_minor: int | None = None


class AfterSalesGiven:
    """Builders for after-sales."""

    db: Database
    now: datetime

    async def bought(
        self, *goods: Goods, fulfilment: Fulfilment | None = Fulfilment.DELIVERY, is_confirmed: bool = True
    ) -> Order:
        """An order that has its money, of these goods or of one unit at 19.90; of a promotion if that is to confirm it."""
        order = await self.ordered(*goods, fulfilment=fulfilment, is_confirmed=is_confirmed)
        if order.total.minor:
            await self.money_for(order)  # type: ignore[attr-defined]
            await self.hear_payments()  # type: ignore[attr-defined]
        else:
            async with self.db.transaction() as tx:
                await order_actions.take_for_free(tx, order.id, now=self.now)
        return await self.order_again(order.id)  # type: ignore[attr-defined, no-any-return]

    async def ordered(
        self, *goods: Goods, fulfilment: Fulfilment | None = Fulfilment.DELIVERY, is_confirmed: bool = True
    ) -> Order:
        """The same before it is paid."""
        new = NewOrder(
            id=new_id(),
            shopper_id=await self.shopper(),  # type: ignore[attr-defined]
            source=None if is_confirmed else "promotion",
            source_id=None if is_confirmed else new_id(),
            is_confirmed=is_confirmed,
            lines=tuple([await self._line(some) for some in goods or (Goods(),)]),
            pay_by=self.now + timedelta(minutes=15),
            fulfilment=fulfilment,
            destination=HOME if fulfilment is Fulfilment.DELIVERY else None,
            store_id=await self._store() if fulfilment is Fulfilment.PICKUP else None,
        )
        await self.place([new])  # type: ignore[attr-defined]
        return await self.order_again(new.id)  # type: ignore[attr-defined, no-any-return]

    async def some_supplier(self) -> UUID:
        """Somebody who sends goods for us."""
        supplier_id = new_id()
        row = {
            "id": supplier_id,
            "code": str(supplier_id),
            "name": "桂花坊",
            "feed_key": b"k" * 32,
            "created_at": self.now,
        }
        async with self.db.transaction() as tx:
            await tx.execute(insert(suppliers).values(row))
        return supplier_id

    async def units_leave(self, order: Order, units: Mapping[int, int], *, now: datetime | None = None) -> UUID:
        """So many units of each line leave in one parcel; its id."""
        async with self.db.transaction() as tx:
            parcel = await shipping.send(
                tx,
                await store.lock(tx, order.id),
                units,
                carrier=Carrier.SF,
                number=f"SF{new_id().int % 10**12:012d}",
                by=new_id(),
                now=now or self.now,
            )
        return parcel.id

    async def all_units_leave(self, order: Order) -> None:
        """Every unit leaves."""
        await self.units_leave(
            order, {line.position: line.to_ship for line in await self.lines_of_order(order) if line.to_ship}
        )

    async def units_arrive(self, order: Order, *, by: Receiver = Receiver.SHOPPER, now: datetime | None = None) -> None:
        """The shopper has the goods."""
        async with self.db.transaction() as tx:
            await fulfilling.receive(tx, await store.lock(tx, order.id), by=by, now=now or self.now)

    async def bought_and_received(self, *goods: Goods) -> Order:
        """An order that was sent and received."""
        order = await self.bought(*goods)
        await self.all_units_leave(order)
        await self.units_arrive(order)
        return await self.order_again(order.id)  # type: ignore[attr-defined, no-any-return]

    async def lines_of_order(self, order: Order) -> list[Line]:
        """The order's lines as they are now."""
        return (await order_queries.lines_by_order_ids(self.db, [order.id]))[order.id]

    async def after_sale(
        self,
        order: Order,
        units: Mapping[int, int] | None = None,
        *,
        kind: Kind = Kind.REFUND,
        reason: Reason = Reason.QUALITY,
        state: AfterSaleState = AfterSaleState.REQUESTED,
        now: datetime | None = None,
    ) -> AfterSale:
        """A request, led to this state by the actions of those whose turn it is."""
        at = now or self.now
        asked = await actions.request(
            self.db,
            order_id=order.id,
            shopper_id=order.shopper_id,
            wish=Wish(kind, reason, units),
            idempotency_key=f"request-{new_id()}",
            now=at,
        )
        return await self._led(asked, state, at)

    async def after_sale_again(self, after_sale: AfterSale) -> AfterSale:
        """The after-sale as it is now."""
        return (await queries.by_ids(self.db, [after_sale.id]))[after_sale.id]

    async def give_back_at_gateway(self) -> int:
        """The gateway gives back whatever is due, and the after-sales hear of it; how many refunds."""
        made = await self.gateway_gives_back()
        for event in await self.recorded(PaymentRefunded):  # type: ignore[attr-defined]
            if event.cause_id:
                await actions.note_refunded(self.db, after_sale_id=event.cause_id, refunded_at=event.refunded_at)
        return made

    async def gateway_gives_back(self) -> int:
        """The gateway gives back whatever is due, and nobody has heard of it yet; how many refunds."""
        due = select(*REFUND_COLUMNS).join_from(refunds, payment_table).where(r.state == "due")
        found = [refund_of(row) for row in await self.db.rows(due)]
        for refund in found:
            news = Refunded(refund.id, refund.payment_id, f"r{refund.id.hex}", refund.amount, self.now)
            notice = Notice(f"n{new_id().hex}", news)
            await payments.take_notice(self.db, gateway=refund.gateway, notice=notice, now=self.now)
        return len(found)

    async def account_balances(self) -> dict[str, int]:
        """What stands on each account that is not even, debit above zero."""
        total = func.sum(postings.c.amount_minor)
        rows = await self.db.rows(select(postings.c.account, total).group_by(postings.c.account).having(total != 0))
        return {account: int(minor) for account, minor in rows}

    async def _led(self, asked: AfterSale, state: AfterSaleState, at: datetime) -> AfterSale:
        key, staff = f"lead-{new_id()}", new_id()
        mine = {"after_sale_id": asked.id, "shopper_id": asked.shopper_id, "now": at}
        theirs = {"after_sale_id": asked.id, "by": staff, "now": at}
        if state is AfterSaleState.REQUESTED:
            return asked
        if state is AfterSaleState.WITHDRAWN:
            return await actions.withdraw(self.db, **mine, idempotency_key=key)
        if state is AfterSaleState.REJECTED:
            return await deciding.reject(self.db, **theirs, words="不符合", idempotency_key=key)
        asked = await deciding.approve(self.db, **theirs, idempotency_key=key)
        if state is AfterSaleState.CLOSED:
            assert asked.due_at is not None
            await deciding.act_on_deadline(self.db, after_sale_id=asked.id, now=asked.due_at)
        elif state in {AfterSaleState.SENT_BACK, AfterSaleState.REFUNDING} and asked.kind is Kind.RETURN:
            await actions.send_back(self.db, **mine, carrier="sf", number="SF1", idempotency_key=f"{key}-sent")
        if state is AfterSaleState.REFUNDING and asked.kind is Kind.RETURN:
            await arriving.accept_goods(self.db, **theirs, restock={}, idempotency_key=f"{key}-here")
        if state is AfterSaleState.REFUNDED:
            await self.give_back_at_gateway()
        led = await self.after_sale_again(asked)
        assert led.state is state, f"{led.state}, not {state}"
        return led

    async def _line(self, goods: Goods) -> NewLine:
        sku_id = await self.stocked_sku(goods.quantity)  # type: ignore[attr-defined]
        line = NewLine(sku_id, "桂花酒酿", goods.quantity, goods.price_minor)
        return replace(
            line,
            discount_minor=goods.discount_minor,
            freight_minor=goods.freight_minor,
            supplier_id=goods.supplier_id,
            cost_minor=goods.cost_minor,
        )

    async def _store(self) -> UUID:
        store_id = new_id()
        row = {
            "id": store_id,
            "code": str(store_id),
            "name": "静安店",
            "region_code": "310106",
            "address": "南京西路 1 号",
        }
        hours = {"opens_at": time(9), "closes_at": time(22), "created_at": self.now, "updated_at": self.now}
        async with self.db.transaction() as tx:
            await tx.execute(insert(stores).values(**row, **hours))
        return store_id
