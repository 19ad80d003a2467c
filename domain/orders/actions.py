"""What can be done with orders once they are placed: pay, cancel, lapse, and decide about money that came late.

Locks are taken in one order: the order, its payments, then stock (allotments, SKUs).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.addresses import queries as addresses
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.ledger import store as ledger
from domain.orders import postings, rules, store
from domain.orders.events import OrderCancelled, OrderLapsed, OrderPaid, OrderPaidLate
from domain.orders.rules import Fulfilment, LateOutcome, Order, OrderState, Verdict
from domain.payments import actions as payments
from domain.payments import store as payments_store
from domain.payments.gateways import Gateway
from domain.stock import store as stock
from domain.stock.rules import Movement, NotEnoughStock

PAYABLE = "order"
"""How payments name an order as what they are for."""


async def pay(
    db: Database,
    gateway: Gateway,
    *,
    order_id: UUID,
    shopper_id: UUID,
    idempotency_key: str,
    now: datetime,
    others: Iterable[Gateway] = (),
) -> payments.Asked:
    """The order's payment and how to pay it. Whoever asks again, with this key or another, gets the same payment.

    Unless it was pending at one of the `others`: there it is closed first, and opened anew at this gateway. Not so for
    a key that was answered before: it closes nothing, as by now its payment may have made way for another.
    Raises NotFound, OrderNotPayable (neither for such a key), PayerUnknown, GatewayUnavailable, IdempotencyConflict.
    """
    request = {"order": order_id, "gateway": gateway.name}
    wish: dict[str, Any] = {
        "owner_id": shopper_id,
        "key": idempotency_key,
        "operation": "pay_order",
        "request": request,
    }
    if await idempotency.recall(db, **wish) is None:
        await payments.leave_others(db, others, payable=PAYABLE, payable_id=order_id, payer_id=shopper_id, now=now)
    async with db.transaction() as tx:
        replay = await idempotency.begin(tx, **wish)
        if replay:
            payment_id = UUID(replay.answer)
        else:
            order = await store.lock(tx, order_id)
            rules.check_payable(order, shopper_id=shopper_id, now=now)
            payment_id = await payments_store.open_pending(
                tx,
                payable=PAYABLE,
                payable_id=order.id,
                payer_id=shopper_id,
                amount=order.total,
                gateway=gateway.name,
                expires_at=order.pay_by,
                now=now,
            )
            await idempotency.finish(tx, owner_id=shopper_id, key=idempotency_key, answer=str(payment_id))
    return await payments.ask(db, gateway, payment_id=payment_id, now=now)


async def take_payment(
    db: Database, *, payable_id: UUID, payment_id: UUID, amount_minor: int, captured_at: datetime, now: datetime
) -> None:
    """Do with captured money what `rules.judge` says. The same payment again changes nothing.

    Against a lapse or a cancellation at the same instant the order's row lock decides: one of the two comes first, and
    the other finds its state.
    """
    async with db.transaction() as tx:
        order = await store.lock(tx, payable_id)
        verdict = rules.judge(order, payment_id=payment_id, amount_minor=amount_minor)
        if verdict is Verdict.GIVE_BACK:
            await payments_store.mark_refund_due(tx, payment_id, reason="not_wanted", now=now)
        elif verdict is Verdict.ACCEPT:
            await _sell(tx, order, payment_id=payment_id, now=now)
        elif verdict is not Verdict.KNOWN:
            await store.note_late_money(tx, order, payment_id=payment_id, captured_at=captured_at)
            if verdict is Verdict.REVIVE_IF_POSSIBLE:
                await _revive_or_refuse(tx, order.id, payment_id=payment_id, now=now)
            else:
                assert order.source is not None and order.source_id is not None
                tx.record(OrderPaidLate(order.id, order.source, order.source_id, payment_id, captured_at))


async def revive(tx: Transaction, order_id: UUID, *, payment_id: UUID, now: datetime) -> bool:
    """Sell an ended order after all, with money that came late; whether it was still to be decided.

    For the promotion that placed the order, once it has taken its own units again. A second call, or one after
    `refuse_late`, changes nothing. Raises NotEnoughStock; the transaction (or its savepoint) is then to be left.
    """
    order = await store.lock(tx, order_id)
    if not rules.awaits_decision(order, payment_id):
        return False
    units = await store.units_of(tx, order_id)
    await stock.hold(tx, [(order_id, some) for some in units], cause=store.cause_of([order_id]), now=now)
    await _sell(tx, order, payment_id=payment_id, now=now, late_outcome=LateOutcome.REVIVED)
    return True


async def refuse_late(tx: Transaction, order_id: UUID, *, payment_id: UUID, now: datetime) -> bool:
    """Give late money back and leave the order as it is; whether it was still to be decided.

    A second call, or one after `revive`, changes nothing.
    """
    order = await store.lock(tx, order_id)
    if not rules.awaits_decision(order, payment_id):
        return False
    await store.note_refusal_of_late_money(tx, order)
    await payments_store.mark_refund_due(tx, payment_id, reason="too_late", now=now)
    return True


async def take_for_free(tx: Transaction, order_id: UUID, *, now: datetime) -> None:
    """Sell an order that costs nothing: there is no money to wait for."""
    order = await store.lock(tx, order_id)
    assert order.total.minor == 0, f"order {order_id} is not free"
    await _sell(tx, order, payment_id=None, now=now)


async def confirm(tx: Transaction, order_ids: Iterable[UUID]) -> None:
    """What a promotion placed unconfirmed stands: from now on it may leave. A second call changes nothing."""
    found = await store.lock_many(tx, list(order_ids))
    await store.confirm(tx, list(found))


async def cancel(db: Database, *, order_id: UUID, shopper_id: UUID, idempotency_key: str, now: datetime) -> Order:
    """Call off one's own order before it is paid; gives back the order as it is then.

    The same key again changes nothing. The payment, if one was asked for, is closed soon after.
    Raises NotFound, OrderNotCancellable, IdempotencyConflict.
    """
    request = {"order": order_id}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=shopper_id, key=idempotency_key, operation="cancel_order", request=request
        )
        order = await store.lock(tx, order_id)
        rules.check_owner(order, shopper_id)
        if replay:
            return order
        rules.check_cancellable(order)
        await call_off(tx, order, by=shopper_id, now=now)
        return replace(order, state=OrderState.CANCELLED, cancelled_at=now)


async def call_off(tx: Transaction, order: Order, *, by: UUID, now: datetime) -> None:
    """End a locked order that can be cancelled: nobody is to pay it any more, and its units are free again."""
    await store.move(tx, order, OrderState.CANCELLED, cancelled_at=now, cancelled_by=by)
    await payments_store.withdraw(tx, payable=PAYABLE, payable_id=order.id, now=now)
    cause = store.cause_of([order.id], by=by)
    await stock.end_holds(tx, [order.id], movement=Movement.RELEASED, cause=cause, now=now)
    tx.record(OrderCancelled(order.id, order.source, order.source_id, cancelled_at=now))


async def set_destination(
    db: Database, *, order_id: UUID, shopper_id: UUID, address_id: UUID, idempotency_key: str, now: datetime
) -> Order:
    """Say where an order goes that a promotion placed; gives back the order as it is then. It costs what it did before.

    The order keeps the address as it is now. It may be said again until something has left; the same key again changes
    nothing. Raises NotFound for an order or an address that is not the shopper's, OrderNotRedirectable,
    IdempotencyConflict.
    """
    request = {"order": order_id, "address": address_id}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=shopper_id, key=idempotency_key, operation="set_order_destination", request=request
        )
        order = await store.lock(tx, order_id)
        rules.check_owner(order, shopper_id)
        if replay:
            return order
        destination = await addresses.destination(tx, address_id=address_id, shopper_id=shopper_id)
        rules.check_redirectable(order, await store.lines_of(tx, order.id))
        await store.set_destination(tx, order, destination, now=now)
        return replace(order, fulfilment=Fulfilment.DELIVERY, destination=destination)


async def lapse_due(db: Database, *, now: datetime, limit: int) -> int:
    """Lapse orders nobody paid in time and release their units, in one transaction; how many. Safe side by side.

    An order whose money arrives at this instant is locked by that and left out.
    """
    async with db.transaction() as tx:
        lapsed = await store.lapse(tx, now=now, limit=limit)
        if lapsed:
            ids = [row.id for row in lapsed]
            await stock.end_holds(tx, ids, movement=Movement.RELEASED, cause=store.cause_of(ids), now=now)
            for row in lapsed:
                tx.record(OrderLapsed(row.id, row.source, row.source_id, lapsed_at=now))
    return len(lapsed)


async def _revive_or_refuse(tx: Transaction, order_id: UUID, *, payment_id: UUID, now: datetime) -> None:
    """No promotion is asked: the goods are there or they are not."""
    try:
        async with tx.savepoint():  # a hold that fails half-way is undone, the decision is kept
            await revive(tx, order_id, payment_id=payment_id, now=now)
    except NotEnoughStock:
        await refuse_late(tx, order_id, payment_id=payment_id, now=now)


async def _sell(
    tx: Transaction, order: Order, *, payment_id: UUID | None, now: datetime, late_outcome: LateOutcome | None = None
) -> None:
    values = {"paid_at": now, "paid_with": payment_id, "late_outcome": late_outcome}
    await store.move(tx, order, OrderState.PAID, **values, pickup_code=rules.new_pickup_code(order))
    if order.total.minor:
        await ledger.post(tx, [postings.paid(order, now)], now=now)
    tx.record(OrderPaid(order.id, order.source, order.source_id, paid_at=now))
    # last: on a popular SKU every buyer waits for this row
    sold = await stock.end_holds(tx, [order.id], movement=Movement.SOLD, cause=store.cause_of([order.id]), now=now)
    assert sold, f"order {order.id} held nothing that could be sold"
