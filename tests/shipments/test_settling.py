"""A month with a supplier: the figures of the ledger are those one reckons by hand, and the lines add up to them."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.after_sales import arriving
from domain.after_sales.rules import AfterSaleState, Kind
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.orders.rules import Fulfilment, Receiver
from domain.shipments import settling
from domain.shipments.settling import SettlementKind
from domain.suppliers import actions, queries
from domain.suppliers.rules import Settlement, month_bounds
from tests.audit import assert_clean
from tests.given.after_sales import Goods

K = SettlementKind
DECEMBER = datetime(2026, 12, 3, 4, 0, tzinfo=UTC)


async def comes_back(given, order, units, *, now):
    """Sent units come back: their money is agreed to, and they are in stock again."""
    asked = await given.after_sale(order, units, kind=Kind.RETURN, state=AfterSaleState.SENT_BACK, now=now)
    await arriving.accept_goods(
        given.db, after_sale_id=asked.id, by=new_id(), restock=units, idempotency_key=f"back-{new_id()}", now=now
    )


def pay(given, supplier, minor, *, now):
    return actions.record_payment(
        given.db, supplier_id=supplier.id, amount=Money(minor), note="电汇", by=new_id(),
        idempotency_key=f"pay-{new_id()}", now=now,
    )  # fmt: skip


@pytest.fixture
async def trade(given):
    """Two months with a supplier, beside goods of our own and of somebody else's.

    November: 3 at 8.00 and 1 at 5.00 sent, 2 at 8.00 handed over at a store, 1 at 8.00 back, 20.00 paid.
    December: 1 at 5.00 sent in a second parcel, 1 at 8.00 back, 10.00 paid.
    """
    supplier, _ = await given.supplier()
    other, _ = await given.supplier("other")
    theirs = {"supplier_id": supplier.id}
    order = await given.bought(
        Goods(quantity=3, cost_minor=800, **theirs), Goods(quantity=2, cost_minor=500, **theirs), Goods(quantity=5)
    )
    await given.shipped(order, {1: 3, 2: 1})
    await given.shipped(order, {3: 5})
    await given.shipped(await given.bought(Goods(supplier_id=other.id, cost_minor=9900)))
    pickup = await given.bought(Goods(quantity=2, cost_minor=800, **theirs), fulfilment=Fulfilment.PICKUP)
    await given.units_arrive(pickup, by=Receiver.STORE)
    await comes_back(given, order, {1: 1}, now=given.now)
    await pay(given, supplier, 2000, now=given.now)
    await given.shipped(order, now=DECEMBER)
    await comes_back(given, order, {1: 1}, now=DECEMBER)
    await pay(given, supplier, 1000, now=DECEMBER)
    return supplier, order, pickup


async def test_the_months_come_to_what_one_reckons_by_hand(given, db, trade, market):
    supplier, _, _ = trade

    october = await queries.settlement(db, supplier.id, "2026-10")
    november = await queries.settlement(db, supplier.id, "2026-11")
    december = await queries.settlement(db, supplier.id, "2026-12")

    assert october == Settlement(supplier.id, "2026-10", 0, 0, 0, 0)
    assert november == Settlement(supplier.id, "2026-11", 0, 3 * 800 + 500 + 2 * 800, 800, 2000)
    assert november.closing_minor == 1700
    assert december == Settlement(supplier.id, "2026-12", 1700, 500, 800, 1000)
    assert december.closing_minor == 400 == await queries.owed(db, supplier.id)
    await assert_clean(market, in_flight=True)


async def test_the_lines_add_up_to_the_month(given, db, trade):
    supplier, order, pickup = trade

    page = await settling.lines(db, supplier.id, "2026-11", first=100)

    assert [(line.kind, line.order_number, line.position, line.units, line.owed_minor) for line in page.rows] == [
        (K.SHIPPED, order.number, 1, 3, 2400),
        (K.SHIPPED, order.number, 2, 1, 500),
        (K.SHIPPED, pickup.number, 1, 2, 1600),
        (K.RETURNED, order.number, 0, None, -800),
        (K.PAID, None, 0, None, -2000),
    ]


async def test_pages_of_lines_meet_without_gaps(given, db, trade):
    supplier, _, _ = trade
    whole = (await settling.lines(db, supplier.id, "2026-11", first=100)).rows

    found, after = [], None
    while True:
        page = await settling.lines(db, supplier.id, "2026-11", first=2, after=after)
        found += page.rows
        if not page.has_next:
            break
        after = page.cursors[-1]

    assert found == list(whole)


async def test_the_sheet_has_a_row_for_each_line(given, db, trade):
    supplier, order, _ = trade

    text = b"".join([piece async for piece in settling.sheet(db, supplier.id, "2026-11")]).decode("utf-8-sig")

    rows = text.splitlines()
    assert len(rows) == 1 + 5
    assert rows[0].startswith("时间 at,类型 kind,订单号 order")
    assert rows[1].startswith(f"2026-11-11 12:00:00,供应商发货,{order.number},1,")
    assert rows[1].endswith(",3,8.00,24.00")
    assert rows[-1].endswith(",-20.00")


def test_a_month_is_the_shops():
    starts_at, ends_at = month_bounds("2026-12")

    assert (starts_at, ends_at - starts_at) == (datetime(2026, 11, 30, 16, tzinfo=UTC), timedelta(days=31))
    for text in ("2026-13", "2026-1", "26-11", "2026-11-01", "", "2026-11\n"):
        with pytest.raises(BadInput):
            month_bounds(text)
