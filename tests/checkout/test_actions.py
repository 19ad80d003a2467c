from asyncio import gather
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from domain.addresses import actions as addresses
from domain.carts import actions as carts
from domain.carts.rules import Holder
from domain.checkout.rules import BasketEmpty, CouponUnknown, PriceChanged, TooManyUnpaidOrders, Wish
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.money import Money
from domain.orders import actions as order_actions
from domain.orders import queries
from domain.orders.events import OrderPaid
from domain.orders.rules import Order, OrderState
from domain.pricing.rules import BelowMinimum, DestinationMissing, Fulfilment, NotForSale, Step, Wanted
from domain.products.rules import State
from domain.products.tables import skus
from domain.stock.rules import Level, NotEnoughStock
from domain.suppliers import actions as suppliers
from domain.suppliers.rules import SuppliedSku
from tests.audit import assert_clean
from tests.given.checkout import JINGAN, PAY_WITHIN
from tests.statements import count_statements


async def lines_of(given, order):
    return (await queries.lines_by_order_ids(given.db, [order.id]))[order.id]


async def test_an_order_is_charged_what_was_quoted(given):
    tea, wine = await given.sku(price_minor=1990), await given.sku(price_minor=5000)
    await given.freight()
    await given.sale_price(wine, 4000)
    wish = await given.delivery_wish({tea: 2, wine: 1})
    quote = await given.quote(wish)

    order = await given.placed(wish, expected=quote.total_minor, remark="少辣")

    assert (order.state, order.shopper_id, order.source) == (OrderState.PLACED, wish.shopper_id, None)
    assert (order.goods, order.discount, order.freight, order.total) == (
        Money(7980),
        Money(0),
        Money(1000),
        Money(8980),
    )
    assert (order.fulfilment, order.destination, order.store_id) == (Fulfilment.DELIVERY, JINGAN, None)
    assert (order.pay_by, order.remark) == (given.now + PAY_WITHIN, "少辣")
    for kept, quoted in zip(await lines_of(given, order), quote.lines, strict=True):
        assert (kept.sku_id, kept.title, kept.quantity) == (quoted.sku_id, quoted.title, quoted.quantity)
        assert (kept.total.minor, kept.freight.minor) == (quoted.total_minor, quoted.freight_minor)
        assert tuple(map(Step.read, kept.explanation)) == quoted.explanation
    assert await given.stock_of(tea) == Level(tea, free=8, held=2, sold=0)
    await assert_clean(given.market)


async def test_an_order_is_not_placed_at_another_price(given):
    sku_id = await given.sku(price_minor=1990)
    wish = await given.delivery_wish({sku_id: 1})
    async with given.db.transaction() as tx:
        await tx.execute(update(skus).values(price_minor=2190))

    with pytest.raises(PriceChanged) as refused:
        await given.placed(wish, expected=1990, key="order-0001")
    order = await given.placed(wish, expected=2190, key="order-0001x")

    assert (refused.value.expected, refused.value.now) == (Money(1990), Money(2190))
    assert order.total == Money(2190)
    assert await given.order_states() == {"placed": 1}
    assert await given.stock_of(sku_id) == Level(sku_id, free=9, held=1, sold=0)


async def test_a_refused_key_may_be_used_again(given):
    wish = await given.delivery_wish({await given.sku(price_minor=1990): 1})

    with pytest.raises(PriceChanged):
        await given.placed(wish, expected=1, key="order-0001")
    order = await given.placed(wish, expected=1990, key="order-0001")

    assert order.state is OrderState.PLACED


async def test_the_same_key_is_the_same_order(given):
    sku_id = await given.sku()
    wish = await given.delivery_wish({sku_id: 1})

    first = await given.placed(wish, key="order-0001")
    again = await given.placed(wish, expected=first.total.minor, key="order-0001")
    with pytest.raises(IdempotencyConflict):
        await given.placed(replace(wish, lines=(Wanted(sku_id, 2),)), key="order-0001")

    assert again == first
    assert await given.stock_of(sku_id) == Level(sku_id, free=9, held=1, sold=0)


async def test_a_repeated_key_answers_even_when_prices_have_changed(given):
    wish = await given.delivery_wish({await given.sku(): 1})
    first = await given.placed(wish, expected=1990, key="order-0001")
    async with given.db.transaction() as tx:
        await tx.execute(update(skus).values(price_minor=1))

    assert await given.placed(wish, expected=1990, key="order-0001") == first


async def test_too_few_units_place_nothing(given):
    tea, few = await given.sku(), await given.sku(units=2)
    wish = await given.delivery_wish(None)
    await given.in_cart(wish.shopper_id, tea, few, quantity=3)

    with pytest.raises(NotEnoughStock) as refused:
        await given.placed(wish, expected=11940)

    assert (refused.value.sku_id, refused.value.wanted, refused.value.free) == (few, 3, 2)
    assert not await given.order_states()
    assert (await given.stock_of(tea)).held == 0
    assert (await given.cart_again(wish.shopper_id)).units == 6
    await assert_clean(given.market)


async def test_what_was_chosen_leaves_the_cart_with_the_order(given):
    tea, wine, cake = [await given.sku() for _ in range(3)]
    wish = await given.delivery_wish(None)
    await given.in_cart(wish.shopper_id, tea, wine, cake)
    shopper = Holder(shopper_id=wish.shopper_id)
    await carts.choose(given.db, shopper, sku_ids=[wine], is_chosen=False, now=given.now)

    order = await given.placed(wish)
    with pytest.raises(BasketEmpty):
        await given.placed(wish, expected=0)

    assert {line.sku_id for line in await lines_of(given, order)} == {tea, cake}
    assert [line.sku_id for line in (await given.cart_again(shopper)).lines] == [wine]


async def test_what_is_bought_at_once_leaves_the_cart_alone(given):
    sku_id = await given.sku()
    wish = await given.delivery_wish({sku_id: 1})
    await given.in_cart(wish.shopper_id, sku_id, quantity=3)

    await given.placed(wish)

    assert (await given.cart_again(wish.shopper_id)).units == 3


async def test_the_same_sku_named_twice_is_one_line(given):
    sku_id = await given.sku()
    wish = await given.delivery_wish({sku_id: 1})

    order = await given.placed(replace(wish, lines=(Wanted(sku_id, 1), Wanted(sku_id, 2))))

    assert [(line.sku_id, line.quantity) for line in await lines_of(given, order)] == [(sku_id, 3)]


async def test_problems_of_a_quote_are_refusals(given):
    sku_id, draft = await given.sku(), await given.product(state=State.DRAFT)
    await given.minimum(Fulfilment.DELIVERY, 38_00)
    shopper_id = await given.shopper()
    theirs = await given.home_of(await given.shopper())

    for refused, wish in (
        (BelowMinimum, await given.delivery_wish({sku_id: 1}, shopper_id)),
        (NotForSale, await given.delivery_wish({draft.sku_ids[0]: 1}, shopper_id)),
        (NotFound, await given.delivery_wish({sku_id: 2}, shopper_id, address_id=theirs)),
        (DestinationMissing, await given.delivery_wish({sku_id: 2}, shopper_id, address_id=None)),
        (CouponUnknown, await given.delivery_wish({sku_id: 2}, shopper_id, coupon_code="SPRING")),
        (BasketEmpty, await given.delivery_wish({}, shopper_id)),
        (BadInput, Wish(shopper_id, (Wanted(sku_id, 2),))),
    ):
        with pytest.raises(refused):
            await given.placed(wish, expected=3980)

    assert not await given.order_states()
    assert (await given.stock_of(sku_id)).held == 0


async def test_an_order_keeps_its_address_whatever_becomes_of_it(given):
    wish = await given.delivery_wish({await given.sku(): 1})
    order = await given.placed(wish)

    await addresses.delete(given.db, address_id=wish.address_id, shopper_id=wish.shopper_id)

    assert (await given.order_again(order.id)).destination == JINGAN


async def test_a_pickup_has_a_code_once_it_is_paid(given):
    store_id = await given.pickup_store()
    wish = Wish(await given.shopper(), (Wanted(await given.sku(), 1),), Fulfilment.PICKUP, store_id=store_id)

    placed = await given.placed(wish)
    await given.money_for(placed)
    await given.hear_payments()

    paid = await given.order_again(placed.id)
    assert (placed.fulfilment, placed.store_id, placed.pickup_code) == (Fulfilment.PICKUP, store_id, None)
    assert len(paid.pickup_code) == 8
    await assert_clean(given.market, in_flight=True)


async def test_an_order_that_costs_nothing_is_taken_at_once(given):
    sku_id = await given.sku(price_minor=0)

    order = await given.placed(await given.delivery_wish({sku_id: 2}))

    assert (order.state, order.total, order.paid_at) == (OrderState.PAID, Money(0), given.now)
    assert await given.stock_of(sku_id) == Level(sku_id, free=8, held=0, sold=2)
    assert len(await given.recorded(OrderPaid)) == 1
    await assert_clean(given.market, in_flight=True)


async def test_lines_know_who_sends_them_and_what_that_costs(given):
    ours, theirs, by = await given.sku(), await given.sku(), await given.shopper()
    supplier, _ = await suppliers.create(
        given.db, code="tea-house", name="茶行", by=by, idempotency_key="supplier-1", now=given.now
    )

    async def assign(cost_minor):
        sent = SuppliedSku(theirs, supplier.id, "T-1", Money(cost_minor))
        await suppliers.assign(given.db, supplier_id=supplier.id, skus=[sent], by=by, now=given.now)

    await assign(700)

    order = await given.placed(await given.delivery_wish({ours: 1, theirs: 1}))
    await assign(900)

    supplied = {line.sku_id: (line.supplier_id, line.cost_minor) for line in await lines_of(given, order)}
    assert supplied == {ours: (None, None), theirs: (supplier.id, 700)}


async def test_an_order_that_nobody_pays_lapses_at_its_last_moment(given):
    sku_id = await given.sku()
    order = await given.placed(await given.delivery_wish({sku_id: 2}))

    early = await order_actions.lapse_due(given.db, now=order.pay_by - timedelta(microseconds=1), limit=9)
    at_last = await order_actions.lapse_due(given.db, now=order.pay_by, limit=9)

    assert (early, at_last) == (0, 1)
    assert await given.stock_of(sku_id) == Level(sku_id, free=10, held=0, sold=0)
    await assert_clean(given.market, in_flight=True)


@pytest.mark.parametrize("count", [3, 30])
async def test_placing_an_order_costs_fifteen_statements_however_long_it_is(given, count):
    wish = await given.delivery_wish(None)
    await given.freight()
    await given.in_cart(wish.shopper_id, *[await given.sku() for _ in range(count)])
    total = (await given.quote(wish)).total_minor

    with count_statements(given.db) as sent:
        order = await given.placed(wish, expected=total)

    assert order.total.minor == total
    written = [" ".join(statement.split()[:3]) for statement in sent if not statement.startswith("SELECT")]
    assert written == [
        "INSERT INTO idempotency_keys",
        "DELETE FROM cart_lines",
        "INSERT INTO orders",
        "INSERT INTO order_lines",
        "INSERT INTO stock_holds",
        "UPDATE stock_levels AS",
        "INSERT INTO stock_movements",
    ]
    # and read: unpaid orders, the address, goods, terms and freight, suppliers, the lock of the SKUs, the order once it is
    # committed
    assert len(sent) == 15


async def test_as_many_orders_as_allowed_may_wait_for_their_money(given):
    sku_id = await given.sku()
    wish = await given.delivery_wish({sku_id: 1})
    first, _ = [await given.placed(wish, unpaid_at_most=2) for _ in range(2)]

    with pytest.raises(TooManyUnpaidOrders) as refused:
        await given.placed(wish, unpaid_at_most=2)
    somebody_elses = await given.placed(await given.delivery_wish({sku_id: 1}), unpaid_at_most=2)
    await order_actions.cancel(
        given.db, order_id=first.id, shopper_id=wish.shopper_id, idempotency_key="cancel-01", now=given.now
    )
    after_one_is_called_off = await given.placed(wish, unpaid_at_most=2)

    assert refused.value.limit == 2
    assert (somebody_elses.state, after_one_is_called_off.state) == (OrderState.PLACED, OrderState.PLACED)
    assert (await given.stock_of(sku_id)).held == 3
    await assert_clean(given.market, in_flight=True)


async def test_a_promotions_orders_do_not_keep_a_shopper_from_the_checkout(given):
    sku_id = await given.sku()
    wish = await given.delivery_wish({sku_id: 1})
    await given.place([given.new_order(sku_id, shopper_id=wish.shopper_id, source="flash_sale")])

    assert (await given.placed(wish, unpaid_at_most=1)).state is OrderState.PLACED


async def test_twenty_checkouts_at_once_leave_no_more_unpaid_orders_than_allowed(given):
    sku_id = await given.sku(units=100)
    wish = await given.delivery_wish({sku_id: 1})
    total = (await given.quote(wish)).total_minor

    checkouts = (given.placed(wish, expected=total, unpaid_at_most=3) for _ in range(20))
    outcomes = await gather(*checkouts, return_exceptions=True)

    assert Counter(map(type, outcomes)) == {Order: 3, TooManyUnpaidOrders: 17}
    assert await given.stock_of(sku_id) == Level(sku_id, free=97, held=3, sold=0)


async def test_a_remark_is_kept_without_the_blanks_around_it(given):
    wish = await given.delivery_wish({await given.sku(): 1})

    first = await given.placed(wish, key="order-0001", remark=" 少辣\n")
    again = await given.placed(wish, key="order-0001", remark="少辣")

    assert first.remark == "少辣"
    assert again == first


async def test_nobody_is_told_of_a_placed_order(given):
    await given.placed(await given.delivery_wish({await given.sku(): 1}))

    assert await given.recorded() == []
