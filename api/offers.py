"""What shoppers bring along to the counter: what they hold as members, the live prices of the room they buy in, and the coupon
whose code they give.
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
from domain.pricing.rules import Offers, Quote

_BENEFITS, _LIVE_PRICES, _COUPONS = BenefitOffers(), LivePrices(), CouponOffers()


class AllOffers:
    """Benefits, live prices and coupons, the one source that a quote and a charge both ask."""

    async def offers(self, reader: Reader, wish: Wish, sku_ids: Sequence[UUID], *, now: datetime) -> Offers:
        """All of them. Raises CouponUnknown."""
        granted = await _COUPONS.offers(reader, wish, sku_ids, now=now)
        live = await _LIVE_PRICES.offers(reader, wish, sku_ids, now=now)
        held = await _BENEFITS.offers(reader, wish, sku_ids, now=now)
        return replace(held, coupon=granted.coupon, live_prices=live.live_prices)

    async def redeem(
        self, tx: Transaction, offers: Offers, wish: Wish, quote: Quote, *, order_id: UUID, now: datetime
    ) -> None:
        """The savings are noted, the coupon is used, and the order belongs to the room. Raises CouponUnknown, PriceChanged."""
        # first: whoever pays a membership back locks what it grants before the coupons that came of it
        await _BENEFITS.redeem(tx, offers, wish, quote, order_id=order_id, now=now)
        await _COUPONS.redeem(tx, offers, wish, quote, order_id=order_id, now=now)
        await _LIVE_PRICES.redeem(tx, offers, wish, quote, order_id=order_id, now=now)


OFFERS: OfferSource = AllOffers()
