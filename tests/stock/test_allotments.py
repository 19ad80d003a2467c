"""Units set aside for a promotion: more of them later, and none for one that is over."""

import pytest

from domain.foundation.ids import new_id
from domain.orders import refunding
from domain.orders import store as orders
from domain.orders.rules import LineRefund
from domain.stock import store
from domain.stock.queries import allotments_by_ids
from domain.stock.rules import Cause, Level, NotEnoughStock, Units
from tests.audit import assert_clean


@pytest.fixture
async def allotted(given) -> Units:
    """Four of ten units of a SKU, set aside."""
    sku_id = await given.stocked_sku(10)
    units = Units(sku_id, 4)
    async with given.db.transaction() as tx:
        allotment_id = await store.open_allotment(tx, units, purpose="test", cause=cause(sku_id), now=given.now)
    return Units(sku_id, 4, allotment_id)


def cause(sku_id):
    return Cause("test", sku_id)


async def add(given, units):
    async with given.db.transaction() as tx:
        await store.add_to_allotment(tx, units, cause=cause(units.sku_id), now=given.now)


async def units_of(given, allotted):
    """What the SKU has, and what the allotment has."""
    assert allotted.allotment_id
    mine = await allotments_by_ids(given.db, [allotted.allotment_id])
    return await given.stock_of(allotted.sku_id), mine[allotted.allotment_id]


def levels(allotted, *, sku: tuple[int, int, int], allotment: tuple[int, int, int]):
    return Level(allotted.sku_id, *sku), Level(allotted.allotment_id, *allotment)


async def test_an_open_allotment_takes_more_units(given, allotted):
    await add(given, Units(allotted.sku_id, 6, allotted.allotment_id))

    assert await units_of(given, allotted) == levels(allotted, sku=(0, 10, 0), allotment=(10, 0, 0))
    await assert_clean(given.market, in_flight=True)


async def test_no_more_are_set_aside_than_are_free(given, allotted):
    with pytest.raises(NotEnoughStock) as refused:
        await add(given, Units(allotted.sku_id, 7, allotted.allotment_id))

    assert (refused.value.sku_id, refused.value.wanted, refused.value.free) == (allotted.sku_id, 7, 6)
    assert await units_of(given, allotted) == levels(allotted, sku=(6, 4, 0), allotment=(4, 0, 0))
    await assert_clean(given.market, in_flight=True)


async def test_an_allotment_that_is_closed_takes_none(given, allotted):
    async with given.db.transaction() as tx:
        await store.close_allotments(tx, [allotted.allotment_id], cause=cause(allotted.sku_id), now=given.now)

    await add(given, Units(allotted.sku_id, 1, allotted.allotment_id))

    assert await units_of(given, allotted) == levels(allotted, sku=(10, 0, 0), allotment=(0, 0, 0))
    await assert_clean(given.market, in_flight=True)


async def test_units_of_an_allotment_of_another_sku_are_a_fault(given, allotted):
    other_id = await given.stocked_sku(1)

    with pytest.raises(AssertionError, match="no allotment of their SKU"):
        await add(given, Units(other_id, 1, allotted.allotment_id))


async def test_units_that_were_sold_and_given_back_are_sold_once_more(given, allotted):
    first = await given.order(allotted.sku_id, quantity=4, allotment_id=allotted.allotment_id)
    await given.money_for(first)
    await given.hear_payments()
    async with given.db.transaction() as tx:
        order = await orders.lock(tx, first.id)
        await store.lock_allotment(tx, allotted.allotment_id)
        whole = [LineRefund(1, 4, 4, order.total.minor, 0)]
        await refunding.give_back(tx, order, whole, reason="test", cause_id=new_id(), now=given.now)
        await store.add_to_allotment(tx, allotted, cause=cause(allotted.sku_id), now=given.now)

    await given.order(allotted.sku_id, quantity=4, allotment_id=allotted.allotment_id)

    # the promotion did sell the first four
    assert await units_of(given, allotted) == levels(allotted, sku=(6, 4, 0), allotment=(0, 4, 4))
