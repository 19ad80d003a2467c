"""What a batch costs: the same number of statements whatever its size."""

from datetime import timedelta

import pytest

from domain.orders import actions
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
