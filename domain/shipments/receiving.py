"""How goods come into the shopper's hands: by their own word, by the clock's, or over a store's counter."""

import hmac
from datetime import datetime
from uuid import UUID

from domain.foundation import idempotency, metrics
from domain.foundation.database import Database, Transaction
from domain.foundation.reporting import note_failure
from domain.orders import fulfilling
from domain.orders import rules as orders
from domain.orders import store as orders_store
from domain.orders.rules import Order, OrderState, Receiver
from domain.shipments import queries, rules, store
from domain.shipments.rules import EXTENSION, WRONG_CODES, PickupCodeLocked, ReceiptNotExtendable, WrongPickupCode
from domain.trail import store as trail


async def confirm(db: Database, *, order_id: UUID, shopper_id: UUID, idempotency_key: str, now: datetime) -> UUID:
    """The shopper says that they have the goods; the order's id. The same key again, or the clock before, changes nothing.

    Raises NotFound, OrderNotReceivable, IdempotencyConflict.
    """
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=shopper_id, key=idempotency_key, operation="confirm_receipt", request={"order": order_id}
        )
        order = await orders_store.lock(tx, order_id)
        orders.check_owner(order, shopper_id)
        if not replay and order.received_at is None:
            await fulfilling.receive(tx, order, by=Receiver.SHOPPER, now=now)
    return order_id


async def extend(db: Database, *, order_id: UUID, shopper_id: UUID, idempotency_key: str, now: datetime) -> UUID:
    """Give the shopper seven more days to look at the goods, once; the order's id. The same key again changes nothing.

    Raises NotFound, ReceiptNotExtendable, IdempotencyConflict.
    """
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=shopper_id, key=idempotency_key, operation="extend_receipt", request={"order": order_id}
        )
        order = await orders_store.lock(tx, order_id)
        orders.check_owner(order, shopper_id)
        if not replay:
            await _extend(tx, order, now)
    return order_id


async def receive_due(db: Database, *, now: datetime, limit: int) -> int:
    """Say of all orders sent long ago that their shoppers have them; how many. Safe side by side.

    They are looked up `limit` at a time and received each in a transaction of its own. One that its shopper confirms at
    this instant is locked by that and left out; one that cannot be received is logged, and tried again next time.
    """
    received = 0
    last: tuple[datetime, UUID] | None = None
    while due := await queries.receivable(db, now=now, after=last, limit=limit):
        for last in due:
            try:
                received += await _receive_if_due(db, last[1], now=now)
            except Exception as error:
                # one order's trouble must not stop the clock for all the others
                note_failure("order_not_received", error, order=str(last[1]))
    return received


async def hand_over(db: Database, *, order_id: UUID, code: str, by: UUID, idempotency_key: str, now: datetime) -> UUID:
    """Hand an order over at the store's counter to whoever knows its code; the order's id.

    The same key again changes nothing and answers the same; another code is another wish and takes another key. A wrong
    code is counted; after five the order's code is not looked at for 15 minutes. Raises NotFound, NotYourOwnOrder,
    OrderNotReceivable, OrderNotConfirmed, WrongPickupCode, PickupCodeLocked, IdempotencyConflict.
    """
    request = {"order": order_id, "code": code}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="hand_over_pickup", request=request
        )
        if replay and replay.answer:
            raise WrongPickupCode(**replay.answer)
        if replay:
            return order_id
        order = await orders_store.lock(tx, order_id)
        orders.check_not_own(order, by)
        orders.check_receivable(order, Receiver.STORE)
        tries, last_at = await store.wrong_codes_of(tx, order_id, now=now)
        if tries >= WRONG_CODES and last_at is not None:
            raise PickupCodeLocked(until=last_at + rules.CODES_LOCKED_FOR)
        assert order.pickup_code, f"order {order_id} is to be picked up without a code"
        is_right = hmac.compare_digest(code.strip().encode(), order.pickup_code.encode())
        wrong = WrongPickupCode(tries_left=WRONG_CODES - tries - 1)
        if is_right:
            await fulfilling.receive(tx, order, by=Receiver.STORE, now=now)
        else:
            await store.count_wrong_code(tx, order_id, tries=tries + 1, now=now)
            await idempotency.finish(tx, owner_id=by, key=idempotency_key, answer=wrong.facts)
        deed = "hand_over_pickup" if is_right else "try_pickup_code"
        await trail.note(tx, by=by, deed=deed, subject="order", subject_id=order_id, now=now)
    if not is_right:  # raised once it is counted: a refusal undoes its transaction
        metrics.wrong_pickup_codes.inc()
        raise wrong
    return order_id


async def _extend(tx: Transaction, order: Order, now: datetime) -> None:
    is_extended = await store.is_extended(tx, order.id)
    if is_extended or order.state is not OrderState.SHIPPED or order.receive_by is None or now >= order.receive_by:
        raise ReceiptNotExtendable(order_id=order.id, is_extended=is_extended)
    await store.note_extension(tx, order.id, now=now)
    await fulfilling.move_receipt(tx, order, order.receive_by + EXTENSION)


async def _receive_if_due(db: Database, order_id: UUID, *, now: datetime) -> bool:
    async with db.transaction() as tx:
        order = await orders_store.lock_receivable(tx, order_id, now=now)
        if order is not None:
            await fulfilling.receive(tx, order, by=Receiver.TIME, now=now)
    return order is not None
