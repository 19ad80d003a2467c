"""How screens and checkouts read addresses. Never locks."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from domain.addresses.rules import Address, Destination
from domain.addresses.store import COLUMNS, address_of
from domain.addresses.tables import addresses
from domain.foundation import ids
from domain.foundation.database import Database, Reader
from domain.foundation.errors import NotFound
from domain.foundation.pages import Page, page_of, page_size, read_cursor

_a = addresses.c


async def by_ids(db: Database, address_ids: Sequence[UUID]) -> dict[UUID, Address]:
    """Addresses that exist, by id, whoever's they are."""
    rows = await db.rows(select(*COLUMNS).where(_a.id == func.any(list(address_ids))))
    return {row.id: address_of(row) for row in rows}


async def of_shopper(db: Database, shopper_id: UUID, *, first: int, after: str | None = None) -> Page[Address]:
    """A shopper's addresses, newest first."""
    newest_first = select(*COLUMNS).where(_a.shopper_id == shopper_id).order_by(_a.id.desc())
    if after is not None:
        newest_first = newest_first.where(_a.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([address_of(row) for row in rows], first, lambda address: (str(address.id),))


async def default_of(reader: Reader | Database, shopper_id: UUID) -> Address | None:
    """The address that is taken where the shopper names none, if there is any."""
    row = await reader.one(select(*COLUMNS).where(_a.shopper_id == shopper_id, _a.is_default))
    return address_of(row) if row else None


async def destination(reader: Reader | Database, *, address_id: UUID, shopper_id: UUID) -> Destination:
    """Where an order of this shopper goes. Raises NotFound for somebody else's address as for none."""
    row = await reader.one(select(*COLUMNS).where(_a.id == address_id, _a.shopper_id == shopper_id))
    if row is None:
        raise NotFound("address", ids.encode("address", address_id))
    return address_of(row).destination
