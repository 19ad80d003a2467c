"""How a prize comes into its winner's hands: over the counter of its store, once, for its code."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.draws import rules, store
from domain.draws.rules import Won, WrongPrizeCode
from domain.foundation import idempotency, metrics
from domain.foundation.database import Database
from domain.trail import store as trail


async def hand_over(db: Database, *, code: str, store_id: UUID, by: UUID, idempotency_key: str, now: datetime) -> Won:
    """Hand a prize over to whoever shows its code. The same key again changes nothing and answers the same.

    Wrong codes stand on the trail. Raises WrongPrizeCode, NotYourOwnPrize, PrizeHandedOver, PrizeLapsed,
    IdempotencyConflict.
    """
    code = code.strip()
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=by,
            key=idempotency_key,
            operation="hand_over_prize",
            request={"code": code, "store": store_id},
        )
        won = await store.lock_won(tx, store_id=store_id, code=code)
        if won is not None and not replay:
            rules.check_collectable(won, by=by, now=now)
            await store.hand_over(tx, won.id, by=by, now=now)
            won = replace(won, handed_over_at=now)
        if not replay:
            subject, subject_id = ("prize", won.id) if won else ("store", store_id)
            deed = "hand_over_prize" if won else "try_prize_code"
            await trail.note(tx, by=by, deed=deed, subject=subject, subject_id=subject_id, now=now)
    if won is None or won.handed_over_at is None:  # raised once it is noted: a refusal undoes its transaction
        if not replay:
            metrics.wrong_pickup_codes.inc()
        raise WrongPrizeCode()
    return won
