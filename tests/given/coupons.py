"""Builders for coupons: batches, desks that take claims, and coupons that shoppers have."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from domain.coupons import actions, queries
from domain.coupons.claiming import CouponDesk
from domain.coupons.offers import CouponOffers
from domain.coupons.rules import Batch, Coupon, NewBatch, new_code
from domain.coupons.tables import batches, coupons, uses
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id
from domain.pricing import rules as pricing

DAY = timedelta(days=1)


@dataclass
class Dropped:
    """Rooms that say of every batch that it was dropped in one that is on, or of none."""

    is_on: bool = False

    async def is_dropped(self, *_: object) -> bool:
        return self.is_on


class CouponsGiven:
    """Builders for coupons."""

    db: Database
    now: datetime
    coupons = CouponOffers()
    """The source that checkout asks for coupons."""

    def new_batch(self, **terms: Any) -> NewBatch:
        """¥10 off from ¥50 on, 100 pieces, one for each, claimed today and good for a week, unless said otherwise."""
        worth = {} if "percent" in terms else {"amount_minor": 1000}
        usable = {} if "usable_until" in terms else {"usable_days": 7}
        usual = {"title": "新客券", "pieces": 100, "threshold_minor": 5000, **worth, **usable}
        window = {"claimable_from": self.now, "claimable_until": self.now + DAY}
        return NewBatch(**{**usual, **window, **terms})

    async def batch(self, **terms: Any) -> Batch:
        """A batch that can be claimed."""
        return await actions.create(
            self.db, self.new_batch(**terms), by=new_id(), idempotency_key=f"batch-{new_id()}", now=self.now
        )

    async def batch_again(self, batch_id: UUID) -> Batch:
        """The batch as it is by now."""
        return (await queries.batches_by_ids(self.db, [batch_id]))[batch_id]

    def coupon_desk(self, *, is_dropped: bool = False) -> CouponDesk:
        """A desk that takes claims."""
        return CouponDesk(self.db, Dropped(is_dropped))

    async def coupon(self, shopper_id: UUID, **terms: Any) -> Coupon:
        """A coupon of a batch of its own, which the shopper has claimed."""
        batch = await self.batch(**terms)
        return await self.coupon_desk().claim(
            batch_id=batch.id, shopper_id=shopper_id, idempotency_key=f"claim-{new_id()}", now=self.now
        )

    async def coupon_again(self, coupon_id: UUID) -> Coupon:
        """The coupon as it is by now."""
        return (await queries.coupons_by_ids(self.db, [coupon_id]))[coupon_id]


async def keep_used(
    tx: Transaction, coupon: pricing.Coupon, *, shopper_id: UUID, order_id: UUID, now: datetime
) -> None:
    """A coupon that a test's own source has granted, as if it had been claimed and used for the order."""
    batch = {
        "id": new_id(),
        "title": "赠券",
        "amount_minor": 1,
        "threshold_minor": 0,
        "stacks_with_sale_prices": True,
        "pieces": 1,
        "claimed": 1,
        "per_shopper": 1,
        "claimable_from": now,
        "claimable_until": now + DAY,
        "usable_days": 1,
        "claimable_in": "everywhere",
        "created_at": now,
        "created_by": new_id(),
    }
    claimed = {"batch_id": batch["id"], "shopper_id": shopper_id, "code": new_code(), "claim_key": str(new_id())}
    await tx.execute(insert(batches).values(batch))
    await tx.execute(insert(coupons).values(id=coupon.code_id, claimed_at=now, usable_until=now + DAY, **claimed))
    await tx.execute(insert(uses).values(order_id=order_id, coupon_id=coupon.code_id, used_at=now))
