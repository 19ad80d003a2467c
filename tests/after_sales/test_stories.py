"""Whatever shoppers, staff, parcels, the gateway and the clock do, many at once: the books stay clean."""

import asyncio
import random
from datetime import timedelta

import pytest

from domain.after_sales import actions, arriving, deciding, queries
from domain.after_sales.amounts import Wish
from domain.after_sales.rules import AfterSaleState, Kind, Reason, Step
from domain.foundation.errors import BadInput, Refusal
from domain.foundation.ids import new_id
from domain.orders.rules import Fulfilment, OrderState, Receiver
from tests.audit import assert_clean
from tests.given.after_sales import Goods

S = AfterSaleState


class Trade:
    """People who do whatever comes to their mind, with what they find."""

    def __init__(self, given, dice, orders):
        self.given, self.dice, self.orders = given, dice, orders

    async def anything(self):
        deed = self.dice.choice(
            [self.ask, self.ask, self.decide, self.decide, self.decide, self.send, self.receive, self.let_time_pass]
        )
        try:
            await deed(self.dice.choice(self.orders))
        except (Refusal, BadInput):
            return 0
        return 1

    async def ask(self, order):
        lines = await self.given.lines_of_order(order)
        some = {line.position: self.dice.randint(1, line.quantity) for line in lines if self.dice.random() < 0.6}
        await actions.request(
            self.given.db,
            order_id=order.id,
            shopper_id=order.shopper_id,
            wish=Wish(self.dice.choice(list(Kind)), self.dice.choice(list(Reason)), some or None),
            idempotency_key=f"key-{new_id()}",
            now=self.given.now,
        )

    async def decide(self, order):
        for found in (await queries.by_order_ids(self.given.db, [order.id])).get(order.id, ()):
            await self.take(self.dice.choice(list(Step)), found)

    async def take(self, step, found):
        db, lines = self.given.db, (await queries.lines_by_ids(self.given.db, [found.id]))[found.id]
        who = {"after_sale_id": found.id, "idempotency_key": f"key-{new_id()}", "now": self.given.now}
        mine, theirs = {**who, "shopper_id": found.shopper_id}, {**who, "by": new_id()}
        if step is Step.WITHDRAW and self.dice.random() < 0.3:
            await actions.withdraw(db, **mine)
        elif step is Step.SEND_BACK:
            await actions.send_back(db, **mine, carrier="sf", number="1")
        elif step is Step.APPROVE:
            less = self.dice.randint(1, found.asked.minor) if found.asked.minor and self.dice.random() < 0.3 else None
            await deciding.approve(db, **theirs, agreed_minor=less)
        elif step is Step.REJECT and self.dice.random() < 0.3:
            await deciding.reject(db, **theirs, words="不")
        elif step is Step.ACCEPT_GOODS:
            restock = {line.position: self.dice.randint(0, line.sent) for line in lines}
            await arriving.accept_goods(db, **theirs, restock=restock)
        elif step is Step.REFUSE_GOODS and self.dice.random() < 0.3:
            await arriving.refuse_goods(db, **theirs, words="不")

    async def send(self, order):
        left = {line.position: line.to_ship for line in await self.given.lines_of_order(order) if line.to_ship}
        if left:
            position = self.dice.choice(list(left))
            await self.given.units_leave(order, {position: self.dice.randint(1, left[position])})

    async def receive(self, order):
        by = Receiver.STORE if order.fulfilment is Fulfilment.PICKUP else self.dice.choice(list(Receiver)[:2])
        await self.given.units_arrive(order, by=by)

    async def let_time_pass(self, order):
        for found in (await queries.by_order_ids(self.given.db, [order.id])).get(order.id, ()):
            if found.due_at and self.dice.random() < 0.3:
                await deciding.act_on_deadline(self.given.db, after_sale_id=found.id, now=found.due_at)


def some_goods(dice, supplier_id):
    supplied = {"supplier_id": supplier_id, "cost_minor": dice.randint(0, 500)} if dice.random() < 0.5 else {}
    quantity, price = dice.randint(1, 7), dice.randint(0, 3000)
    return Goods(
        quantity,
        price,
        discount_minor=dice.randint(0, quantity * price // 2),
        freight_minor=dice.randint(0, 99),
        **supplied,
    )


@pytest.mark.parametrize("seed", range(4))
async def test_any_story_leaves_clean_books(given, seed):
    dice = random.Random(seed)
    supplier_id = await given.some_supplier()
    orders = [
        await given.bought(
            *(some_goods(dice, supplier_id) for _ in range(dice.randint(1, 3))),
            fulfilment=dice.choice([Fulfilment.DELIVERY, Fulfilment.DELIVERY, Fulfilment.PICKUP, None]),
        )
        for _ in range(6)
    ]
    trade = Trade(given, dice, orders)

    done = 0
    for _ in range(12):
        done += sum(await asyncio.gather(*(trade.anything() for _ in range(8))))
        await given.give_back_at_gateway()
    await assert_clean(given.market, in_flight=True)
    last = given.now + timedelta(days=60)
    for _ in range(3):
        for due_at, after_sale_id in await queries.due(given.db, now=last, after=None, limit=1000):
            await deciding.act_on_deadline(given.db, after_sale_id=after_sale_id, now=due_at)
    await given.give_back_at_gateway()

    assert done >= 25
    after_sales = [one for found in (await of_orders(given, orders)).values() for one in found]
    assert {one.state for one in after_sales} <= {S.REFUNDED, S.REJECTED, S.WITHDRAWN, S.CLOSED}
    for order in orders:
        now, lines = await given.order_again(order.id), await given.lines_of_order(order)
        assert (now.state is OrderState.REFUNDED) == all(line.refunded == line.quantity for line in lines)
        for line in lines:
            level = await given.stock_of(line.sku_id)
            assert (level.free, level.held, level.sold) == (line.restocked, 0, line.quantity - line.restocked)
    assert "refunds" not in await given.account_balances()
    await assert_clean(given.market, in_flight=True)


async def of_orders(given, orders):
    return await queries.by_order_ids(given.db, [order.id for order in orders])
