"""Cards that renew themselves: told of, announced, charged once a term, paid by the members' wallets."""

import asyncio
from datetime import date, timedelta

import pytest

from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.memberships import contracting, paying, planning, refunding, renewal_store
from domain.memberships.purchase_rules import MembershipRenewsItself
from domain.memberships.renewal_rules import ChargeState, ContractEnd, ContractState, SignedAlready
from domain.memberships.wechat_contracts import WechatContracts
from domain.payments.rules import GatewayFailed, GatewayUnavailable, PaymentState
from tests.audit import assert_clean
from tests.given import Given
from tests.given.renewals import PLAN_ID, Renewals, last_day_of, nine, renewals
from tests.given.wechat import NOBODY, company, gateway, wechat
from tests.statements import count_statements

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


async def test_whoever_pays_within_grace_goes_on_from_the_old_end(renewals, given):
    member = await renewals.signed_member()
    last = last_day_of(member)

    await renewals.days(nine(last - 6 * DAY), nine(last + DAY), charges="failed")
    await renewals.round(nine(last + 2 * DAY))

    charge, after = await renewals.charge(member.account_id), await given.membership_again(member.id)
    assert (charge.state, charge.tries, await renewals.taken()) == (ChargeState.PAID, 3, 1)
    assert (after.ends_at, after.ended_at, after.grace_until) == (shop_midnight(date(2027, 1, 12)), None, None)
    first, second = await given.terms(member.id)
    assert second.starts_at == first.ends_at


async def test_a_card_that_renews_itself_for_nobody_has_no_grace_and_begins_anew(renewals, given):
    plan = await renewals.plan()
    member = await renewals.member(plan)

    await given.pay_membership(await given.purchase(plan, member.account_id, now=member.ends_at), now=member.ends_at)

    anew = await given.current(member.account_id, now=member.ends_at)
    assert (anew.id != member.id, anew.began_at, await renewals.cards(member.account_id)) == (True, member.ends_at, 2)


async def test_terms_follow_month_ends_and_leap_days_by_hand_and_by_contract(market, clean, wechat, gateway):
    given = Given(market, now=shop_midnight(date(2027, 12, 31)) - timedelta(microseconds=1))
    renewals = Renewals(given, wechat, WechatContracts(gateway, plan_id=PLAN_ID, notify_url=NOBODY), gateway)
    plan = await renewals.plan(months=1)
    given.now = shop_midnight(date(2028, 1, 31))
    member = await renewals.member(plan)
    await renewals.signed(member.account_id)

    by_hand = shop_midnight(date(2028, 3, 1)) - timedelta(microseconds=1)
    await given.pay_membership(await given.purchase(plan, member.account_id, now=by_hand), now=by_hand)
    await renewals.days(nine(date(2028, 3, 25)), nine(date(2028, 3, 31)))

    first, second, third = await given.terms(member.id)
    assert [term.last_day for term in (first, second, third)] == [
        date(2028, 2, 29),
        date(2028, 3, 31),
        date(2028, 4, 30),
    ]
    assert (first.ends_at, second.ends_at) == (shop_midnight(date(2028, 3, 1)), shop_midnight(date(2028, 4, 1)))
    assert [(one.term, one.state) for one in await renewals.charges(member.account_id)] == [(3, ChargeState.PAID)]
    assert await renewals.taken() == 1


async def test_who_renews_by_hand_is_not_charged_for_the_same_term(renewals, given):
    plan = await renewals.plan()
    member = await renewals.signed_member(plan)
    last = last_day_of(member)
    await renewals.days(nine(last - 6 * DAY), nine(last - DAY))

    by_hand = nine(last - DAY) + timedelta(hours=1)
    await given.pay_membership(await given.purchase(plan, member.account_id, now=by_hand), now=by_hand)
    await renewals.days(nine(last), nine(last + 3 * DAY))

    assert [(one.term, one.state) for one in await renewals.charges(member.account_id)] == [(2, ChargeState.CALLED_OFF)]
    assert (await renewals.taken(), (await renewals.contract(member.account_id)).state) == (0, ContractState.SIGNED)
    assert (await given.membership_again(member.id)).ends_at == shop_midnight(date(2027, 1, 12))


async def test_who_signs_late_is_charged_five_days_after_and_keeps_the_card_until_then(renewals, given):
    member = await renewals.member()
    last = last_day_of(member)
    late = member.ends_at - timedelta(hours=1)
    await renewals.signed(member.account_id, now=late)

    await renewals.days(late, late + 5 * DAY)

    charge = await renewals.charge(member.account_id)
    assert (charge.told_at, charge.charged_at, charge.state) == (late, late + 5 * DAY, ChargeState.PAID)
    assert (await given.membership_again(member.id)).ends_at == shop_midnight(date(2027, 1, 12))
    assert last < shop_day(charge.charged_at)


async def test_a_contract_that_ends_calls_its_charge_off_and_the_card_ends_as_paid(renewals, given):
    member = await renewals.signed_member()
    last = last_day_of(member)
    await renewals.days(nine(last - 6 * DAY), nine(last - DAY))

    ended = await contracting.cancel(given.db, account_id=member.account_id, now=nine(last - DAY))
    again = await contracting.cancel(given.db, account_id=member.account_id, now=nine(last))
    await renewals.days(nine(last), nine(last + 2 * DAY))

    assert (ended.state, ended.ended_by, again) == (ContractState.ENDED, ContractEnd.MEMBER, ended)
    assert (await renewals.charge(member.account_id)).state is ChargeState.CALLED_OFF
    over = await given.membership_again(member.id)
    assert (over.ended_at, over.grace_until, await renewals.taken()) == (member.ends_at, None, 0)
    told = await renewals.gateway.query(ended)
    assert told is not None and (told.contract_id, told.is_signed) == (ended.id, False)


async def test_who_has_ended_it_in_the_wallet_is_not_charged_though_no_notice_came(renewals, given):
    member = await renewals.signed_member()
    last = last_day_of(member)
    await renewals.days(nine(last - 6 * DAY), nine(last - DAY))

    await renewals.behave(nine(last), behaviour="never")
    assert await renewals.unsign(await renewals.contract(member.account_id)) == 200
    await renewals.days(nine(last), nine(last + DAY))

    contract = await renewals.contract(member.account_id)
    assert (contract.state, contract.ended_by, contract.ended_at) == (
        ContractState.ENDED,
        ContractEnd.WALLET,
        nine(last),
    )
    assert ((await renewals.charge(member.account_id)).state, await renewals.taken()) == (ChargeState.CALLED_OFF, 0)
    assert (await given.membership_again(member.id)).ended_at == member.ends_at


async def test_a_gateway_that_is_down_for_an_hour_costs_no_try_and_charges_once(renewals, given):
    member = await renewals.signed_member()
    last = last_day_of(member)
    await renewals.days(nine(last - 6 * DAY), nine(last - DAY))

    await renewals.days(nine(last), nine(last) + timedelta(hours=1), is_down=True)
    down = await renewals.charge(member.account_id)
    await renewals.days(nine(last) + timedelta(hours=1), nine(last) + timedelta(hours=2))

    paid = await renewals.charge(member.account_id)
    assert (down.tries, down.failures > 3, down.state) == (0, True, ChargeState.OPEN)
    assert (paid.tries, paid.failures, paid.state, await renewals.taken()) == (1, 0, ChargeState.PAID, 1)
    assert len(await given.terms(member.id)) == 2


async def test_a_contract_that_rests_counts_again_when_its_member_says_so(renewals, given):
    plan = await renewals.plan()
    member = await renewals.signed_member(plan)
    last = last_day_of(member)
    await renewals.days(nine(last - 6 * DAY), nine(last + 3 * DAY), charges="not_enough")
    now = nine(last + 4 * DAY)
    await given.pay_membership(await given.purchase(plan, member.account_id, now=now), now=now)

    resting = await renewals.contract(member.account_id)
    asked = await renewals.ask(member.account_id, now=now)

    assert (resting.state, asked.signing) == (ContractState.RESTING, None)
    assert (asked.contract.state, asked.contract.id) == (ContractState.SIGNED, resting.id)


async def test_a_refund_ends_the_contract(renewals, given):
    member = await renewals.signed_member()
    preview = (await refunding.preview(given.db, account_id=member.account_id, now=given.now)).refunding

    await refunding.refund(
        given.db,
        account_id=member.account_id,
        amount_minor=preview.amount.minor,
        idempotency_key="refund-card",
        now=given.now,
    )
    await renewals.hear(given.now)

    contract = await renewals.contract(member.account_id)
    assert (contract.state, contract.ended_by) == (ContractState.ENDED, ContractEnd.CARD)


async def test_an_automatic_charge_cannot_be_paid_by_hand_nor_closed_by_trying(renewals, given):
    member = await renewals.signed_member()
    last = last_day_of(member)
    await renewals.days(nine(last - 6 * DAY), nine(last), charges="failed")
    charge = await renewals.charge(member.account_id)

    with pytest.raises(MembershipRenewsItself):
        await paying.pay(
            given.db,
            renewals.money,
            purchase_id=charge.purchase_id,
            account_id=member.account_id,
            idempotency_key="pay-by-hand",
            others=[renewals.money],
            now=nine(last),
        )

    assert await renewals.charge(member.account_id) == charge
    assert (await given.payment_again(charge.payment_id)).state is PaymentState.PENDING


async def test_a_charge_that_was_called_off_is_not_looked_at_before_its_payment_is_closed(renewals, given):
    member = await renewals.signed_member()
    last = last_day_of(member)
    await renewals.days(nine(last - 6 * DAY), nine(last), charges="failed")
    await contracting.cancel(given.db, account_id=member.account_id, now=nine(last))
    await renewals.signed(member.account_id, now=nine(last))

    async def chargeable():
        return list(await renewal_store.to_be_charged(given.db, until=member.ends_at, limit=10))

    before = await chargeable()
    await renewals.hear(nine(last))

    assert (before, await chargeable()) == ([], [member.account_id])


async def test_who_asks_again_has_as_long_to_sign_as_whoever_asks_first(renewals, given):
    member = await renewals.member()
    await renewals.ask(member.account_id)
    again = await renewals.ask(member.account_id, now=given.now + timedelta(minutes=119))

    await contracting.look(given.db, renewals.gateway, again.contract, now=given.now + timedelta(minutes=121))

    assert (await renewals.contract(member.account_id)).state is ContractState.SIGNING


async def test_a_gateway_that_falls_silent_when_asked_how_a_signature_stands_is_unavailable(renewals, given):
    class Silent(WechatContracts):
        async def sign(self, contract, payer, *, title, charged_on):
            raise SignedAlready("signed")

        async def query(self, contract):
            raise GatewayFailed("no answer")

    member = await renewals.member()

    with pytest.raises(GatewayUnavailable):
        await contracting.ask(
            given.db,
            Silent(renewals.money, plan_id=PLAN_ID, notify_url=NOBODY),
            account_id=member.account_id,
            now=given.now,
        )


async def test_two_timetables_at_once_charge_once(renewals, given):
    members = [await renewals.signed_member(plan) for plan in [await renewals.plan()] * 2]
    last = last_day_of(members[0])

    for day in (last - 6 * DAY, last - 2 * DAY, last):
        await renewals.behave(nine(day))
        await asyncio.gather(*(renewals.ask_gateway(nine(day)) for _ in range(3)))
        await renewals.hear(nine(day))

    assert await renewals.taken() == 2
    assert [(await renewals.charge(one.account_id)).state for one in members] == [ChargeState.PAID] * 2
    assert [len(await given.terms(one.id)) for one in members] == [2] * 2


async def test_a_round_with_nothing_to_do_asks_the_ledger_three_times(renewals, given):
    await renewals.signed_member()

    with count_statements(given.db) as sent:
        await renewals.ask_gateway(given.now)

    assert len(sent) == 3


async def test_a_plan_that_is_not_sold_any_more_is_renewed_for_what_was_signed(renewals, given):
    plan = await renewals.plan()
    member = await renewals.signed_member(plan)
    await planning.stop(given.db, plan_id=plan.id, by=new_id(), now=given.now)
    await renewals.plan(price_minor=9900)
    last = last_day_of(member)

    await renewals.days(nine(last - 6 * DAY), nine(last))

    charge = await renewals.charge(member.account_id)
    assert (charge.state, charge.amount) == (ChargeState.PAID, Money(3100))
