"""What shoppers do with after-sales: ask, call off, send the goods back. What staff and the clock decide is in
`deciding`, what becomes of goods that came back in `arriving`.

Locks are taken in one order: the order, its after-sale, its payments, then stock.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.after_sales import amounts, inputs, opening, rules, store
from domain.after_sales.amounts import Wish
from domain.after_sales.rules import AfterSale, AfterSaleLine, AfterSaleState, Step
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import NotFound
from domain.orders import queries as order_queries
from domain.orders import rules as order_rules
from domain.orders import store as orders


async def quote(db: Database, *, order_id: UUID, shopper_id: UUID, wish: Wish, now: datetime) -> list[AfterSaleLine]:
    """What `request` would ask for now; a promise only if nothing moves before it. Raises what `request` raises."""
    rules.check_shoppers_reason(wish.reason)
    order = (await order_queries.by_ids(db, [order_id])).get(order_id)
    if order is None or order.shopper_id != shopper_id:
        raise NotFound.of("order", order_id)
    lines = (await order_queries.lines_by_order_ids(db, [order_id]))[order_id]
    async with db.reading() as reader:
        rules.check_askable(order, await store.number_of(reader, order_id))
        taken = await store.taken_of(reader, order_id)
    return amounts.quote(order, lines, taken, wish, now=now)


async def request(
    db: Database,
    *,
    order_id: UUID,
    shopper_id: UUID,
    wish: Wish,
    words: str = "",
    evidence: Sequence[str] = (),
    idempotency_key: str,
    now: datetime,
) -> AfterSale:
    """Ask for money back. The same key again gives the same after-sale, as it is then.

    Units in an open request, or refunded before, cannot be asked for again: the order's row lock decides who was first.
    A sent order waits with its receipt by time until this is over.
    Raises NotFound, OrderNotRefundable, OrderNotConfirmed, AfterSaleTooLate, TooManyAfterSales, TooManyUnits,
    GoodsMustComeBack, IdempotencyConflict, BadInput.
    """
    rules.check_shoppers_reason(wish.reason)
    words, pictures = inputs.check_words(words), inputs.check_evidence(evidence)
    asked = {"order": order_id, "kind": wish.kind, "reason": wish.reason, "units": _listed(wish.units)}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=shopper_id,
            key=idempotency_key,
            operation="request_after_sale",
            request={**asked, "words": words, "evidence": pictures},
        )
        if replay:
            return await store.lock(tx, UUID(replay.answer))
        order = await orders.lock(tx, order_id)
        order_rules.check_owner(order, shopper_id)
        rules.check_askable(order, await store.number_of(tx, order_id))
        new = await opening.open_for(tx, order, wish, words=words, evidence=pictures, now=now)
        await opening.put_off_receipt(tx, order_id)
        await idempotency.finish(tx, owner_id=shopper_id, key=idempotency_key, answer=str(new.id))
        return new


async def withdraw(
    db: Database, *, after_sale_id: UUID, shopper_id: UUID, idempotency_key: str, now: datetime
) -> AfterSale:
    """Call off one's own request before goods or money move; its units can be asked for again.

    The same key again changes nothing. Raises NotFound, AfterSaleMoved, IdempotencyConflict.
    """
    async with db.transaction() as tx:
        found, is_done = await _mine(
            tx, "withdraw_after_sale", after_sale_id, shopper_id=shopper_id, key=idempotency_key, request={}
        )
        if is_done:
            return found
        rules.check_step(found, Step.WITHDRAW)
        return await store.move(tx, found, AfterSaleState.WITHDRAWN, now=now, withdrawn_at=now)


async def send_back(
    db: Database,
    *,
    after_sale_id: UUID,
    shopper_id: UUID,
    carrier: str,
    number: str,
    idempotency_key: str,
    now: datetime,
) -> AfterSale:
    """The goods are on their way to us; from now on staff have to say when they are here.

    The same key again changes nothing. Raises NotFound, AfterSaleMoved, IdempotencyConflict, BadInput.
    """
    carrier, number = inputs.check_parcel(carrier, number)
    parcel = {"carrier": carrier, "number": number}
    async with db.transaction() as tx:
        found, is_done = await _mine(
            tx, "send_back_goods", after_sale_id, shopper_id=shopper_id, key=idempotency_key, request=parcel
        )
        if is_done:
            return found
        rules.check_step(found, Step.SEND_BACK)
        sent = {"return_carrier": carrier, "return_number": number, "sent_back_at": now}
        moved = await store.move(tx, found, AfterSaleState.SENT_BACK, now=now, **sent)
        await opening.put_off_receipt(tx, found.order_id)
        return moved


async def note_sent(db: Database, *, order_id: UUID) -> None:
    """An order was sent, maybe while one of its after-sales is open: its receipt waits. A second call changes nothing."""
    async with db.transaction() as tx:
        await opening.put_off_receipt(tx, order_id)


async def note_refunded(db: Database, *, after_sale_id: UUID, refunded_at: datetime) -> bool:
    """The gateway has given the money back; whether that was new. Also asked about what is no after-sale: not new."""
    async with db.transaction() as tx:
        return await store.mark_refunded(tx, after_sale_id, refunded_at=refunded_at)


async def _mine(
    tx: Transaction, operation: str, after_sale_id: UUID, *, shopper_id: UUID, key: str, request: dict[str, Any]
) -> tuple[AfterSale, bool]:
    """One's own after-sale, locked, and whether the key has done its work before."""
    replay = await idempotency.begin(
        tx, owner_id=shopper_id, key=key, operation=operation, request={"after_sale": after_sale_id, **request}
    )
    await orders.lock(tx, await store.order_id_of(tx, after_sale_id))
    found = await store.lock(tx, after_sale_id)
    rules.check_owner(found, shopper_id)
    return found, replay is not None


def _listed(units: Mapping[int, int] | None) -> list[tuple[int, int]] | None:
    return None if units is None else sorted(units.items())
