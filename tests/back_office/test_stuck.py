"""Money that is stuck shows, and money on its way does not."""

from dataclasses import asdict
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text, update

from domain.back_office import stuck
from domain.foundation import clock, metrics
from domain.foundation.ids import new_id
from domain.foundation.outbox import events
from domain.group_buys import ending
from domain.orders import actions as orders
from domain.payments.bill_rules import Difference, DifferenceKind
from domain.payments.bill_store import keep, settle
from domain.payments.rules import BillKind
from domain.payments.tables import bill_differences
from tests.given.after_sales import Goods
from tests.workers.conftest import context
from workers import housekeeping

__all__ = ["context"]

TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def open_now(given, db):
    """`await open_now(after=...)`: what is stuck then and is not 0."""

    async def open_now(*, after=timedelta()):
        return {name: count for name, count in asdict(await stuck.count(db, now=given.now + after)).items() if count}

    return open_now


async def test_in_a_market_where_all_goes_well_nothing_is_stuck(given, open_now):
    await given.bought(Goods(2))

    assert await open_now(after=timedelta(days=1)) == {}


async def test_money_that_nobody_has_kept_shows_after_ten_minutes(given, db, open_now):
    await given.money_for(await given.order(await given.stocked_sku(2)))

    assert await open_now(after=TEN_MINUTES - timedelta(seconds=1)) == {}
    assert await open_now(after=TEN_MINUTES) == {"receipts_unmatched": 1}
    async with db.transaction() as tx:
        await tx.execute(update(events).values(dead_at=given.now))
    assert await open_now(after=TEN_MINUTES) == {"receipts_unmatched": 1}

    await given.hear_payments()

    assert await open_now(after=TEN_MINUTES) == {}


async def test_late_money_shows_until_it_is_decided_and_then_as_a_refund(given, db, open_now):
    order = await given.order(await given.stocked_sku(2), source="flash_sale")
    async with db.transaction() as tx:
        await tx.execute(text("UPDATE orders SET state = 'lapsed', lapsed_at = :now"), {"now": given.now})
    payment = await given.money_for(order)
    await given.hear_payments()

    assert await open_now(after=TEN_MINUTES) == {"receipts_unmatched": 1}
    async with db.transaction() as tx:
        await orders.refuse_late(tx, order.id, payment_id=payment.id, now=given.now)
    assert await open_now() == {"refunds_due": 1}
    assert await open_now(after=TEN_MINUTES) == {"refunds_due": 1, "refunds_overdue": 1}


async def test_an_after_sale_shows_when_the_clock_does_not_act(given, open_now):
    after_sale = await given.after_sale(await given.bought())
    wait = after_sale.due_at - given.now

    assert await open_now(after=wait) == {}
    assert await open_now(after=wait + TEN_MINUTES) == {"after_sales_overdue": 1}


async def test_money_of_an_expired_group_that_cannot_be_asked_back_shows_though_it_is_put_off(given, db, open_now):
    group = await given.group(members=2, paid=2)
    stuck = (await given.seats_of(group))[0]
    broken = text(
        "UPDATE payments SET refund_asked_minor = amount_minor - refund_asked_minor WHERE payable_id = :order"
    )
    facts = {"order": stuck.order_id}
    async with db.transaction() as tx:
        await tx.execute(broken, facts)
    over, lasts = group.expires_at, group.expires_at - given.now
    await ending.expire_due(db, now=over, limit=1)

    assert await ending.refund_due(db, now=over, limit=10) == (1, 1)
    assert await open_now(after=lasts + TEN_MINUTES - timedelta(seconds=1)) == {"refunds_due": 1}
    assert await open_now(after=lasts + timedelta(minutes=12)) == {
        "refunds_due": 1,
        "refunds_overdue": 1,
        "group_refunds_overdue": 1,
        "group_refunds_oldest_seconds": 720,
    }
    async with db.transaction() as tx:
        await tx.execute(broken, facts)
    assert await ending.refund_due(db, now=over + timedelta(seconds=5), limit=10) == (1, 0)

    # from now on it is the gateway's affair, and RefundsOverdue tells
    assert await open_now(after=lasts + timedelta(minutes=12)) == {"refunds_due": 2, "refunds_overdue": 2}


async def test_a_difference_shows_until_somebody_says_what_it_was(given, db, open_now):
    found = Difference(DifferenceKind.NOT_IN_BOOKS, BillKind.REFUND, None, "dp_1", None, 1990)
    async with db.transaction() as tx:
        await keep(tx, gateway="stripe", day=date(2026, 11, 10), rows=[], differences=[found], now=given.now)
    assert await open_now() == {"bill_differences_open": 1}

    async with db.transaction() as tx:
        await settle(tx, await tx.value(select(bill_differences.c.id)), by=new_id(), words="拒付", now=given.now)

    assert await open_now() == {}


async def test_the_gauges_say_it(given, db, context):
    given.now = clock.now() - TEN_MINUTES
    await given.money_for(await given.order(await given.stocked_sku(2)))

    await housekeeping.count_stuck_money(context)

    gauges = (metrics.receipts_unmatched, metrics.refunds_due, metrics.refunds_overdue, metrics.bill_differences_open,
              metrics.after_sales_overdue, metrics.group_refunds_overdue, metrics.group_refunds_oldest)  # fmt: skip
    assert [gauge._value.get() for gauge in gauges] == [1, 0, 0, 0, 0, 0, 0]
