"""How memberships end: by themselves once their time is over. Nothing waits for it: whoever asks compares with the moment."""

from datetime import datetime

from domain.foundation.database import Database, Transaction
from domain.memberships import store
from domain.memberships.events import MembershipEnded
from domain.memberships.rules import EndReason, Membership


async def end_due(db: Database, *, now: datetime, limit: int) -> int:
    """Write down which memberships are over, at most `limit`, in one transaction; how many. Safe twice and side by side.

    One whose holder is buying at this instant is left out: that ends or extends it.
    """
    async with db.transaction() as tx:
        over = await store.take_over(tx, now=now, limit=limit)
        for membership in over:
            await end(tx, membership, EndReason.EXPIRED, at=membership.over_at)
    return len(over)


async def end(tx: Transaction, membership: Membership, reason: EndReason, *, at: datetime) -> None:
    """End a living membership of a locked account, and tell it."""
    await store.end(tx, membership, reason, at=at)
    tx.record(MembershipEnded(membership.account_id, membership.id, membership.plan_id, reason, ended_at=at))
