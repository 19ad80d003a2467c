"""How screens and the counter read points: balances, history and rules."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from domain.foundation.database import AnyRow, Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.points.rules import FIRST, Balance, Cause, Move, MoveKind, Rules, Terms
from domain.points.tables import moves, rules

r, m = rules.c, moves.c
# What is over at this moment counts no more, whether the timetable has been there yet or not.
_BALANCES = text("""
    SELECT account.account_id, account.owed, coalesce(sum(part.unused), 0) AS points,
           coalesce((array_agg(part.unused ORDER BY part.expires_at))[1], 0) AS expiring_points,
           min(part.expires_at) AS expiring_at
    FROM point_accounts AS account
    LEFT JOIN (
        SELECT account_id, expires_at, sum(unused) AS unused FROM point_lots
        WHERE account_id = ANY(CAST(:account_ids AS uuid[])) AND unused > 0 AND expires_at > :now
        GROUP BY account_id, expires_at
    ) AS part ON part.account_id = account.account_id
    WHERE account.account_id = ANY(CAST(:account_ids AS uuid[]))
    GROUP BY account.account_id
""")


async def balance_of(reader: Database | Reader, account_id: UUID, *, now: datetime) -> Balance:
    """What somebody can spend at this moment, and owes."""
    return (await balances_of(reader, [account_id], now=now)).get(account_id, Balance())


async def balances_of(reader: Database | Reader, account_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, Balance]:
    """What these people can spend at this moment, and owe; those who never had any points are left out."""
    rows = await reader.rows(_BALANCES, {"account_ids": list(account_ids), "now": now})
    return {
        row.account_id: Balance(int(row.points), row.owed, int(row.expiring_points), row.expiring_at) for row in rows
    }


async def rules_in_force(reader: Database | Reader) -> Rules:
    """The newest version of the rules."""
    row = await reader.one(select(rules).order_by(r.version.desc()).limit(1))
    return _rules(row) if row else FIRST


async def rules_page(db: Database, *, first: int, after: str | None = None) -> Page[Rules]:
    """Every version of the rules, from the newest down to what counted before anybody had set any."""
    before = None if after is None else read_cursor(after, int)[0]
    newest_first = select(rules).order_by(r.version.desc()).limit(page_size(first) + 1)
    if before is not None:
        newest_first = newest_first.where(r.version < before)
    found = [_rules(row) for row in await db.rows(newest_first)]
    if before is None or before > FIRST.version:
        found.append(FIRST)
    return page_of(found, first, lambda version: (version.version,))


async def move(reader: Reader, move_id: UUID) -> Move:
    """A move that was kept."""
    row = await reader.one(select(moves).where(m.id == move_id))
    assert row is not None
    return _move(row)


async def moves_of(db: Database, account_id: UUID, *, first: int, after: str | None = None) -> Page[Move]:
    """What happened to somebody's points, the newest first."""
    newest_first = (
        select(moves).where(m.account_id == account_id).order_by(m.position.desc()).limit(page_size(first) + 1)
    )
    if after is not None:
        newest_first = newest_first.where(m.position < read_cursor(after, int)[0])
    return page_of([_move(row) for row in await db.rows(newest_first)], first, lambda move: (move.position,))


def _rules(row: AnyRow) -> Rules:
    terms = Terms(row.earned_per_yuan, row.spent_per_yuan, row.most_percent, row.months)
    return Rules(row.version, terms, row.set_at, row.set_by)


def _move(row: AnyRow) -> Move:
    return Move(**{**row._mapping, "kind": MoveKind(row.kind), "cause": Cause(row.cause)})
