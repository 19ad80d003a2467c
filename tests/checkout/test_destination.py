"""Where an order of a flash sale goes: said after it was placed, and until something has left."""

from dataclasses import replace

import pytest

from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.orders import actions, fulfilling, store
from domain.orders.rules import Fulfilment, OrderNotRedirectable
from tests.given.checkout import JINGAN

PUDONG = replace(JINGAN, district="浦东新区", region_code="310115", street="世纪大道 1 号")


def say(given, order, address_id, *, key="", by=None):
    return actions.set_destination(
        given.db,
        order_id=order.id,
        shopper_id=by or order.shopper_id,
        address_id=address_id,
        idempotency_key=key or f"say-{new_id()}",
        now=given.now,
    )


async def ship(given, order, units):
    async with given.db.transaction() as tx:
        locked = await store.lock(tx, order.id)
        await fulfilling.ship(tx, locked, units, shipment_id=new_id(), now=given.now)


async def test_a_promotions_order_goes_where_its_buyer_says(given):
    order = await given.order(await given.stocked_sku(5), source="promotion")
    await given.freight()

    said = await say(given, order, await given.home_of(order.shopper_id))
    again = await say(given, order, await given.home_of(order.shopper_id, PUDONG))

    assert (order.fulfilment, order.destination) == (None, None)
    assert (said.fulfilment, said.destination) == (Fulfilment.DELIVERY, JINGAN)
    assert await given.order_again(order.id) == again == replace(said, destination=PUDONG)
    assert again.total == order.total  # the price of a promotion includes the delivery


async def test_the_same_key_says_it_once(given):
    order = await given.order(await given.stocked_sku(5), source="promotion")
    home, office = await given.home_of(order.shopper_id), await given.home_of(order.shopper_id, PUDONG)

    await say(given, order, home, key="say-00001")
    await say(given, order, office)
    replayed = await say(given, order, home, key="say-00001")
    with pytest.raises(IdempotencyConflict):
        await say(given, order, office, key="say-00001")

    assert replayed.destination == (await given.order_again(order.id)).destination == PUDONG


async def test_once_something_has_left_it_is_too_late(given):
    order = await given.order(await given.stocked_sku(5), source="promotion", quantity=2)
    home = await given.home_of(order.shopper_id)
    await say(given, order, home)
    await given.money_for(order)
    await given.hear_payments()
    await ship(given, order, {1: 1})

    with pytest.raises(OrderNotRedirectable):
        await say(given, order, await given.home_of(order.shopper_id, PUDONG))

    assert (await given.order_again(order.id)).destination == JINGAN


async def test_what_checkout_placed_or_what_has_ended_is_not_redirected(given):
    ordered = await given.placed(await given.delivery_wish({await given.sku(): 1}))
    ended = await given.order(await given.stocked_sku(5), source="promotion")
    await actions.lapse_due(given.db, now=ended.pay_by, limit=9)

    for order in (ordered, ended):
        with pytest.raises(OrderNotRedirectable):
            await say(given, order, await given.home_of(order.shopper_id, PUDONG))

    assert await given.order_again(ordered.id) == ordered


async def test_neither_somebody_elses_order_nor_somebody_elses_address(given):
    order, stranger = await given.order(await given.stocked_sku(5), source="promotion"), await given.shopper()

    with pytest.raises(NotFound):
        await say(given, order, await given.home_of(stranger), by=stranger)
    with pytest.raises(NotFound):
        await say(given, order, await given.home_of(stranger))

    assert await given.order_again(order.id) == order
