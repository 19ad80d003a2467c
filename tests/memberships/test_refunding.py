"""Refunds: unused days are paid back, less what benefits were worth, and every balance comes out right."""

from asyncio import gather
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.benefits import queries as benefit_queries
from domain.ledger.rules import Account
from domain.memberships import activating, queries, refunding
from domain.memberships.events import MembershipEnded
from domain.memberships.rules import EndReason, MembershipAmountChanged, NoMembership, NothingToRefund
from domain.memberships.tables import memberships
from domain.payments import actions as payments
from domain.payments import store as payment_store
from domain.payments.rules import Notice, Refunded
from domain.payments.tables import refunds
from tests.given.memberships import YEAR_MINOR
from tests.memberships.books import assert_books, posted

DAY = timedelta(days=1)


def refund(given, card, amount_minor, *, now, key="refund-key"):
    return refunding.refund(
        given.db, account_id=card.account_id, amount_minor=amount_minor, idempotency_key=key, now=now
    )


async def money_goes_back(given):
    """The gateway does what it was asked for."""
    found = select(*payment_store.REFUND_COLUMNS).join_from(refunds, payment_store.payments)
    for row in await given.db.rows(found):
        due = payment_store.refund_of(row)
        news = Refunded(due.id, due.payment_id, f"r{due.id.hex}", due.amount, given.now)
        await payments.take_notice(given.db, gateway="wechat", notice=Notice(f"n{due.id.hex}", news), now=given.now)


async def test_bought_and_given_back_at_once_leaves_every_balance_as_it_was(given, db):
    card = await given.card()

    await refund(given, card, YEAR_MINOR, now=given.now)
    await money_goes_back(given)

    assert await posted(db) == {}
    assert await queries.current_of(db, [card.account_id], now=given.now) == {}
    assert await benefit_queries.holdings_of(db, card.account_id, now=given.now) == []
    ended = await given.membership_again(card.id)
    assert (ended.end_reason, ended.ended_at) == (EndReason.REFUNDED, given.now)
    assert [event.reason for event in await given.recorded(MembershipEnded)] == ["refunded"]
    await assert_books(db)


async def test_days_that_were_used_stay_with_the_shop(given, db):
    card, later = await given.card(), given.now + 40 * DAY
    await given.earn_until(later - 5 * DAY)  # some days are not booked yet

    shown = await refunding.preview(db, account_id=card.account_id, now=later)
    await refund(given, card, 32_500, now=later)
    await given.earn_until(later + DAY)

    assert (shown.refunding.amount.minor, shown.refunding.days_left) == (32_500, 325)
    assert await posted(db) == {Account.GATEWAY: -YEAR_MINOR, Account.REFUNDS: 32_500, Account.MEMBER_FEES: 4000}
    await assert_books(db)


async def test_the_running_and_the_coming_terms_go_back_and_what_is_over_stays(given, db):
    monthly = await given.monthly()
    card = await given.card(monthly)
    for _ in range(2):
        await given.card(monthly, card.account_id)
    first, second, third = await given.terms(card.id)
    in_the_second = first.ends_at + timedelta(hours=12)

    shown = await refunding.preview(db, account_id=card.account_id, now=in_the_second)
    await refund(given, card, shown.refunding.amount.minor, now=in_the_second)
    await given.earn_until(in_the_second + 9 * DAY)

    one_day_used = 3100 * (second.days - 1) // second.days
    assert shown.refunding.by_term == ((second.id, one_day_used), (third.id, 3100))
    assert (await posted(db))[Account.REFUNDS] == one_day_used + 3100
    assert [term.closed_at for term in await given.terms(card.id)] == [None, in_the_second, in_the_second]
    await assert_books(db)


async def test_benefits_that_were_used_are_taken_off(given, db, monkeypatch):
    card = await given.card()

    async def worth(*_, **__):
        return 1234

    monkeypatch.setattr(benefit_queries, "value_used", worth)
    shown = await refunding.preview(db, account_id=card.account_id, now=given.now)
    await refund(given, card, YEAR_MINOR - 1234, now=given.now)

    assert (shown.refunding.unused_minor, shown.refunding.used_benefits_minor) == (YEAR_MINOR, 1234)
    assert (await posted(db))[Account.MEMBER_FEES] == 1234
    await assert_books(db)


async def test_another_amount_than_was_shown_is_refused(given, db):
    card = await given.card()
    before = await posted(db)

    with pytest.raises(MembershipAmountChanged) as refused:
        await refund(given, card, YEAR_MINOR, now=given.now + DAY)
    with pytest.raises(NoMembership):
        await refunding.refund(
            db, account_id=await given.shopper(), amount_minor=1, idempotency_key="refund-key", now=given.now
        )

    assert refused.value.amount.minor == YEAR_MINOR - 100
    assert await posted(db) == before
    assert (await given.current(card.account_id)).ended_at is None


async def test_what_cost_nothing_gives_nothing_back(given, db):
    trial = await given.card(await given.trial())
    _, code = await given.gift(await given.plan(), await given.shopper())
    friend = await given.shopper()
    await activating.activate(db, code=code, account_id=friend, idempotency_key="activate-1", now=given.now)

    for account_id in (trial.account_id, friend):
        with pytest.raises(NothingToRefund):
            await refunding.refund(
                db, account_id=account_id, amount_minor=0, idempotency_key="refund-key", now=given.now
            )
        assert (await given.current(account_id)).ended_at is None


async def test_twenty_refunds_are_one(given, db):
    card = await given.card()

    outcomes = await gather(
        *(refund(given, card, YEAR_MINOR, now=given.now, key=f"refund-{n:04}") for n in range(20)),
        return_exceptions=True,
    )

    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"UUID": 1, "NoMembership": 19}
    assert await db.value(select(func.count()).select_from(refunds)) == 1
    await assert_books(db)


async def test_the_same_key_gives_back_once(given, db):
    card = await given.card()

    answers = [await refund(given, card, YEAR_MINOR, now=given.now + n * DAY) for n in range(2)]

    assert answers == [card.id, card.id]
    assert await db.value(select(func.count()).select_from(memberships)) == 1
