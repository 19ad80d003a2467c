"""Builders for levels: what people spend on a day, what goes back of it, and where they stand."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert

from domain.after_sales.rules import AfterSaleState
from domain.benefits.rules import Benefit, BenefitKind
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.levels import actions, queries
from domain.levels.queries import Standing
from domain.levels.rules import Ladder, NewLadder, Rung
from domain.levels.tables import account_levels
from domain.orders.events import OrderGivenBack
from domain.orders.rules import Fulfilment, NewOrder, Order
from tests.given.after_sales import HOME, Goods

POINTS_AND_HALF = Benefit(BenefitKind.POINTS_MULTIPLIER, {"percent": 150})
NO_FREIGHT = Benefit(BenefitKind.FREE_DELIVERY, {"from_minor": 0})
THREE_LEVELS = NewLadder((Rung("新客", 0), Rung("熟客", 100, (NO_FREIGHT,)), Rung("贵客", 500, (POINTS_AND_HALF,))))


class LevelsGiven:
    """Builders for levels."""

    db: Database
    now: datetime

    async def level_ladder(self, wish: NewLadder = THREE_LEVELS) -> Ladder:
        """A ladder in force: 熟客 from 100 growth on, 贵客 from 500, unless said otherwise."""
        version = (await queries.ladder(self.db)).version
        return await actions.set_ladder(self.db, wish, version=version, by=new_id(), now=self.now)

    async def received(self, shopper_id: UUID, *goods: Goods, at: datetime | None = None) -> Order:
        """An order of these goods that the shopper received at a moment; its growth has not moved yet."""
        at = at or self.now
        new = NewOrder(
            id=new_id(),
            shopper_id=shopper_id,
            source=None,
            source_id=None,
            lines=tuple([await self._line(some) for some in goods]),  # type: ignore[attr-defined]
            pay_by=self.now + timedelta(minutes=15),
            fulfilment=Fulfilment.DELIVERY,
            destination=HOME,
        )
        await self.place([new])  # type: ignore[attr-defined]
        order: Order = await self.order_again(new.id)  # type: ignore[attr-defined]
        await self.money_for(order)  # type: ignore[attr-defined]
        await self.hear_payments()  # type: ignore[attr-defined]
        await self.all_units_leave(order)  # type: ignore[attr-defined]
        await self.units_arrive(order, now=at)  # type: ignore[attr-defined]
        return await self.order_again(order.id)  # type: ignore[attr-defined, no-any-return]

    async def spent(self, shopper_id: UUID, yuan: int, *, at: datetime | None = None) -> Order:
        """An order of so many yuan that was received, and whose growth has moved."""
        order = await self.received(shopper_id, Goods(price_minor=yuan * 100), at=at)
        await actions.settle(self.db, order_id=order.id, cause_id=order.id, now=at or self.now)
        return order

    async def gone_back(
        self, order: Order, units: Mapping[int, int] | None = None, *, at: datetime | None = None
    ) -> None:
        """Money for these units of a received order, or for all, went back, and levels heard of it."""
        at = at or order.received_at or self.now
        await self.after_sale(order, units, state=AfterSaleState.REFUNDED, now=at)  # type: ignore[attr-defined]
        for event in await self.recorded(OrderGivenBack):  # type: ignore[attr-defined]
            if event.order_id == order.id:
                await actions.settle(self.db, order_id=order.id, cause_id=event.cause_id, now=at)

    async def standing(self, shopper_id: UUID, *, now: datetime | None = None) -> Standing:
        """Where somebody stands."""
        return await queries.standing_of(self.db, shopper_id, now=now or self.now)

    async def rank(self, shopper_id: UUID) -> int:
        """The rank of somebody's level, as it was last decided."""
        return (await queries.levels_of(self.db, [shopper_id]))[shopper_id].rank

    async def people_on_levels(self, count: int, *, guaranteed_until: datetime, rank: int = 2) -> list[UUID]:
        """Many people with a level without benefits that decays at a moment, as if they had reached it."""
        ids: list[UUID] = await self.shoppers(count)  # type: ignore[attr-defined]
        version = (await queries.ladder(self.db)).version
        level = {"rank": rank, "guaranteed_until": guaranteed_until, "ladder_version": version}
        async with self.db.transaction() as tx:
            await tx.execute(insert(account_levels), [{"account_id": id, **level} for id in ids])
        return ids

    async def reasons(self, shopper_id: UUID) -> list[str]:
        """Why somebody's level was decided anew, the oldest first."""
        page = await queries.history_of(self.db, shopper_id, first=100)
        return [change.reason.value for change in reversed(page.rows)]
