"""A timetable that is killed while it gives: what it left half-done is not there, and the next one gives it once."""

import pytest

from domain.benefits import granting
from domain.benefits.rules import BenefitKind
from domain.coupons import actions as coupons
from domain.foundation.ids import new_id
from tests.audit import assert_clean
from tests.benefits.dying import retry, visit
from tests.faults.dying import die

MOST_MEETINGS = 60


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.faults), 20])
async def test_killed_at_every_statement_or_at_some(given, settings, every):
    plenty, scarce = await given.given_batch(), await given.given_batch(pieces=1)
    shopper = await given.shopper()
    gift = given.benefit(BenefitKind.BIRTHDAY_GIFT, points=500)
    await given.birthday(shopper, 11, 11)
    await given.holding(shopper, given.monthly_coupons(plenty, 2), given.monthly_coupons(scarce, 2), gift)

    async def given_so_far():
        return len(await given.grants_of(shopper)), await given.coupon_count(shopper)

    async def deaths(step, now, before, after):
        """After how many meetings the step had ended, having done nothing or all after each death."""
        for at in range(0, MOST_MEETINGS, every):
            if not await die(settings, step, at=at, now=now):
                return at
            assert await given_so_far() in {before, after}
        raise AssertionError("it never ends")

    assert await deaths(visit, given.now, (0, 0), (3, 3)) > 12
    assert await given_so_far() == (3, 3)
    assert await given.points_now(shopper, given.now) == 500
    await assert_clean(given.market)

    await coupons.raise_pieces(given.db, batch_id=scarce.id, pieces=2, by=new_id(), now=given.now)
    assert await deaths(retry, given.now + granting.RETRY_EVERY, (3, 3), (3, 4)) > 5
    assert await given_so_far() == (3, 4)
    assert all(grant.granted_at for grant in await given.grants_of(shopper))
    await assert_clean(given.market)
