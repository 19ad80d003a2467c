"""Parcels that suppliers tell of: only their own goods leave, once, and each row for itself."""

import orjson
import pytest

from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.orders.rules import OrderNotShippable, OrderState, TooManyUnits
from domain.shipments import dropping, queries
from domain.suppliers import actions
from domain.suppliers.rules import SupplierEnded
from tests.audit import assert_clean
from tests.given.after_sales import Goods


async def take(given, supplier, *told, reference="parcels-0001"):
    letter = given.letter("shipments", orjson.dumps(list(told)), reference=reference)
    return await dropping.take(given.db, supplier, letter, dropping.read(letter.body), now=given.now)


def parcel_of(order, number="SF1234567890123", **more):
    return {"order": order.number, "carrier": "sf", "number": number, **more}


async def test_a_supplier_sends_what_is_its_own(given, db, market):
    supplier, _ = await given.supplier()
    order = await given.bought(Goods(quantity=2, supplier_id=supplier.id, cost_minor=800), Goods())

    [heard] = await take(given, supplier, parcel_of(order))

    [parcel] = (await queries.by_order_ids(db, [order.id]))[order.id]
    assert (parcel.id, parcel.supplier_id, parcel.shipped_by, parcel.units) == (
        heard.shipment_id, supplier.id, supplier.id, {1: 2},
    )  # fmt: skip
    assert (await given.order_again(order.id)).state is OrderState.PAID
    assert (await given.account_balances())["suppliers"] == -1600
    await given.shipped(order)
    assert (await given.order_again(order.id)).state is OrderState.SHIPPED
    await assert_clean(market, in_flight=True)


async def test_what_a_supplier_has_to_send_is_what_paid_orders_wait_for(given, db):
    supplier, _ = await given.supplier()
    mine = Goods(quantity=3, supplier_id=supplier.id, cost_minor=800)
    partly, whole, sent = await given.bought(mine), await given.bought(Goods(), mine), await given.bought(mine)
    await given.ordered(mine)
    await given.shipped(partly, {1: 2})
    await given.shipped(sent)

    first = await dropping.waiting(db, supplier.id, first=1)
    second = await dropping.waiting(db, supplier.id, first=1, after=first.cursors[-1])

    found = [(line.order_number, line.position, line.units) for line in (*first.rows, *second.rows)]
    assert found == [(partly.number, 1, 1), (whole.number, 2, 3)]
    assert first.rows[0].destination == partly.destination
    assert (first.has_next, second.has_next) == (True, False)


async def test_the_same_letter_again_sends_nothing(given, db):
    supplier, _ = await given.supplier()
    order = await given.bought(Goods(quantity=2, supplier_id=supplier.id, cost_minor=800))

    first = await take(given, supplier, parcel_of(order, lines={"1": 1}))
    again = await take(given, supplier, parcel_of(order, lines={"1": 1}))

    assert again == first
    assert len((await queries.by_order_ids(db, [order.id]))[order.id]) == 1
    with pytest.raises(IdempotencyConflict):
        await take(given, supplier, parcel_of(order, lines={"1": 2}))


async def test_each_parcel_is_refused_for_itself(given, db, market):
    supplier, _ = await given.supplier()
    mine = Goods(quantity=2, supplier_id=supplier.id, cost_minor=800)
    good, unpaid, others = await given.bought(mine), await given.ordered(mine), await given.bought()
    wrong_day = {**parcel_of(good), "order": f"990101{good.number[6:]}"}

    heard = await take(
        given,
        supplier,
        parcel_of(unpaid),
        parcel_of(others),
        wrong_day,
        {**parcel_of(good), "order": "26111199999999"},
        parcel_of(good, number="???"),
        parcel_of(good, lines={"1": 3}),
        parcel_of(good, carrier="uncle"),
    )

    assert [type(one.error) for one in heard] == [
        OrderNotShippable, NotFound, NotFound, NotFound, BadInput, TooManyUnits, type(None),
    ]  # fmt: skip
    assert (await given.order_again(good.id)).state is OrderState.SHIPPED
    await assert_clean(market, in_flight=True)


async def test_a_supplier_does_not_send_the_goods_of_others(given):
    supplier, _ = await given.supplier()
    order = await given.bought(Goods(supplier_id=supplier.id, cost_minor=800), Goods())

    [heard] = await take(given, supplier, parcel_of(order, lines={"2": 1}))

    assert isinstance(heard.error, TooManyUnits)
    assert [line.shipped for line in await given.lines_of_order(order)] == [0, 0]


async def test_who_has_ended_sends_nothing(given, db):
    supplier, _ = await given.supplier()
    order = await given.bought(Goods(supplier_id=supplier.id, cost_minor=800))
    ended = await actions.end(db, supplier_id=supplier.id, by=new_id(), now=given.now)

    with pytest.raises(SupplierEnded):
        await take(given, ended, parcel_of(order))


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"[7]", b'[{"order": "x"}]', b'[{"order": "1", "carrier": "sf", "number": "SF1"}]',
     b'[{"order": "26111100100001", "carrier": "sf", "number": "SF1", "lines": {}}]',
     b'[{"order": "26111100100001", "carrier": "sf", "number": "SF1", "lines": [1]}]',
     b'[{"order": "26111100100001", "carrier": "sf", "number": "SF1", "lines": {"1": 1.5}}]'],
)  # fmt: skip
def test_what_is_no_list_of_parcels_is_refused(body):
    with pytest.raises(BadInput):
        dropping.read(body)
