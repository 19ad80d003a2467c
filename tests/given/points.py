"""Builders for points: what shoppers have, by which rules, and what the books say of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.points import actions, queries, store
from domain.points.offers import PointOffers
from domain.points.rules import Balance, Cause, Move, Rules, Terms
from domain.points.tables import lots


class PointsGiven:
    """Builders for points."""

    db: Database
    now: datetime
    point_offers = PointOffers()
    """The source that checkout asks for points."""

    async def points(self, account_id: UUID, points: int, *, given_at: datetime | None = None) -> None:
        """Points that staff have given somebody, and no trail tells of it."""
        async with self.db.transaction() as tx:
            assert await store.give(
                tx,
                account_id=account_id,
                points=points,
                cause=Cause.STAFF,
                cause_id=new_id(),
                now=given_at or self.now,
            )

    async def shopper_with_points(self, points: int) -> UUID:
        """Somebody who has so many points, and nothing else."""
        account_id: UUID = await self.shopper()  # type: ignore[attr-defined]
        await self.points(account_id, points)
        return account_id

    async def points_taken(self, account_id: UUID, points: int) -> None:
        """Points that staff take back."""
        await actions.adjust(
            self.db,
            account_id=account_id,
            points=-points,
            reason="误发",
            by=new_id(),
            idempotency_key=f"adjust-{new_id()}",
            now=self.now,
        )

    async def point_rules(self, **terms: int) -> Rules:
        """Rules from now on: 1 point earned for ¥1, 100 take ¥1 off, any basket may be paid with them, 12 months."""
        usual = {"earned_per_yuan": 1, "spent_per_yuan": 100, "most_percent": 100, "months": 12}
        return await actions.set_rules(self.db, Terms(**usual | terms), by=new_id(), now=self.now)

    async def point_balance(self, account_id: UUID, *, now: datetime | None = None) -> Balance:
        """What somebody can spend, and owes."""
        return await queries.balance_of(self.db, account_id, now=now or self.now)

    async def has_and_owes(self, account_id: UUID) -> tuple[int, int]:
        """Points that somebody can spend, and those owed."""
        balance = await self.point_balance(account_id)
        return balance.points, balance.owed

    async def point_moves(self, account_id: UUID) -> list[Move]:
        """What happened to somebody's points, the oldest first."""
        page = await queries.moves_of(self.db, account_id, first=100)
        return list(reversed(page.rows))

    async def point_lots(self, account_id: UUID) -> list[tuple[datetime, int]]:
        """When somebody's points expire, and how many are left then."""
        c = lots.c
        left = select(c.expires_at, c.unused).where(c.account_id == account_id, c.unused > 0)
        return [(row.expires_at, row.unused) for row in await self.db.rows(left.order_by(c.expires_at, c.id))]
