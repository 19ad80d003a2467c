"""What can be done: coming, and saying what it brings."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.check_ins import rules, store
from domain.check_ins.rules import CheckIn, CheckInRewardsChanged, Given, Rewards, StreakReward
from domain.coupons import queries as coupon_queries
from domain.coupons import store as coupons
from domain.foundation.clock import shop_day
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import NotFound, Refusal
from domain.foundation.ids import encode, new_id
from domain.points import store as points
from domain.points.rules import Cause
from domain.trail import store as trail

EVERY_DAY = "每日签到"
IN_A_ROW = "连续签到 {days} 天"


async def check_in(db: Database, *, account_id: UUID, now: datetime) -> CheckIn:
    """Somebody comes on the shop's day. However often they come on it: once, and the same answer again.

    Everything that the day brings is given with it. A coupon that cannot be given, as its batch is out, over or stopped,
    never comes later: the reward's points take its place, and the reason is kept.
    """
    day = shop_day(now)
    async with db.transaction() as tx:
        streak = await store.come(tx, account_id, day)
        if streak is None:
            return await store.last(tx, account_id, day)
        rewards = await store.rewards(tx)
        new = CheckIn(new_id(), account_id, day, streak.days, rewards.daily_points, rewards.version)
        if new.points:
            await _give_points(tx, new, new.points, new.id, note=EVERY_DAY, now=now)
        if (reward := rewards.reward_of(streak.days)) is not None:
            new = replace(new, reward=await _give(tx, new, reward, now=now))
        await store.add(tx, new, now=now)
        return new


async def set_rewards(
    db: Database,
    *,
    daily_points: int,
    cycle_days: int,
    streak_rewards: Sequence[StreakReward],
    version: int,
    by: UUID,
    now: datetime,
) -> Rewards:
    """Put rewards in force for the check-ins to come, in place of those of this version; the same again: no change.

    Raises BadInput, NotFound (batch of coupons), CheckInRewardsChanged when somebody else has set some since.
    """
    rules.check_rewards(daily_points, cycle_days, streak_rewards)
    by_day = tuple(sorted(streak_rewards, key=lambda reward: reward.day))
    after = Rewards(version + 1, daily_points, cycle_days, by_day)
    async with db.transaction() as tx:
        await _check_batches(tx, by_day)
        before = await store.rewards(tx)
        if before == replace(after, version=before.version):
            return before
        if before.version != version or not await store.set_rewards(tx, after, by=by, now=now):
            raise CheckInRewardsChanged(version=before.version)
        await trail.note(
            tx,
            by=by,
            deed="set_check_in_rewards",
            subject="account",
            subject_id=by,
            now=now,
            version=after.version,
            daily_points=daily_points,
            cycle_days=cycle_days,
            streak_rewards=[_told(reward) for reward in by_day],
        )
        return after


async def _give(tx: Transaction, new: CheckIn, reward: StreakReward, *, now: datetime) -> Given:
    """Give a streak reward: a coupon of its batch, or its points, which take the place of a coupon that there is not."""
    given_id, missing = new_id(), None
    if reward.batch_id is not None:
        try:
            # the last of all locks: a batch is a hot row
            coupon = await coupons.grant(tx, reward.batch_id, new.account_id, grant_key=f"check-in:{given_id}", now=now)
            return Given(given_id, reward.batch_id, coupon.id, points=0, missing=None)
        except Refusal as refusal:
            missing = refusal.code
    note = IN_A_ROW.format(days=new.streak)
    await _give_points(tx, new, reward.points, given_id, note=note, now=now)
    return Given(given_id, reward.batch_id, None, reward.points, missing)


async def _give_points(tx: Transaction, new: CheckIn, given: int, cause_id: UUID, *, note: str, now: datetime) -> None:
    await points.give(
        tx, account_id=new.account_id, points=given, cause=Cause.CHECK_IN, cause_id=cause_id, note=note, now=now
    )


async def _check_batches(tx: Transaction, streak_rewards: Sequence[StreakReward]) -> None:
    wanted = [reward.batch_id for reward in streak_rewards if reward.batch_id is not None]
    known = await coupon_queries.batches_by_ids(tx, wanted) if wanted else {}
    if missing := next((id for id in wanted if id not in known), None):
        raise NotFound.of("couponbatch", missing)


def _told(reward: StreakReward) -> dict[str, int | str]:
    batch = {"batch": encode("couponbatch", reward.batch_id)} if reward.batch_id else {}
    return {"day": reward.day, "points": reward.points, **batch}
