"""Letting people in by the doors of a sale: whoever may come in now is kept as let in, with the door that did it."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from domain.audiences import store
from domain.audiences.rules import Doors, Opening
from domain.audiences.standings import standings
from domain.foundation.database import Transaction


async def openings(
    tx: Transaction, sale_id: UUID, doors: Doors, *, opens_at: datetime, account_ids: Collection[UUID], now: datetime
) -> dict[UUID, Opening | None]:
    """From when on the sale is open to each of these accounts; None: never.

    A statement for each kind of crowd, and one more where somebody is let in now.
    """
    found = await standings(tx, list(account_ids), [doors], now=now)
    opened = {account_id: doors.opening(each, opens_at=opens_at) for account_id, each in found.items()}
    let_in = {account_id: each for account_id, each in opened.items() if each is not None and each.at <= now}
    await store.note_entrances(tx, sale_id, let_in, now=now)
    return opened


async def opening(
    tx: Transaction, sale_id: UUID, doors: Doors, *, opens_at: datetime, account_id: UUID, now: datetime
) -> Opening | None:
    """As `openings`, for one account. Whom everybody's opening lets in is not asked who they are."""
    if doors.lets_others_in and now >= opens_at:
        return Opening(opens_at)
    return (await openings(tx, sale_id, doors, opens_at=opens_at, account_ids=[account_id], now=now))[account_id]
