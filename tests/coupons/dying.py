"""Steps that run in a process of their own, which is killed at each of its meetings with the ledger."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.checkout import actions as checkout
from domain.checkout.rules import Wish
from domain.coupons import actions
from domain.coupons.claiming import CouponDesk
from domain.coupons.offers import CouponOffers
from domain.foundation.runtime import Market
from tests.given.checkout import PAY_WITHIN
from tests.given.coupons import Dropped


@dataclass(frozen=True)
class Journey:
    """Who claims what, and orders what with it for ¥50."""

    batch_id: UUID
    shopper_id: UUID
    wish: Wish
    now: datetime


async def claim(market: Market, journey: Journey) -> None:
    """The shopper claims a coupon."""
    await CouponDesk(market.db, Dropped()).claim(
        batch_id=journey.batch_id, shopper_id=journey.shopper_id, idempotency_key="dying-claim", now=journey.now
    )


async def place(market: Market, journey: Journey) -> None:
    """The shopper orders with it."""
    await checkout.place(
        market.db,
        journey.wish,
        expected_total_minor=5000,
        idempotency_key="dying-order",
        pay_within=PAY_WITHIN,
        source=CouponOffers(),
        now=journey.now,
    )


async def settle(market: Market, order_id: UUID, now: datetime) -> None:
    """The worker hears what became of the order."""
    await actions.settle(market.db, order_id=order_id, now=now)
