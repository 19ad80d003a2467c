"""How actions read and write addresses. A shopper's addresses are changed one action at a time, behind `lock_shopper`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from domain.accounts.tables import accounts
from domain.addresses.rules import Address, Destination
from domain.addresses.tables import addresses
from domain.foundation.database import AnyRow, Transaction

_a = addresses.c
COLUMNS = (
    _a.id, _a.shopper_id, _a.recipient, _a.phone, _a.province, _a.city, _a.district, _a.region_code, _a.street,
    _a.is_default, _a.created_at, _a.updated_at,
)  # fmt: skip


async def lock_shopper(tx: Transaction, shopper_id: UUID) -> list[Address]:
    """A shopper's addresses, newest first; others who change them wait until this transaction ends.

    The account is locked, not the addresses: two first ones at once would have no row to wait for.
    """
    await tx.value(select(accounts.c.id).where(accounts.c.id == shopper_id).with_for_update(key_share=True))
    rows = await tx.rows(select(*COLUMNS).where(_a.shopper_id == shopper_id).order_by(_a.id.desc()))
    return [address_of(row) for row in rows]


async def add(tx: Transaction, address: Address) -> None:
    """Keep a new address."""
    row = {"id": address.id, "shopper_id": address.shopper_id, "is_default": address.is_default}
    times = {"created_at": address.created_at, "updated_at": address.updated_at}
    await tx.execute(insert(addresses).values(row | _texts(address.destination) | times))


async def write(tx: Transaction, address_id: UUID, destination: Destination, *, now: datetime) -> None:
    """Change what an address says."""
    await tx.execute(update(addresses).where(_a.id == address_id).values(**_texts(destination), updated_at=now))


async def make_default(tx: Transaction, shopper_id: UUID, address_id: UUID | None) -> None:
    """Make this address of the shopper the default one instead of any other; None: there is none."""
    # first off, then on: the database allows one default at every moment, not only at the end
    await tx.execute(update(addresses).where(_a.shopper_id == shopper_id, _a.is_default).values(is_default=False))
    if address_id is not None:
        await tx.execute(update(addresses).where(_a.id == address_id).values(is_default=True))


async def remove(tx: Transaction, address_id: UUID) -> None:
    """Forget an address; orders keep what they were told."""
    await tx.execute(delete(addresses).where(_a.id == address_id))


def address_of(row: AnyRow) -> Address:
    """The address of a row of COLUMNS."""
    id, shopper_id, *texts, is_default, created_at, updated_at = row
    return Address(id, shopper_id, Destination(*texts), is_default, created_at, updated_at)


def _texts(destination: Destination) -> dict[str, str]:
    return {name: getattr(destination, name) for name in Destination.__slots__}
