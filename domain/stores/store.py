"""How actions read and write stores."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.database import AnyRow, Transaction
from domain.stores.rules import Store
from domain.stores.tables import stores

_s = stores.c
COLUMNS = (
    _s.id, _s.code, _s.name, _s.phone, _s.region_code, _s.address, _s.opens_at, _s.closes_at, _s.takes_pickups,
)  # fmt: skip


async def add(tx: Transaction, store: Store, *, now: datetime) -> bool:
    """Keep a new store; False when another has its code."""
    new = insert(stores).values(**_values(store), id=store.id, created_at=now, updated_at=now)
    return bool(await tx.execute(new.on_conflict_do_nothing(index_elements=[_s.code])))


async def lock(tx: Transaction, store_id: UUID) -> Store | None:
    """The store, locked until the transaction ends; None when there is none."""
    row = await tx.one(select(*COLUMNS).where(_s.id == store_id).with_for_update(key_share=True))
    return store_of(row) if row else None


async def write(tx: Transaction, store: Store, *, now: datetime) -> None:
    """Change a store."""
    await tx.execute(update(stores).where(_s.id == store.id).values(**_values(store), updated_at=now))


def store_of(row: AnyRow) -> Store:
    """The store of a row of COLUMNS."""
    return Store(*row)


def _values(store: Store) -> dict[str, object]:
    return {name: getattr(store, name) for name in Store.__slots__ if name != "id"}
