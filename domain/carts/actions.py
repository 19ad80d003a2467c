"""What can be done with carts. Each action gives back the cart as it is afterwards."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.carts import rules, store
from domain.carts.queries import cart_of, price_to_put_in
from domain.carts.rules import Cart, Holder
from domain.foundation.database import Database
from domain.foundation.errors import NotFound


class Added(NamedTuple):
    """The cart, and the token of the guest for whom it was opened just now: it is told only once."""

    cart: Cart
    fresh_token: str | None


async def add(db: Database, holder: Holder, *, sku_id: UUID, quantity: int, now: datetime) -> Added:
    """Put units of a SKU in, on top of those that are there; the line is chosen, and stands first.

    A guest without a cart, or with the token of one that was merged or forgotten, gets a new one. Raises NotFound for a SKU
    that is not for sale, BadInput, CartFull, CartLineFull.
    """
    rules.check_quantity(quantity)
    async with db.transaction() as tx:
        price_minor = await price_to_put_in(tx, sku_id, now=now)
        if price_minor is None:
            raise NotFound.of("sku", sku_id)
        fresh_token = None
        if holder.shopper_id is not None:
            cart_id = await store.open_shoppers(tx, holder.shopper_id, now=now)
        else:
            known_id = await store.lock(tx, holder, now=now)
            if known_id is None:
                fresh_token = rules.new_guest_token()
                holder = Holder(guest_token=fresh_token)
            cart_id = known_id or await store.open_guests(tx, fresh_token or "", now=now)
        await store.add(tx, cart_id, sku_id, quantity=quantity, price_minor=price_minor, now=now)
        return Added(await cart_of(tx, holder, now=now), fresh_token)


async def set_quantity(db: Database, holder: Holder, *, sku_id: UUID, quantity: int, now: datetime) -> Cart:
    """So many units of a line from now on. Raises NotFound when the cart has none of the SKU, BadInput."""
    rules.check_quantity(quantity)
    async with db.transaction() as tx:
        cart_id = await store.lock(tx, holder, now=now)
        if cart_id is None or not await store.set_quantity(tx, cart_id, sku_id, quantity=quantity):
            raise NotFound.of("sku", sku_id)
        return await cart_of(tx, holder, now=now)


async def choose(db: Database, holder: Holder, *, sku_ids: Sequence[UUID], is_chosen: bool, now: datetime) -> Cart:
    """Tick or untick lines for checkout. What is not in the cart is passed over; a second call changes nothing."""
    async with db.transaction() as tx:
        cart_id = await store.lock(tx, holder, now=now)
        if cart_id is not None:
            await store.choose(tx, cart_id, sku_ids, is_chosen=is_chosen)
        return await cart_of(tx, holder, now=now)


async def remove(db: Database, holder: Holder, *, sku_ids: Sequence[UUID], now: datetime) -> Cart:
    """Take lines out. What is not in the cart is passed over; a second call changes nothing."""
    async with db.transaction() as tx:
        cart_id = await store.lock(tx, holder, now=now)
        if cart_id is not None:
            await store.remove(tx, cart_id, sku_ids)
        return await cart_of(tx, holder, now=now)


async def clear(db: Database, holder: Holder, *, now: datetime) -> Cart:
    """Take everything out. A second call changes nothing."""
    async with db.transaction() as tx:
        cart_id = await store.lock(tx, holder, now=now)
        if cart_id is not None:
            await store.clear(tx, cart_id)
    return Cart()


async def merge(db: Database, *, shopper_id: UUID, guest_token: str, now: datetime) -> Cart:
    """Move a guest's cart into the shopper's, whose token it was until now; gives back the shopper's.

    Quantities add up, to 999 of a SKU; when 120 lines are full, the guest's oldest ones are left out. A second call, by
    whomever, changes nothing, and neither does a token that is not known, or not any more.
    """
    shopper = Holder(shopper_id=shopper_id)
    async with db.transaction() as tx:
        # the guest's cart first: of two shoppers who hold the same token, the second finds it merged
        guest_id = await store.lock(tx, Holder(guest_token=guest_token), now=now)
        if guest_id is not None:
            cart_id = await store.open_shoppers(tx, shopper_id, now=now)
            await store.merge(tx, guest_id=guest_id, cart_id=cart_id, now=now)
        return await cart_of(tx, shopper, now=now)


async def forget(db: Database, *, now: datetime, limit: int) -> int:
    """Drop guests' carts untouched for 30 days, at most `limit`; how many went. Safe side by side."""
    async with db.transaction() as tx:
        return await store.forget(tx, before=now - rules.FORGOTTEN_AFTER, limit=limit)
