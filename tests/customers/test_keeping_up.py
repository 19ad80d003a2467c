"""Customers follow what becomes of orders, shares, costs, days and rules: heard late, twice, by two at once, or killed."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from domain.customers import actions, figures, queries, refreshing, standing, store
from domain.customers.rules import Segment, Value, ValueRules
from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.orders import refunding
from domain.orders import store as orders
from domain.orders.rules import LineRefund
from domain.products import actions as products
from domain.products.events import SkuCostSet
from tests.customers.test_refreshing import snapshot
from tests.given.customers import Bought
from tests.statements import count_statements

DAY = timedelta(days=1)


async def value_of(db, account_id):
    return (await queries.values_of(db, [account_id])).get(account_id)


async def test_an_order_that_is_heard_of_makes_a_customer_and_one_that_goes_back_makes_none(db, given, listener):
    order = await given.bought()
    await listener.hear()

    assert await refreshing.refresh(db, now=given.now) == 1
    [one] = (await queries.by_ids(db, [order.shopper_id])).values()
    assert (one.orders, one.purchases, one.spend_minor, one.value.costed_minor) == (1, 1, order.total.minor, 0)

    all_of_it = LineRefund(position=1, quantity=1, unsent=1, goods_minor=order.total.minor, freight_minor=0)
    async with db.transaction() as tx:
        paid = await orders.lock(tx, order.id)
        await refunding.give_back(tx, paid, [all_of_it], reason="quality", cause_id=new_id(), now=given.now)
    await listener.hear()
    await refreshing.refresh(db, now=given.now)

    assert await queries.by_ids(db, [order.shopper_id]) == {}
    assert await snapshot(db) == ({}, {})


async def test_news_that_is_committed_after_later_news_was_taken_is_not_lost(db, given):
    early, late = await given.shoppers(2)
    await given.history([Bought(early, given.now, 100), Bought(late, given.now, 200)])
    async with db.transaction() as tx:
        await refreshing.refresh(db, now=given.now)  # everybody, the first time
        await tx.execute(text("DELETE FROM customers"))
    async with db.transaction() as slow:
        await store.note_changed(slow, [early])  # has the lower position, and is not committed
        await given.hears_of(late)
        assert await refreshing.refresh(db, now=given.now) == 1

    assert await refreshing.refresh(db, now=given.now) == 1
    assert set(await queries.values_of(db, [early, late])) == {early, late}


async def test_two_timetables_at_once_work_out_each_note_once(db, given):
    shoppers = await given.shoppers(30)
    await given.history([Bought(one, given.now - n * DAY, 100 + n) for n, one in enumerate(shoppers)])

    done = await asyncio.gather(*(refreshing.refresh(db, now=given.now, at_once=4) for _ in range(3)))

    assert sum(done) == 30
    people, steps = await snapshot(db)
    assert (len(people), sum(steps.values())) == (30, 30)
    assert await standing.stand(db, now=given.now) and not await standing.stand(db, now=given.now)


async def test_a_refresh_that_is_killed_leaves_what_it_found(db, given, monkeypatch):
    shopper_id = await given.shopper()
    await given.history([Bought(shopper_id, given.now, 100)])
    work_out = store.work_out

    async def dies(*arguments, **facts):
        await work_out(*arguments, **facts)
        raise asyncio.CancelledError

    monkeypatch.setattr(store, "work_out", dies)
    with pytest.raises(asyncio.CancelledError):
        await refreshing.refresh(db, now=given.now)
    assert await snapshot(db) == ({}, {})
    monkeypatch.undo()

    assert await refreshing.refresh(db, now=given.now) == 1
    assert set((await snapshot(db))[0]) == {shopper_id}


async def test_an_order_leaves_the_window_at_midnight_in_shanghai_and_so_does_whom_it_brought(db, given):
    sharer, friend = await given.shoppers(2)
    link = await given.link(sharer)
    await given.history(
        [Bought(sharer, given.now, 1_000, cost_minor=400), Bought(friend, given.now, 500, cost_minor=100, by=link)]
    )
    await refreshing.refresh(db, now=given.now)
    assert await value_of(db, sharer) == Value(sharer, 1, 1_000, 1_000, 600, 1, 1_100, 660)

    last = shop_midnight(shop_day(given.now) + 365 * DAY) - timedelta(microseconds=1)
    await refreshing.refresh(db, now=last)
    assert (await value_of(db, sharer)).value_minor == 660

    await refreshing.refresh(db, now=last + timedelta(microseconds=1))
    assert await value_of(db, sharer) == Value(sharer, 0, 0, 0, 0, 0, 1_000, 0)


async def test_new_rules_are_a_version_and_everybody_is_worked_out_by_them(db, given):
    sharer, friend = await given.shoppers(2)
    link = await given.link(sharer)
    old = given.now - 40 * DAY
    await given.history(
        [Bought(sharer, given.now, 1_000, cost_minor=1), Bought(sharer, old, 70), Bought(friend, given.now, 5, by=link)]
    )
    await refreshing.refresh(db, now=given.now)
    new = ValueRules(window_days=30, referral_permille=505, most_referred=1)

    assert (await actions.set_rules(db, new, by=new_id(), now=given.now)).version == 1
    assert (await actions.set_rules(db, new, by=new_id(), now=given.now)).version == 1
    await refreshing.refresh(db, now=given.now)

    found = await value_of(db, sharer)
    assert (found.orders, found.margin_minor, found.value_minor) == (1, 999, 999 * 1_505 // 1_000)
    for wrong in (ValueRules(window_days=29), ValueRules(referral_permille=-1), ValueRules(most_referred=1_001)):
        with pytest.raises(BadInput):
            await actions.set_rules(db, wrong, by=new_id(), now=given.now)
    assert await db.column(text("SELECT version FROM customer_value_rules")) == [1]


async def test_what_goods_cost_counts_from_when_it_is_said_to_have_been_so(db, given, listener):
    sku_id, [before, after] = await given.sku(), await given.shoppers(2)
    await given.history(
        [Bought(one, at, 1_000, sku_id=sku_id) for one, at in ((before, given.now - 9 * DAY), (after, given.now))]
    )
    await refreshing.refresh(db, now=given.now)
    assert (await value_of(db, after)).costed_share == 0

    by = new_id()
    await products.set_cost(db, sku_id=sku_id, cost_minor=300, since=given.now - DAY, by=by, now=given.now)
    await listener.hear()
    await refreshing.refresh(db, now=given.now)

    assert [((await value_of(db, one)).margin_minor) for one in (before, after)] == [0, 700]
    assert await given.recorded(SkuCostSet) == [SkuCostSet(sku_id, given.now - DAY)]
    assert await db.value(text("SELECT cost_minor FROM skus WHERE id = :id"), {"id": sku_id}) == 300
    for cost, since in ((-1, None), (1, given.now + DAY)):
        with pytest.raises(BadInput):
            await products.set_cost(db, sku_id=sku_id, cost_minor=cost, since=since, by=by, now=given.now)


async def test_equal_values_have_equal_scores_whatever_the_order(db, given):
    shoppers = await given.shoppers(10)
    spent = [100, 100, 100, 100, 100, 100, 500, 500, 900, 900]
    await given.history(Bought(one, given.now, minor) for one, minor in zip(shoppers, spent, strict=True))
    await given.customers_rebuilt()

    found = await figures.segments(db)

    assert found.cuts.recency == found.cuts.frequency == (None, None, None, None)
    assert found.cuts.monetary == (500, 500, 500, 900)  # 6 of 10 have less than 500, 8 less than 900
    assert {one.segment: one.customers for one in found.segments if one.customers} == {
        Segment.HIBERNATING: 6,
        Segment.LOST_SPENDER: 4,
    }


async def test_pages_of_the_highest_value_are_all_of_them_once(db, given):
    shoppers = await given.shoppers(7)
    await given.history(Bought(one, given.now, n // 3 * 100, cost_minor=0) for n, one in enumerate(shoppers))
    await given.customers_rebuilt()

    seen, after = [], None
    while True:
        page = await queries.highest(db, first=2, after=after)
        seen += page.rows
        if not page.has_next:
            break
        after = page.cursors[-1]

    assert [one.value.value_minor for one in seen] == [200, 100, 100, 100, 0, 0, 0]
    assert {one.account_id for one in seen} == set(shoppers)


async def test_figures_before_anything_was_sold_say_so(db, given):
    assert await figures.segments(db) is None and await figures.pareto(db) is None
    await given.customers_rebuilt()
    assert await figures.segments(db) is None  # nothing has changed, so nothing was counted

    with pytest.raises(BadInput):
        await figures.repurchase_ladder(db, first=date(2026, 1, 1), last=date(2029, 1, 1))
    with pytest.raises(BadInput):
        await figures.repurchase_ladder(db, first=date(2026, 1, 1), last=date(2026, 1, 1), within_days=0)


async def test_a_batch_of_notes_takes_as_many_statements_as_one_note(db, given):
    async def counted(people):
        await given.history([Bought(one, given.now, 100) for one in people])
        await given.hears_of(*people)
        with count_statements(db) as made:
            await refreshing.refresh_some(db, now=given.now)
        return len(made)

    await refreshing.refresh(db, now=given.now)

    assert await counted(await given.shoppers(1)) == await counted(await given.shoppers(50))
