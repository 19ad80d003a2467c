"""Coupons as an offer at the counter: whose code it is, what comes off, and that it is used for one order only."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from domain.checkout.rules import CouponUnknown, Wish
from domain.coupons import store
from domain.foundation.database import Reader, Transaction
from domain.pricing.rules import Coupon, Offers, Quote

_OFFERED = text("""
    SELECT coupon.id, amount_minor, percent, cap_minor, threshold_minor, stacks_with_sale_prices,
           EXISTS (SELECT FROM coupon_goods WHERE batch_id = batch.id) AS is_limited,
           ARRAY(SELECT sku.id FROM skus AS sku
                 JOIN coupon_goods AS good ON good.product_id = sku.product_id AND coalesce(good.sku_id, sku.id) = sku.id
                 WHERE sku.id = ANY(CAST(:sku_ids AS uuid[])) AND batch_id = batch.id) AS sku_ids
    FROM coupons AS coupon JOIN coupon_batches AS batch ON batch.id = batch_id
    WHERE code = :code AND shopper_id = :shopper_id AND coupon.usable_until > :now
      AND NOT EXISTS (SELECT FROM coupon_uses WHERE coupon_id = coupon.id AND given_back_at IS NULL)
""")


class CouponOffers:
    """The coupons that were claimed."""

    async def offers(self, reader: Reader, wish: Wish, sku_ids: Sequence[UUID], *, now: datetime) -> Offers:
        """What the wish's code takes off. One statement with a code, none without.

        Raises CouponUnknown for a code that is not the shopper's, is used, or counts no more.
        """
        if wish.coupon_code is None:
            return Offers()
        code = wish.coupon_code.strip().upper()
        asked = {"code": code, "shopper_id": wish.shopper_id, "sku_ids": list(sku_ids), "now": now}
        row = await reader.one(_OFFERED, asked)
        if row is None:
            raise CouponUnknown(coupon_code=wish.coupon_code)
        coupon = Coupon(
            code_id=row.id,
            amount_minor=row.amount_minor,
            percent=row.percent,
            cap_minor=row.cap_minor,
            threshold_minor=row.threshold_minor,
            sku_ids=frozenset(row.sku_ids) if row.is_limited else None,
            stacks_with_sale_prices=row.stacks_with_sale_prices,
        )
        return Offers(coupon=coupon)

    async def redeem(
        self, tx: Transaction, offers: Offers, wish: Wish, quote: Quote, *, order_id: UUID, now: datetime
    ) -> None:
        """The coupon counts for this order. Raises CouponUnknown when another order took it at this very moment."""
        if offers.coupon is None:
            return
        if not await store.use(tx, offers.coupon.code_id, order_id=order_id, now=now):
            assert wish.coupon_code is not None
            raise CouponUnknown(coupon_code=wish.coupon_code)
