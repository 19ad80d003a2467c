"""How units move: the only SQL that changes stock. Counters and the ledger of movements change together.

Lock order, everywhere: allotments by id, then SKUs by id. So two baskets with the same goods never wait for each other
in a ring.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import add
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.foundation.database import Transaction
from domain.foundation.ids import new_id
from domain.stock.rules import (
    NO_CHANGE,
    ON_ALLOTMENT,
    Cause,
    Change,
    Level,
    Movement,
    NotEnoughStock,
    Units,
    change_of_sku,
)
from domain.stock.tables import allotments, holds, levels, movements

_INSERT_HOLDS = text("""
    INSERT INTO stock_holds (id, order_id, sku_id, allotment_id, quantity, held_at)
    SELECT *, CAST(:held_at AS timestamptz)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:order_ids AS uuid[]), CAST(:sku_ids AS uuid[]),
                CAST(:allotment_ids AS uuid[]), CAST(:quantities AS bigint[]))
""")
_TAKE_BACK = text("""
    UPDATE stock_holds AS sold SET returned = sold.returned + back.quantity
    FROM unnest(CAST(:sku_ids AS uuid[]), CAST(:allotment_ids AS uuid[]), CAST(:quantities AS bigint[]))
      AS back (sku_id, allotment_id, quantity)
    WHERE sold.order_id = :order_id AND sold.outcome = 'sold' AND sold.sku_id = back.sku_id
      AND sold.allotment_id IS NOT DISTINCT FROM back.allotment_id
""")

# As text, made once: buyers of a popular SKU wait for one row, and building a statement takes longer than running it.
_KEYS = {"stock_allotments": "id", "stock_levels": "sku_id"}
_LOCK = {
    table: text(f"SELECT {key} FROM {table} WHERE {key} = ANY(CAST(:keys AS uuid[])) ORDER BY {key} FOR UPDATE")  # noqa: S608
    for table, key in _KEYS.items()
}
_CHANGE = {
    table: text(f"""
        UPDATE {table} AS units
        SET free = units.free + change.free, held = units.held + change.held, sold = units.sold + change.sold,
            total = units.total + change.free + change.held + change.sold
        FROM unnest(CAST(:keys AS uuid[]), CAST(:free AS bigint[]), CAST(:held AS bigint[]), CAST(:sold AS bigint[]))
          AS change (key, free, held, sold)
        WHERE units.{key} = change.key
          AND units.free + change.free >= 0 AND units.held + change.held >= 0 AND units.sold + change.sold >= 0
        RETURNING units.{key}
    """)  # noqa: S608 - the names are our own, above
    for table, key in _KEYS.items()
}


async def lock_allotment(tx: Transaction, allotment_id: UUID) -> Level:
    """An allotment's units, locked until the transaction ends."""
    a = allotments.c
    row = await tx.one(select(a.id, a.free, a.held, a.sold).where(a.id == allotment_id).with_for_update())
    assert row is not None, f"no allotment {allotment_id}"
    return Level(*row)


async def lock_level(tx: Transaction, sku_id: UUID) -> Level:
    """A SKU's units, locked until the transaction ends; zeros when it never had any."""
    c = levels.c
    await tx.execute(upsert(levels).values(sku_id=sku_id).on_conflict_do_nothing())
    row = await tx.one(select(c.sku_id, c.free, c.held, c.sold).where(c.sku_id == sku_id).with_for_update())
    assert row is not None
    return Level(*row)


async def receive(tx: Transaction, units: Units, *, movement: Movement, cause: Cause, now: datetime) -> None:
    """Add units from outside to free stock."""
    statement = upsert(levels).values(sku_id=units.sku_id, total=units.quantity, free=units.quantity)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[levels.c.sku_id],
            set_={"total": levels.c.total + units.quantity, "free": levels.c.free + units.quantity},
        )
    )
    await _write_movements(tx, movement, [units], cause, now)


async def open_allotment(tx: Transaction, units: Units, *, purpose: str, cause: Cause, now: datetime) -> UUID:
    """Set free units of a SKU aside for a promotion. Raises NotEnoughStock, and then nothing is set aside."""
    allotment_id = new_id()
    await tx.execute(insert(allotments).values(id=allotment_id, sku_id=units.sku_id, purpose=purpose, opened_at=now))
    moved = Units(units.sku_id, units.quantity, allotment_id)
    await _move_on_skus(tx, Movement.ALLOTTED, [moved])
    await _move_on_allotments(tx, Movement.ALLOTTED, [moved])
    await _write_movements(tx, Movement.ALLOTTED, [moved], cause, now)
    return allotment_id


async def add_to_allotment(tx: Transaction, units: Units, *, cause: Cause, now: datetime) -> None:
    """Set more free units of a SKU aside in an allotment it has; one that is closed takes none, and they stay free.

    Raises NotEnoughStock, and then nothing is set aside. Whoever takes units back in the same transaction calls
    `lock_allotment` before, for the order of locks above.
    """
    assert units.allotment_id is not None
    a = allotments.c
    row = await tx.one(select(a.sku_id, a.closed_at).where(a.id == units.allotment_id).with_for_update())
    assert row is not None and row.sku_id == units.sku_id, f"{units} name no allotment of their SKU"
    if row.closed_at is None:
        await _move(tx, Movement.ALLOTTED, [units], cause, now)


async def close_allotments(tx: Transaction, allotment_ids: Sequence[UUID], *, cause: Cause, now: datetime) -> None:
    """Give the allotments' free units back to their SKUs. One that is closed already gives back none."""
    a = allotments.c
    found = select(a.id, a.sku_id, a.free, a.closed_at).where(a.id == func.any(list(allotment_ids))).order_by(a.id)
    rows = await tx.rows(found.with_for_update())
    assert len(rows) == len(set(allotment_ids)), f"{len(rows)} allotments, {len(set(allotment_ids))} to be closed"
    left = [Units(row.sku_id, row.free, row.id) for row in rows if row.closed_at is None and row.free]
    if left:
        await _move(tx, Movement.UNALLOTTED, left, cause, now)
    is_open = (a.id == func.any(list(allotment_ids))) & a.closed_at.is_(None)
    await tx.execute(update(allotments).where(is_open).values(closed_at=now))


async def hold(tx: Transaction, orders: Sequence[tuple[UUID, Units]], *, cause: Cause, now: datetime) -> None:
    """Hold units for orders, all or none. Raises NotEnoughStock naming the first SKU that has too few."""
    await tx.execute(
        _INSERT_HOLDS,
        {
            "ids": [new_id() for _ in orders],
            "order_ids": [order_id for order_id, _ in orders],
            "sku_ids": [units.sku_id for _, units in orders],
            "allotment_ids": [units.allotment_id for _, units in orders],
            "quantities": [units.quantity for _, units in orders],
            "held_at": now,
        },
    )
    await _move(tx, Movement.HELD, [units for _, units in orders], cause, now)


async def end_holds(
    tx: Transaction, order_ids: Sequence[UUID], *, movement: Movement, cause: Cause, now: datetime
) -> set[UUID]:
    """Turn the open holds of these orders into SOLD or RELEASED units; the orders that had any. A second call finds none."""
    assert movement in {Movement.SOLD, Movement.RELEASED}
    ended = await tx.rows(
        update(holds)
        .where(holds.c.order_id == func.any(list(order_ids)), holds.c.ended_at.is_(None))
        .values(ended_at=now, outcome=movement.value)
        .returning(holds.c.order_id, holds.c.sku_id, holds.c.quantity, holds.c.allotment_id)
    )
    if ended:
        await _move(tx, movement, [Units(*units) for _, *units in ended], cause, now)
    return {row.order_id for row in ended}


async def take_back(tx: Transaction, order_id: UUID, units: Sequence[Units], *, cause: Cause, now: datetime) -> None:
    """Sold units of an order are free again; `allotment_id` says out of which they were sold.

    The database refuses more than were sold to it. Whoever calls makes sure by its own state that it happens once.
    """
    sold = _merged(units)
    changed = await tx.execute(
        _TAKE_BACK,
        {
            "order_id": order_id,
            "sku_ids": [some.sku_id for some in sold],
            "allotment_ids": [some.allotment_id for some in sold],
            "quantities": [some.quantity for some in sold],
        },
    )
    assert changed == len(sold), f"order {order_id} was sold {changed} of {len(sold)} goods that come back"
    freed = _merged(Units(some.sku_id, some.quantity) for some in sold)
    await _move_on_skus(tx, Movement.RETURNED, freed)
    await _write_movements(tx, Movement.RETURNED, freed, cause, now)


async def _move(tx: Transaction, movement: Movement, units: Sequence[Units], cause: Cause, now: datetime) -> None:
    merged = _merged(units)
    await _move_on_allotments(tx, movement, [some for some in merged if some.allotment_id])
    await _move_on_skus(tx, movement, merged)
    await _write_movements(tx, movement, merged, cause, now)


def _merged(units: Iterable[Units]) -> list[Units]:
    """One entry per SKU and allotment."""
    sums: Counter[tuple[UUID, UUID | None]] = Counter()
    for some in units:
        sums[some.sku_id, some.allotment_id] += some.quantity
    return [Units(sku_id, quantity, allotment_id) for (sku_id, allotment_id), quantity in sums.items()]


async def _move_on_allotments(tx: Transaction, movement: Movement, units: Sequence[Units]) -> None:
    by_allotment = {some.allotment_id: some for some in units if some.allotment_id}
    one = ON_ALLOTMENT[movement]
    changes = {allotment_id: _times(one, some.quantity) for allotment_id, some in by_allotment.items()}
    short_id = await _apply(tx, "stock_allotments", changes)
    if short_id:
        short = by_allotment[short_id]
        free = await tx.value(select(allotments.c.free).where(allotments.c.id == short_id))
        raise NotEnoughStock(sku_id=short.sku_id, wanted=short.quantity, free=free or 0)


async def _move_on_skus(tx: Transaction, movement: Movement, units: Sequence[Units]) -> None:
    changes: dict[UUID, Change] = {}
    wanted: Counter[UUID] = Counter()
    for some in units:
        one = change_of_sku(movement, within_allotment=some.allotment_id is not None)
        if one != NO_CHANGE:
            changes[some.sku_id] = _plus(changes.get(some.sku_id, NO_CHANGE), _times(one, some.quantity))
            wanted[some.sku_id] += some.quantity
    short_id = await _apply(tx, "stock_levels", changes)
    if short_id:
        free = await tx.value(select(levels.c.free).where(levels.c.sku_id == short_id))
        raise NotEnoughStock(sku_id=short_id, wanted=wanted[short_id], free=free or 0)


def _times(change: Change, quantity: int) -> Change:
    return Change(*(part * quantity for part in change))


def _plus(one: Change, other: Change) -> Change:
    return Change(*map(add, one, other))


async def _apply(tx: Transaction, table: str, changes: Mapping[UUID, Change]) -> UUID | None:
    """Change the units of many rows by one guarded UPDATE; the first row, if any, that would fall below zero.

    The rows that do not fall short are changed all the same: whoever calls raises, and the transaction undoes them.
    """
    if not changes:
        return None
    keys = sorted(changes)
    if len(keys) > 1:  # one UPDATE locks its rows in whatever order it likes: lock them in ours before
        await tx.column(_LOCK[table], {"keys": keys})
    parts = zip(Change._fields, zip(*(changes[key] for key in keys), strict=True), strict=True)
    done = set(await tx.column(_CHANGE[table], {"keys": keys, **{state: list(part) for state, part in parts}}))
    return next((key for key in keys if key not in done), None)


async def _write_movements(
    tx: Transaction, movement: Movement, units: Sequence[Units], cause: Cause, now: datetime
) -> None:
    await tx.execute(
        insert(movements),
        [
            {
                "sku_id": some.sku_id,
                "allotment_id": some.allotment_id,
                "movement": movement,
                "quantity": some.quantity,
                "cause": cause.kind,
                "cause_id": cause.id,
                "by": cause.by,
                "reason": cause.reason,
                "moved_at": now,
            }
            for some in units
        ],
    )
