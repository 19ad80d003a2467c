"""What is done with the ledger as a whole: checkpoints, so that a balance never has to be summed up from the beginning."""

from datetime import datetime

from sqlalchemy.exc import DBAPIError

from domain.foundation.database import Database
from domain.ledger import queries, store
from domain.ledger.rules import CHECKPOINT_AFTER, CHECKPOINT_POSTINGS

_LOCK_NOT_AVAILABLE = "55P03"


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
