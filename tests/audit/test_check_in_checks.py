"""The checks of check-ins: clean after people came day after day, and then exactly one thing is wrong."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.audit import check_ins
from domain.check_ins.rules import StreakReward
from domain.foundation.ids import encode
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after


@pytest.fixture
async def people(given) -> dict[str, UUID]:
    """One who came three days, had points and a coupon, and came again; one for whom no coupon was left."""
    batch = await given.batch(pieces=1)
    await given.check_in_rewards(StreakReward(2, 20), StreakReward(3, 40, batch.id))
    lucky, late = await given.shoppers(2)
    since = given.now - timedelta(days=2)
    third = (await given.came_daily(lucky, 3, since=since))[-1]
    await given.came_daily(late, 3, since=since)
    await given.came(lucky, at=given.now + timedelta(days=2))
    assert third.reward is not None
    assert third.reward.coupon_id is not None
    return {"lucky": lucky, "late": late, "coupon": third.reward.coupon_id}


def who(*names):
    return lambda people: {encode("account", people[name]) for name in names}


CORRUPTIONS = [
    Corruption(
        "a day that is numbered wrongly, and days that nobody counted",
        """
        UPDATE check_ins SET streak = 9 WHERE account_id = :lucky AND streak = 3 ;
        DELETE FROM check_in_streaks WHERE account_id = :late
        """,
        (check_ins.STREAKS,),
        who("lucky", "late"),
    ),
    Corruption(
        "a streak that is longer than its days",
        "UPDATE check_in_streaks SET longest = 9 WHERE account_id = :lucky",
        (check_ins.STREAKS,),
        who("lucky"),
    ),
    Corruption(
        "points that were never given, and a coupon that nobody was due",
        """
        UPDATE check_in_rewards SET points = points + 1 WHERE points = 40 ;
        DELETE FROM check_in_rewards WHERE coupon_id = :coupon
        """,
        (check_ins.POINTS, check_ins.COUPONS),
        who("late", "lucky"),
    ),
    Corruption(
        "points that nobody was due, and a coupon that went to somebody else",
        """
        DELETE FROM check_in_rewards WHERE points = 40 ;
        UPDATE coupons SET shopper_id = :late WHERE id = :coupon
        """,
        (check_ins.POINTS, check_ins.COUPONS),
        who("late", "lucky"),
    ),
]


async def test_people_who_check_in_leave_clean_books(given, people):
    lines = await assert_clean(given.market)

    (note,) = [line for line in lines if line.check == check_ins.MISSING.name]
    assert note.found == "1 reward, 40 points"


async def test_exactly_what_was_corrupted_is_found(given, people, subtests):
    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(given.db, corruption.sql, people, now=given.now)
            check_found(lines, corruption, people)
