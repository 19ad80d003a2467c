"""Gifts and codes: one other person activates them, once; what nobody has activated goes back to who has paid it."""

from asyncio import gather
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.ledger.rules import Account
from domain.memberships import activating, code_rules, exporting, giving, queries, refunding
from domain.memberships.rules import MembershipRunning
from domain.memberships.tables import codes, memberships, terms
from tests.given.memberships import YEAR_MINOR
from tests.memberships.books import assert_books, posted

DAY = timedelta(days=1)


def activating_by(given, account_id, code, *, key=None, now=None):
    return activating.activate(
        given.db, code=code, account_id=account_id, idempotency_key=key or f"key-{new_id()}", now=now or given.now
    )


async def test_a_gift_is_somebody_else_s_from_its_activation_on(given, db):
    buyer, friend, plan = await given.shopper(), await given.shopper(), await given.plan()

    gift, code = await given.gift(plan, buyer)
    assert await queries.current_of(db, [buyer, friend], now=given.now) == {}
    assert await posted(db) == {Account.GATEWAY: -YEAR_MINOR, Account.MEMBERSHIPS: YEAR_MINOR}
    card_id = await activating_by(given, friend, code, now=given.now + 9 * DAY)

    card = await given.current(friend, now=given.now + 9 * DAY)
    [term] = await given.terms(card_id)
    assert (card.id, card.began_at) == (card_id, given.now + 9 * DAY)
    assert (term.purchase_id, term.paid_minor, term.refundable_minor) == (gift.id, YEAR_MINOR, 0)
    assert list(await queries.current_of(db, [buyer], now=card.began_at)) == []
    await given.earn_until(given.now + 12 * DAY)
    await assert_books(db)


async def test_its_buyer_cannot_activate_a_gift_nor_anybody_a_second_time(given, db):
    buyer, friend, plan = await given.shopper(), await given.shopper(), await given.plan()
    _, code = await given.gift(plan, buyer)

    with pytest.raises(code_rules.OwnGift):
        await activating_by(given, buyer, code)
    assert await db.value(select(func.count()).select_from(memberships)) == 0
    first = await activating_by(given, friend, code, key="activate-once")

    assert await activating_by(given, friend, code, key="activate-once") == first
    with pytest.raises(code_rules.ActivationCodeUsed):
        await activating_by(given, await given.shopper(), code)
    assert await db.value(select(func.count()).select_from(terms)) == 1


async def test_a_gift_for_whoever_has_another_plan_waits_and_one_of_the_same_makes_it_longer(given, db):
    yearly, monthly = await given.plan(), await given.monthly()
    card = await given.card(monthly)
    _, of_the_year = await given.gift(yearly, await given.shopper())
    _, of_the_month = await given.gift(monthly, await given.shopper())

    with pytest.raises(MembershipRunning):
        await activating_by(given, card.account_id, of_the_year)
    assert await activating_by(given, card.account_id, of_the_month) == card.id

    assert [term.refundable_minor for term in await given.terms(card.id)] == [3100, 0]
    await activating_by(given, await given.shopper(), of_the_year)
    await assert_books(db)


async def test_twenty_people_with_one_code_make_one_member(given, db):
    _, code = await given.gift(await given.plan(), await given.shopper())
    people = await given.shoppers(20)

    outcomes = await gather(*(activating_by(given, one, code) for one in people), return_exceptions=True)

    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"UUID": 1, "ActivationCodeUsed": 19}
    assert await db.value(select(func.count()).select_from(memberships)) == 1
    await assert_books(db)


async def test_a_gift_that_nobody_has_activated_is_paid_back_whole(given, db):
    buyer = await given.shopper()
    gift, code = await given.gift(await given.plan(), buyer)

    def refund(by=buyer, key="gift-refund"):
        return refunding.refund_gift(
            db, purchase_id=gift.id, account_id=by, idempotency_key=key, now=given.now + 400 * DAY
        )

    with pytest.raises(NotFound):
        await refund(await given.shopper())
    for _ in range(2):
        await refund()
    with pytest.raises(code_rules.GiftNotRefundable):
        await refund(key="another-key")
    with pytest.raises(code_rules.ActivationCodeUnknown):
        await activating_by(given, await given.shopper(), code)

    assert await posted(db) == {Account.GATEWAY: -YEAR_MINOR, Account.REFUNDS: YEAR_MINOR}
    assert (await given.purchase_again(gift.id)).refunded.minor == YEAR_MINOR
    await assert_books(db)


async def test_a_gift_is_activated_or_paid_back_never_both(given, db):
    buyer, friend = await given.shopper(), await given.shopper()
    gift, code = await given.gift(await given.plan(), buyer)

    refund = refunding.refund_gift(
        db, purchase_id=gift.id, account_id=buyer, idempotency_key="gift-refund", now=given.now
    )
    outcomes = await gather(activating_by(given, friend, code), refund, return_exceptions=True)

    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1
    await assert_books(db)


async def test_a_gift_is_not_for_ever(given):
    _, code = await given.gift(await given.plan(), await given.shopper())

    with pytest.raises(code_rules.ActivationCodeOver):
        await activating_by(given, await given.shopper(), code, now=given.now + 365 * DAY)


async def test_a_trial_is_no_gift(given, db):
    with pytest.raises(BadInput, match="trial"):
        await giving.give(
            db,
            plan_id=(await given.trial()).id,
            account_id=await given.shopper(),
            idempotency_key="gift-key",
            now=given.now,
        )


async def test_codes_of_a_batch_are_good_once_each_and_cost_nothing(given, db):
    plan = await given.monthly()
    made = await given.code_batch(plan)

    found = await given.codes_of(made)
    ids = [await activating_by(given, await given.shopper(), code) for code in found]

    assert len(set(found)) == len(set(ids)) == 3
    assert {term.paid_minor for id in ids for term in await given.terms(id)} == {0}
    assert await queries.used_by_batch_ids(db, [made.id]) == {made.id: 3}
    assert await given.codes_of(made) == found
    await assert_books(db)


async def test_no_table_holds_a_code(given, db):
    made = await given.code_batch(await given.monthly())
    [code, *_] = await given.codes_of(made)

    kept = await db.rows(select(codes))

    assert not any(code in repr(row) or code.replace("-", "") in repr(row) for row in kept)
    other_key = [row async for row in exporting.rows(db, batch_id=made.id, secret=b"another" * 5)]
    assert {row.decode().split(",")[0] for row in other_key[1:]} == {""}


@pytest.mark.parametrize("wrong", [{"pieces": 0}, {"pieces": 10_001}, {"title": " "}, {"valid_until": timedelta(0)}])
async def test_a_batch_that_cannot_be(given, wrong):
    valid_until = given.now + wrong.pop("valid_until", DAY)

    with pytest.raises(BadInput):
        code_rules.check_batch(wrong.get("title", "合作"), wrong.get("pieces", 1), valid_until, now=given.now)
