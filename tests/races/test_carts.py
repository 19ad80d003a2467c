"""Two tabs, two phones: what several put into one cart at once is all there."""

import asyncio
from collections import Counter

from domain.carts import actions
from domain.carts.rules import CartFull, CartLineFull, Holder
from domain.products.rules import Variant


def add(given, holder, sku_id, quantity=1):
    return actions.add(given.db, holder, sku_id=sku_id, quantity=quantity, now=given.now)


async def test_tabs_that_add_at_once_lose_no_addition(given):
    tea, wine = await given.sku(), await given.sku()
    shopper = Holder(shopper_id=await given.shopper())

    await asyncio.gather(*(add(given, shopper, sku_id) for _ in range(20) for sku_id in (tea, wine)))

    cart = await given.cart_again(shopper)
    assert {line.sku_id: line.quantity for line in cart.lines} == {tea: 20, wine: 20}


async def test_tabs_that_fill_a_line_at_once_never_overfill_it(given):
    sku_id, shopper = await given.sku(), Holder(shopper_id=await given.shopper())

    outcomes = await asyncio.gather(*(add(given, shopper, sku_id, 100) for _ in range(12)), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {actions.Added: 9, CartLineFull: 3}
    assert (await given.cart_again(shopper)).units == 900


async def test_tabs_that_fill_a_cart_at_once_never_overfill_it(given):
    variants = tuple(Variant((str(number),), 100) for number in range(125))
    sku_ids = (await given.product(option_names=("款",), variants=variants)).sku_ids
    shopper = Holder(shopper_id=await given.shopper())
    await given.in_cart(shopper, *sku_ids[:115])

    outcomes = await asyncio.gather(*(add(given, shopper, sku_id) for sku_id in sku_ids[115:]), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {actions.Added: 5, CartFull: 5}
    assert len((await given.cart_again(shopper)).lines) == 120


async def test_a_cart_that_is_merged_from_all_sides_at_once_is_merged_once(given):
    sku_id = await given.sku()
    guest = await given.guest(sku_id, quantity=3)
    shopper_ids = await given.shoppers(4)

    await asyncio.gather(
        *(
            actions.merge(given.db, shopper_id=shopper_id, guest_token=guest.guest_token, now=given.now)
            for shopper_id in shopper_ids * 5
        )
    )

    carts = [await given.cart_again(shopper_id) for shopper_id in shopper_ids]
    assert sorted(cart.units for cart in carts) == [0, 0, 0, 3]
