"""An order tells its whole story, and shoppers are told their part of it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.after_sales.rules import AfterSaleState, Kind
from domain.back_office import actions, history
from domain.back_office.rules import MomentKind as K
from domain.back_office.rules import Teller, told_to_shopper
from domain.foundation.ids import new_id
from domain.orders import actions as orders
from domain.orders import store as orders_store
from domain.orders.rules import Fulfilment, Receiver
from domain.payments import store as payments
from domain.shipments import shipping
from domain.shipments.rules import Carrier
from tests.given.after_sales import Goods
from tests.statements import count_statements

HOUR = timedelta(hours=1)


@pytest.fixture
def told(db):
    """`await told(order)`: its moments."""

    async def told(order):
        return (await history.by_order_ids(db, [order.id]))[order.id]

    return told


def kinds(moments):
    return [moment.kind for moment in moments]


async def test_from_the_order_to_the_last_yuan(given, told, db):
    order = await given.bought(Goods(2))
    given.now += HOUR
    await given.units_leave(order, {1: 2}, now=given.now)
    async with db.transaction() as tx:
        await tx.execute(
            text("INSERT INTO tracking_events (shipment_id, happened_at, state, words, place, told_at) "
                 "SELECT id, :at, 'moving', '已揽收', '上海', :at FROM shipments"),
            {"at": given.now + timedelta(minutes=1)},
        )  # fmt: skip
    given.now += HOUR
    await given.units_arrive(order, now=given.now)
    given.now += HOUR
    await given.after_sale(order, {1: 1}, state=AfterSaleState.REFUNDING, kind=Kind.REFUND)
    given.now += HOUR
    await given.give_back_at_gateway()

    moments = await told(order)

    assert [kind for kind in kinds(moments) if kind is not K.DEED] == [
        K.PLACED, K.PAYMENT_ASKED, K.CAPTURED, K.PAID, K.SHIPPED, K.TRACKED, K.RECEIVED,
        K.AFTER_SALE_REQUESTED, K.AFTER_SALE_DECIDED, K.REFUND_ASKED, K.REFUNDED,
    ]  # fmt: skip
    assert [moment.at for moment in moments] == sorted(moment.at for moment in moments)
    assert next(moment.words for moment in moments if moment.kind is K.TRACKED) == "上海 已揽收"
    [refunded] = [moment for moment in moments if moment.kind is K.REFUNDED]
    assert (refunded.amount.minor, refunded.by) == (1990, Teller.GATEWAY)


async def test_moments_of_one_instant_stand_as_they_follow_from_each_other(given, told):
    order = await given.bought()

    assert kinds(await told(order)) == [K.PLACED, K.PAYMENT_ASKED, K.CAPTURED, K.PAID]


async def test_who_called_it_off(given, told, db):
    sku_id, staff = await given.stocked_sku(9), await given.shopper("李经理")
    own, theirs = await given.order(sku_id), await given.order(sku_id)
    await orders.cancel(db, order_id=own.id, shopper_id=own.shopper_id, idempotency_key="cancel-01", now=given.now)
    await actions.cancel_order(
        db, order_id=theirs.id, by=staff, reason="地址有误", idempotency_key="cancel-01", now=given.now
    )

    [_, by_shopper] = await told(own)
    [_, by_staff, deed] = await told(theirs)

    assert (by_shopper.kind, by_shopper.by, by_shopper.staff_id) == (K.CANCELLED, Teller.SHOPPER, None)
    assert (by_staff.kind, by_staff.by, by_staff.staff_name) == (K.CANCELLED, Teller.STAFF, "李经理")
    assert (deed.kind, deed.staff_name, deed.words) == (K.DEED, "李经理", 'cancel_order {"reason":"地址有误"}')


async def test_late_money_and_a_refund_that_fails(given, told, db):
    order = await given.order(await given.stocked_sku(1))
    await given.payment(order)
    await orders.lapse_due(db, now=order.pay_by, limit=1)
    await given.order(await sku_of(db, order))  # somebody else has the unit by now
    given.now = order.pay_by + HOUR
    await given.money_for(order)
    await given.hear_payments()
    async with db.transaction() as tx:
        [due] = await payments.take_refunds(tx, gateway="wechat", now=given.now, limit=1)
        await payments.put_refund_off(tx, due.id, retry_at=given.now, error="余额不足")

    moments = await told(order)
    own = told_to_shopper(moments)

    assert kinds(moments) == [K.PLACED, K.PAYMENT_ASKED, K.LAPSED, K.CAPTURED, K.PAID_LATE, K.REFUND_ASKED]
    assert (moments[-2].words, moments[-1].attempts, moments[-1].error) == ("refunded", 1, "余额不足")
    assert kinds(own) == kinds(moments)
    assert (own[-1].attempts, own[-1].error) == (None, None)


async def sku_of(db, order):
    return await db.value(text("SELECT sku_id FROM order_lines WHERE order_id = :id"), {"id": order.id})


async def test_a_store_hands_over(given, told):
    order = await given.bought(fulfilment=Fulfilment.PICKUP)
    await given.units_arrive(order, by=Receiver.STORE, now=given.now + HOUR)

    last = (await told(order))[-1]

    assert (last.kind, last.by) == (K.HANDED_OVER, Teller.STAFF)


async def test_shoppers_are_told_nothing_of_the_staffs_own(given, told, db):
    order = await given.bought()
    staff = await given.shopper("李经理")
    await given.units_leave(order, {1: 1})
    async with db.transaction() as tx:
        await tx.execute(
            text("INSERT INTO shipping_uploads (order_id, state, retry_at, due_since, attempts, error) "
                 "VALUES (:id, 'due', :at, :at, 3, 'access_token') ON CONFLICT (order_id) DO UPDATE SET error = 'access_token'"),
            {"id": order.id, "at": given.now},
        )  # fmt: skip
    await actions.remark_order(
        db, order_id=order.id, by=staff, words="爱投诉的顾客", idempotency_key="remark-01", now=given.now
    )

    moments = await told(order)
    own = told_to_shopper(moments)

    assert {K.UPLOAD_DUE, K.DEED} <= set(kinds(moments))
    assert not {K.UPLOAD_DUE, K.DEED} & set(kinds(own))
    assert "access_token" in repr(moments) and "爱投诉" in repr(moments) and "李经理" in repr(moments)
    assert "access_token" not in repr(own) and "爱投诉" not in repr(own) and "李经理" not in repr(own)
    assert all((moment.staff_id, moment.attempts) == (None, None) for moment in own)


async def test_many_histories_cost_what_one_costs(given, db):
    bought = [await given.bought() for _ in range(3)]
    for order in bought:
        await given.after_sale(order)
        await actions.remark_order(
            db, order_id=order.id, by=new_id(), words="好", idempotency_key="remark-01", now=given.now
        )

    sent = []
    for some in (bought[:1], bought):
        with count_statements(db) as statements:
            found = await history.by_order_ids(db, [order.id for order in some])
        sent.append(len(statements))

    assert sent == [9, 9]
    assert {len(moments) for moments in found.values()} == {6}


async def test_an_order_that_is_not_there_has_no_history(db):
    nobodys = new_id()

    assert await history.by_order_ids(db, [nobodys]) == {nobodys: []}


async def test_where_the_buyer_of_a_promotion_last_said_it_goes(given, told, db):
    order = await given.order(await given.stocked_sku(1), source="promotion")
    for minutes in (1, 2):
        await orders.set_destination(
            db, order_id=order.id, shopper_id=order.shopper_id, address_id=await given.home_of(order.shopper_id),
            idempotency_key=f"say-{new_id()}", now=given.now + timedelta(minutes=minutes),
        )  # fmt: skip

    placed, said = await told(order)

    assert (placed.kind, said.kind, said.by) == (K.PLACED, K.DESTINATION_SET, Teller.SHOPPER)
    assert said.at == given.now + timedelta(minutes=2)
    assert said in told_to_shopper([placed, said])


async def test_a_destination_said_at_checkout_is_no_moment_of_its_own(given, told):
    assert kinds(await told(await given.ordered())) == [K.PLACED]


async def test_a_supplier_has_sent_what_it_tells_of_itself_and_staff_what_they_wrote_down(given, told, db):
    supplier_id = await given.some_supplier()
    by_supplier, by_staff = [await given.bought(Goods(1, supplier_id=supplier_id, cost_minor=5)) for _ in range(2)]
    li = await given.shopper("李经理")
    for order, by in ((by_supplier, supplier_id), (by_staff, li)):
        async with db.transaction() as tx:
            wish = {"carrier": Carrier.SF, "number": given.tracking_number(), "by": by, "now": given.now}
            await shipping.send(tx, await orders_store.lock(tx, order.id), None, **wish)

    [theirs], [ours] = [
        [moment for moment in await told(order) if moment.kind is K.SHIPPED] for order in (by_supplier, by_staff)
    ]

    assert (theirs.by, theirs.staff_id, theirs.staff_name) == (Teller.SUPPLIER, None, None)
    assert (ours.by, ours.staff_id, ours.staff_name) == (Teller.STAFF, li, "李经理")
