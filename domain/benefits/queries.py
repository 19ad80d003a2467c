"""How screens and other features read what accounts hold."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from domain.benefits.rules import Holding, Privileges, privileges
from domain.benefits.store import HOLDING_COLUMNS, h, holding_of
from domain.foundation.database import Database, Reader


async def privileges_of(
    reader: Database | Reader, account_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, Privileges]:
    """What each account's holdings come to at this moment; one that holds nothing has the privileges of nobody."""
    held: dict[UUID, list[Holding]] = defaultdict(list)
    for holding in await _held(reader, account_ids, now=now):
        held[holding.account_id].append(holding)
    return {account_id: privileges(held[account_id]) for account_id in account_ids}


async def holdings_of(reader: Database | Reader, account_id: UUID, *, now: datetime) -> list[Holding]:
    """What an account holds at this moment, the oldest first."""
    return await _held(reader, [account_id], now=now)


async def _held(reader: Database | Reader, account_ids: Sequence[UUID], *, now: datetime) -> list[Holding]:
    has_begun, has_not_ended = h.starts_at <= now, h.ends_at.is_(None) | (h.ends_at > now)
    held = select(*HOLDING_COLUMNS).where(h.account_id == func.any(list(account_ids)), has_begun, has_not_ended)
    return [holding_of(row) for row in await reader.rows(held.order_by(h.starts_at, h.id))]
