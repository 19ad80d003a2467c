"""Deals: what goods were really sold for, and what may be struck through because of it."""

from asyncio import gather
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.foundation.clock import shop_day
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.orders.events import OrderPaid
from domain.pricing import deals, screens
from domain.pricing.deals import Deal, DealDay, days_of
from domain.pricing.tables import counted_deals, deal_days
from tests.given import Given
from tests.statements import count_statements
from workers.context import WorkerContext
from workers.pricing import count_deals

TODAY = date(2026, 11, 11)
ONE, OTHER = UUID(int=1), UUID(int=2)


async def kept(db: Database) -> list[DealDay]:
    c = deal_days.c
    question = select(c.sku_id, c.day, c.lowest_minor, c.units).order_by(c.sku_id, c.day)
    return [DealDay(*row) for row in await db.rows(question)]


@pytest.mark.parametrize(
    ("sold", "days"),
    [
        ([], []),
        ([Deal(ONE, 1, 990)], [DealDay(ONE, TODAY, 990, 1)]),
        ([Deal(ONE, 3, 1000)], [DealDay(ONE, TODAY, 333, 3)]),
        ([Deal(ONE, 1, 990), Deal(ONE, 2, 1000)], [DealDay(ONE, TODAY, 500, 3)]),
        ([Deal(OTHER, 1, 5), Deal(ONE, 1, 7)], [DealDay(ONE, TODAY, 7, 1), DealDay(OTHER, TODAY, 5, 1)]),
        ([Deal(ONE, 5, 0)], []),
        ([Deal(ONE, 5, 0), Deal(ONE, 1, 800)], [DealDay(ONE, TODAY, 800, 1)]),
        ([Deal(ONE, 10, 5)], [DealDay(ONE, TODAY, 0, 10)]),
    ],
)
def test_the_lowest_price_of_a_unit_counts_and_gifts_do_not(sold: list[Deal], days: list[DealDay]) -> None:
    assert days_of(sold, day=TODAY) == days


async def test_an_order_is_counted_once(given: Given, db: Database) -> None:
    sku_id, order_id = await given.sku(), new_id()
    sold = {"order_id": order_id, "deals": [Deal(sku_id, 2, 1800)], "sold_at": given.now, "now": given.now}

    outcomes = await gather(*(deals.count(db, **sold) for _ in range(5)))

    assert sorted(outcomes) == [False] * 4 + [True]
    assert await kept(db) == [DealDay(sku_id, TODAY, 900, 2)]


async def test_the_lowest_deal_of_a_day_is_kept_however_the_orders_come(given: Given, db: Database) -> None:
    skus = [await given.sku() for _ in range(3)]
    orders = [[Deal(sku_id, 1, price) for sku_id in skus[:: 1 if price % 2 else -1]] for price in range(900, 940)]

    await gather(*(deals.count(db, order_id=new_id(), deals=sold, sold_at=given.now, now=given.now) for sold in orders))

    assert await kept(db) == [DealDay(sku_id, TODAY, 900, 40) for sku_id in sorted(skus)]


async def test_a_deal_belongs_to_the_shops_day(given: Given, db: Database) -> None:
    sku_id = await given.sku()
    for at in ("2026-11-11T23:59:59+08:00", "2026-11-12T00:00:00+08:00"):
        sold_at = datetime.fromisoformat(at)
        await deals.count(db, order_id=new_id(), deals=[Deal(sku_id, 1, 900)], sold_at=sold_at, now=given.now)

    assert [day.day for day in await kept(db)] == [TODAY, TODAY + timedelta(days=1)]


@pytest.mark.parametrize(("days_ago", "shown"), [(0, None), (1, 2500), (7, 2500), (8, None)])
async def test_the_seven_days_before_today_may_be_compared_with(given: Given, days_ago: int, shown) -> None:
    sku_id = await given.sku(price_minor=1990)
    await given.deal_day(sku_id, shop_day(given.now) - timedelta(days=days_ago), 2500)

    tag = (await screens.tags_by_sku_ids(given.db, [sku_id], now=given.now))[sku_id]
    (line,) = (await given.priced({sku_id: 1})).lines

    assert (tag.struck_through_minor, line.struck_through_minor) == (shown, shown)


async def test_the_lowest_of_the_week_is_struck_through_if_it_is_above_the_price(given: Given) -> None:
    sku_id = await given.sku(price_minor=1990)
    for days_ago, minor in ((1, 2990), (3, 1500), (5, 3990)):
        await given.deal_day(sku_id, TODAY - timedelta(days=days_ago), minor)

    before = (await screens.tags_by_sku_ids(given.db, [sku_id], now=given.now))[sku_id]
    await given.sale_price(sku_id, 990)
    after = (await screens.tags_by_sku_ids(given.db, [sku_id], now=given.now))[sku_id]

    assert (before.sale_minor, before.struck_through_minor) == (None, None)
    assert (after.sale_minor, after.struck_through_minor) == (990, 1500)


async def test_tags_are_fetched_together(given: Given, db: Database) -> None:
    skus = [await given.sku() for _ in range(20)]

    with count_statements(db) as sent:
        found = await screens.tags_by_sku_ids(db, [*skus, new_id()], now=given.now)

    assert (found.keys(), len(sent)) == (set(skus), 1)


async def test_a_paid_order_is_heard_of_and_counted_once(given: Given, market, db: Database) -> None:
    one, other = await given.sku(price_minor=2990), await given.sku(price_minor=990)
    order = await given.order(one, other, quantity=2)
    await given.money_for(order)
    await given.hear_payments()
    (paid,) = await given.recorded(OrderPaid)

    async def send(*_: object) -> None:
        raise AssertionError("nothing is handed on")

    for _ in range(2):
        await count_deals(WorkerContext(market, send), paid)

    lines = {row.sku_id: row for row in await kept(db)}
    assert {sku_id: day.units for sku_id, day in lines.items()} == {one: 2, other: 2}
    assert await db.column(select(counted_deals.c.order_id)) == [order.id]


async def test_deal_days_come_in_pages(given: Given, db: Database) -> None:
    sku_id = await given.sku()
    for days_ago in range(5):
        await given.deal_day(sku_id, TODAY - timedelta(days=days_ago), 100 + days_ago)

    first = await screens.deal_days_page(db, sku_id, first=3)
    second = await screens.deal_days_page(db, sku_id, first=3, after=first.cursors[-1])

    assert [row.lowest_minor for row in first.rows] == [100, 101, 102]
    assert ([row.lowest_minor for row in second.rows], second.has_next) == ([103, 104], False)
