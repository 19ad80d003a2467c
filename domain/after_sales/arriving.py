"""What staff say of goods that came back: as agreed, and the money goes; or not, and it stays. Each is noted in the trail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.after_sales import inputs, rules, store
from domain.after_sales.giving_back import SUBJECT, agreed_minor_of, give_back, lock_for_staff
from domain.after_sales.rules import GIVEN_BACK, AfterSale, AfterSaleState, Kind, Step
from domain.foundation.database import Database, Transaction
from domain.orders import refunding
from domain.trail import store as trail


async def accept_goods(
    db: Database,
    *,
    after_sale_id: UUID,
    by: UUID,
    restock: Mapping[int, int],
    words: str = "",
    idempotency_key: str,
    now: datetime,
) -> AfterSale:
    """The goods are here: the money goes back, so many units of each line (by its position) are free again, the others are
    written off.

    Also where the clock gave the money back before the goods were seen: then only the units move, once.
    The same key again changes nothing. Raises NotFound, AfterSaleMoved, IdempotencyConflict, BadInput.
    """
    words = inputs.check_words(words)
    arrival = {"restock": sorted(restock.items()), "words": words}
    async with db.transaction() as tx:
        order, found, is_done = await lock_for_staff(
            tx, "accept_goods", after_sale_id, by=by, key=idempotency_key, request=arrival
        )
        if is_done:
            return found
        is_paid_for = _is_paid_for_unseen(found)
        if not is_paid_for:
            rules.check_step(found, Step.ACCEPT_GOODS)
        lines = await store.lines_of(tx, found.id)
        inputs.check_restock(restock, lines)
        back = {position: quantity for position, quantity in restock.items() if quantity}
        restocked = {str(position): quantity for position, quantity in back.items()}
        await _note(tx, found, by=by, words=words, now=now, goods="accepted", restock=restocked)
        if not is_paid_for:
            await give_back(tx, order, found, lines, agreed_minor=agreed_minor_of(found), now=now)
        if back:
            await store.add_restocked(tx, found.id, back)
            await refunding.take_goods_back(tx, order, back, cause_id=found.id, now=now)
        return await store.lock(tx, found.id)


async def refuse_goods(
    db: Database, *, after_sale_id: UUID, by: UUID, words: str, idempotency_key: str, now: datetime
) -> AfterSale:
    """What came back is not what was agreed: no money. The same key again changes nothing.

    Raises NotFound, AfterSaleMoved, IdempotencyConflict, BadInput without words.
    """
    words = inputs.check_words(words, needed=True)
    async with db.transaction() as tx:
        _, found, is_done = await lock_for_staff(
            tx, "refuse_goods", after_sale_id, by=by, key=idempotency_key, request={"words": words}
        )
        if is_done:
            return found
        rules.check_step(found, Step.REFUSE_GOODS)
        await _note(tx, found, by=by, words=words, now=now, goods="refused")
        return await store.move(tx, found, AfterSaleState.REJECTED, now=now)


def _is_paid_for_unseen(found: AfterSale) -> bool:
    """Whether the clock gave the money back before anybody had seen the goods."""
    return found.kind is Kind.RETURN and found.state in GIVEN_BACK and found.arrived_at is None


async def _note(tx: Transaction, found: AfterSale, *, by: UUID, words: str, now: datetime, **facts: Any) -> None:
    await store.note_arrival(tx, found.id, by=by, words=words, now=now)
    deed = "confirm_return_arrival"
    await trail.note(tx, by=by, deed=deed, subject=SUBJECT, subject_id=found.id, now=now, words=words, **facts)
