"""Orders that their promotion may still call off: they are paid, and every door says no until they are confirmed."""

from datetime import timedelta
from functools import partial

import orjson
import pytest

from domain.after_sales import actions as after_sales
from domain.after_sales import deciding
from domain.after_sales.amounts import Wish
from domain.after_sales.rules import Kind, Reason
from domain.back_office import finding
from domain.back_office.rules import WantedOrders
from domain.foundation.ids import new_id
from domain.orders import actions, queries
from domain.orders.events import OrderGivenBack
from domain.orders.rules import Fulfilment, OrderNotConfirmed, OrderNotRefundable, OrderNotShippable, OrderState
from domain.shipments import dropping, receiving, shipping
from domain.shipments.rules import Carrier
from domain.shipments.shipping import Row
from tests.audit import assert_clean
from tests.given.after_sales import Goods

YEAR = timedelta(days=365)
ALL = Wish(Kind.REFUND, Reason.NOT_WANTED, None)


@pytest.fixture
def refused(given, market):
    """`await refused(order, deed)`: the deed is refused as the order is not confirmed, and nothing has changed."""

    async def refused(order, deed):
        before = await state_of(given, order)
        with pytest.raises(OrderNotConfirmed) as refusal:
            await deed()
        assert refusal.value.order_id == order.id
        assert await state_of(given, order) == before
        await assert_clean(market, in_flight=True)

    return refused


async def state_of(given, order):
    return (
        await given.order_again(order.id),
        await given.lines_of_order(order),
        [await given.stock_of(line.sku_id) for line in await given.lines_of_order(order)],
        await given.account_balances(),
        await given.recorded(),
    )


async def told(given, supplier, order, *, reference):
    """What a supplier hears that says it has sent the order."""
    parcel = {"order": order.number, "carrier": "sf", "number": "SF1234567890123"}
    letter = given.letter("shipments", orjson.dumps([parcel]), reference=reference)
    [heard] = await dropping.take(given.db, supplier, letter, dropping.read(letter.body), now=given.now)
    if heard.error is not None:
        raise heard.error
    return heard.shipment_id


async def test_staff_send_it_once_it_is_confirmed(given, refused, market):
    order = await given.bought(Goods(2), is_confirmed=False)
    [answer] = await shipping.ship_many(
        given.db,
        [Row(order.id, Carrier.SF, "SF1234567890123")],
        by=new_id(),
        idempotency_key="many-0001",
        now=given.now,
    )

    await refused(order, partial(given.shipped, order))
    await given.confirm(order)
    await given.shipped(order)

    assert isinstance(answer.error, OrderNotConfirmed)
    assert (await given.order_again(order.id)).state is OrderState.SHIPPED
    await assert_clean(market, in_flight=True)


async def test_a_supplier_is_not_told_of_it_and_cannot_send_it(given, refused):
    supplier, _ = await given.supplier()
    order = await given.bought(Goods(2, supplier_id=supplier.id, cost_minor=800), is_confirmed=False)
    before = await dropping.waiting(given.db, supplier.id, first=5)

    await refused(order, partial(told, given, supplier, order, reference="parcels-0001"))
    await given.confirm(order)
    after = await dropping.waiting(given.db, supplier.id, first=5)
    await told(given, supplier, order, reference="parcels-0002")

    assert list(before.rows) == []
    assert [(one.order_id, one.units) for one in after.rows] == [(order.id, 2)]
    assert (await given.order_again(order.id)).state is OrderState.SHIPPED


async def test_a_supplier_has_not_put_its_units_aside(given, market):
    supplier, _ = await given.supplier()
    (sku_id,) = await given.supplied(supplier, "A-1", units=10)
    order = await given.order(sku_id, quantity=3, source="promotion", is_confirmed=False)
    await given.money_for(order)
    await given.hear_payments()

    await given.feed(supplier, {"A-1": 10})
    free_before = (await given.stock_of(sku_id)).free
    await given.confirm(order)
    await given.feed(supplier, {"A-1": 7})

    assert (free_before, (await given.stock_of(sku_id)).free) == (7, 7)
    await assert_clean(market, in_flight=True)


async def test_a_store_hands_it_over_once_it_is_confirmed(given, refused, market):
    order = await given.bought(Goods(2), fulfilment=Fulfilment.PICKUP, is_confirmed=False)
    hand_over = partial(
        receiving.hand_over, given.db, order_id=order.id, code=order.pickup_code, by=new_id(), now=given.now
    )

    await refused(order, partial(hand_over, idempotency_key="hand-over-0001"))
    await given.confirm(order)
    await hand_over(idempotency_key="hand-over-0002")

    assert (await given.order_again(order.id)).state is OrderState.RECEIVED
    await assert_clean(market, in_flight=True)


async def test_its_shopper_asks_for_no_after_sale(given, refused):
    order = await given.bought(Goods(2), is_confirmed=False)
    wish = {"order_id": order.id, "shopper_id": order.shopper_id, "wish": ALL, "now": given.now}
    ask = partial(after_sales.request, given.db, **wish)

    await refused(order, partial(after_sales.quote, given.db, **wish))
    await refused(order, partial(ask, idempotency_key="request-0001"))
    await given.confirm(order)
    asked = await ask(idempotency_key="request-0002")

    assert asked.asked == order.total


async def test_an_unpaid_or_refunded_one_is_refused_for_what_it_is(given):
    unpaid, gone = await given.ordered(is_confirmed=False), await given.bought(is_confirmed=False)
    await deciding.refund(
        given.db, order_id=gone.id, by=new_id(), words="缺货", idempotency_key="refund-0001", now=given.now
    )

    for order in (unpaid, gone):
        with pytest.raises(OrderNotShippable):
            await given.shipped(order)
        with pytest.raises(OrderNotRefundable):
            await given.after_sale(order)


async def test_staff_give_its_money_back_unasked_and_its_promotion_hears_of_it(given, market):
    order = await given.bought(Goods(2), is_confirmed=False)

    given_back = await deciding.refund(
        given.db, order_id=order.id, by=new_id(), words="缺货", idempotency_key="refund-0001", now=given.now
    )

    [heard] = await given.recorded(OrderGivenBack)
    assert heard == OrderGivenBack(
        order.id, "promotion", order.source_id, given_back.id, order.total.minor, is_whole=True, agreed_at=given.now
    )
    assert (await given.order_again(order.id)).state is OrderState.REFUNDED
    await assert_clean(market, in_flight=True)


async def test_no_clock_receives_it(given):
    order = await given.bought(is_confirmed=False)

    assert await receiving.receive_due(given.db, now=given.now + YEAR, limit=10) == 0
    assert (await given.order_again(order.id)).state is OrderState.PAID


async def test_it_may_be_said_where_it_goes(given):
    order = await given.bought(fulfilment=None, is_confirmed=False)
    address_id = await given.home_of(order.shopper_id)

    await actions.set_destination(
        given.db,
        order_id=order.id,
        shopper_id=order.shopper_id,
        address_id=address_id,
        idempotency_key="destination-0001",
        now=given.now,
    )

    assert (await given.order_again(order.id)).fulfilment is Fulfilment.DELIVERY


async def test_to_confirm_it_twice_changes_nothing(given):
    order = await given.confirm(await given.bought(is_confirmed=False))

    assert order.is_confirmed
    assert await given.confirm(order) == order


async def test_staff_find_what_is_to_be_sent_without_it(given):
    waits, stands = await given.bought(is_confirmed=False), await given.bought()

    async def found(is_confirmed):
        wanted = WantedOrders(states=(OrderState.PAID,), is_confirmed=is_confirmed)
        return [order.id for order in (await finding.page(given.db, wanted, first=5)).rows]

    assert (await found(True), await found(False)) == ([stands.id], [waits.id])
    assert set(await found(None)) == {waits.id, stands.id}


async def test_units_that_wait_are_those_of_paid_and_unconfirmed_orders(given):
    order, unpaid, stands = (
        await given.bought(Goods(3), is_confirmed=False),
        await given.ordered(Goods(4), is_confirmed=False),
        await given.bought(Goods(5)),
    )
    [sku_id, *others] = [(await given.lines_of_order(some))[0].sku_id for some in (order, unpaid, stands)]

    async with given.db.reading() as reader:
        assert await queries.unconfirmed_units(reader, [sku_id, *others]) == {sku_id: 3}
