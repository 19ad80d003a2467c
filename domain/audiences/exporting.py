"""Whom a segment holds as a CSV file, read and written a chunk at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from sqlalchemy import select

from domain.accounts.tables import accounts
from domain.audiences import queries
from domain.audiences.tables import segment_members
from domain.customers.tables import customers
from domain.foundation.database import AnyRow, Database
from domain.foundation.ids import encode
from domain.foundation.money import Money
from domain.foundation.sheets import cells, heading

MEMBERS_AT_A_TIME = 1_000
COLUMNS = (
    ("账户", "account"), ("昵称", "name"), ("注册时间", "joined at"), ("订单数", "orders"), ("消费金额", "spent"),
    ("最近购买日", "last order day"), ("用户价值", "customer value"),
)  # fmt: skip
m, a, c = segment_members.c, accounts.c, customers.c
_MEMBERS = (
    select(m.account_id, a.display_name, a.created_at, c.orders, c.spend_minor, c.last_day, c.value_minor)
    .select_from(
        segment_members.join(accounts, a.id == m.account_id).outerjoin(customers, c.account_id == m.account_id)
    )
    .order_by(m.account_id)
    .limit(MEMBERS_AT_A_TIME)
)


async def members_file(db: Database, segment_id: UUID) -> AsyncIterator[bytes]:
    """The file in pieces: a heading, then whoever the segment held when it was begun, by account.

    No transaction stays open between two pieces. A refresh that finishes meanwhile may end the file early: its members are
    counted in `ExportLink.lines`. Of people only what a merchandiser sees elsewhere, and no phone.
    """
    yield heading(COLUMNS)
    segment = (await queries.segments_by_ids(db, [segment_id])).get(segment_id)
    if segment is None:
        return
    held = _MEMBERS.where(m.segment_id == segment_id, m.generation == segment.generation)
    rows = await db.rows(held)
    while rows:
        # in a thread: whoever else is served by this process is not kept waiting
        yield await asyncio.to_thread(_written, rows)
        rows = await db.rows(held.where(m.account_id > rows[-1].account_id))


def _written(rows: Sequence[AnyRow]) -> bytes:
    return b"".join(
        cells(
            [
                encode("account", row.account_id),
                row.display_name,
                row.created_at,
                row.orders or 0,
                Money(row.spend_minor or 0),
                row.last_day and row.last_day.isoformat(),
                Money(row.value_minor or 0),
            ]
        )
        for row in rows
    )
