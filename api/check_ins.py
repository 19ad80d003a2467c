"""Check-ins: coming every day, what it brings, and what the merchant says it shall bring."""

from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from api import rates
from api.access import Who, public, to
from api.context import Info
from api.coupons import Coupon, CouponBatch, show_batch, show_coupon
from api.loaders import batched
from api.nodes import read_id
from api.refusals import refusal
from domain.check_ins import actions, queries, rules
from domain.check_ins.rules import StreakReward
from domain.coupons.queries import batches_by_ids, coupons_by_ids
from domain.foundation.clock import shop_day
from domain.foundation.errors import NotFound
from domain.foundation.rates import Rate


@strawberry.type(
    directives=to(Who.INHERITED), description="What a day of a streak brings besides the day's points. 连签奖励"
)
class CheckInStreakReward:
    """A reward that can be had."""

    day: int = strawberry.field(description="Of a cycle; the first is 1.")
    points: int = strawberry.field(
        description="The points; of a reward that is a coupon, those that take its place when none can be given."
    )
    batch_id: strawberry.Private[UUID | None]

    @strawberry.field(description="What it is a coupon of; null where it is points.")
    async def batch(self, info: Info) -> CouponBatch | None:
        """The batch, fetched for all rewards together."""
        found = await batched(info, batches_by_ids).load(self.batch_id) if self.batch_id else None
        return show_batch(found) if found else None


@strawberry.type(directives=to(Who.ANYONE), description="What check-ins bring. 签到奖励")
class CheckInRewards:
    """The rewards in force."""

    version: int = strawberry.field(description="Counts the rewards that were set; 0: those before any were.")
    daily_points: int = strawberry.field(description="Points of every check-in.")
    cycle_days: int = strawberry.field(
        description="After so many days in a row the streak rewards begin again; the streak itself goes on."
    )
    streak_rewards: list[CheckInStreakReward] = strawberry.field(description="By day of the cycle.")


@strawberry.type(directives=to(Who.INHERITED), description="What a day of a streak has brought besides its points.")
class CheckInReward:
    """A reward that was given."""

    points: int = strawberry.field(description="0 where it was a coupon.")
    missing: str | None = strawberry.field(
        description="The code of the reason why points came in a coupon's place, like COUPONS_GONE; else null."
    )
    coupon_id: strawberry.Private[UUID | None]

    @strawberry.field(description="The coupon, if it was one.")
    async def coupon(self, info: Info) -> Coupon | None:
        """The coupon, fetched for all days together."""
        found = await batched(info, coupons_by_ids).load(self.coupon_id) if self.coupon_id else None
        return show_coupon(info, found) if found else None


@strawberry.type(directives=to(Who.OWNER), description="Somebody came on a day of the shop. 签到")
class CheckIn:
    """A check-in."""

    day: date = strawberry.field(description="The shop's day, from midnight to midnight in Shanghai.")
    streak: int = strawberry.field(description="Which day in a row it was. 连续签到天数")
    points: int = strawberry.field(description="The day's own, without those of a streak reward.")
    reward: CheckInReward | None = strawberry.field(description="What the day of the streak brought besides.")
    owner: strawberry.Private[UUID]


@strawberry.type(directives=to(Who.INHERITED), description="A streak reward that is still to come.")
class CheckInRewardToCome:
    """What may come."""

    on: date = strawberry.field(description="The day on which whoever misses none will have it.")
    reward: CheckInStreakReward


@strawberry.type(
    directives=to(Who.INHERITED), description="Somebody's check-ins of a month of the shop, and their streak."
)
class CheckInCalendar:
    """A calendar."""

    check_ins: list[CheckIn] = strawberry.field(description="Of the month, by day: 31 at most.")
    streak: int = strawberry.field(description="Days in a row, to today or to yesterday; 0 when yesterday was missed.")
    longest: int = strawberry.field(description="The most days in a row that there ever were. 最长连续天数")
    has_checked_in_today: bool
    rewards_to_come: list[CheckInRewardToCome] = strawberry.field(
        description="Of the cycle that the streak is in, by day."
    )


@strawberry.input(description="What a day of a streak shall bring: points, or a coupon.")
class CheckInStreakRewardInput:
    """A reward."""

    day: int = strawberry.field(description="1 to `cycleDays`; one reward a day.")
    points: int = strawberry.field(
        description="1 to 10000: the reward, or what takes the coupon's place when none can be given."
    )
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="A coupon of this batch.")


@strawberry.input(
    description="All that check-ins bring from now on. It is named by the version that it follows: repeated, it changes nothing."
)
class SetCheckInRewardsInput:
    """The rewards."""

    version: int = strawberry.field(description="Of the rewards that were read before, in whose place these come.")
    daily_points: int = strawberry.field(description="0 to 10000.")
    cycle_days: int = strawberry.field(description="1 to 366: after so many days the streak rewards begin again.")
    streak_rewards: list[CheckInStreakRewardInput] = strawberry.field(description="20 at most.")


SetCheckInRewardsResult = Annotated[
    CheckInRewards | refusal(NotFound) | refusal(rules.CheckInRewardsChanged),
    strawberry.union("SetCheckInRewardsResult"),
]


@strawberry.type
class CheckInQuery:
    """What is asked about check-ins."""

    @strawberry.field(directives=public(), description="What check-ins bring.")
    async def check_in_rewards(self, info: Info) -> CheckInRewards:
        """The rewards in force."""
        return _show_rewards(await queries.rewards(info.context.market.db))

    @strawberry.field(
        directives=to(Who.SIGNED_IN), description="One's check-ins of a month, and the streak as of today."
    )
    async def my_check_ins(
        self,
        info: Info,
        month: Annotated[
            date | None, strawberry.argument(description="Any day of the month; this month where none is given.")
        ] = None,
    ) -> CheckInCalendar:
        """The asker's calendar."""
        context = info.context
        me, today = context.shopper.account_id, shop_day(context.now)
        found = await queries.calendar(context.market.db, me, month or today, today=today)
        return CheckInCalendar(
            check_ins=[_show_check_in(each) for each in found.check_ins],
            streak=found.streak,
            longest=found.longest,
            has_checked_in_today=found.has_come_today,
            rewards_to_come=[
                CheckInRewardToCome(on=each.on, reward=_show_reward(each.reward)) for each in found.coming
            ],
        )


@strawberry.type
class CheckInMutation:
    """Coming, and what it shall bring."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CHECK_IN)],
        description="Check in for today, by the shop's calendar. The day itself is the key: repeated, whatever happens meanwhile, "
        "it gives the same answer and nothing twice. 每日签到",
    )
    async def check_in(self, info: Info) -> CheckIn:
        """Come."""
        context = info.context
        account_id = context.shopper.account_id
        return _show_check_in(await actions.check_in(context.market.db, account_id=account_id, now=context.now))

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Say what check-ins bring from now on. Streaks go on; what was given stays.",
    )
    async def set_check_in_rewards(self, info: Info, input: SetCheckInRewardsInput) -> SetCheckInRewardsResult:
        """New rewards."""
        context = info.context
        rewards = [
            StreakReward(each.day, each.points, read_id("couponbatch", each.batch_id) if each.batch_id else None)
            for each in input.streak_rewards[: rules.MOST_REWARDS + 1]
        ]
        in_force = await actions.set_rewards(
            context.market.db,
            daily_points=input.daily_points,
            cycle_days=input.cycle_days,
            streak_rewards=rewards,
            version=input.version,
            by=context.shopper.account_id,
            now=context.now,
        )
        return _show_rewards(in_force)


def _show_rewards(rewards: rules.Rewards) -> CheckInRewards:
    return CheckInRewards(
        version=rewards.version,
        daily_points=rewards.daily_points,
        cycle_days=rewards.cycle_days,
        streak_rewards=[_show_reward(each) for each in rewards.streak_rewards],
    )


def _show_reward(reward: StreakReward) -> CheckInStreakReward:
    return CheckInStreakReward(day=reward.day, points=reward.points, batch_id=reward.batch_id)


def _show_check_in(found: rules.CheckIn) -> CheckIn:
    given = found.reward
    return CheckIn(
        day=found.day,
        streak=found.streak,
        points=found.points,
        reward=CheckInReward(points=given.points, missing=given.missing, coupon_id=given.coupon_id) if given else None,
        owner=found.account_id,
    )
