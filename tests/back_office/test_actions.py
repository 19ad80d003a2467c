"""Calling off somebody's order, and remarking it."""

import pytest

from domain.back_office import actions
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.orders.events import OrderCancelled
from domain.orders.rules import OrderNotCancellable
from domain.trail import queries as trail
from tests.audit import assert_clean


async def deeds(db):
    return [(deed.deed, deed.by, dict(deed.facts)) for deed in (await trail.page(db, first=100)).rows]


async def test_an_order_is_called_off_once_and_its_units_are_free(given, db, market, somebody):
    order = await given.order(sku_id := await given.stocked_sku(3), quantity=2)
    payment = await given.payment(order)
    wish = {"order_id": order.id, "by": somebody, "reason": " 地址有误 ", "idempotency_key": "cancel-01"}

    cancelled = await actions.cancel_order(db, **wish, now=given.now)
    again = await actions.cancel_order(db, **wish, now=given.now)

    assert cancelled == again
    assert (cancelled.state, cancelled.cancelled_at) == ("cancelled", given.now)
    assert (await given.stock_of(sku_id)).free == 3
    assert (await given.payment_again(payment.id)).expires_at == given.now
    assert await given.recorded(OrderCancelled) == [OrderCancelled(order.id, None, None, given.now)]
    assert await deeds(db) == [("cancel_order", somebody, {"reason": "地址有误"})]
    await assert_clean(market, in_flight=True)


async def test_what_is_paid_is_not_called_off(given, db, somebody):
    order = await given.bought()

    with pytest.raises(OrderNotCancellable):
        await actions.cancel_order(
            db, order_id=order.id, by=somebody, reason="错", idempotency_key="cancel-01", now=given.now
        )

    assert await given.order_again(order.id) == order
    assert await deeds(db) == []


async def test_one_key_is_for_one_wish(given, db, somebody):
    order = await given.order(await given.stocked_sku(1))
    wish = {"order_id": order.id, "by": somebody, "idempotency_key": "remark-01", "now": given.now}
    await actions.remark_order(db, **wish, words="已电话联系")
    await actions.remark_order(db, **wish, words="已电话联系")

    with pytest.raises(IdempotencyConflict):
        await actions.remark_order(db, **wish, words="另一句")

    assert await deeds(db) == [("remark_order", somebody, {"words": "已电话联系"})]


@pytest.mark.parametrize("words", ["", "  ", "\0", "x" * 501])
async def test_nothing_is_done_without_words(given, db, somebody, words):
    order = await given.order(await given.stocked_sku(1))
    wish = {"order_id": order.id, "by": somebody, "idempotency_key": "nothing-1", "now": given.now}

    with pytest.raises(BadInput):
        await actions.cancel_order(db, **wish, reason=words)
    with pytest.raises(BadInput):
        await actions.remark_order(db, **wish, words=words)

    assert await deeds(db) == []


async def test_there_must_be_an_order(db, somebody, now):
    with pytest.raises(NotFound):
        await actions.remark_order(db, order_id=new_id(), by=somebody, words="好", idempotency_key="remark-01", now=now)
