"""What shoppers do with their addresses. Whoever has any has exactly one default among them."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.addresses import store
from domain.addresses.rules import MOST_ADDRESSES, Address, Destination, TooManyAddresses, tidied
from domain.foundation import ids
from domain.foundation.database import Database
from domain.foundation.errors import NotFound


async def create(
    db: Database, *, shopper_id: UUID, destination: Destination, is_default: bool, now: datetime
) -> Address:
    """Keep an address; the first one is the default. The same destination again is the address that is kept already.

    Raises BadInput for what `tidied` does not allow, TooManyAddresses beyond 50.
    """
    destination = tidied(destination)
    async with db.transaction() as tx:
        kept = await store.lock_shopper(tx, shopper_id)
        address = next((each for each in kept if each.destination == destination), None)
        if address is None:
            if len(kept) >= MOST_ADDRESSES:
                raise TooManyAddresses()
            address = Address(ids.new_id(), shopper_id, destination, is_default=False, created_at=now, updated_at=now)
            await store.add(tx, address)
        if (is_default or not kept) and not address.is_default:
            await store.make_default(tx, shopper_id, address.id)
            address = replace(address, is_default=True)
    return address


async def update(
    db: Database, *, address_id: UUID, shopper_id: UUID, destination: Destination, now: datetime
) -> Address:
    """Change what one's address says; orders keep what they were told.

    Raises BadInput for what `tidied` does not allow, NotFound for somebody else's as for none.
    """
    destination = tidied(destination)
    async with db.transaction() as tx:
        address = _own(await store.lock_shopper(tx, shopper_id), address_id)
        if address.destination != destination:
            await store.write(tx, address_id, destination, now=now)
            address = replace(address, destination=destination, updated_at=now)
    return address


async def make_default(db: Database, *, address_id: UUID, shopper_id: UUID) -> Address:
    """Take one's address where none is named. Raises NotFound for somebody else's as for none."""
    async with db.transaction() as tx:
        address = _own(await store.lock_shopper(tx, shopper_id), address_id)
        if not address.is_default:
            await store.make_default(tx, shopper_id, address_id)
    return replace(address, is_default=True)


async def delete(db: Database, *, address_id: UUID, shopper_id: UUID) -> None:
    """Forget one's address; the newest that is left takes over as default. Raises NotFound for somebody else's as for none."""
    async with db.transaction() as tx:
        kept = await store.lock_shopper(tx, shopper_id)
        address = _own(kept, address_id)
        await store.remove(tx, address_id)
        if address.is_default:
            newest = next((each.id for each in kept if each.id != address_id), None)
            await store.make_default(tx, shopper_id, newest)


def _own(kept: list[Address], address_id: UUID) -> Address:
    for address in kept:
        if address.id == address_id:
            return address
    raise NotFound("address", ids.encode("address", address_id))
