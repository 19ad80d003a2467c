"""Builders for check-ins: rewards in force, and people who come day after day."""

from datetime import datetime, timedelta
from uuid import UUID

from domain.check_ins import actions, queries
from domain.check_ins.queries import Calendar
from domain.check_ins.rules import CheckIn, Rewards, StreakReward
from domain.foundation.clock import shop_day
from domain.foundation.database import Database
from domain.foundation.ids import new_id


class CheckInsGiven:
    """Builders for check-ins."""

    db: Database
    now: datetime

    async def check_in_rewards(
        self, *streak_rewards: StreakReward, daily_points: int = 5, cycle_days: int = 7
    ) -> Rewards:
        """Rewards in force: five points a day, and these."""
        return await actions.set_rewards(
            self.db,
            daily_points=daily_points,
            cycle_days=cycle_days,
            streak_rewards=streak_rewards,
            version=(await queries.rewards(self.db)).version,
            by=new_id(),
            now=self.now,
        )

    async def came(self, shopper_id: UUID, *, at: datetime | None = None) -> CheckIn:
        """Somebody came at a moment."""
        return await actions.check_in(self.db, account_id=shopper_id, now=at or self.now)

    async def came_daily(self, shopper_id: UUID, days: int, *, since: datetime | None = None) -> list[CheckIn]:
        """Somebody came on so many days in a row, at the same time of day."""
        return [await self.came(shopper_id, at=(since or self.now) + timedelta(days=day)) for day in range(days)]

    async def calendar(self, shopper_id: UUID, *, now: datetime | None = None) -> Calendar:
        """Somebody's check-ins of this month."""
        today = shop_day(now or self.now)
        return await queries.calendar(self.db, shopper_id, today, today=today)
