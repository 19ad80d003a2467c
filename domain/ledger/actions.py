"""What is done with the ledger itself: payouts, which only the bank knows of, and checkpoints of all balances."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from domain.foundation import idempotency
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.ledger import queries, rules, store
from domain.ledger.rules import (
    CHECKPOINT_AFTER,
    CHECKPOINT_POSTINGS,
    Account,
    EntryKind,
    MoreThanAtGateway,
    PostedEntry,
)
from domain.trail import store as trail

_LOCK_NOT_AVAILABLE = "55P03"


async def record_payout(
    db: Database,
    *,
    gateway: str,
    amount: Money,
    reference: str,
    occurred_at: datetime,
    by: UUID,
    idempotency_key: str,
    now: datetime,
) -> PostedEntry:
    """Write down that a gateway has paid into the bank, under the bank's reference; the entry. The same key again posts
    nothing.

    Raises MoreThanAtGateway, BadInput, IdempotencyConflict.
    """
    rules.check_payout(gateway, amount, reference, occurred_at, now)
    facts = {
        "gateway": gateway,
        "amount_minor": amount.minor,
        "reference": reference.strip(),
        "occurred_at": occurred_at.isoformat(),
    }
    async with db.transaction() as tx:
        replay = await idempotency.begin(tx, owner_id=by, key=idempotency_key, operation="record_payout", request=facts)
        if replay:
            return await queries.entry(tx, UUID(replay.answer))
        await store.lock_payouts(tx)  # two at once: the second sees what is left
        kept = (await queries.balance_of(tx, Account.GATEWAY, gateway)).balance_minor
        if amount.minor > kept:
            raise MoreThanAtGateway(gateway=gateway, amount=amount, kept=Money(kept))
        payout = rules.moved(
            EntryKind.PAID_OUT,
            cause_id=new_id(),
            about_id=None,
            at=occurred_at,
            amount_minor=amount.minor,
            debit=Account.BANK,
            credit=Account.GATEWAY,
            credit_subject=gateway,
        )
        [entry_id] = await store.post(tx, [payout], now=now)
        await trail.note(tx, by=by, deed="record_payout", subject="entry", subject_id=entry_id, now=now, **facts)
        await idempotency.finish(tx, owner_id=by, key=idempotency_key, answer=str(entry_id))
        return await queries.entry(tx, entry_id)


async def checkpoint_due(db: Database, *, now: datetime) -> int | None:
    """Make a checkpoint when one is due: after an hour in which anything was posted, or after 10,000 postings."""
    ahead, made_at = await queries.since_checkpoint(db)
    is_old = made_at is None or now - made_at >= CHECKPOINT_AFTER
    if ahead >= CHECKPOINT_POSTINGS or (ahead > 0 and is_old):
        return await checkpoint(db, now=now)
    return None


async def checkpoint(db: Database, *, now: datetime) -> int | None:
    """Keep all balances as they are; the position up to which they count, None when the ledger was too busy to tell: then
    the next try is as good, and until then a balance sums up a little more.

    Only what was posted since the last one is summed up. A second call without new postings changes nothing; two at once
    do no harm.
    """
    try:
        async with db.transaction() as tx:
            horizon = await store.lock_horizon(tx)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        return None
    async with db.transaction() as tx:
        await store.keep_balances(tx, horizon, now=now)
    return horizon
