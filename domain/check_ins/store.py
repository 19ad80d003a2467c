"""How check-ins are written: the only SQL that changes them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.check_ins.rules import FIRST_REWARDS, CheckIn, Given, Rewards, Streak, StreakReward
from domain.check_ins.tables import check_ins, reward_versions
from domain.check_ins.tables import rewards as given_rewards
from domain.foundation.database import AnyRow, Database, Reader, Transaction

c, g, v = check_ins.c, given_rewards.c, reward_versions.c
CHECK_IN_COLUMNS = (
    c.id, c.account_id, c.day, c.streak, c.points, c.rewards_version, g.id.label("reward_id"), g.batch_id, g.coupon_id,
    g.points.label("reward_points"), g.missing,
)  # fmt: skip
FOUND = select(*CHECK_IN_COLUMNS).select_from(check_ins.outerjoin(given_rewards, g.check_in_id == c.id))

# A day that is not later than the last changes nothing; whoever comes at the same moment waits, and then sees that.
_COME = text("""
    INSERT INTO check_in_streaks AS streak (account_id, last_day, began_on, days, longest)
    VALUES (:account_id, :day, :day, 1, 1)
    ON CONFLICT (account_id) DO UPDATE SET
        last_day = :day,
        began_on = CASE WHEN streak.last_day = CAST(:day AS date) - 1 THEN streak.began_on ELSE :day END,
        days = CASE WHEN streak.last_day = CAST(:day AS date) - 1 THEN streak.days + 1 ELSE 1 END,
        longest = CASE WHEN streak.last_day = CAST(:day AS date) - 1
                       THEN greatest(streak.longest, streak.days + 1) ELSE streak.longest END
    WHERE streak.last_day < :day
    RETURNING last_day, began_on, days, longest
""")


def check_in_of(row: AnyRow) -> CheckIn:
    """A check-in out of a row of `CHECK_IN_COLUMNS`."""
    given = Given(row.reward_id, row.batch_id, row.coupon_id, row.reward_points, row.missing) if row.reward_id else None
    return CheckIn(row.id, row.account_id, row.day, row.streak, row.points, row.rewards_version, given)


async def rewards(reader: Database | Reader) -> Rewards:
    """The rewards in force."""
    found = select(v.version, v.daily_points, v.cycle_days, v.streak_rewards).order_by(v.version.desc()).limit(1)
    row = await reader.one(found)
    if row is None:
        return FIRST_REWARDS
    return Rewards(
        row.version, row.daily_points, row.cycle_days, tuple(StreakReward.read(kept) for kept in row.streak_rewards)
    )


async def set_rewards(tx: Transaction, new: Rewards, *, by: UUID, now: datetime) -> bool:
    """Put rewards in force; False when there are some of their version already."""
    row = {
        "version": new.version,
        "daily_points": new.daily_points,
        "cycle_days": new.cycle_days,
        "streak_rewards": [reward.kept() for reward in new.streak_rewards],
        "set_at": now,
        "set_by": by,
    }
    return await tx.execute(upsert(reward_versions).values(row).on_conflict_do_nothing()) == 1


async def come(tx: Transaction, account_id: UUID, day: date) -> Streak | None:
    """Count the day; the streak with it, locked until the transaction ends. None when it, or a later one, was counted before."""
    row = await tx.one(_COME, {"account_id": account_id, "day": day})
    return Streak(*row) if row else None


async def last(reader: Reader, account_id: UUID, day: date) -> CheckIn:
    """The check-in of this day; of a later one, where that was counted before."""
    row = await reader.one(FOUND.where(c.account_id == account_id, c.day >= day).order_by(c.day).limit(1))
    assert row is not None
    return check_in_of(row)


async def add(tx: Transaction, new: CheckIn, *, now: datetime) -> None:
    """Write a check-in and what it has brought."""
    row = {
        "id": new.id,
        "account_id": new.account_id,
        "day": new.day,
        "streak": new.streak,
        "points": new.points,
        "rewards_version": new.rewards_version,
        "checked_in_at": now,
    }
    await tx.execute(insert(check_ins).values(row))
    if new.reward is not None:
        given = new.reward
        what = {"batch_id": given.batch_id, "coupon_id": given.coupon_id, "points": given.points}
        await tx.execute(insert(given_rewards).values(id=given.id, check_in_id=new.id, missing=given.missing, **what))
