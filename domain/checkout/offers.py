"""Where coupons, points, member prices and live prices come from: a port, into which whoever grants them is plugged."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.checkout.rules import CouponUnknown, Wish
from domain.foundation.database import Reader, Transaction
from domain.pricing.rules import Offers, Quote


class OfferSource(Protocol):
    """Grants offers to a shopper, and takes note of those that were used.

    Of an order that is called off, lapses or is given back it hears by the order's own events.
    """

    async def offers(self, reader: Reader, wish: Wish, sku_ids: Sequence[UUID], *, now: datetime) -> Offers:
        """What the shopper brings along for these SKUs, which the wish names or the cart holds.

        Raises CouponUnknown for a code that they may not use.
        """

    async def redeem(
        self, tx: Transaction, offers: Offers, wish: Wish, quote: Quote, *, order_id: UUID, now: datetime
    ) -> None:
        """What the quote made of the offers is used for this order, in the transaction that places it; the order itself is not
        written yet. A refusal raised here undoes it all.
        """


class NoOffers:
    """Nobody grants anything: no price is a member's, and no coupon is known."""

    async def offers(self, reader: Reader, wish: Wish, sku_ids: Sequence[UUID], *, now: datetime) -> Offers:
        """None at all. Raises CouponUnknown for any code."""
        if wish.coupon_code is not None:
            raise CouponUnknown(coupon_code=wish.coupon_code)
        return Offers()

    async def redeem(
        self, tx: Transaction, offers: Offers, wish: Wish, quote: Quote, *, order_id: UUID, now: datetime
    ) -> None:
        """Nothing was used."""


OFFERS: OfferSource = NoOffers()
"""The source that counts where none is named."""
