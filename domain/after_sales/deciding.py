"""What staff decide about requests, or give back without one, and the clock about whatever nobody acted on in time.

Money goes back at the yes where no goods have to come, else when they are here. Every staff decision is noted in the trail.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.after_sales import amounts, inputs, opening, rules, store
from domain.after_sales.amounts import Wish
from domain.after_sales.giving_back import SUBJECT, agreed_minor_of, give_back, lock_for_staff
from domain.after_sales.rules import AfterSale, AfterSaleState, GoodsHaveLeft, Kind, Reason, Step
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.orders import store as orders
from domain.orders.rules import Order, check_not_own
from domain.trail import store as trail

LEFT_MEANWHILE = "商品已发出，请收到后申请退货退款"
"""What a shopper reads when the clock finds that the goods have left before it could give the money back."""


async def approve(
    db: Database,
    *,
    after_sale_id: UUID,
    by: UUID,
    agreed_minor: int | None = None,
    words: str = "",
    idempotency_key: str,
    now: datetime,
) -> AfterSale:
    """Agree, to all that was asked for or to less. A refund goes to the gateway at once, a return waits for the goods.

    Units that never left are free again and are sent no more. The same key again changes nothing.
    Raises NotFound, AfterSaleMoved, AgreedTooMuch, GoodsHaveLeft, IdempotencyConflict, BadInput.
    """
    words = inputs.check_words(words)
    decision = {"agreed_minor": agreed_minor, "words": words}
    async with db.transaction() as tx:
        order, found, is_done = await lock_for_staff(
            tx, "approve_after_sale", after_sale_id, by=by, key=idempotency_key, request=decision
        )
        if is_done:
            return found
        rules.check_step(found, Step.APPROVE)
        agreed = rules.check_agreed(found, agreed_minor)
        facts = {"decision": "approved", "asked_minor": found.asked.minor, "agreed_minor": agreed}
        await _note(tx, found, by=by, words=words, now=now, **facts)
        return await _approve(tx, order, found, agreed_minor=agreed, now=now, decided_by=by, decision_words=words)


async def reject(
    db: Database, *, after_sale_id: UUID, by: UUID, words: str, idempotency_key: str, now: datetime
) -> AfterSale:
    """Say no, and why; the units can be asked for again. The same key again changes nothing.

    Raises NotFound, AfterSaleMoved, IdempotencyConflict, BadInput without words.
    """
    words = inputs.check_words(words, needed=True)
    async with db.transaction() as tx:
        _, found, is_done = await lock_for_staff(
            tx, "reject_after_sale", after_sale_id, by=by, key=idempotency_key, request={"words": words}
        )
        if is_done:
            return found
        rules.check_step(found, Step.REJECT)
        await _note(tx, found, by=by, words=words, now=now, decision="rejected")
        decision = {"decided_at": now, "decided_by": by, "decision_words": words}
        return await store.move(tx, found, AfterSaleState.REJECTED, now=now, **decision)


async def refund(
    db: Database,
    *,
    order_id: UUID,
    by: UUID,
    kind: Kind = Kind.REFUND,
    units: Mapping[int, int] | None = None,
    agreed_minor: int | None = None,
    words: str,
    idempotency_key: str,
    now: datetime,
) -> AfterSale:
    """Give back of the merchant's own accord: an after-sale for the shopper that is agreed to as it is opened.

    For units of lines by their position, or all there are with None, of any order that has its money: one that nobody
    fetches, that says no address, that cannot be supplied, that its promotion has not confirmed. No time presses the
    merchant, goods that have left stay with the shopper unless a return is wanted, and the freight goes back as it does
    where the merchant is at fault. Units in an open request are not among them: that is to be decided. The same key again
    gives the same after-sale, as it is then.
    Raises NotFound, NotYourOwnOrder where the order is the asker's, OrderNotRefundable, TooManyUnits, AgreedTooMuch,
    IdempotencyConflict, BadInput without words.
    """
    words = inputs.check_words(words, needed=True)
    wish = Wish(kind, Reason.BY_MERCHANT, units)
    asked = {"order": order_id, "kind": kind, "units": units and sorted(units.items()), "agreed_minor": agreed_minor}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="refund_order", request={**asked, "words": words}
        )
        if replay:
            return await store.lock(tx, UUID(replay.answer))
        order = await orders.lock(tx, order_id)
        check_not_own(order, by)
        new = await opening.open_for(tx, order, wish, now=now)
        agreed = rules.check_agreed(new, agreed_minor)
        await _note_refund(tx, new, by=by, words=words, now=now, agreed_minor=agreed)
        await idempotency.finish(tx, owner_id=by, key=idempotency_key, answer=str(new.id))
        return await _approve(tx, order, new, agreed_minor=agreed, now=now, decided_by=by, decision_words=words)


async def act_on_deadline(db: Database, *, after_sale_id: UUID, now: datetime) -> AfterSale | None:
    """Do what the rules say when nobody acted in time: approve, close, or pay for goods that nobody has confirmed.

    None when it is not due any more, or somebody is at work on its order: then the next sweep sees what they did.
    """
    async with db.transaction() as tx:
        if not await store.lock_order_unless_busy(tx, after_sale_id):
            return None
        order = await orders.lock(tx, await store.order_id_of(tx, after_sale_id))
        found = await store.lock(tx, after_sale_id)
        if found.due_at is None or now < found.due_at:
            return None
        if found.state is AfterSaleState.TO_SEND:
            return await store.move(tx, found, AfterSaleState.CLOSED, now=now, closed_at=now)
        if found.state is AfterSaleState.SENT_BACK:
            lines = await store.lines_of(tx, found.id)
            return await give_back(tx, order, found, lines, agreed_minor=agreed_minor_of(found), now=now)
        return await _approve_unless_gone(tx, order, found, now=now)


async def _approve_unless_gone(tx: Transaction, order: Order, found: AfterSale, *, now: datetime) -> AfterSale:
    """A refund of units that have left meanwhile is rejected: the shopper will have the goods, and may send them back."""
    try:
        return await _approve(tx, order, found, agreed_minor=found.asked.minor, now=now)
    except GoodsHaveLeft:  # found out before anything was written
        decision = {"decided_at": now, "decision_words": LEFT_MEANWHILE}
        return await store.move(tx, found, AfterSaleState.REJECTED, now=now, **decision)


async def _approve(
    tx: Transaction, order: Order, found: AfterSale, *, agreed_minor: int, now: datetime, **decision: Any
) -> AfterSale:
    lines = await store.lines_of(tx, found.id)
    amounts.check_unsent(lines, await orders.lines_of(tx, order.id))
    decision = {"agreed_minor": agreed_minor, "decided_at": now, **decision}
    if found.kind is Kind.RETURN:
        moved = await store.move(tx, found, AfterSaleState.TO_SEND, now=now, **decision)
        await opening.put_off_receipt(tx, order.id)
        return moved
    return await give_back(tx, order, found, lines, now=now, **decision)


async def _note(tx: Transaction, found: AfterSale, *, by: UUID, words: str, now: datetime, **facts: Any) -> None:
    deed = "decide_after_sale"
    await trail.note(tx, by=by, deed=deed, subject=SUBJECT, subject_id=found.id, now=now, words=words, **facts)


async def _note_refund(
    tx: Transaction, new: AfterSale, *, by: UUID, words: str, now: datetime, agreed_minor: int
) -> None:
    facts = {"after_sale": str(new.id), "kind": new.kind, "asked_minor": new.asked.minor, "agreed_minor": agreed_minor}
    deed = "refund_order"
    await trail.note(tx, by=by, deed=deed, subject="order", subject_id=new.order_id, now=now, words=words, **facts)
