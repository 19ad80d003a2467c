"""What shoppers bring along to the counter: what they hold as members, the live prices of the room they buy in, the coupon
whose code they give, and the points they want to spend.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.benefits.offers import BenefitOffers
from domain.checkout.offers import OfferSource
from domain.checkout.rules import Wish
from domain.coupons.offers import CouponOffers
from domain.foundation.database import Reader, Transaction
from domain.live_rooms.offers import LivePrices
from domain.points.offers import PointOffers
from domain.pricing.rules import Offers, Quote

_BENEFITS, _LIVE_PRICES, _COUPONS, _POINTS = BenefitOffers(), LivePrices(), CouponOffers(), PointOffers()


class AllOffers:
    """Benefits, live prices, coupons and points, the one source that a quote and a charge both ask."""

    async def offers(self, reader: Reader, wish: Wish, sku_ids: Sequence[UUID], *, now: datetime) -> Offers:
        """All of them. Raises CouponUnknown."""
        granted = await _COUPONS.offers(reader, wish, sku_ids, now=now)
        live = await _LIVE_PRICES.offers(reader, wish, sku_ids, now=now)
        held = await _BENEFITS.offers(reader, wish, sku_ids, now=now)
        wanted = await _POINTS.offers(reader, wish, sku_ids, now=now)
        return replace(held, coupon=granted.coupon, live_prices=live.live_prices, points=wanted.points)

    async def redeem(
        self, tx: Transaction, offers: Offers, wish: Wish, quote: Quote, *, order_id: UUID, now: datetime
    ) -> None:
        """The savings are noted, the coupon is used, the points are spent, and the order belongs to the room.

        Raises CouponUnknown, NotEnoughPoints, PriceChanged.
        """
        # first: whoever pays a membership back locks what it grants before the coupons that came of it
        await _BENEFITS.redeem(tx, offers, wish, quote, order_id=order_id, now=now)
        await _COUPONS.redeem(tx, offers, wish, quote, order_id=order_id, now=now)
        await _POINTS.redeem(tx, offers, wish, quote, order_id=order_id, now=now)
        await _LIVE_PRICES.redeem(tx, offers, wish, quote, order_id=order_id, now=now)


OFFERS: OfferSource = AllOffers()
