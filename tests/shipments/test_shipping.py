"""Parcels that leave: split, refused, many from a list, and with a number that was wrong."""

from collections import Counter

import pytest
from sqlalchemy import select

from domain.after_sales.rules import AfterSaleState
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.ledger.rules import Account
from domain.orders.events import OrderShipped
from domain.orders.rules import OrderNotShippable, OrderState, TooManyUnits
from domain.shipments import queries, rules, shipping
from domain.shipments.rules import Carrier, MixedSenders, Shipment, ShipmentState, TrackingNumberTaken
from domain.trail.tables import deeds
from tests.audit import assert_clean
from tests.given.after_sales import Goods


async def test_an_order_leaves_in_parcels_until_it_is_complete(given, db, market):
    order = await given.bought(Goods(quantity=3), Goods(quantity=2))

    first = await given.shipped(order, {1: 2})
    second = await given.shipped(order)

    kept = (await queries.by_order_ids(db, [order.id]))[order.id]
    assert [(parcel.id, parcel.units) for parcel in kept] == [(first.id, {1: 2}), (second.id, {1: 1, 2: 2})]
    assert (await given.order_again(order.id)).state is OrderState.SHIPPED
    assert [event.is_complete for event in await given.recorded(OrderShipped)] == [False, True]
    await assert_clean(market, in_flight=True)


async def test_the_same_wish_sends_one_parcel(given, db):
    order = await given.bought(Goods(quantity=2))
    by = new_id()

    async def wish(number="SF1234567890123"):
        return await shipping.ship(
            db, order_id=order.id, lines={1: 1}, carrier=Carrier.SF, tracking_number=number, by=by,
            idempotency_key="wish-0001", now=given.now,
        )  # fmt: skip

    first = await wish()

    assert (await wish()).id == first.id
    with pytest.raises(IdempotencyConflict):
        await wish("SF1234567890124")
    assert len((await queries.by_order_ids(db, [order.id]))[order.id]) == 1


async def test_units_that_were_given_back_before_are_not_sent(given, market):
    order = await given.bought(Goods(quantity=3))
    await given.after_sale(order, {1: 2}, state=AfterSaleState.REFUNDING)

    with pytest.raises(TooManyUnits) as refused:
        await given.shipped(order, {1: 2})
    parcel = await given.shipped(order)

    assert refused.value.left == 1
    assert parcel.units == {1: 1}
    await assert_clean(market, in_flight=True)


async def test_a_parcel_has_one_sender(given, market):
    supplier, _ = await given.supplier()
    order = await given.bought(Goods(), Goods(supplier_id=supplier.id, cost_minor=800))

    with pytest.raises(MixedSenders):
        await given.shipped(order)
    theirs = await given.shipped(order, {2: 1})
    ours = await given.shipped(order)

    assert (theirs.supplier_id, ours.supplier_id) == (supplier.id, None)
    assert (await given.account_balances())[Account.SUPPLIERS] == -800
    await assert_clean(market, in_flight=True)


async def test_an_order_has_a_number_once(given):
    order = await given.bought(Goods(quantity=2))
    parcel = await given.shipped(order, {1: 1})

    with pytest.raises(TrackingNumberTaken):
        await given.shipped(order, number=parcel.tracking_number)

    assert [line.shipped for line in await given.lines_of_order(order)] == [1]


async def test_one_parcel_may_hold_the_goods_of_two_orders(given):
    one, other = await given.bought(), await given.bought()

    parcel = await given.shipped(one)

    assert (await given.shipped(other, number=parcel.tracking_number)).tracking_number == parcel.tracking_number


async def test_what_cannot_be_sent_leaves_nothing_behind(given, db, market):
    unpaid, sent = await given.ordered(), await given.bought()
    await given.shipped(sent)

    for order in (unpaid, sent):
        with pytest.raises(OrderNotShippable):
            await given.shipped(order)
    with pytest.raises(NotFound):
        await shipping.ship(
            db, order_id=new_id(), lines=None, carrier=Carrier.SF, tracking_number="SF1234567890123", by=new_id(),
            idempotency_key="nobody-01", now=given.now,
        )  # fmt: skip

    assert len(await given.recorded(OrderShipped)) == 1
    await assert_clean(market, in_flight=True)


async def test_a_list_is_sent_row_by_row(given, db, market):
    one, unpaid, split = await given.bought(), await given.ordered(), await given.bought(Goods(quantity=2))
    rows = [
        shipping.Row(one.id, Carrier.SF, "SF1234567890123"),
        shipping.Row(unpaid.id, Carrier.SF, "SF1234567890124"),
        shipping.Row(split.id, Carrier.JD, "no number", {1: 1}),
        shipping.Row(split.id, Carrier.JD, "JDVA12345678901", {1: 1}),
    ]
    send = {"by": new_id(), "idempotency_key": "list-0001", "now": given.now}

    answers = await shipping.ship_many(db, rows, **send)
    again = await shipping.ship_many(db, rows, **send)

    assert [type(answer.shipment or answer.error) for answer in answers] == [
        Shipment, OrderNotShippable, BadInput, Shipment,
    ]  # fmt: skip
    assert [a.shipment and a.shipment.id for a in again] == [a.shipment and a.shipment.id for a in answers]
    assert len(await given.recorded(OrderShipped)) == 2
    await assert_clean(market, in_flight=True)


async def test_a_list_is_neither_empty_nor_endless(given, db):
    for count in (0, 101):
        with pytest.raises(BadInput):
            await shipping.ship_many(
                db, [shipping.Row(new_id(), Carrier.SF, "x")] * count, by=new_id(), idempotency_key="list-0001",
                now=given.now,
            )  # fmt: skip


async def test_a_wrong_number_is_corrected_and_followed_anew(given, db):
    order = await given.bought()
    parcel = await given.shipped(order)
    by = new_id()

    for _ in range(2):
        corrected = await shipping.correct(
            db, shipment_id=parcel.id, carrier=Carrier.ZTO, tracking_number="78123456789012", by=by, now=given.now
        )

    kept = await given.shipment_again(parcel.id)
    assert (kept.carrier, kept.tracking_number, kept.state) == (Carrier.ZTO, "78123456789012", ShipmentState.SHIPPED)
    assert corrected.tracking_number == kept.tracking_number
    done = Counter(await db.column(select(deeds.c.deed)))
    assert done == {"ship_order": 1, "correct_tracking_number": 1}


async def test_a_number_is_not_corrected_into_another_parcels(given, db):
    order = await given.bought(Goods(quantity=2))
    one, other = await given.shipped(order, {1: 1}), await given.shipped(order)

    with pytest.raises(TrackingNumberTaken):
        await shipping.correct(
            db,
            shipment_id=other.id,
            carrier=Carrier.SF,
            tracking_number=one.tracking_number,
            by=new_id(),
            now=given.now,
        )
    with pytest.raises(NotFound):
        await shipping.correct(
            db,
            shipment_id=new_id(),
            carrier=Carrier.SF,
            tracking_number=one.tracking_number,
            by=new_id(),
            now=given.now,
        )


def test_every_carrier_is_known_to_wechat_and_by_name():
    assert set(rules.CARRIERS) == set(Carrier)
    assert all(facts.zh and facts.wechat for facts in rules.CARRIERS.values())
