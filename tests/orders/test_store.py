"""What a batch costs: the same number of statements whatever its size."""

from datetime import timedelta

import pytest

from domain.foundation.ids import new_id
from domain.orders import actions, queries, store
from domain.orders.rules import LineRefund
from domain.stock import store as stock
from domain.stock.rules import Cause, Units
from tests.statements import count_statements


async def allotted(given, units):
    sku_id = await given.stocked_sku(units)
    async with given.db.transaction() as tx:
        return sku_id, await stock.open_allotment(
            tx, Units(sku_id, units), purpose="test", cause=Cause("test", sku_id), now=given.now
        )


@pytest.mark.parametrize("count", [1, 2, 500])
async def test_placing_a_batch_of_a_flash_sale_takes_five_statements(given, count):
    sku_id, allotment_id = await allotted(given, 500)
    new = [
        given.new_order(sku_id, shopper_id=shopper_id, allotment_id=allotment_id)
        for shopper_id in await given.shoppers(count)
    ]

    with count_statements(given.db) as sent:
        await given.place(new)

    assert [" ".join(statement.split()[:3]) for statement in sent] == [
        "INSERT INTO orders",
        "INSERT INTO order_lines",
        "INSERT INTO stock_holds",
        "UPDATE stock_allotments AS",
        "INSERT INTO stock_movements",
    ]
    assert await given.order_states() == {"placed": count}


@pytest.mark.parametrize("count", [2, 200])
async def test_lapsing_a_batch_takes_as_many_statements_whatever_its_size(given, count):
    goods = [await allotted(given, 200) for _ in range(2)] + [(await given.stocked_sku(200), None)]
    new = [
        given.new_order(sku_id, shopper_id=shopper_id, allotment_id=allotment_id)
        for shopper_id in await given.shoppers(count)
        for sku_id, allotment_id in goods
    ]
    await given.place(new)

    with count_statements(given.db) as sent:
        lapsed = await actions.lapse_due(given.db, now=given.now + timedelta(minutes=15), limit=1000)

    assert lapsed == 3 * count
    # orders, holds, allotments locked and changed, SKUs changed, movements, events, the relay's wake-up
    assert len(sent) == 8


@pytest.mark.parametrize("count", [1, 4])
async def test_lines_change_by_as_many_statements_however_many_there_are(given, count):
    order = await given.order(*[await given.stocked_sku(2) for _ in range(count)], quantity=2)
    await given.money_for(order)
    await given.hear_payments()
    lines = (await queries.lines_by_order_ids(given.db, [order.id]))[order.id]
    positions = range(1, count + 1)
    back = [Units(line.sku_id, 1) for line in lines]

    with count_statements(given.db) as sent:
        async with given.db.transaction() as tx:
            await store.add_shipped(tx, order.id, dict.fromkeys(positions, 1))
            await store.add_refunded(tx, order, [LineRefund(at, 1, 0, 1990, 0) for at in positions])
            await store.add_restocked(tx, order.id, dict.fromkeys(positions, 1))
            await stock.take_back(tx, order.id, back, cause=Cause("test", order.id), now=given.now)

    changed = (await queries.lines_by_order_ids(given.db, [order.id]))[order.id]
    assert {(line.shipped, line.refunded, line.restocked, line.refunded_goods_minor) for line in changed} == {
        (1, 1, 1, 1990)
    }
    assert [(await given.stock_of(line.sku_id)).free for line in lines] == [1] * count
    # shipped, refunded and the order's sum, restocked, holds, SKUs (locked before if there are more), movements
    assert len(sent) == 7 + (count > 1)


async def test_a_line_that_is_not_there_is_not_passed_over(given):
    order = await given.order(await given.stocked_sku(2), quantity=2)

    for change in (
        lambda tx: store.add_shipped(tx, order.id, {1: 1, 2: 1}),
        lambda tx: store.add_refunded(tx, order, [LineRefund(at, 1, 0, 1990, 0) for at in (1, 2)]),
        lambda tx: stock.take_back(tx, order.id, [Units(new_id(), 1)], cause=Cause("test", order.id), now=given.now),
    ):
        with pytest.raises(AssertionError):
            async with given.db.transaction() as tx:
                await change(tx)
