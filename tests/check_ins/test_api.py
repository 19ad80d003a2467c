"""Check-ins as clients meet them."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.accounts.rules import Role
from domain.check_ins.rules import StreakReward
from domain.foundation.clock import shop_day
from domain.foundation.ids import encode, new_id

REWARD = "reward { points missing coupon { couponCode batch { id } } }"
COME = f"mutation {{ checkIn {{ day streak points {REWARD} }} }}"
MINE = f"""query ($month: Date) {{ myCheckIns(month: $month) {{ streak longest hasCheckedInToday
    checkIns {{ day streak points {REWARD} }} rewardsToCome {{ on reward {{ day points batch {{ id }} }} }} }} }}"""
SET = """mutation ($input: SetCheckInRewardsInput!) { setCheckInRewards(input: $input) {
    __typename ... on CheckInRewards { version dailyPoints cycleDays streakRewards { day points batch { id } } }
    ... on UserError { code } } }"""
REWARDS = "{ checkInRewards { version dailyPoints cycleDays streakRewards { day points } } }"
POINTS = "{ myPoints { points } }"


@pytest.fixture
async def merchandiser(given):
    return {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}


async def test_one_checks_in_and_reads_it_in_the_calendar(ask, given):
    given.now = datetime.now(UTC)
    batch = await given.batch()
    await given.check_in_rewards(StreakReward(2, 30, batch.id), StreakReward(5, 70))
    shopper, today = await given.shopper(), shop_day(given.now)
    await given.came(shopper, at=given.now - timedelta(days=1))

    came = (await ask(COME, by=shopper)).data
    again = (await ask(COME, by=shopper)).data
    mine = (await ask(MINE, by=shopper)).data
    points = (await ask(POINTS, by=shopper)).data

    assert came == again
    assert (came["day"], came["streak"], came["points"]) == (today.isoformat(), 2, 5)
    assert came["reward"]["coupon"]["batch"] == {"id": encode("couponbatch", batch.id)}
    assert (came["reward"]["points"], came["reward"]["missing"]) == (0, None)
    assert points == {"points": 10}
    assert (mine["streak"], mine["longest"], mine["hasCheckedInToday"]) == (2, 2, True)
    assert mine["checkIns"][-1] == came
    assert mine["rewardsToCome"] == [
        {"on": (today + timedelta(days=3)).isoformat(), "reward": {"day": 5, "points": 70, "batch": None}}
    ]


async def test_another_month_is_read_by_any_of_its_days(ask, given):
    shopper = await given.shopper()
    await given.came_daily(shopper, 3, since=datetime(2027, 1, 30, 4, tzinfo=UTC))

    january, february = [(await ask(MINE, {"month": m}, by=shopper)).data for m in ("2027-01-01", "2027-02-28")]

    assert [each["day"] for each in january["checkIns"]] == ["2027-01-30", "2027-01-31"]
    assert [(each["day"], each["streak"]) for each in february["checkIns"]] == [("2027-02-01", 3)]


async def test_a_newcomer_has_everything_before_them(ask, given):
    mine = (await ask(MINE, by=await given.shopper())).data

    assert (mine["checkIns"], mine["streak"], mine["longest"], mine["hasCheckedInToday"]) == ([], 0, 0, False)
    assert [each["reward"]["day"] for each in mine["rewardsToCome"]] == [7, 14, 30]
    assert (await ask(COME)).codes == ["UNAUTHENTICATED"]


async def test_rewards_are_set_once_and_an_old_version_is_refused(ask, given, merchandiser):
    batch_id = encode("couponbatch", (await given.batch()).id)
    days = [{"day": 7, "points": 20}, {"day": 3, "points": 9, "batchId": batch_id}]
    wish = {"version": 0, "dailyPoints": 2, "cycleDays": 7, "streakRewards": days}
    unknown = [{"day": 3, "points": 9, "batchId": encode("couponbatch", new_id())}]

    made = (await ask(SET, {"input": wish}, **merchandiser)).data
    again = (await ask(SET, {"input": wish}, **merchandiser)).data
    old = (await ask(SET, {"input": {**wish, "dailyPoints": 3}}, **merchandiser)).data
    lost = (await ask(SET, {"input": {**wish, "version": 1, "streakRewards": unknown}}, **merchandiser)).data
    wrong = await ask(SET, {"input": {**wish, "version": 1, "cycleDays": 5}}, **merchandiser)

    assert made["version"] == 1
    assert [each["day"] for each in made["streakRewards"]] == [3, 7]
    assert again == made
    assert (old, lost) == (
        {"__typename": "CheckInRewardsChanged", "code": "CHECK_IN_REWARDS_CHANGED"},
        {"__typename": "NotFound", "code": "NOT_FOUND"},
    )
    assert wrong.json["errors"][0]["message"] == "day of a reward is 7; allowed: 1 to 5"
    assert (await ask(REWARDS)).data["dailyPoints"] == 2
