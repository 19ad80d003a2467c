"""Processes that are killed while they open, announce and ask for a charge: it is asked for again, and taken once."""

from datetime import timedelta

import pytest

from domain.memberships.renewal_rules import LEASE, ChargeState
from tests.faults.dying import die
from tests.given.renewals import PLAN_ID, last_day_of, nine, renewals
from tests.given.wechat import company, gateway, wechat
from tests.memberships.renewal_dying import advance_charges, open_charges, settle

__all__ = ["company", "gateway", "renewals", "wechat"]

DAY = timedelta(days=1)
MOST_MEETINGS = 60


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.faults), 20])
async def test_killed_at_every_statement_or_at_some(renewals, given, settings, every):
    member = await renewals.signed_member()
    last = last_day_of(member)
    knobs = renewals.wechat.settings(settings).model_copy(update={"wechat_contract_plan": PLAN_ID})

    async def deaths(step, first, **arguments):
        """After how many meetings the step had ended; each death's lease is waited for."""
        now = first
        for at in range(0, MOST_MEETINGS, every):
            if not await die(knobs, step, at=at, now=now, **arguments):
                return at
            assert len(await renewals.charges(member.account_id)) <= 1
            now += LEASE
        raise AssertionError("it never ends")

    assert await deaths(open_charges, nine(last - 6 * DAY)) > 5
    told = await renewals.charge(member.account_id)
    await renewals.behave(nine(last - 2 * DAY))
    assert await deaths(advance_charges, nine(last - 2 * DAY)) > 5
    announced = await renewals.charge(member.account_id)
    await renewals.behave(nine(last))
    assert await deaths(advance_charges, nine(last)) > 10
    asked = await renewals.charge(member.account_id)
    await renewals.hear(nine(last) + timedelta(hours=1))
    assert await deaths(settle, nine(last) + timedelta(hours=2), account_id=member.account_id) > 2

    assert (told.state, told.tries, announced.first_day, announced.tries) == (ChargeState.OPEN, 0, last, 0)
    assert (asked.tries, await renewals.taken()) == (1, 1)
    assert (await renewals.charge(member.account_id)).state is ChargeState.PAID
    assert len(await given.terms(member.id)) == 2
