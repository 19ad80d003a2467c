"""Buying: what is paid for begins or is added to what runs, and money that nobody can keep goes back."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from domain.benefits.queries import holdings_of, privileges_of
from domain.benefits.rules import HolderSource
from domain.foundation.clock import shop_midnight
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.ledger.rules import Account, EntryKind
from domain.ledger.tables import entries
from domain.memberships import buying, ending, paying, planning, queries
from domain.memberships.events import MembershipBegan, MembershipEnded, MembershipExtended
from domain.memberships.plan_rules import MembershipPlanStopped
from domain.memberships.purchase_rules import PurchaseState
from domain.memberships.rules import EndReason, MembershipRunning, TrialTaken
from domain.memberships.tables import memberships, purchases, terms
from domain.payments.rules import PaymentState
from tests.audit import assert_clean
from tests.given.memberships import MEMBER_PRICES, YEAR_MINOR
from tests.memberships.books import assert_books, posted

DAY = timedelta(days=1)


async def counts(db):
    tables = (purchases, memberships, terms, entries)
    return [await db.value(select(func.count()).select_from(table)) for table in tables]


async def test_a_paid_card_begins_with_its_benefits(given, db, market):
    me, plan = await given.shopper(), await given.plan()

    purchase = await given.purchase(plan, me)
    assert await queries.current_of(db, [me], now=given.now) == {}
    payment = await given.pay_membership(purchase)

    card = await given.current(me)
    [term] = await given.terms(card.id)
    assert (card.began_at, card.ends_at) == (given.now, shop_midnight(date(2027, 11, 12)))
    assert (term.purchase_id, term.paid_minor, term.days) == (purchase.id, YEAR_MINOR, 365)
    assert (await given.purchase_again(purchase.id)).paid_with == payment.id
    [holding] = await holdings_of(db, me, now=given.now)
    assert (holding.source, holding.source_id, holding.benefits) == (HolderSource.MEMBERSHIP, card.id, (MEMBER_PRICES,))
    assert (holding.starts_at, holding.ends_at) == (card.began_at, card.ends_at)
    assert await posted(db) == {Account.GATEWAY: -YEAR_MINOR, Account.MEMBERSHIPS: YEAR_MINOR}
    assert await given.recorded(MembershipBegan) == [
        MembershipBegan(me, card.id, plan.id, began_at=card.began_at, ends_at=card.ends_at, upgraded_from=None)
    ]
    await assert_clean(market, in_flight=True)


async def test_the_same_money_heard_again_changes_nothing(given, db):
    card = await given.card()
    before = await counts(db)
    purchase_id = (await given.terms(card.id))[0].purchase_id
    payment = (await given.purchase_again(purchase_id)).paid_with

    for _ in range(2):
        await given.hear_money(await given.payment_again(payment))

    assert await counts(db) == before
    assert await given.payment_states() == {"captured": 1}


async def test_one_more_term_of_the_same_plan_follows_the_last(given, db):
    plan, begun_at = await given.monthly(), datetime(2026, 1, 31, 7, 0, tzinfo=UTC)
    card = await given.card(plan, now=begun_at)

    for _ in range(2):
        await given.card(plan, card.account_id, now=begun_at + DAY)

    longer = await given.current(card.account_id, now=begun_at + DAY)
    assert (longer.id, longer.ends_at) == (card.id, shop_midnight(date(2026, 5, 1)))
    assert [term.last_day for term in await given.terms(card.id)] == [
        date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30),
    ]  # fmt: skip
    [holding] = await holdings_of(db, card.account_id, now=begun_at + DAY)
    assert holding.ends_at == longer.ends_at
    assert [event.ends_at for event in await given.recorded(MembershipExtended)] == [
        shop_midnight(date(2026, 4, 1)), longer.ends_at,
    ]  # fmt: skip
    await assert_books(db)


async def test_nobody_has_a_card_from_its_end_on_though_nobody_has_ended_it(given, db):
    card = await given.card(await given.monthly())

    def has(found):
        return bool(found)

    just_before = card.ends_at - timedelta(microseconds=1)
    assert has(await queries.current_of(db, [card.account_id], now=just_before))
    assert not has(await queries.current_of(db, [card.account_id], now=card.ends_at))
    assert (await privileges_of(db, [card.account_id], now=just_before))[card.account_id].has_member_prices
    assert not (await privileges_of(db, [card.account_id], now=card.ends_at))[card.account_id].has_member_prices


async def test_a_card_is_ended_once_and_the_next_begins_anew(given, db):
    plan = await given.monthly()
    card = await given.card(plan)

    assert await ending.end_due(db, now=card.ends_at - timedelta(microseconds=1), limit=9) == 0
    assert [await ending.end_due(db, now=card.ends_at, limit=9) for _ in range(2)] == [1, 0]
    after = await given.card(plan, card.account_id, now=card.ends_at + 9 * DAY)

    ended = await given.membership_again(card.id)
    assert (ended.ended_at, ended.end_reason) == (card.ends_at, EndReason.EXPIRED)
    assert after.id != card.id and after.began_at == card.ends_at + 9 * DAY
    assert [event.ended_at for event in await given.recorded(MembershipEnded)] == [card.ends_at]
    await assert_books(db)


async def test_whoever_buys_after_the_end_ends_the_old_card_themselves(given, db):
    plan = await given.monthly()
    card = await given.card(plan)

    after = await given.card(plan, card.account_id, now=card.ends_at)

    assert after.id != card.id
    assert (await given.membership_again(card.id)).ended_at == card.ends_at
    await assert_books(db)


async def test_a_term_that_is_paid_in_grace_follows_without_a_gap(given, db):
    plan = await given.monthly()
    card = await given.card(plan)
    await given.earn_until(card.ends_at + 2 * DAY)
    async with db.transaction() as tx:
        in_grace = update(memberships).where(memberships.c.id == card.id)
        await tx.execute(in_grace.values(grace_until=card.ends_at + 7 * DAY))

    late = card.ends_at + 2 * DAY + timedelta(hours=3)
    longer = await given.card(plan, card.account_id, now=late)

    assert (longer.id, longer.grace_until) == (card.id, None)
    first, second = await given.terms(card.id)
    assert second.starts_at == first.ends_at
    assert (await posted(db))[
        Account.MEMBER_FEES
    ] == 3100 + 3100 * 2 // second.days  # two days were booked before it was paid
    assert await given.earn_until(late + DAY) == 1
    await assert_books(db)


async def test_a_trial_costs_nothing_begins_at_once_and_is_had_once_by_whatever_way(given, db):
    me, trial, other = await given.shopper(), await given.trial(), await given.trial(name="另一种体验")

    card = await given.card(trial, me)

    assert card.ends_at == shop_midnight(date(2026, 11, 19))
    before = await counts(db)
    for plan in (trial, other):
        with pytest.raises(TrialTaken):
            await given.purchase(plan, me, now=card.ends_at + DAY)
    assert await counts(db) == before
    await assert_books(db)


async def test_while_one_plan_runs_no_other_is_sold(given, db):
    card, monthly = await given.card(), await given.monthly()
    before = await counts(db)

    with pytest.raises(MembershipRunning) as refused:
        await given.purchase(monthly, card.account_id)

    assert refused.value.facts == {"plan_id": card.plan_id, "ends_at": card.ends_at}
    assert await counts(db) == before


async def test_money_for_what_cannot_begin_any_more_goes_back_for_good(given, db):
    me, yearly, monthly = await given.shopper(), await given.plan(), await given.monthly()
    first, second = await given.purchase(yearly, me), await given.purchase(monthly, me)
    await given.pay_membership(first)

    payment = await given.pay_membership(second)

    declined = await given.purchase_again(second.id)
    assert (declined.state, declined.paid_with) == (PurchaseState.DECLINED, payment.id)
    assert (await given.payment_again(payment.id)).state is PaymentState.REFUND_DUE
    card = await given.current(me)
    # its letter comes once more when nothing stands in the way any longer
    await given.hear_money(payment, now=card.ends_at + DAY)
    assert await queries.current_of(db, [me], now=card.ends_at + DAY) == {}
    assert await given.payment_states() == {"captured": 1, "refund_due": 1}
    await assert_books(db)


async def test_late_money_is_as_good_as_any(given):
    me, plan = await given.shopper(), await given.plan()
    purchase = await given.purchase(plan, me)

    payment = await given.membership_money(purchase)
    await given.hear_money(payment, now=purchase.pay_by + 3 * DAY)

    assert (await given.current(me, now=purchase.pay_by + 3 * DAY)).began_at == purchase.pay_by + 3 * DAY


async def test_a_stopped_plan_is_not_sold_and_stays_with_who_has_it(given, db):
    me, plan = await given.shopper(), await given.plan()
    purchase = await given.purchase(plan, me)

    stopped = [await planning.stop(db, plan_id=plan.id, by=new_id(), now=given.now + n * DAY) for n in range(2)]

    assert [each.stopped_at for each in stopped] == [given.now, given.now]
    with pytest.raises(MembershipPlanStopped):
        await given.purchase(plan, await given.shopper())
    await given.pay_membership(purchase)
    assert (await given.current(me)).plan_id == plan.id


async def test_a_key_names_one_purchase(given, db):
    me, plan, other = await given.shopper(), await given.plan(), await given.monthly()

    async def buy(plan_id, key="buy-key-1"):
        return await buying.buy(db, plan_id=plan_id, account_id=me, idempotency_key=key, now=given.now)

    assert len({await buy(plan.id), await buy(plan.id)}) == 1
    with pytest.raises(IdempotencyConflict):
        await buy(other.id)
    with pytest.raises(NotFound):
        await buy(new_id(), "buy-key-2")
    assert (await counts(db))[0] == 1


async def test_what_was_paid_stands_in_the_ledger_once(given, db):
    await given.card()

    kinds = Counter(await db.column(select(entries.c.kind)))

    assert kinds == {EntryKind.CAPTURED: 1, EntryKind.MEMBERSHIP_PAID: 1}
    assert paying.PAYABLE == "membership"
