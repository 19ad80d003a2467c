"""What staff can do with an order at the counter. What moves its parcels or its refunds is those features' own."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.back_office import links
from domain.back_office.links import Leave
from domain.back_office.rules import check_words
from domain.foundation import idempotency
from domain.foundation.database import Database
from domain.orders import actions as orders
from domain.orders import store
from domain.orders.rules import Order, OrderState, check_cancellable
from domain.trail import store as trail


async def cancel_order(
    db: Database, *, order_id: UUID, by: UUID, reason: str, idempotency_key: str, now: datetime
) -> Order:
    """Call off somebody's order before it is paid, and say why; the order as it is then. The same key again changes nothing.

    Raises NotFound, OrderNotCancellable, IdempotencyConflict, BadInput without a reason.
    """
    reason = check_words("reason", reason)
    request = {"order": order_id, "reason": reason}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="cancel_order_as_staff", request=request
        )
        order = await store.lock(tx, order_id)
        if replay:
            return order
        check_cancellable(order)
        await trail.note(tx, by=by, deed="cancel_order", subject="order", subject_id=order_id, now=now, reason=reason)
        await orders.call_off(tx, order, by=by, now=now)
    return replace(order, state=OrderState.CANCELLED, cancelled_at=now)


async def remark_order(
    db: Database, *, order_id: UUID, by: UUID, words: str, idempotency_key: str, now: datetime
) -> Order:
    """Leave a note for the others behind the counter; shoppers never see it. The same key again adds none.

    Raises NotFound, IdempotencyConflict, BadInput without words.
    """
    words = check_words("words", words)
    request = {"order": order_id, "words": words}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="remark_order", request=request
        )
        order = await store.lock(tx, order_id)
        if not replay:
            await trail.note(tx, by=by, deed="remark_order", subject="order", subject_id=order_id, now=now, words=words)
    return order


async def note_export(db: Database, leave: Leave, *, now: datetime) -> None:
    """Keep that a file was fetched, before its first byte leaves: each time, as each is a copy out of the house."""
    about = {"file": leave.file, "narrowed_by": links.noted(leave.about)}
    async with db.transaction() as tx:
        await trail.note(
            tx, by=leave.account_id, deed="fetch_export", subject="export", subject_id=leave.id, now=now, **about
        )
