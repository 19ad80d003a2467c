from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.orders import actions, queries
from domain.orders.events import OrderCancelled, OrderLapsed, OrderPaid, OrderPaidLate
from domain.orders.rules import LateOutcome, OrderNotCancellable, OrderState
from domain.payments.rules import PaymentState
from domain.stock.rules import Level, NotEnoughStock
from tests.audit import assert_clean

NOTHING_IS_SOLD = """
    CREATE FUNCTION nothing_is_sold() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.sold > OLD.sold THEN RETURN NULL; END IF; RETURN NEW; END $$
"""


async def test_an_order_is_placed_with_its_units_held(given):
    sku_id = await given.stocked_sku(10)

    order = await given.order(sku_id, quantity=3)

    (line,) = (await queries.lines_by_order_ids(given.db, [order.id]))[order.id]
    assert (order.state, order.total.minor, order.number[:6]) == (OrderState.PLACED, 5970, "261111")
    assert (line.title, line.quantity, line.total.minor) == ("桂花酒酿", 3, 5970)
    assert await given.stock_of(sku_id) == Level(sku_id, free=7, held=3, sold=0)


async def test_a_batch_with_too_few_units_places_nothing(given):
    sku_id, shopper_id = await given.stocked_sku(2), await given.shopper()

    with pytest.raises(NotEnoughStock) as refused:
        await given.place([given.new_order(sku_id, shopper_id=shopper_id) for _ in range(3)])

    assert (refused.value.wanted, refused.value.free) == (3, 2)
    assert not await given.order_states()
    assert await given.stock_of(sku_id) == Level(sku_id, free=2, held=0, sold=0)


async def test_a_promotion_places_one_order_for_one_source(given):
    sku_id, shopper_id = await given.stocked_sku(2), await given.shopper()
    new = given.new_order(sku_id, shopper_id=shopper_id, source="promotion")
    await given.place([new])

    with pytest.raises(IntegrityError):
        await given.place([new])

    assert (await given.stock_of(sku_id)).held == 1


async def test_money_pays_the_order_and_sells_its_units(given):
    sku_id = await given.stocked_sku(10)
    order = await given.order(sku_id, quantity=3)
    payment = await given.money_for(order)

    await given.hear_payments()
    await given.hear_payments()

    paid = await given.order_again(order.id)
    assert (paid.state, paid.paid_at, paid.paid_with) == (OrderState.PAID, given.now, payment.id)
    assert await given.stock_of(sku_id) == Level(sku_id, free=7, held=0, sold=3)
    assert await given.recorded(OrderPaid) == [OrderPaid(order.id, None, None, paid_at=given.now)]


async def test_an_order_takes_its_money_even_when_the_sweep_is_late(given):
    order = await given.order(await given.stocked_sku(1))
    await given.money_for(order)

    await given.hear_payments(now=order.pay_by + timedelta(minutes=1))

    assert (await given.order_again(order.id)).state is OrderState.PAID


async def test_an_order_lapses_at_its_last_moment_and_not_before(given):
    sku_id = await given.stocked_sku(5)
    order = await given.order(sku_id, quantity=2)

    before = await actions.lapse_due(given.db, now=order.pay_by - timedelta(microseconds=1), limit=10)
    at_last = await actions.lapse_due(given.db, now=order.pay_by, limit=10)
    again = await actions.lapse_due(given.db, now=order.pay_by, limit=10)

    assert (before, at_last, again) == (0, 1, 0)
    assert (await given.order_again(order.id)).lapsed_at == order.pay_by
    assert await given.stock_of(sku_id) == Level(sku_id, free=5, held=0, sold=0)
    assert await given.recorded(OrderLapsed) == [OrderLapsed(order.id, None, None, lapsed_at=order.pay_by)]


async def test_late_money_revives_an_order_while_there_is_stock(given):
    sku_id = await given.stocked_sku(1)
    order = await given.order(sku_id)
    payment = await given.payment(order)
    await actions.lapse_due(given.db, now=order.pay_by, limit=10)

    await given.money_for(order)
    await given.hear_payments(now=order.pay_by)
    await given.hear_payments(now=order.pay_by)

    revived = await given.order_again(order.id)
    assert (revived.state, revived.late_outcome) == (OrderState.PAID, LateOutcome.REVIVED)
    assert (revived.paid_with, revived.lapsed_at) == (payment.id, order.pay_by)
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=0, sold=1)
    assert len(await given.recorded(OrderPaid)) == 1


async def test_late_money_goes_back_when_the_stock_is_gone(given):
    sku_id = await given.stocked_sku(1)
    order = await given.order(sku_id)
    await given.payment(order)
    await actions.lapse_due(given.db, now=order.pay_by, limit=10)
    await given.order(sku_id)

    payment = await given.money_for(order)
    await given.hear_payments(now=order.pay_by)
    await given.hear_payments(now=order.pay_by)

    refused = await given.order_again(order.id)
    assert (refused.state, refused.late_outcome) == (OrderState.LAPSED, LateOutcome.REFUNDED)
    assert (await given.payment_again(payment.id)).state is PaymentState.REFUND_DUE
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=1, sold=0)
    assert await given.recorded(OrderPaid) == []
    await assert_clean(given.market, in_flight=True)  # also the half of the hold that was done is undone


async def test_a_promotion_is_asked_about_late_money_once(given):
    order = await given.order(await given.stocked_sku(1), source="promotion")
    await given.payment(order)
    await actions.lapse_due(given.db, now=order.pay_by, limit=10)

    payment = await given.money_for(order)
    await given.hear_payments(now=order.pay_by)
    await given.hear_payments(now=order.pay_by)

    assert (await given.order_again(order.id)).state is OrderState.LAPSED
    assert (await given.payment_again(payment.id)).state is PaymentState.CAPTURED
    assert await given.recorded(OrderPaidLate) == [
        OrderPaidLate(order.id, "promotion", order.source_id, payment.id, captured_at=given.now)
    ]


async def late(given):
    """A lapsed order of a promotion with money that nobody has decided about."""
    sku_id = await given.stocked_sku(1)
    order = await given.order(sku_id, source="promotion")
    await given.payment(order)
    await actions.lapse_due(given.db, now=order.pay_by, limit=10)
    payment = await given.money_for(order)
    await given.hear_payments(now=order.pay_by)
    return sku_id, order, payment


async def decide(given, action, order, payment):
    async with given.db.transaction() as tx:
        return await action(tx, order.id, payment_id=payment.id, now=order.pay_by)


async def test_a_promotion_revives_an_order_once(given):
    sku_id, order, payment = await late(given)

    decisions = [
        await decide(given, action, order, payment) for action in (actions.revive,) * 2 + (actions.refuse_late,)
    ]

    assert decisions == [True, False, False]
    assert (await given.order_again(order.id)).late_outcome is LateOutcome.REVIVED
    assert (await given.payment_again(payment.id)).state is PaymentState.CAPTURED
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=0, sold=1)
    assert len(await given.recorded(OrderPaid)) == 1


async def test_a_promotion_refuses_late_money_once(given):
    sku_id, order, payment = await late(given)

    decisions = [
        await decide(given, action, order, payment) for action in (actions.refuse_late,) * 2 + (actions.revive,)
    ]

    assert decisions == [True, False, False]
    assert (await given.order_again(order.id)).state is OrderState.LAPSED
    assert (await given.payment_again(payment.id)).state is PaymentState.REFUND_DUE
    assert await given.stock_of(sku_id) == Level(sku_id, free=1, held=0, sold=0)
    assert await given.recorded(OrderPaid) == []


async def test_a_revival_without_stock_changes_nothing(given):
    sku_id, order, payment = await late(given)
    await given.order(sku_id)

    with pytest.raises(NotEnoughStock):
        await decide(given, actions.revive, order, payment)

    assert (await given.order_again(order.id)).late_outcome is None
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=1, sold=0)


async def test_a_revival_with_another_payment_changes_nothing(given):
    _, order, _ = await late(given)

    async with given.db.transaction() as tx:
        assert not await actions.revive(tx, order.id, payment_id=new_id(), now=order.pay_by)
        assert not await actions.refuse_late(tx, order.id, payment_id=new_id(), now=order.pay_by)

    assert (await given.order_again(order.id)).late_outcome is None


async def test_a_second_payment_goes_back(given):
    order = await given.order(await given.stocked_sku(1))
    first = await given.closed_payment(order)
    second = await given.money_for(order)
    await given.hear_payments()

    # the gateway tells late of the first
    from domain.payments import actions as payments

    outcome = await payments.take_notice(given.db, gateway="wechat", notice=given.notice(first), now=given.now)
    await given.hear_payments()

    assert outcome is payments.Outcome.GIVEN_BACK
    assert (await given.payment_again(first.id)).state is PaymentState.REFUND_DUE
    assert (await given.payment_again(second.id)).state is PaymentState.CAPTURED
    assert (await given.order_again(order.id)).paid_with == second.id
    assert len(await given.recorded(OrderPaid)) == 1


async def test_cancelling_releases_the_units_once(given):
    sku_id = await given.stocked_sku(1)
    order = await given.order(sku_id)
    payment = await given.payment(order)
    wish = {"order_id": order.id, "shopper_id": order.shopper_id, "idempotency_key": "cancel-1", "now": given.now}

    cancelled = await actions.cancel(given.db, **wish)
    again = await actions.cancel(given.db, **wish)

    assert cancelled == again == await given.order_again(order.id)
    assert (cancelled.state, cancelled.cancelled_at) == (OrderState.CANCELLED, given.now)
    assert await given.stock_of(sku_id) == Level(sku_id, free=1, held=0, sold=0)
    assert await given.recorded(OrderCancelled) == [OrderCancelled(order.id, None, None, cancelled_at=given.now)]
    assert (await given.payment_again(payment.id)).expires_at == given.now  # the next sweep closes it


async def test_what_cannot_be_cancelled(given):
    sku_id = await given.stocked_sku(2)
    order, paid = await given.order(sku_id), await given.order(sku_id)
    await given.money_for(paid)
    await given.hear_payments()

    def cancel(order, key="cancel-1", shopper_id=None):
        shopper_id = shopper_id or order.shopper_id
        return actions.cancel(given.db, order_id=order.id, shopper_id=shopper_id, idempotency_key=key, now=given.now)

    with pytest.raises(OrderNotCancellable):
        await cancel(paid)
    with pytest.raises(NotFound):
        await cancel(order, shopper_id=paid.shopper_id)
    with pytest.raises(NotFound):
        await actions.cancel(
            given.db, order_id=new_id(), shopper_id=order.shopper_id, idempotency_key="cancel-1", now=given.now
        )
    await cancel(order, key="cancel-2")
    with pytest.raises(OrderNotCancellable):
        await cancel(order, key="cancel-3")
    other = await given.order(sku_id, shopper_id=order.shopper_id)
    with pytest.raises(IdempotencyConflict):
        await cancel(other, key="cancel-2")

    assert await given.order_states() == {"cancelled": 1, "paid": 1, "placed": 1}
    assert await given.stock_of(sku_id) == Level(sku_id, free=0, held=1, sold=1)


async def test_a_revival_that_fails_half_way_records_nothing_of_itself(given):
    """The units are there to be held, and gone when they are to be sold: by a counter that lags, for one."""
    order = await given.order(await given.stocked_sku(1))
    await given.payment(order)
    await actions.lapse_due(given.db, now=order.pay_by, limit=10)
    await given.money_for(order)
    async with given.db.transaction() as tx:
        await tx.execute(text(NOTHING_IS_SOLD))
        await tx.execute(text("CREATE TRIGGER nothing_is_sold BEFORE UPDATE ON stock_levels "
                              "FOR EACH ROW EXECUTE FUNCTION nothing_is_sold()"))  # fmt: skip

    try:
        await given.hear_payments(now=order.pay_by)
    finally:
        async with given.db.transaction() as tx:
            await tx.execute(text("DROP FUNCTION nothing_is_sold CASCADE"))

    assert (await given.order_again(order.id)).late_outcome is LateOutcome.REFUNDED
    assert await given.recorded(OrderPaid) == []
    await assert_clean(given.market, in_flight=True)


async def test_an_order_has_one_line_for_a_sku(given):
    """What comes back must know from which line it was sold."""
    sku_id = await given.stocked_sku(2)

    with pytest.raises(IntegrityError, match="order_lines_order_id_sku_id_allotment_id_key"):
        await given.order(sku_id, sku_id)

    assert await given.stock_of(sku_id) == Level(sku_id, free=2, held=0, sold=0)
