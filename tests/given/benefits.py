"""Builders for benefits: what somebody holds, members' prices and goods, and the timetable's visits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from domain.benefits import actions, granting, queries, store
from domain.benefits.grants import GRANT_COLUMNS, Grant, g, grant_of
from domain.benefits.offers import BenefitOffers
from domain.benefits.rules import Benefit, BenefitKind, HolderSource, Holding
from domain.checkout.rules import Wish
from domain.coupons.rules import Batch, ClaimPlace
from domain.coupons.tables import coupons
from domain.foundation.clock import months_later
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id
from domain.points.queries import balance_of
from domain.pricing.rules import Offers, Quote


class BenefitsGiven:
    """Builders for benefits."""

    db: Database
    now: datetime
    benefits = BenefitOffers()
    """The source that checkout asks for benefits."""

    def benefit(self, kind: BenefitKind, **terms: Any) -> Benefit:
        """A benefit with its terms."""
        return Benefit(kind, terms)

    def monthly_coupons(self, batch: Batch, pieces: int = 1) -> Benefit:
        """Coupons each month."""
        return Benefit(BenefitKind.COUPONS, {"pieces": pieces, "batch_id": str(batch.id)})

    async def given_batch(self, **terms: Any) -> Batch:
        """A batch that only the house gives, for three years."""
        window = {"claimable_until": months_later(self.now, 36)}
        return await self.batch(claimable_in=ClaimPlace.NOWHERE, **window | terms)  # type: ignore[attr-defined]

    async def holding(
        self,
        account_id: UUID,
        *benefits: Benefit,
        source: HolderSource = HolderSource.STAFF,
        source_id: UUID | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> Holding:
        """Benefits that somebody holds from now on for good, unless said otherwise."""
        async with self.db.transaction() as tx:
            holding_id = await store.hold(
                tx,
                account_id=account_id,
                source=source,
                source_id=source_id or new_id(),
                benefits=benefits,
                starts_at=starts_at or self.now,
                ends_at=ends_at,
                now=self.now,
            )
        return await self.holding_again(holding_id)

    async def holding_again(self, holding_id: UUID) -> Holding:
        """The holding as it is by now."""
        return (await queries.holdings_by_ids(self.db, [holding_id]))[holding_id]

    async def holder(self, percent: int = 100, *more: Benefit, **options: Any) -> UUID:
        """Somebody to whom member prices count; goods without one cost so many percent."""
        account_id = await self.shopper()  # type: ignore[attr-defined]
        benefit = self.benefit(BenefitKind.MEMBER_PRICE, percent=percent)
        await self.holding(account_id, benefit, *more, **options)
        return account_id  # type: ignore[no-any-return]

    async def member_price(self, sku_id: UUID, price_minor: int | None) -> None:
        """What a unit costs members."""
        await actions.set_member_prices(self.db, {sku_id: price_minor}, by=new_id(), now=self.now)

    async def birthday(self, account_id: UUID, month: int, day: int, *, now: datetime | None = None) -> None:
        """Somebody's birthday."""
        await actions.set_birthday(self.db, account_id=account_id, month=month, day=day, now=now or self.now)

    async def timetable(self, now: datetime) -> None:
        """What the timetable does at this moment."""
        while await granting.grant_due(self.db, now=now):
            pass

    async def grants_of(self, account_id: UUID) -> Sequence[Grant]:
        """What the timetable has given or tried to give to somebody, in the order in which it was due."""
        rows = await self.db.rows(select(*GRANT_COLUMNS).where(g.account_id == account_id).order_by(g.due_at, g.id))
        return [grant_of(row) for row in rows]

    async def coupons_of(self, grant: Grant) -> list[UUID]:
        """The coupons that came of a grant."""
        return (await queries.coupons_by_grant_ids(self.db, [grant.id])).get(grant.id, [])

    async def coupon_count(self, account_id: UUID) -> int:
        """How many coupons somebody has."""
        return len(await self.db.column(select(coupons.c.id).where(coupons.c.shopper_id == account_id)))

    async def points_now(self, account_id: UUID, now: datetime) -> int:
        """How many points somebody can spend."""
        return (await balance_of(self.db, account_id, now=now)).points


async def keep_saved(
    tx: Transaction, offers: Offers, wish: Wish, quote: Quote, *, order_id: UUID, now: datetime
) -> None:
    """Member prices that a test's own source has granted, as if the shopper held them."""
    await store.hold(
        tx,
        account_id=wish.shopper_id,
        source=HolderSource.STAFF,
        source_id=order_id,
        benefits=[Benefit(BenefitKind.MEMBER_PRICE, {"percent": 100})],
        starts_at=now,
        ends_at=None,
        now=now,
    )
    await BenefitOffers().redeem(tx, offers, wish, quote, order_id=order_id, now=now)
