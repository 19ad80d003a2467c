"""What a batch costs: the same number of statements whatever its size."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event

from domain.orders import actions
from domain.stock.rules import Movement, Units, Cause
from domain.stock import store as stock


@contextmanager
def statements_of(db) -> Iterator[list[str]]:
    """The statements sent while the block runs."""
    sent: list[str] = []

    def note(connection, cursor, statement, *_):
        sent.append(" ".join(statement.split()))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", note)


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
        given.new_order(sku_id, shopper_id=id, allotment_id=allotment_id) for id in await given.shoppers(count)
    ]

    with statements_of(given.db) as sent:
        await given.place(new)

    assert [statement.split(" (")[0] for statement in sent] == [
        "INSERT INTO orders",
        "INSERT INTO order_lines",
        "INSERT INTO stock_holds",
        sent[3],
        "INSERT INTO stock_movements",
    ]
    assert sent[3].startswith("UPDATE stock_allotments")
    assert await given.order_states() == {"placed": count}


@pytest.mark.parametrize("count", [2, 200])
async def test_lapsing_a_batch_takes_as_many_statements_whatever_its_size(given, count):
    goods = [await allotted(given, 200) for _ in range(2)] + [(await given.stocked_sku(200), None)]
    new = [
        given.new_order(sku_id, shopper_id=id, allotment_id=allotment_id)
        for id in await given.shoppers(count)
        for sku_id, allotment_id in goods
    ]
    await given.place(new)

    with statements_of(given.db) as sent:
        lapsed = await actions.lapse_due(given.db, now=given.now + timedelta(minutes=15), limit=1000)

    assert lapsed == 3 * count
    # orders, holds, allotments locked and changed, SKUs changed, movements, events, the relay's wake-up
    assert len(sent) == 8
