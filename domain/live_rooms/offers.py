"""Live prices, as checkout asks for them: what an item costs in its room while it is on air, and a grace period after.

The same question is asked for a quote and within the transaction that charges: a price that has ended is not charged.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select

from domain.checkout.rules import Wish
from domain.foundation.database import Reader, Transaction
from domain.live_rooms import store
from domain.live_rooms.rules import Channel
from domain.live_rooms.tables import chapters, rooms
from domain.pricing.rules import Offers, Quote

h = chapters.c


async def live_prices(reader: Reader, wish: Wish, sku_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, int]:
    """The lowest live price of each of these SKUs that holds in the wish's room now, in minor units; none without a room."""
    if wish.room_id is None:
        return {}
    holds = (h.began_at <= now) & or_(h.prices_until.is_(None), h.prices_until > now)
    lowest: dict[UUID, int] = {}
    for prices in await reader.column(select(h.live_prices).where(h.room_id == wish.room_id, holds)):
        for sku_id in sku_ids:
            if (minor := prices.get(str(sku_id))) is not None:
                lowest[sku_id] = min(minor, lowest.get(sku_id, minor))
    return lowest


async def note_order(tx: Transaction, wish: Wish, *, order_id: UUID, now: datetime) -> None:
    """An order is being placed in the wish's room. It counts for the room while that is on, and as long as a live price may
    hold after its end.
    """
    if wish.room_id is None:
        return
    r = rooms.c
    counts = r.live_at.is_not(None) & or_(
        r.ended_at.is_(None), r.ended_at + func.make_interval(0, 0, 0, 0, 0, 0, r.grace_seconds) > now
    )
    if await tx.value(select(r.id).where(r.id == wish.room_id, counts)) is None:
        return
    await store.add_order(
        tx,
        order_id=order_id,
        room_id=wish.room_id,
        shopper_id=wish.shopper_id,
        channel=Channel.SHELF,
        placed_at=now,
    )


class LivePrices:
    """Live rooms as a source of offers."""

    async def offers(self, reader: Reader, wish: Wish, sku_ids: Sequence[UUID], *, now: datetime) -> Offers:
        """The live prices that hold."""
        return Offers(live_prices=await live_prices(reader, wish, sku_ids, now=now))

    async def redeem(
        self, tx: Transaction, offers: Offers, wish: Wish, quote: Quote, *, order_id: UUID, now: datetime
    ) -> None:
        """The order belongs to the room."""
        await note_order(tx, wish, order_id=order_id, now=now)
