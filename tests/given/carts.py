"""Builders for carts."""

from datetime import datetime
from uuid import UUID

from domain.carts import actions, queries
from domain.carts.rules import Cart, Holder, new_guest_token
from domain.foundation.database import Database


class CartsGiven:
    """Builders for carts of shoppers and guests."""

    db: Database
    now: datetime

    async def in_cart(self, holder: Holder | UUID, *sku_ids: UUID, quantity: int = 1) -> Cart:
        """So many units of each SKU put in, one SKU after the other; the cart afterwards."""
        for sku_id in sku_ids:
            await actions.add(self.db, _holder(holder), sku_id=sku_id, quantity=quantity, now=self.now)
        return await self.cart_again(holder)

    async def guest(self, *sku_ids: UUID, quantity: int = 1) -> Holder:
        """Somebody who holds the token of a cart with so many units of each SKU; at least one SKU opens it."""
        holder = Holder(guest_token=new_guest_token())
        for sku_id in sku_ids:
            added = await actions.add(self.db, holder, sku_id=sku_id, quantity=quantity, now=self.now)
            holder = Holder(guest_token=added.fresh_token or holder.guest_token)
        return holder

    async def cart_again(self, holder: Holder | UUID) -> Cart:
        """The cart as it is now."""
        async with self.db.reading() as reader:
            return await queries.cart_of(reader, _holder(holder), now=self.now)


def _holder(whose: Holder | UUID) -> Holder:
    return Holder(shopper_id=whose) if isinstance(whose, UUID) else whose
