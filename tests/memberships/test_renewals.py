"""Cards that renew themselves: told of, announced, charged once a term, paid by the members' wallets."""

from datetime import date, timedelta

from domain.foundation.clock import shop_midnight
from domain.foundation.money import Money
from domain.memberships.renewal_rules import ChargeState, ContractState
from tests.audit import assert_clean
from tests.given.renewals import last_day_of, nine, renewals
from tests.given.wechat import company, gateway, wechat

__all__ = ["company", "gateway", "renewals", "wechat"]

DAY = timedelta(days=1)


async def test_a_card_renews_itself_on_its_last_day_told_six_days_before(renewals, given):
    member = await renewals.signed_member()
    last = last_day_of(member)

    await renewals.round(nine(last - 7 * DAY))
    nothing_yet = await renewals.charges(member.account_id)
    await renewals.round(nine(last - 6 * DAY))
    told = await renewals.charge(member.account_id)
    await renewals.round(nine(last - 2 * DAY))
    announced = await renewals.charge(member.account_id)
    await renewals.round(nine(last - DAY))
    early = await renewals.taken()
    await renewals.round(nine(last))

    assert (nothing_yet, early) == ([], 0)
    assert (told.state, told.amount, told.term, told.told_at) == (
        ChargeState.OPEN,
        Money(3100),
        2,
        nine(last - 6 * DAY),
    )
    assert (announced.first_day, announced.last_day, announced.due_at) == (last, last + 2 * DAY, nine(last))
    paid = await renewals.charge(member.account_id)
    after = await given.membership_again(member.id)
    assert (paid.state, paid.tries, await renewals.taken()) == (ChargeState.PAID, 1, 1)
    assert (after.ends_at, after.grace_until) == (shop_midnight(date(2027, 1, 12)), None)
    assert [term.starts_at for term in await given.terms(member.id)] == [member.began_at, member.ends_at]
    assert await renewals.messages(member.id) == ["charge"]
    await assert_clean(given.market, in_flight=True)


async def test_a_refused_charge_is_tried_three_times_and_then_the_contract_rests(renewals, given):
    member = await renewals.signed_member()
    last = last_day_of(member)

    await renewals.days(nine(last - 6 * DAY), nine(last + 2 * DAY), charges="not_enough")
    in_grace = await given.current(member.account_id, now=nine(last + 2 * DAY))
    over = nine(last + 2 * DAY) + timedelta(hours=2)
    await renewals.round(over)

    charge, contract = await renewals.charge(member.account_id), await renewals.contract(member.account_id)
    assert in_grace.is_in_grace(nine(last + 2 * DAY))
    assert (charge.state, charge.tries) == (ChargeState.GIVEN_UP, 3)
    assert charge.error is not None and charge.error.startswith("NOT_ENOUGH")
    assert contract.state is ContractState.RESTING
    assert (await given.membership_again(member.id)).ended_at == over
    assert await renewals.messages(member.id) == ["charge", "given_up"]
    assert await renewals.taken() == 0
    await assert_clean(given.market, in_flight=True)
