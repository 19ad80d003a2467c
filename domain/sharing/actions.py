"""Sharing: a link for whoever shares something. What came of it is noted by `visiting` and `attributing`."""

from datetime import datetime
from uuid import UUID

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.sharing import store
from domain.sharing.rules import Link, TargetKind, check_words, new_token


async def share(
    db: Database,
    *,
    sharer_id: UUID,
    target_kind: TargetKind,
    target_id: UUID,
    channel: str,
    campaign: str,
    now: datetime,
) -> Link:
    """A link to something that may be shared; whoever shares the same in the same way again gets the same link.

    Raises BadInput for what `check_words` does not allow.
    """
    check_words(channel, campaign)
    link = Link(new_id(), new_token(), sharer_id, target_kind, target_id, channel, campaign, created_at=now)
    async with db.transaction() as tx:
        return await store.add_link(tx, link)
