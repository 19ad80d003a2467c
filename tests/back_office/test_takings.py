"""What the finance views say is what the ledger says."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.after_sales.rules import AfterSaleState, Kind
from domain.back_office.rules import PREPAID_AGES, TakingsBy
from domain.back_office.takings import money_in_flight, takings
from domain.foundation.errors import BadInput
from domain.ledger.rules import Account
from domain.orders import actions as orders
from domain.orders.rules import Fulfilment, Receiver
from domain.payments import actions as payments
from tests.audit import assert_clean
from tests.given.after_sales import Goods

DAY = timedelta(days=1)
NOVEMBER = {"first_day": date(2026, 11, 1), "end_day": date(2026, 12, 1)}
# What went through the gateways in the ledger's own words, by the shop's day, the store, the source or the gateway.
LEDGER = """
    SELECT CAST({key} AS text), sum(posting.amount_minor) FILTER (WHERE kind = 'captured'),
           -coalesce(sum(posting.amount_minor) FILTER (WHERE kind = 'refunded'), 0)
    FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.id = entry_id
    LEFT JOIN orders ON orders.id = about_id
    WHERE account = 'gateway' GROUP BY 1
"""
KEYS = {
    TakingsBy.DAY: "CAST(occurred_at AT TIME ZONE 'Asia/Shanghai' AS date)",
    TakingsBy.STORE: "store_id",
    TakingsBy.SOURCE: "source",
    TakingsBy.GATEWAY: "subject",
}


async def an_eventful_month(given, db):
    """Orders of several days: kept, refunded in part, called off too late, fetched at a store, placed by a promotion."""
    given.now = datetime(2026, 11, 10, 15, 59, 59, tzinfo=UTC)  # the last second of the 10th at the shop
    await given.bought(Goods(2), Goods(1, price_minor=500, freight_minor=100))
    given.now += timedelta(seconds=1)
    partly = await given.bought(Goods(3))
    fetched = await given.bought(fulfilment=Fulfilment.PICKUP)
    await given.units_arrive(fetched, by=Receiver.STORE, now=given.now)
    given.now += DAY
    await given.after_sale(partly, {1: 1}, state=AfterSaleState.REFUNDED, kind=Kind.REFUND)
    await given.after_sale(fetched, kind=Kind.REFUND)
    sale = await given.order(await given.stocked_sku(1), source="live_room")
    await given.money_for(sale)
    await given.hear_payments()
    sku_id = await given.stocked_sku(1)
    lost = await given.order(sku_id)
    await given.payment(lost)
    await orders.lapse_due(db, now=lost.pay_by, limit=9)
    await given.order(sku_id)  # somebody else has the unit by now
    await given.money_for(lost)
    await given.hear_payments()


@pytest.mark.parametrize("by", TakingsBy)
async def test_takings_are_what_the_ledger_says(given, db, by):
    await an_eventful_month(given, db)

    found = await takings(db, **NOVEMBER, by=by)
    books = {tuple(row) for row in await db.rows(text(LEDGER.format(key=KEYS[by])))}

    assert {(taken.key, taken.captured.minor, taken.refunded.minor) for taken in found} == books
    assert sum(taken.net.minor for taken in found) == (await given.account_balances())["gateway"]
    assert sum(taken.orders for taken in found) == 4
    assert sum(taken.units for taken in found) == 8


async def test_a_day_begins_at_midnight_at_the_shop(given, db, market):
    await an_eventful_month(given, db)

    by_day = {taken.key: taken for taken in await takings(db, **NOVEMBER, by=TakingsBy.DAY)}
    tenth = await takings(db, first_day=date(2026, 11, 10), end_day=date(2026, 11, 11), by=TakingsBy.DAY)

    assert list(by_day) == ["2026-11-10", "2026-11-11", "2026-11-12"]
    assert [(day.orders, day.units, day.captured.minor) for day in by_day.values()] == [
        (1, 3, 2 * 1990 + 600),
        (2, 4, 4 * 1990),
        (1, 1, 2 * 1990),
    ]
    assert (by_day["2026-11-12"].refunded.minor, by_day["2026-11-12"].net.minor) == (1990, 1990)
    assert tenth == [by_day["2026-11-10"]]
    await assert_clean(market, in_flight=True)


@pytest.mark.parametrize("days", [0, -1, 367])
async def test_a_period_is_a_day_to_a_year(db, days):
    begin = date(2026, 1, 1)

    with pytest.raises(BadInput):
        await takings(db, first_day=begin, end_day=begin + days * DAY, by=TakingsBy.DAY)


async def test_money_in_flight_is_what_the_ledger_has_on_its_way(given, db):
    await an_eventful_month(given, db)
    undecided = await given.order(await given.stocked_sku(1))
    given.now += timedelta(minutes=1)
    await given.money_for(undecided)

    found = await money_in_flight(db, now=given.now)
    balances = await given.account_balances()

    assert found.unmatched.amount.minor == -balances[Account.RECEIPTS] == 1990
    assert (found.unmatched.count, found.unmatched.oldest_at) == (1, given.now)
    assert found.refunds_due.amount.minor == -balances[Account.REFUNDS] == 1990
    assert found.refunds_overdue.count == 0
    assert sum(age.pile.amount.minor for age in found.prepaid) == -balances[Account.PREPAID]


async def test_prepaid_orders_grow_older_and_refunds_overdue(given, db):
    order = await given.bought()
    await given.bought_and_received()
    late = await given.order(await given.stocked_sku(1))
    payment = await given.payment(late)
    await payments.take_notice(db, gateway="wechat", notice=given.notice(payment), now=given.now)
    async with db.transaction() as tx:
        await orders.payments_store.mark_refund_due(tx, payment.id, reason="not_wanted", now=given.now)

    async def ages(after):
        found = await money_in_flight(db, now=given.now + after)
        assert sum(age.pile.count for age in found.prepaid) == 1
        [age] = [age for age in found.prepaid if age.pile.count]
        assert age.pile.oldest_at == order.paid_at
        return age.from_days, found.refunds_overdue.count

    second = timedelta(seconds=1)
    assert [await ages(days * DAY - second) for days in (1, 3, 7, 15)] == [(0, 0), (1, 1), (3, 1), (7, 1)]
    assert [await ages(days * DAY) for days in (0, 1, 3, 7, 15)] == [(0, 0), (1, 1), (3, 1), (7, 1), (15, 1)]
    assert PREPAID_AGES[-1] == (15, None)
