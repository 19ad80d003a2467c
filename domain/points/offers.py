"""Points as an offer at the counter: as many as the shopper wants to spend and has, spent with the order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.checkout.rules import Wish
from domain.foundation.database import Database, Reader, Transaction
from domain.points import queries, store
from domain.pricing.rules import Offers, PointsToSpend, Quote


class PointOffers:
    """The points that shoppers have."""

    async def offers(self, reader: Reader, wish: Wish, sku_ids: Sequence[UUID], *, now: datetime) -> Offers:
        """So many of the wish's points as there are. Two statements where points are wanted, none else."""
        if wish.points == 0:
            return Offers()
        return Offers(points=await spendable(reader, wish.shopper_id, wish.points, now=now))

    async def redeem(
        self, tx: Transaction, offers: Offers, wish: Wish, quote: Quote, *, order_id: UUID, now: datetime
    ) -> None:
        """The quote's points are spent. Raises NotEnoughPoints where another order took them at this very moment."""
        if quote.points:
            await store.spend(tx, account_id=wish.shopper_id, points=quote.points, order_id=order_id, now=now)


async def spendable(reader: Database | Reader, account_id: UUID, at_most: int, *, now: datetime) -> PointsToSpend:
    """What somebody may spend at this moment, and what points are worth."""
    balance = await queries.balance_of(reader, account_id, now=now)
    terms = (await queries.rules_in_force(reader)).terms
    return PointsToSpend(min(at_most, balance.points), terms.spent_per_yuan, terms.most_percent)
