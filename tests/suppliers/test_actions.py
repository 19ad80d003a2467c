"""Suppliers: taken on, given SKUs, paid what they are owed, and parted with."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.stock.rules import Level
from domain.suppliers import actions, queries
from domain.suppliers.rules import (
    MoreThanOwed,
    SkuSupplied,
    SuppliedSku,
    Supplier,
    SupplierCodeTaken,
    SupplierEnded,
    SupplierSkuCodeTaken,
)
from domain.trail.tables import deeds
from tests.audit import assert_clean
from tests.given.after_sales import Goods


def assign(given, supplier, *skus):
    return actions.assign(
        given.db,
        supplier_id=supplier.id,
        skus=[SuppliedSku(sku_id, supplier.id, code, Money(cost)) for sku_id, code, cost in skus],
        by=new_id(),
        now=given.now,
    )


def pay(given, supplier, minor, *, key="", by=None):
    return actions.record_payment(
        given.db,
        supplier_id=supplier.id,
        amount=Money(minor),
        note="电汇 0001",
        by=by or new_id(),
        idempotency_key=key or f"pay-{new_id()}",
        now=given.now,
    )


async def owed_for(given, supplier, minor):
    """An order whose parcel the supplier has sent, at this cost."""
    order = await given.bought(Goods(supplier_id=supplier.id, cost_minor=minor))
    return await given.shipped(order)


async def test_a_supplier_is_told_its_key_once(given, db):
    wish = {"code": "guihua", "name": "桂花坊", "by": new_id(), "idempotency_key": "create-01", "now": given.now}

    supplier, key = await actions.create(db, **wish)

    assert len(key) == 32
    assert await actions.create(db, **wish) == (supplier, None)
    assert (await queries.with_key(db, "guihua"))[1] == key
    with pytest.raises(SupplierCodeTaken):
        await actions.create(db, **wish | {"idempotency_key": "create-02"})


@pytest.mark.parametrize("code", ["", "a", "Guihua", "gui hua", "桂花", "-a", "a" * 41])
async def test_a_code_can_stand_in_an_address(given, db, code):
    with pytest.raises(BadInput):
        await actions.create(db, code=code, name="x", by=new_id(), idempotency_key="create-01", now=given.now)


async def test_another_key_makes_the_first_worthless(given, db):
    supplier, first = await given.supplier()

    _, second = await actions.renew_key(db, supplier_id=supplier.id, by=new_id(), now=given.now)

    assert second != first
    assert (await queries.with_key(db, supplier.code))[1] == second


async def test_a_sku_is_sent_by_one_supplier(given, db):
    one, other = (await given.supplier("one"))[0], (await given.supplier("other"))[0]
    first, second = await given.sku(), await given.sku()
    await assign(given, one, (first, "A-1", 800))

    with pytest.raises(SkuSupplied) as refused:
        await assign(given, other, (second, "B-1", 700), (first, "B-2", 700))

    assert refused.value.by_supplier == "one"
    assert await queries.supplied_by_sku_ids(db, [first, second]) == {
        first: SuppliedSku(first, one.id, "A-1", Money(800))
    }


async def test_codes_and_costs_change_and_may_be_swapped(given, db):
    supplier, _ = await given.supplier()
    first, second = await given.supplied(supplier, "A-1", "A-2")

    await assign(given, supplier, (first, "A-2", 900), (second, "A-1", 700))

    found = await queries.supplied_by_sku_ids(db, [first, second])
    assert (found[first].supplier_code, found[second].cost) == ("A-2", Money(700))
    with pytest.raises(SupplierSkuCodeTaken):
        await assign(given, supplier, (await given.sku(), "A-2", 1))


@pytest.mark.parametrize(("code", "cost"), [("", 1), ("\0", 1), ("x" * 81, 1), ("A", -1), ("A", 10**13)])
async def test_what_is_no_code_or_no_cost_is_refused(given, code, cost):
    supplier, _ = await given.supplier()

    with pytest.raises(BadInput):
        await assign(given, supplier, (await given.sku(), code, cost))


async def test_who_has_ended_sends_nothing_more_and_is_still_owed(given, db, market):
    supplier, _ = await given.supplier()
    (sku_id,) = await given.supplied(supplier, "A-1", units=10)
    await given.place([given.new_order(sku_id, shopper_id=await given.shopper(), quantity=3)])
    await owed_for(given, supplier, 800)

    for _ in range(2):
        ended = await actions.end(db, supplier_id=supplier.id, by=new_id(), now=given.now)

    assert ended.ended_at == given.now
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=3, sold=0)
    assert await queries.supplied_by_sku_ids(db, [sku_id]) == {}
    assert await queries.owed(db, supplier.id) == 800
    with pytest.raises(SupplierEnded):
        await assign(given, supplier, (sku_id, "A-1", 1))
    other, _ = await given.supplier("other")
    await assign(given, other, (sku_id, "B-1", 1))
    await assert_clean(market, in_flight=True)


async def test_a_sku_we_send_ourselves_again_has_no_units_of_the_supplier(given, db, market):
    supplier, _ = await given.supplier()
    (sku_id,) = await given.supplied(supplier, "A-1", units=10)

    for _ in range(2):
        await actions.release(db, supplier_id=supplier.id, sku_id=sku_id, by=new_id(), now=given.now)

    assert (await given.stock_of(sku_id)).free == 0
    assert Counter(await db.column(select(deeds.c.deed)))["release_supplied_sku"] == 1
    await assert_clean(market, in_flight=True)


async def test_a_supplier_is_paid_once_and_not_more_than_it_is_owed(given, db, market):
    supplier, _ = await given.supplier()
    await owed_for(given, supplier, 1000)

    by = new_id()
    for _ in range(2):
        await pay(given, supplier, 600, key="pay-0001", by=by)
    with pytest.raises(MoreThanOwed) as refused:
        await pay(given, supplier, 401)

    assert refused.value.owed == Money(400)
    assert await queries.owed(db, supplier.id) == 400
    assert (await given.account_balances())["bank"] == -600
    await assert_clean(market, in_flight=True)


async def test_many_payments_at_once_pay_what_is_owed(given, db, market):
    supplier, _ = await given.supplier()
    await owed_for(given, supplier, 1000)

    outcomes = await asyncio.gather(*(pay(given, supplier, 300) for _ in range(10)), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {Supplier: 3, MoreThanOwed: 7}
    assert await queries.owed(db, supplier.id) == 100
    await assert_clean(market, in_flight=True)


async def test_nobody_is_paid_nothing_or_who_does_not_exist(given, db):
    supplier, _ = await given.supplier()

    for minor in (0, -1, 10**16):
        with pytest.raises(BadInput):
            await pay(given, supplier, minor)
    with pytest.raises(NotFound):
        await pay(given, Supplier(new_id(), "x", "x", given.now + timedelta()), 1)
