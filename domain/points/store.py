"""How points are written: every movement with its entry in the ledger, under the lock of the shopper's account.

Locks are taken in one order: the order, the account of points. Nothing that others wait for is locked in between.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.foundation.database import AnyRow, Database, Reader, Transaction
from domain.ledger import store as ledger
from domain.points import postings, queries
from domain.points.purse import Lot, Purse, Reason, Use
from domain.points.rules import Cause, Earning, MoveKind, Rules
from domain.points.tables import accounts, earnings, lots, moves, rules, uses

a, m, lo, u, e = accounts.c, moves.c, lots.c, uses.c, earnings.c
LOT_COLUMNS = (lo.id, lo.move_id, lo.expires_at, lo.points, lo.unused, lo.expired)

_LOCK = select(a.balance, a.owed).where(a.account_id == bindparam("account_id")).with_for_update()
_LOTS = select(lo.account_id, *LOT_COLUMNS).where(lo.unused > 0).order_by(lo.expires_at, lo.id)
# In the order in which everybody would lock them; who is at work on one sees to what is due of it.
_LOCK_DUE = text("""
    SELECT account_id, balance, owed FROM point_accounts
    WHERE account_id IN (SELECT account_id FROM point_lots WHERE unused > 0 AND expires_at <= :now
                         ORDER BY expires_at LIMIT :limit)
    ORDER BY account_id FOR UPDATE SKIP LOCKED
""")
# One statement for accounts, moves, lots and uses, of however many shoppers.
_WRITE = text("""
    WITH account AS (
        UPDATE point_accounts AS account SET balance = new.balance, owed = new.owed
        FROM unnest(CAST(:account_ids AS uuid[]), CAST(:balances AS bigint[]), CAST(:owed AS bigint[]))
          AS new (account_id, balance, owed)
        WHERE account.account_id = new.account_id
    ),
    move AS (
        INSERT INTO point_moves (id, account_id, kind, cause, cause_id, order_id, points, balance, owed, note, moved_at)
        SELECT * FROM unnest(CAST(:move_ids AS uuid[]), CAST(:move_accounts AS uuid[]), CAST(:kinds AS text[]),
                             CAST(:causes AS text[]), CAST(:cause_ids AS uuid[]), CAST(:order_ids AS uuid[]),
                             CAST(:move_points AS bigint[]), CAST(:move_balances AS bigint[]),
                             CAST(:move_owed AS bigint[]), CAST(:notes AS text[]), CAST(:moved_at AS timestamptz[]))
    ),
    lot AS (
        INSERT INTO point_lots (id, account_id, move_id, expires_at, points, unused, expired)
        SELECT * FROM unnest(CAST(:lot_ids AS uuid[]), CAST(:lot_accounts AS uuid[]), CAST(:lot_moves AS uuid[]),
                             CAST(:expiries AS timestamptz[]), CAST(:lot_points AS bigint[]),
                             CAST(:unused AS bigint[]), CAST(:expired AS bigint[]))
        ON CONFLICT (id) DO UPDATE SET unused = excluded.unused, expired = excluded.expired
    )
    INSERT INTO point_uses (order_id, lot_id, points)
    SELECT * FROM unnest(CAST(:use_orders AS uuid[]), CAST(:use_lots AS uuid[]), CAST(:use_points AS bigint[]))
    ON CONFLICT (order_id, lot_id) DO UPDATE SET points = excluded.points
""")


async def give(
    tx: Transaction, *, account_id: UUID, points: int, cause: Cause, cause_id: UUID, note: str = "", now: datetime
) -> bool:
    """Give points, which count as long as the rules say; False, and nothing changes, where the cause has given before.

    What the shopper owes is paid first. `points` is above zero.
    """
    purse = await open_purse(tx, account_id, now=now)
    if await has_moved(tx, MoveKind.GIVEN, cause, cause_id):
        return False
    in_force = await queries.rules_in_force(tx)
    purse.give(points, Reason(cause, cause_id, note=note), expires_at=in_force.terms.expiry(now), now=now)
    await write(tx, [purse], now=now)
    return True


async def take_back(
    tx: Transaction, *, account_id: UUID, points: int, cause: Cause, cause_id: UUID, note: str = "", now: datetime
) -> bool:
    """Take points back; False, and nothing changes, where the cause has taken before. What is missing is owed.

    `points` is above zero.
    """
    purse = await open_purse(tx, account_id, now=now)
    if await has_moved(tx, MoveKind.TAKEN_BACK, cause, cause_id):
        return False
    purse.take_back(points, Reason(cause, cause_id, note=note), now=now)
    await write(tx, [purse], now=now)
    return True


async def spend(tx: Transaction, *, account_id: UUID, points: int, order_id: UUID, now: datetime) -> None:
    """Points for an order that is being placed, what expires first in front. Raises NotEnoughPoints."""
    purse = await open_purse(tx, account_id, now=now)
    purse.spend(points, Reason(Cause.ORDER, order_id, order_id), now=now)
    await write(tx, [purse], now=now)


async def open_purse(tx: Transaction, account_id: UUID, *, now: datetime, order_id: UUID | None = None) -> Purse:
    """A shopper's points, locked until the transaction ends, without those whose time is over at this moment.

    With an order, what that has of them, too. An account that is not there yet is opened.
    """
    row = await tx.one(_LOCK, {"account_id": account_id})
    if row is None:
        await tx.execute(upsert(accounts).values(account_id=account_id).on_conflict_do_nothing())
        row = await tx.one(_LOCK, {"account_id": account_id})
    assert row is not None
    purse = Purse(account_id, row.balance, row.owed)
    purse.lots = [_lot(lot) for lot in await tx.rows(_LOTS.where(lo.account_id == account_id))]
    if order_id is not None:
        purse.uses = await _uses(tx, order_id, purse.lots)
    purse.expire(now)
    return purse


async def lock_due(tx: Transaction, *, now: datetime, limit: int) -> list[Purse]:
    """Those who have points whose time is over, locked, and without these; of the other lots nothing is known.

    At most `limit` lots are looked for, the oldest first; whoever is locked by somebody else is left out.
    """
    rows = await tx.rows(_LOCK_DUE, {"now": now, "limit": limit})
    purses = {row.account_id: Purse(row.account_id, row.balance, row.owed) for row in rows}
    due = _LOTS.where(lo.account_id == func.any(list(purses)), lo.expires_at <= now)
    for lot in await tx.rows(due):
        purses[lot.account_id].lots.append(_lot(lot))
    for purse in purses.values():
        purse.expire(now)
    return list(purses.values())


async def write(tx: Transaction, purses: Sequence[Purse], *, now: datetime) -> None:
    """Keep what has happened to these locked purses, and post it."""
    moved = [move for purse in purses for move in purse.moves]
    if not moved:
        return
    changed = [(purse.account_id, lot) for purse in purses for lot in purse.changed.values()]
    used = [use for purse in purses for use in purse.uses.values()]
    await tx.execute(
        _WRITE,
        {
            "account_ids": [purse.account_id for purse in purses],
            "balances": [purse.balance for purse in purses],
            "owed": [purse.owed for purse in purses],
            "move_ids": [move.id for move in moved],
            "move_accounts": [move.account_id for move in moved],
            "kinds": [move.kind for move in moved],
            "causes": [move.cause for move in moved],
            "cause_ids": [move.cause_id for move in moved],
            "order_ids": [move.order_id for move in moved],
            "move_points": [move.points for move in moved],
            "move_balances": [move.balance for move in moved],
            "move_owed": [move.owed for move in moved],
            "notes": [move.note for move in moved],
            "moved_at": [move.moved_at for move in moved],
            "lot_ids": [lot.id for _, lot in changed],
            "lot_accounts": [account_id for account_id, _ in changed],
            "lot_moves": [lot.move_id for _, lot in changed],
            "expiries": [lot.expires_at for _, lot in changed],
            "lot_points": [lot.points for _, lot in changed],
            "unused": [lot.unused for _, lot in changed],
            "expired": [lot.expired for _, lot in changed],
            "use_orders": [use.order_id for use in used],
            "use_lots": [use.lot and use.lot.id for use in used],
            "use_points": [use.points for use in used],
        },
    )
    await ledger.post(tx, [postings.moved(move) for move in moved], now=now)


async def has_moved(reader: Reader, kind: MoveKind, cause: Cause, cause_id: UUID) -> bool:
    """Whether the cause has moved points in this way before."""
    found = select(m.id).where(m.kind == kind, m.cause == cause, m.cause_id == cause_id)
    return await reader.value(found) is not None


async def has_points(reader: Reader | Database, order_id: UUID) -> bool:
    """Whether an order has ever spent points, or has earned any."""
    spent = select(u.order_id).where(u.order_id == order_id)
    earned = select(e.order_id).where(e.order_id == order_id, e.points > 0)
    return bool(await reader.value(select(spent.exists() | earned.exists())))


async def earning_of(tx: Transaction, order_id: UUID) -> Earning | None:
    """What a locked order has earned, if it was received."""
    found = (
        select(e.earned_per_yuan, e.points_percent, e.points, e.lot_id, e.taken_back, func.coalesce(lo.expired, 0))
        .select_from(earnings.outerjoin(lots, lo.id == e.lot_id))
        .where(e.order_id == order_id)
    )
    row = await tx.one(found)
    return Earning(*row) if row else None


async def add_earning(tx: Transaction, order_id: UUID, earning: Earning) -> None:
    """Keep what a locked order has earned: once."""
    values = {
        "earned_per_yuan": earning.earned_per_yuan,
        "points_percent": earning.points_percent,
        "points": earning.points,
        "lot_id": earning.lot_id,
    }
    await tx.execute(insert(earnings).values(order_id=order_id, **values))


async def add_taken_back(tx: Transaction, order_id: UUID, points: int) -> None:
    """So many more of what a locked order had earned went back. The database refuses more than that."""
    await tx.execute(update(earnings).where(e.order_id == order_id).values(taken_back=e.taken_back + points))


async def lock_rules(tx: Transaction) -> None:
    """Nobody else sets rules until the transaction ends; they are read as before."""
    await tx.execute(text("LOCK TABLE point_rules IN SHARE ROW EXCLUSIVE MODE"))


async def add_rules(tx: Transaction, new: Rules) -> None:
    """A version of the rules, in force from now on; nobody else sets any meanwhile."""
    terms = new.terms
    await tx.execute(
        insert(rules).values(
            version=new.version,
            earned_per_yuan=terms.earned_per_yuan,
            spent_per_yuan=terms.spent_per_yuan,
            most_percent=terms.most_percent,
            months=terms.months,
            set_at=new.set_at,
            set_by=new.set_by,
        )
    )


async def _uses(tx: Transaction, order_id: UUID, of_purse: Sequence[Lot]) -> dict[UUID | None, Use]:
    found = select(u.lot_id, u.points.label("used"), *LOT_COLUMNS[1:])
    rows = await tx.rows(found.select_from(uses.outerjoin(lots, lo.id == u.lot_id)).where(u.order_id == order_id))
    known = {lot.id: lot for lot in of_purse}

    def lot_of(row: AnyRow) -> Lot | None:
        if row.lot_id is None:
            return None
        # the same lot is one object, or what one half knows of it would be written over by the other
        return known.get(row.lot_id) or Lot(
            row.lot_id, row.move_id, row.expires_at, row.points, row.unused, row.expired
        )

    return {row.lot_id: Use(order_id, lot_of(row), row.used) for row in rows}


def _lot(row: AnyRow) -> Lot:
    return Lot(row.id, row.move_id, row.expires_at, row.points, row.unused, row.expired)
