"""Points expire at their midnight: nobody spends one later, whether the timetable was there or not."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from domain.foundation.clock import shop_midnight
from domain.foundation.ids import new_id
from domain.ledger.tables import postings
from domain.points import actions
from domain.points.rules import Balance, Cause, MoveKind, NotEnoughPoints
from tests.audit import assert_clean

INSTANT = timedelta(microseconds=1)
MIDNIGHT = datetime.fromisoformat("2026-12-12T00:00+08:00")
"""When points of the 11th of November expire that count for a month."""


async def shopper_with(given, points):
    await given.point_rules(months=1)
    return await given.shopper_with_points(points)


async def expired(given, *, now=MIDNIGHT, limit=100):
    return await actions.expire_due(given.db, now=now, limit=limit)


async def test_points_count_until_just_before_midnight_at_the_shop(given):
    me = await shopper_with(given, 100)

    assert await given.point_balance(me, now=MIDNIGHT - INSTANT) == Balance(100, 0, 100, MIDNIGHT)
    assert await given.point_balance(me, now=MIDNIGHT) == Balance()
    assert shop_midnight(MIDNIGHT.date()) == MIDNIGHT


async def test_the_timetable_expires_them_at_midnight_and_once(given):
    me, other = await shopper_with(given, 100), await given.shopper()
    await given.points(other, 40, given_at=given.now + timedelta(days=1))

    assert await expired(given, now=MIDNIGHT - INSTANT) == 0
    assert [await expired(given) for _ in range(2)] == [1, 0]

    (_, move) = await given.point_moves(me)
    assert (move.kind, move.cause, move.points, move.balance, move.moved_at) == (
        MoveKind.EXPIRED, Cause.EXPIRY, 100, 0, MIDNIGHT,
    )  # fmt: skip
    assert await given.has_and_owes(other) == (40, 0)
    assert await given.account_balances() == {"points_given": 140, "points_expired": -100, "points": -40}
    await assert_clean(given.market)


async def test_the_soonest_is_told_of_and_the_rest_stays(given):
    me = await shopper_with(given, 100)
    await given.points(me, 30, given_at=given.now - timedelta(days=1))
    await given.points(me, 20, given_at=given.now - timedelta(days=1))

    assert await given.point_balance(me) == Balance(150, 0, 50, MIDNIGHT - timedelta(days=1))
    await expired(given, now=MIDNIGHT - timedelta(days=1))

    assert await given.point_balance(me) == Balance(100, 0, 100, MIDNIGHT)
    await assert_clean(given.market)


async def test_two_workers_at_once_expire_each_lot_once_in_batches(given):
    shoppers = await given.shoppers(30)
    await given.point_rules(months=1)
    for shopper_id in shoppers:
        await given.points(shopper_id, 10)

    async def work():
        found = 0
        while some := await expired(given, limit=4):
            found += some
        return found

    done = await asyncio.gather(work(), work(), work())
    done.append(await work())  # what one of them had locked when the others looked

    assert sum(done) == 30
    counted = select(postings.c.account, func.sum(postings.c.amount_minor)).group_by(postings.c.account)
    assert {row[0]: int(row[1]) for row in await given.db.rows(counted)} == {
        "points_given": 300,
        "points": 0,
        "points_expired": -300,
    }
    await assert_clean(given.market)


async def test_whoever_is_still_buying_at_midnight_buys_without_them(given):
    me = await shopper_with(given, 100)
    await given.points(me, 50, given_at=given.now + timedelta(days=1))
    wish = await given.delivery_wish({await given.sku(price_minor=6000): 1}, me, points=150)

    given.now = MIDNIGHT
    quote = await given.quote(wish, source=given.point_offers)
    order = await given.placed(wish, source=given.point_offers)

    assert (quote.points, order.discount.minor) == (50, 50)
    assert [move.kind for move in await given.point_moves(me)] == ["given", "given", "expired", "spent"]
    assert await expired(given) == 0
    await assert_clean(given.market)


async def test_at_midnight_they_are_spent_or_expire_and_never_both(given):
    """The order's moment is just before midnight, and the timetable's is midnight: whoever comes first has them."""
    shoppers = []
    for _ in range(12):
        shoppers.append(await shopper_with(given, 100))
    sku_id = await given.sku(price_minor=6000, units=12)
    wishes = [await given.delivery_wish({sku_id: 1}, shopper_id, points=100) for shopper_id in shoppers]
    given.now = MIDNIGHT - INSTANT

    async def buy(wish):
        return await given.placed(wish, expected=5900, source=given.point_offers)

    async def sweep():
        while await expired(given, limit=1):
            pass

    outcomes = await asyncio.gather(*map(buy, wishes), sweep(), sweep(), return_exceptions=True)
    await sweep()

    kinds = Counter(type(outcome).__name__ for outcome in outcomes[:12])
    assert set(kinds) <= {"Order", "NotEnoughPoints", "PriceChanged"}
    moves = Counter([(await given.point_moves(shopper_id))[-1].kind for shopper_id in shoppers])
    assert moves == Counter({MoveKind.SPENT: kinds["Order"], MoveKind.EXPIRED: 12 - kinds["Order"]}) - Counter()
    assert [await given.has_and_owes(shopper_id) for shopper_id in shoppers] == [(0, 0)] * 12
    await assert_clean(given.market)


async def test_a_quote_of_before_midnight_is_not_good_for_points_that_have_expired(given):
    me = await shopper_with(given, 100)
    wish = await given.delivery_wish({await given.sku(price_minor=6000): 1}, me, points=100)
    given.now = MIDNIGHT - INSTANT
    async with given.db.reading() as reader:
        offers = await given.point_offers.offers(reader, wish, [], now=given.now)
    quote = await given.quote(wish, source=given.point_offers)
    await expired(given)

    with pytest.raises(NotEnoughPoints) as refused:
        async with given.db.transaction() as tx:
            await given.point_offers.redeem(tx, offers, wish, quote, order_id=new_id(), now=given.now)

    assert refused.value == NotEnoughPoints(wanted=100, points=0)
    assert (await given.point_moves(me))[-1].kind is MoveKind.EXPIRED
