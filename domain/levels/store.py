"""How ladders, growth and levels are written: the only SQL that changes them.

Whoever moves somebody's growth, or decides their level, holds their row of `account_levels`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.foundation.clock import shop_day
from domain.foundation.database import AnyRow, Database, Reader, Transaction
from domain.levels.rules import FIRST_LADDER, Change, Growth, Guarantee, Held, Ladder, Rung, month_of
from domain.levels.tables import account_levels, changes, growth_moves, ladders

a, la = account_levels.c, ladders.c
HELD_COLUMNS = (a.account_id, a.rank, a.guaranteed_until, a.ladder_version, a.holding_id)
LADDER_COLUMNS = (la.version, la.levels, la.growth_per_yuan, la.counting_months, la.guarantee_months)

_BUYER = text("SELECT shopper_id FROM orders WHERE id = :order_id AND received_at IS NOT NULL")
_LOCK = text("""
    INSERT INTO account_levels (account_id, ladder_version) VALUES (:account_id, :version)
    ON CONFLICT (account_id) DO UPDATE SET account_id = excluded.account_id
    RETURNING account_id, rank, guaranteed_until, ladder_version, holding_id
""")
# What an order's goods are worth by now, and what it has brought.
_SETTLED = text("""
    SELECT received_at, (SELECT sum(total_minor - refunded_goods_minor) FROM order_lines WHERE order_id = orders.id) AS minor,
           (SELECT coalesce(sum(growth), 0) FROM growth_moves WHERE order_id = orders.id) AS growth,
           (SELECT per_yuan FROM growth_moves WHERE order_id = orders.id AND growth > 0) AS per_yuan
    FROM orders WHERE id = :order_id
""")
_GROWTH = text("""
    SELECT account_id, coalesce(sum(growth) FILTER (WHERE month >= :counted_from), 0) AS counted, max(position) AS last_move
    FROM growth_moves WHERE account_id = ANY(CAST(:account_ids AS uuid[])) GROUP BY account_id
""")
# A guarantee stands as long as the growth that counted when it was given, less what was refunded of it since, is enough.
_GUARANTEES = text("""
    SELECT account_id, to_rank, guaranteed_until, ladder_version, holding_id
    FROM level_changes AS given
    WHERE account_id = ANY(CAST(:account_ids AS uuid[])) AND guaranteed_until > :now
      AND threshold <= growth + coalesce((
        SELECT sum(back.growth) FROM growth_moves AS back
        JOIN growth_moves AS earned ON earned.order_id = back.order_id AND earned.growth > 0
        WHERE back.account_id = given.account_id AND back.growth < 0 AND back.position > given.last_move
          AND earned.position <= given.last_move AND earned.month >= given.counted_from
      ), 0)
    ORDER BY position DESC
""")
_WRITE_HELD = text("""
    UPDATE account_levels AS held
    SET rank = new.rank, guaranteed_until = new.guaranteed_until, ladder_version = :version, holding_id = new.holding_id
    FROM unnest(CAST(:account_ids AS uuid[]), CAST(:ranks AS smallint[]), CAST(:untils AS timestamptz[]),
                CAST(:holding_ids AS uuid[])) AS new (account_id, rank, guaranteed_until, holding_id)
    WHERE held.account_id = new.account_id
""")
_locked = select(*HELD_COLUMNS).limit(bindparam("limit")).with_for_update(skip_locked=True)
_LOCK_DUE = _locked.where(a.guaranteed_until <= bindparam("now")).order_by(a.guaranteed_until)
_LOCK_BEHIND = _locked.where(a.ladder_version < bindparam("version")).order_by(a.ladder_version, a.account_id)


@dataclass(frozen=True, slots=True)
class Settled:
    """An order that was received: what its goods are worth (minor units), less refunds, and what growth it has brought.

    `per_yuan` is what it brings for a yuan; None while it has brought nothing.
    """

    received_at: datetime
    minor: int
    growth: int
    per_yuan: int | None


def ladder_of(row: AnyRow) -> Ladder:
    """A ladder out of a row of `LADDER_COLUMNS`."""
    rungs = tuple(Rung.read(each) for each in row.levels)
    return Ladder(row.version, rungs, row.growth_per_yuan, row.counting_months, row.guarantee_months)


async def ladder(reader: Database | Reader) -> Ladder:
    """The ladder in force."""
    row = await reader.one(select(*LADDER_COLUMNS).order_by(la.version.desc()).limit(1))
    return ladder_of(row) if row else FIRST_LADDER


async def ladders_of(reader: Reader, versions: set[int]) -> dict[int, Ladder]:
    """Ladders that were in force, by version."""
    rows = await reader.rows(select(*LADDER_COLUMNS).where(la.version == func.any(sorted(versions))))
    return {FIRST_LADDER.version: FIRST_LADDER, **{row.version: ladder_of(row) for row in rows}}


async def set_ladder(tx: Transaction, new: Ladder, *, by: UUID, now: datetime) -> bool:
    """Put a ladder in force; False when there is one of its version already."""
    row = {
        "version": new.version,
        "levels": [rung.kept() for rung in new.rungs],
        "growth_per_yuan": new.growth_per_yuan,
        "counting_months": new.counting_months,
        "guarantee_months": new.guarantee_months,
        "set_at": now,
        "set_by": by,
    }
    return await tx.execute(upsert(ladders).values(row).on_conflict_do_nothing()) == 1


async def buyer_of_received(reader: Database | Reader, order_id: UUID) -> UUID | None:
    """Who has bought and received an order; None while it is not received."""
    buyer_id: UUID | None = await reader.value(_BUYER, {"order_id": order_id})
    return buyer_id


async def lock(tx: Transaction, account_id: UUID, *, ladder: Ladder) -> Held:
    """Somebody's level, theirs from now on if they had none, locked until the transaction ends."""
    row = await tx.one(_LOCK, {"account_id": account_id, "version": ladder.version})
    assert row is not None
    return Held(*row)


async def lock_due(tx: Transaction, *, now: datetime, limit: int) -> list[Held]:
    """Levels whose guarantee is over, the longest first, locked; those that somebody else holds are passed over."""
    return [Held(*row) for row in await tx.rows(_LOCK_DUE, {"now": now, "limit": limit})]


async def lock_behind(tx: Transaction, *, version: int, limit: int) -> list[Held]:
    """Levels that were decided by an earlier ladder, locked; those that somebody else holds are passed over."""
    return [Held(*row) for row in await tx.rows(_LOCK_BEHIND, {"version": version, "limit": limit})]


async def settled(tx: Transaction, order_id: UUID) -> Settled:
    """How a received order stands; nobody moves its growth meanwhile, as its buyer's level is locked."""
    row = await tx.one(_SETTLED, {"order_id": order_id})
    assert row is not None
    return Settled(row.received_at, int(row.minor), int(row.growth), row.per_yuan)


async def move(
    tx: Transaction,
    held: Held,
    order: Settled,
    *,
    order_id: UUID,
    cause_id: UUID,
    growth: int,
    per_yuan: int,
    now: datetime,
) -> bool:
    """Write that so much growth came of an order, or went back; False, and nothing changes, if the cause moved some before."""
    row = {
        "account_id": held.account_id,
        "order_id": order_id,
        "cause_id": cause_id,
        "growth": growth,
        "settled_minor": order.minor,
        "per_yuan": per_yuan,
        "month": month_of(order.received_at),
        "day": max(shop_day(now), shop_day(order.received_at)),
        "moved_at": now,
    }
    return await tx.execute(upsert(growth_moves).values(row).on_conflict_do_nothing()) == 1


async def growth_by_ids(reader: Reader, account_ids: Sequence[UUID], *, counted_from: date) -> dict[UUID, Growth]:
    """The growth of these months and later that each account has; accounts without any move are left out."""
    rows = await reader.rows(_GROWTH, {"account_ids": list(account_ids), "counted_from": counted_from})
    return {row.account_id: Growth(int(row.counted), row.last_move) for row in rows}


async def guarantees_by_ids(
    tx: Transaction, account_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, list[Guarantee]]:
    """The guarantees of each account that stand, the newest first."""
    found: dict[UUID, list[Guarantee]] = {}
    for row in await tx.rows(_GUARANTEES, {"account_ids": list(account_ids), "now": now}):
        found.setdefault(row.account_id, []).append(Guarantee(*row[1:]))
    return found


async def write(tx: Transaction, decided: Sequence[Held], *, version: int) -> None:
    """Write locked levels as they were decided by this ladder."""
    await tx.execute(
        _WRITE_HELD,
        {
            "version": version,
            "account_ids": [held.account_id for held in decided],
            "ranks": [held.rank for held in decided],
            "untils": [held.guaranteed_until for held in decided],
            "holding_ids": [held.holding_id for held in decided],
        },
    )


async def add_changes(tx: Transaction, new: Sequence[Change]) -> None:
    """Append to the history."""
    if new:
        await tx.execute(insert(changes), [asdict(change) for change in new])
