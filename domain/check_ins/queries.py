"""How screens read check-ins: the days of a month, and the streak."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from domain.check_ins import rules, store
from domain.check_ins.rules import CheckIn, Coming, Rewards, Streak
from domain.check_ins.store import FOUND, c, check_in_of
from domain.check_ins.tables import streaks
from domain.foundation.database import Database

s = streaks.c


@dataclass(frozen=True, slots=True)
class Calendar:
    """Somebody's check-ins of a month of the shop, from its first day on, and their streak as it stands today."""

    check_ins: Sequence[CheckIn]
    streak: int
    longest: int
    has_come_today: bool
    coming: Sequence[Coming]


async def rewards(db: Database) -> Rewards:
    """The rewards in force."""
    return await store.rewards(db)


async def calendar(db: Database, account_id: UUID, month: date, *, today: date) -> Calendar:
    """Somebody's check-ins of the month that this day is in."""
    first = month.replace(day=1)
    async with db.reading() as reader:
        rows = await reader.rows(
            FOUND.where(c.account_id == account_id, c.day >= first, c.day < _next_month(first)).order_by(c.day)
        )
        found = select(s.last_day, s.began_on, s.days, s.longest).where(s.account_id == account_id)
        row = await reader.one(found)
        in_force = await store.rewards(reader)
    streak = Streak(*row) if row else None
    days = streak.days_on(today) if streak else 0
    has_come = streak is not None and streak.last_day >= today
    return Calendar(
        check_ins=[check_in_of(each) for each in rows],
        streak=days,
        longest=streak.longest if streak else 0,
        has_come_today=has_come,
        coming=rules.coming(in_force, days, today=today, has_come=has_come),
    )


def _next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)
