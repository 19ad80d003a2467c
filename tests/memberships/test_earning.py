"""Earned fees: each day of the shop once, in order, whoever books and however late."""

from asyncio import gather
from datetime import timedelta
from time import monotonic

import pytest
from sqlalchemy import func, select, text

from domain.foundation.clock import shop_day, shop_midnight
from domain.ledger.rules import Account
from domain.memberships import earning
from domain.memberships.tables import earnings
from tests.memberships.books import assert_books, posted

DAY = timedelta(days=1)


async def test_a_day_is_booked_once_it_is_over(given, db):
    await given.card()
    first_midnight = shop_midnight(shop_day(given.now) + 2 * DAY)

    assert await earning.earn_next_day(db, now=first_midnight - timedelta(microseconds=1)) is None
    assert await earning.earn_next_day(db, now=first_midnight) == shop_day(given.now) + DAY
    assert await earning.earn_next_day(db, now=first_midnight) is None

    assert (await posted(db))[Account.MEMBER_FEES] == 100
    await assert_books(db)


async def test_days_that_were_missed_are_caught_up_one_by_one(given, db):
    plan = await given.monthly(price_minor=1000)
    await given.card(plan)
    await given.card(plan, now=given.now + 3 * DAY)

    assert await given.earn_until(given.now + 60 * DAY) == 59

    days = await db.rows(select(earnings.c.day, earnings.c.terms, earnings.c.earned_minor).order_by(earnings.c.day))
    assert [row.day for row in days] == [shop_day(given.now) + n * DAY for n in range(1, 60)]
    assert [row.terms for row in days[:4]] == [1, 1, 1, 2]
    assert sum(row.earned_minor for row in days) == 2000
    assert await posted(db) == {Account.GATEWAY: -2000, Account.MEMBER_FEES: 2000}
    await assert_books(db)


async def test_two_timetables_book_a_day_once(given, db):
    await given.card()

    booked = await gather(*(earning.earn_next_day(db, now=given.now + 3 * DAY) for _ in range(6)))

    assert sorted(filter(None, booked)) == [shop_day(given.now) + DAY, shop_day(given.now) + 2 * DAY]
    assert (await posted(db))[Account.MEMBER_FEES] == 200


async def test_days_that_bring_nothing_are_booked_without_an_entry(given, db):
    await given.card(await given.trial())

    assert await given.earn_until(given.now + 20 * DAY) == 19
    assert await posted(db) == {}
    await assert_books(db)


async def test_a_card_that_is_paid_while_a_day_is_booked_is_counted_right(given, db):
    plan = await given.plan()
    await given.card(plan)
    later = given.now + 3 * DAY
    payments = [
        await given.membership_money(await given.purchase(plan, who, now=later), now=later)
        for who in await given.shoppers(4)
    ]

    await gather(
        *(given.hear_money(payment, now=later) for payment in payments),
        *(earning.earn_next_day(db, now=later) for _ in range(3)),
    )

    await assert_books(db)


# A million cards with a year each, begun over the last year.
_MILLION = text("""
    INSERT INTO membership_terms (id, membership_id, number, account_id, code_id, is_trial, paid_minor, refundable_minor,
                                  starts_at, ends_at, first_day, last_day, made_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 1, gen_random_uuid(), gen_random_uuid(), false, 36500, 36500,
           CAST(:now AS timestamptz), CAST(:now AS timestamptz) + interval '1 year',
           CAST(:day AS date) - n % 364, CAST(:day AS date) - n % 364 + 364, :now
    FROM generate_series(1, :terms) AS n
""")


@pytest.mark.faults
async def test_a_day_of_a_million_cards_takes_seconds(given, db):
    async with db.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = 'replica'"))
        await tx.execute(text("SET LOCAL statement_timeout = 0"))
        await tx.execute(_MILLION, {"terms": 1_000_000, "now": given.now, "day": shop_day(given.now)})
        await tx.execute(
            earnings.insert().values(
                id=(await tx.value(select(func.gen_random_uuid()))),
                day=shop_day(given.now) - DAY,
                terms=0,
                earned_minor=0,
                recognised_at=given.now,
            )
        )

    started = monotonic()
    assert await earning.earn_next_day(db, now=given.now + DAY) == shop_day(given.now)
    seconds = monotonic() - started

    assert await db.value(select(earnings.c.earned_minor).order_by(earnings.c.day.desc()).limit(1)) == 100_000_000
    assert seconds < 5, f"{seconds:.1f} s"
