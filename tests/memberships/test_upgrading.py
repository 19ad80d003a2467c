"""Upgrades: unused days count towards the price, on the day it is paid and on no other."""

from asyncio import gather
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from domain.benefits.queries import holdings_of
from domain.foundation.clock import shop_midnight
from domain.foundation.ids import new_id
from domain.ledger.rules import Account
from domain.memberships import activating, planning, refunding, upgrading
from domain.memberships.events import MembershipBegan, MembershipEnded
from domain.memberships.plan_rules import MembershipPlanStopped
from domain.memberships.purchase_rules import PurchaseState
from domain.memberships.rules import EndReason, MembershipAmountChanged, NoMembership, NotAnUpgrade
from domain.memberships.tables import memberships, purchases
from domain.payments.rules import PaymentState
from tests.given.memberships import YEAR_MINOR
from tests.memberships.books import assert_books, posted

DAY = timedelta(days=1)


@pytest.fixture
async def cards(given):
    """A monthly card of 31 days, begun on December 1, and the yearly plan above it."""
    given.now = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)
    monthly, yearly = await given.monthly(), await given.plan()
    card = await given.card(monthly)
    return card, monthly, yearly


async def test_unused_days_are_credited_and_the_new_card_begins_at_once(given, db, cards):
    card, _, yearly = cards
    on_the_tenth = given.now + 10 * DAY
    await given.earn_until(on_the_tenth)

    shown = await upgrading.preview(db, plan_id=yearly.id, account_id=card.account_id, now=on_the_tenth)
    purchase = await given.upgrade_to(yearly, card.account_id, now=on_the_tenth)
    assert (await given.current(card.account_id, now=on_the_tenth)).id == card.id
    await given.pay_membership(purchase, now=on_the_tenth + timedelta(minutes=5))

    assert (shown.days_left, shown.credit.paid_minor, shown.due.minor) == (21, 2100, YEAR_MINOR - 2100)
    new = await given.current(card.account_id, now=on_the_tenth + timedelta(minutes=5))
    old = await given.membership_again(card.id)
    assert (new.plan_id, new.upgraded_from, new.began_at) == (yearly.id, card.id, on_the_tenth + timedelta(minutes=5))
    assert (old.end_reason, old.ended_at) == (EndReason.UPGRADED, new.began_at)
    [term] = await given.terms(new.id)
    assert (term.paid_minor, term.refundable_minor, term.days) == (YEAR_MINOR, YEAR_MINOR, 365)
    assert [holding.source_id for holding in await holdings_of(db, card.account_id, now=new.began_at)] == [new.id]
    assert await posted(db) == {
        Account.GATEWAY: -(3100 + YEAR_MINOR - 2100), Account.MEMBERSHIPS: YEAR_MINOR, Account.MEMBER_FEES: 1000,
    }  # fmt: skip
    assert [event.reason for event in await given.recorded(MembershipEnded)] == ["upgraded"]
    assert len(await given.recorded(MembershipBegan)) == 2
    await assert_books(db)


async def test_coming_terms_count_too(given, db, cards):
    card, monthly, yearly = cards
    await given.card(monthly, card.account_id)

    shown = await upgrading.preview(db, plan_id=yearly.id, account_id=card.account_id, now=given.now + 10 * DAY)

    assert (shown.days_left, shown.credit.paid_minor) == (21 + 31, 2100 + 3100)


async def test_a_day_later_the_money_goes_back_and_nothing_changes(given, db, cards):
    card, _, yearly = cards
    late = shop_midnight(date(2026, 12, 5)) - timedelta(minutes=10)
    purchase = await given.upgrade_to(yearly, card.account_id, now=late)
    assert purchase.pay_by == late + timedelta(minutes=10)

    payment = await given.pay_membership(purchase, now=purchase.pay_by)

    assert (await given.purchase_again(purchase.id)).state is PurchaseState.DECLINED
    assert (await given.payment_again(payment.id)).state is PaymentState.REFUND_DUE
    assert (await given.current(card.account_id, now=purchase.pay_by)).id == card.id
    await assert_books(db)


async def test_money_of_the_day_before_is_kept_when_it_is_heard_after_midnight(given, db, cards):
    card, _, yearly = cards
    midnight = shop_midnight(date(2026, 12, 5))
    purchase = await given.upgrade_to(yearly, card.account_id, now=midnight - timedelta(minutes=10))
    payment = await given.membership_money(purchase, now=midnight - timedelta(seconds=1))
    await given.earn_until(midnight + timedelta(seconds=5))

    await given.hear_money(payment, now=midnight + timedelta(seconds=5))

    assert (await given.current(card.account_id, now=midnight + timedelta(seconds=5))).plan_id == yearly.id
    await assert_books(db)


async def test_days_that_were_earned_until_the_money_is_heard_are_credited_all_the_same(given, db, cards):
    card, _, yearly = cards
    midnight = shop_midnight(date(2026, 12, 5))
    purchase = await given.upgrade_to(yearly, card.account_id, now=midnight - timedelta(minutes=10))
    payment = await given.membership_money(purchase, now=midnight - timedelta(seconds=1))
    heard_at = midnight + 3 * DAY
    await given.earn_until(heard_at)

    await given.hear_money(payment, now=heard_at)

    assert purchase.credit.minor == 2800  # 28 days
    assert await posted(db) == {
        Account.GATEWAY: -(3100 + YEAR_MINOR - 2800), Account.MEMBERSHIPS: YEAR_MINOR, Account.MEMBER_FEES: 300,
    }  # fmt: skip
    await assert_books(db)


async def test_what_was_not_shown_is_not_charged(given, db, cards):
    card, monthly, yearly = cards
    count = select(func.count()).select_from(purchases)
    before = await db.value(count)

    with pytest.raises(MembershipAmountChanged) as refused:
        await upgrading.upgrade(
            db, plan_id=yearly.id, account_id=card.account_id, due_minor=1, idempotency_key="upgrade-1", now=given.now
        )
    for plan, account_id, error in (
        (monthly, card.account_id, NotAnUpgrade),
        (await given.trial(rank=99), card.account_id, NotAnUpgrade),
        (await given.plan(price_minor=3099, rank=20), card.account_id, NotAnUpgrade),
        (yearly, await given.shopper(), NoMembership),
    ):
        with pytest.raises(error):
            await given.upgrade_to(plan, account_id)
    await planning.stop(db, plan_id=yearly.id, by=new_id(), now=given.now)
    with pytest.raises(MembershipPlanStopped):
        await given.upgrade_to(yearly, card.account_id)

    assert refused.value.amount.minor == YEAR_MINOR - 3100
    assert await db.value(count) == before


async def test_an_upgrade_that_costs_nothing_is_done(given, db, cards):
    card, _, _ = cards
    same_price = await given.monthly(name="黑卡", rank=9)

    purchase = await given.upgrade_to(same_price, card.account_id)

    assert (purchase.state, purchase.paid_with, purchase.due.minor) == (PurchaseState.PAID, None, 0)
    assert (await given.current(card.account_id)).plan_id == same_price.id
    await assert_books(db)


async def test_an_upgraded_card_goes_back_to_both_payments(given, db, cards):
    card, _, yearly = cards
    now = given.now + 10 * DAY
    await given.pay_membership(await given.upgrade_to(yearly, card.account_id, now=now), now=now)

    shown = await refunding.preview(db, account_id=card.account_id, now=now)
    await refunding.refund(
        db, account_id=card.account_id, amount_minor=shown.refunding.amount.minor, idempotency_key="refund-1", now=now
    )

    assert shown.refunding.amount.minor == YEAR_MINOR
    back = await db.rows(select(purchases.c.price_minor, purchases.c.refunded_minor).order_by(purchases.c.id))
    assert [tuple(row) for row in back] == [(3100, 2100), (YEAR_MINOR, YEAR_MINOR - 2100)]
    assert (await posted(db)).get(Account.MEMBERSHIPS) is None
    await assert_books(db)


async def test_what_was_given_is_credited_and_stays_when_the_rest_goes_back(given, db, cards):
    _, monthly, yearly = cards
    friend = await given.shopper()
    _, code = await given.gift(monthly, await given.shopper())
    await activating.activate(db, code=code, account_id=friend, idempotency_key="activate-1", now=given.now)

    await given.pay_membership(await given.upgrade_to(yearly, friend))
    shown = await refunding.preview(db, account_id=friend, now=given.now)

    assert shown.refunding.amount.minor == YEAR_MINOR - 3100
    await refunding.refund(
        db, account_id=friend, amount_minor=YEAR_MINOR - 3100, idempotency_key="refund-1", now=given.now
    )
    assert (await posted(db))[Account.MEMBER_FEES] == 3100
    await assert_books(db)


async def test_an_upgrade_and_a_refund_at_once_are_one_of_both(given, db, cards):
    card, _, yearly = cards
    payment = await given.membership_money(await given.upgrade_to(yearly, card.account_id))
    refund = refunding.refund(
        db, account_id=card.account_id, amount_minor=3100, idempotency_key="refund-1", now=given.now
    )

    await gather(given.hear_money(payment), refund, return_exceptions=True)

    states = await db.column(select(purchases.c.state).order_by(purchases.c.id))
    reasons = set(await db.column(select(memberships.c.end_reason)))
    assert (states[1], reasons) in [("paid", {"upgraded", None}), ("declined", {"refunded"})]
    await assert_books(db)
