"""The checks of parcels, after-sales and how far orders are: clean after a week, and then exactly one thing is wrong."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from domain.after_sales.rules import AfterSaleState
from domain.audit import after_sales, orders, running
from domain.audit.rules import Line, is_clean
from domain.foundation.database import Database
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, differing, found_after
from tests.audit.week import after_sale, names_of, order, refund_of
from tests.given.after_sales import Goods

CORRUPTIONS = [
    # -- orders and their lines
    Corruption(
        "a line that costs something else than its explanation says",
        """
        UPDATE order_lines SET explanation = jsonb_build_array(jsonb_build_object('rule', 'list', 'minor', 1000))
        WHERE order_id = :kept
        """,
        (orders.EXPLAINED,),
        order("kept"),
    ),
    Corruption(
        "an order that says refunded and keeps its units",
        "UPDATE orders SET state = 'refunded', refunded_at = now() WHERE id = :kept",
        (orders.AS_FAR_AS_LINES,),
        order("kept"),
    ),
    Corruption(
        "an order that says received and keeps nothing",
        """
        UPDATE orders SET state = 'received', received_at = now(), received_by = 'time', refunded_at = NULL
        WHERE id = :gone
        """,
        (orders.AS_FAR_AS_LINES,),
        order("gone"),
    ),
    Corruption(
        "an order that says shipped before its parcel left",
        "UPDATE orders SET state = 'shipped', shipped_at = now(), receive_by = now() WHERE id = :waiting",
        (orders.AS_FAR_AS_LINES,),
        order("waiting"),
    ),
    Corruption(
        "an order that waits for a parcel though all has left",
        "UPDATE orders SET state = 'paid', shipped_at = NULL, receive_by = NULL WHERE id = :sent",
        (orders.AS_FAR_AS_LINES,),
        order("sent"),
    ),
    Corruption(
        "a sent order that nobody will ever receive",
        "UPDATE orders SET receive_by = NULL WHERE id = :sent",
        (orders.AS_FAR_AS_LINES,),
        order("sent"),
    ),
    Corruption(
        "a pickup without its code",
        "UPDATE orders SET pickup_code = NULL WHERE id = :fetched",
        (orders.AS_FAR_AS_LINES,),
        order("fetched"),
    ),
    Corruption(
        "a parcel, and goods over the counter, of orders that are not confirmed",
        """
        ALTER TABLE orders DROP CONSTRAINT orders_unconfirmed_check;
        UPDATE orders SET is_confirmed = false, source = 'promotion', source_id = id
        WHERE id IN (:kept, :sent, :fetched, :waiting)
        """,
        (orders.UNCONFIRMED_STAY,),
        order("kept", "sent", "fetched"),
    ),
    # -- parcels and after-sales
    Corruption(
        "a unit more in a parcel than left",
        "UPDATE shipment_lines SET quantity = quantity + 1 WHERE order_id = :kept AND position = 2",
        (after_sales.SHIPPED,),
        order("kept"),
    ),
    Corruption(
        "a unit that was not handed over",
        "UPDATE order_lines SET shipped = shipped - 1 WHERE order_id = :fetched",
        (orders.AS_FAR_AS_LINES, after_sales.SHIPPED),
        order("fetched"),
    ),
    Corruption(
        "a unit more asked for than given back",
        "UPDATE after_sale_lines SET quantity = quantity + 1 WHERE after_sale_id = :partly",
        (after_sales.UNITS_GIVEN_BACK,),
        order("waiting"),
    ),
    Corruption(
        "a unit in stock again that nobody sent back",
        "UPDATE after_sale_lines SET restocked = 1 WHERE after_sale_id = :returned",
        (after_sales.UNITS_GIVEN_BACK,),
        order("supplied"),
    ),
    Corruption(
        "a fen less agreed to than given back",
        "UPDATE after_sales SET agreed_minor = agreed_minor - 1 WHERE id = :partly",
        (after_sales.MONEY_GIVEN_BACK, after_sales.REFUNDS_AGREED, after_sales.LINES_GIVE_BACK),
        lambda week: order("waiting")(week) | after_sale("partly")(week),
    ),
    Corruption(
        "an after-sale with somebody else's refund",
        "UPDATE after_sales SET refund_id = :stranger WHERE id = :partly",
        (after_sales.REFUNDS_AGREED,),
        after_sale("partly"),
    ),
    Corruption(
        "a refund that no after-sale asked for",
        "UPDATE refunds SET cause_id = :stranger WHERE cause_id = :partly",
        (after_sales.REFUNDS_AGREED,),
        lambda week: after_sale("partly")(week) | refund_of("partly")(week),
    ),
    Corruption(
        "an after-sale that says refunded before the gateway did",
        "UPDATE after_sales SET state = 'refunded', refunded_at = now() WHERE id = :returned",
        (after_sales.REFUNDS_AGREED,),
        after_sale("returned"),
    ),
    Corruption(
        "an after-sale that asks for a fen more than its lines",
        "UPDATE after_sales SET asked_minor = asked_minor + 1 WHERE id = :asked",
        (after_sales.ASKED_ADDS_UP,),
        after_sale("asked"),
    ),
    Corruption(
        "an open after-sale of more units than there are",
        "UPDATE after_sale_lines SET quantity = 3 WHERE after_sale_id = :asked",
        (after_sales.ASKED_ONCE,),
        order("sent"),
    ),
    Corruption(
        "money that went back for the wrong line",
        """
        UPDATE order_lines SET refunded_goods_minor = CASE position WHEN 1 THEN refunded_goods_minor - 100 ELSE 100 END
        WHERE order_id = :supplied_too
        """,
        (after_sales.LINES_GIVE_BACK,),
        order("supplied_too"),
    ),
    Corruption(
        "an after-sale that waits for ever for a refund that was made",
        """
        UPDATE after_sales SET state = 'refunding', refunded_at = NULL WHERE id = :partly;
        UPDATE outbox_events SET delivered_at = now() WHERE kind = 'payment.refunded'
        """,
        (after_sales.HEARD_OF_REFUNDS,),
        after_sale("partly"),
    ),
]


async def test_exactly_what_was_corrupted_is_found(week, market, db, now, subtests):
    await assert_clean(market, in_flight=True)

    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(db, corruption.sql, names_of(week), now=now)
            check_found(lines, corruption, week)


async def test_a_week_leaves_clean_books(week, market):
    lines = await assert_clean(market, in_flight=True)

    said = {line.check: line.subject for line in lines}
    assert said[orders.AS_FAR_AS_LINES.name] == "1 paid order, 1 shipped order, 4 received orders, 1 refunded order"
    assert said[after_sales.SHIPPED.name] == "11 units, 4 parcels"
    assert said[after_sales.UNITS_GIVEN_BACK.name] == "4 units, 2 in stock again"
    assert said[after_sales.REFUNDS_AGREED.name] == "5 after-sales, 4 refunds, ¥36.70, 0 refunded seats"
    assert said[after_sales.ASKED_ADDS_UP.name] == "5 after-sales, ¥40.70"
    assert said[after_sales.LINES_GIVE_BACK.name] == "4 lines, ¥36.70"


async def test_an_after_sale_may_not_have_heard_of_its_refund_yet(given, db, now):
    await given.after_sale(await given.bought(), state=AfterSaleState.REFUNDING)
    await given.gateway_gives_back()

    unheard = await ledger(db, now)
    await execute(db, "UPDATE outbox_events SET dead_at = now(), last_error = 'boom' WHERE kind = 'payment.refunded'")
    dead = await ledger(db, now)

    assert is_clean(unheard)
    assert after_sales.HEARD_OF_REFUNDS.name in {line.check for line in differing(dead)}


async def test_returns_of_many_shares_leave_sales_and_freight_exact(given, market):
    order = await given.bought(Goods(3, 333, discount_minor=10, freight_minor=7), Goods(2, 101, freight_minor=4))
    for units in ({1: 1}, {1: 1, 2: 1}):  # before it is received, and after
        await given.after_sale(order, units, state=AfterSaleState.REFUNDED)
        if not (await given.order_again(order.id)).received_at:
            await given.all_units_leave(order)
            await given.units_arrive(order)

    await assert_clean(market, in_flight=True)


async def test_a_paid_order_that_stands_still_is_told_and_is_no_difference(given, db, now):
    moved, _ = await given.bought(Goods(2)), await given.bought(Goods(1, 1990))
    await given.units_leave(moved, {1: 1}, now=now + timedelta(days=10))

    in_time, later, much_later = [await ledger(db, now + timedelta(days=days)) for days in (14, 15, 25)]

    assert is_clean(much_later)
    told = [found(lines, orders.STANDING_STILL) for lines in (in_time, later, much_later)]
    assert told == ["0 orders, ¥0.00", "1 order, ¥19.90", "2 orders, ¥59.70"]


async def test_an_after_sale_nobody_decides_is_told_and_is_no_difference(given, db):
    asked = await given.after_sale(await given.bought())
    assert asked.due_at

    in_time, overdue = [await ledger(db, asked.due_at + timedelta(hours=1, seconds=more)) for more in (0, 1)]

    assert is_clean(overdue)
    assert [found(lines, after_sales.OVERDUE) for lines in (in_time, overdue)] == ["0 after-sales", "1 after-sale"]


def found(lines: list[Line], check: Any) -> str:
    return next(line.found for line in lines if line.check == check.name)


async def ledger(db: Database, now: datetime) -> list[Line]:
    async with running.snapshot(db) as reader:
        return await running.of_ledger(reader, now=now)


async def execute(db: Database, sql: str) -> None:
    async with db.transaction() as tx:
        await tx.execute(text(sql))
