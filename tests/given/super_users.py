"""Builders for super users and their polls."""

from datetime import datetime, timedelta
from uuid import UUID

from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.super_users import actions
from domain.super_users.rules import Criteria, NewPoll, Poll
from tests.given.customers import Bought

ENOUGH = Criteria(value_minor=10_000, orders=2, bought_within_days=90)
"""Two orders within three months that left 100 yuan."""


class SuperUsersGiven:
    """Builders for super users."""

    db: Database
    now: datetime

    async def super_user_rules(self, criteria: Criteria = ENOUGH) -> Criteria:
        """Criteria in force."""
        return await actions.set_criteria(self.db, criteria, by=new_id(), now=self.now)

    async def fans(self, count: int, *, days_ago: int = 1) -> list[UUID]:
        """People with two orders that left 100 yuan together, worked out as customers."""
        who: list[UUID] = await self.shoppers(count)  # type: ignore[attr-defined]
        paid_at = self.now - timedelta(days=days_ago)
        orders = [
            Bought(one, paid_at - timedelta(hours=hours), 10_000, cost_minor=5_000) for one in who for hours in (0, 1)
        ]
        await self.history(orders)  # type: ignore[attr-defined]
        await self.customers_rebuilt()  # type: ignore[attr-defined]
        return who

    async def super_users(self, count: int) -> list[UUID]:
        """People who are super users."""
        await self.super_user_rules()
        who = await self.fans(count)
        await actions.derive(self.db, now=self.now)
        return who

    async def poll(self, *, products: int = 2, seconds: int = 3600) -> Poll:
        """A poll that is open."""
        product_ids = [(await self.product()).id for _ in range(products)]  # type: ignore[attr-defined]
        wish = NewPoll("选一款新茶", tuple(product_ids), self.now, self.now + timedelta(seconds=seconds))
        return await actions.create_poll(self.db, wish, by=new_id(), idempotency_key=f"poll-{new_id()}", now=self.now)
