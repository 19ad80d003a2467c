"""Each check of the ledger: clean after an evening of trade, and then exactly one thing is wrong."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.audit import bills, flash_sales, orders, outbox, payments, running, stock, trust
from domain.audit import ledger as books
from domain.audit.checks import Note
from domain.audit.rules import MOST_SHOWN, Line, is_clean
from domain.foundation.database import Database
from domain.foundation.ids import encode
from domain.orders import actions as order_actions
from domain.orders.rules import OrderState
from tests.audit import assert_clean
from tests.audit.corrupting import STRANGER, Corruption, check_found, differing, found_after, named
from tests.audit.evening import Evening, claimed
from tests.audit.test_audience_checks import CORRUPTIONS as audience_corruptions
from tests.audit.test_benefit_checks import CORRUPTIONS as benefit_corruptions
from tests.audit.test_chat_checks import CORRUPTIONS as chat_corruptions
from tests.audit.test_check_in_checks import CORRUPTIONS as check_in_corruptions
from tests.audit.test_coupon_checks import CORRUPTIONS as coupon_corruptions
from tests.audit.test_customer_checks import CORRUPTIONS as customer_corruptions
from tests.audit.test_draw_checks import CORRUPTIONS as draw_corruptions
from tests.audit.test_goods_checks import CORRUPTIONS as goods_corruptions
from tests.audit.test_group_checks import CORRUPTIONS as group_corruptions
from tests.audit.test_level_checks import CORRUPTIONS as level_corruptions
from tests.audit.test_membership_checks import CORRUPTIONS as membership_corruptions
from tests.audit.test_money_checks import CORRUPTIONS as money_corruptions
from tests.audit.test_point_checks import CORRUPTIONS as point_corruptions
from tests.audit.test_renewal_checks import CORRUPTIONS as renewal_corruptions
from tests.audit.test_room_checks import CORRUPTIONS as room_corruptions
from tests.audit.test_super_user_checks import CORRUPTIONS as super_user_corruptions
from tests.audit.test_trust_checks import CORRUPTIONS as trust_corruptions


def sku(evening: Evening) -> set[str]:
    return {encode("sku", evening.lamp)}


def allotment(evening: Evening) -> set[str]:
    assert evening.sale.item.allotment_id
    return {encode("allotment", evening.sale.item.allotment_id)}


def order(*names: str) -> Callable[[Evening], set[str]]:
    return lambda evening: {encode("order", getattr(evening, name).id) for name in names}


def payment_of(name: str) -> Callable[[Evening], set[str]]:
    return lambda evening: {encode("payment", getattr(evening, name).paid_with)}


def first_ticket(evening: Evening) -> set[str]:
    return {encode("ticket", ticket_of(evening.collected[0]))}


def item_of_sale(evening: Evening) -> set[str]:
    return {encode("saleitem", evening.sale.item.id)}


def collector(evening: Evening) -> set[str]:
    return {encode("account", evening.collector)}


def ticket_of(order: Any) -> UUID:
    assert order.source_id
    return order.source_id


CORRUPTIONS = [
    # -- stock
    Corruption(
        "a unit out of thin air",
        """
        ALTER TABLE stock_levels DROP CONSTRAINT stock_levels_adds_up_check;
        UPDATE stock_levels SET total = total + 1 WHERE sku_id = :lamp
        """,
        (stock.ADDS_UP,),
        sku,
    ),
    Corruption(
        "a unit missing from an allotment",
        """
        ALTER TABLE stock_allotments DROP CONSTRAINT stock_allotments_adds_up_check;
        UPDATE stock_allotments SET total = total - 1 WHERE id = :allotment
        """,
        (stock.ADDS_UP,),
        allotment,
    ),
    Corruption(
        "a movement torn out of the ledger",
        "DELETE FROM stock_movements WHERE sku_id = :lamp AND movement = 'received'",
        (stock.REPLAYS,),
        sku,
    ),
    Corruption(
        "a movement of an allotment altered",
        """
        UPDATE stock_movements SET quantity = quantity + 1
        WHERE position = (SELECT max(position) FROM stock_movements
                          WHERE allotment_id = :allotment AND movement = 'held')
        """,
        (stock.REPLAYS,),
        allotment,
    ),
    Corruption(
        "a movement that no rule knows",
        """
        INSERT INTO stock_movements (sku_id, movement, quantity, cause, cause_id)
        VALUES (:lamp, 'given away', 1, 'test', :lamp)
        """,
        (stock.REPLAYS,),
        sku,
    ),
    Corruption(
        "a counter set by hand",
        "UPDATE stock_levels SET free = free + 5, total = total + 5 WHERE sku_id = :lamp",
        (stock.REPLAYS,),
        sku,
    ),
    Corruption(
        "a unit held by nobody",
        """
        UPDATE stock_levels SET free = free - 1, held = held + 1 WHERE sku_id = :lamp;
        INSERT INTO stock_movements (sku_id, movement, quantity, cause, cause_id)
        VALUES (:lamp, 'held', 1, 'test', :lamp)
        """,
        (stock.HELD,),
        sku,
    ),
    Corruption(
        "an allotted unit sold to nobody",
        """
        UPDATE stock_levels SET held = held - 1, sold = sold + 1 WHERE sku_id = :sale_sku;
        UPDATE stock_allotments SET free = free - 1, sold = sold + 1 WHERE id = :allotment;
        INSERT INTO stock_movements (sku_id, allotment_id, movement, quantity, cause, cause_id)
        VALUES (:sale_sku, :allotment, 'held', 1, 'test', :lamp), (:sale_sku, :allotment, 'sold', 1, 'test', :lamp)
        """,
        (stock.HELD,),
        lambda evening: allotment(evening) | {encode("sku", evening.sale.item.sku_id)},
    ),
    # -- orders
    Corruption(
        "an order dearer than its lines",
        "UPDATE orders SET goods_minor = goods_minor + 1, total_minor = total_minor + 1 WHERE id = :placed",
        (orders.ADD_UP,),
        order("placed"),
    ),
    Corruption(
        "holds of two orders swapped",
        """
        UPDATE stock_holds SET order_id = CASE order_id WHEN :placed THEN :other ELSE :placed END
        WHERE order_id IN (:placed, :other)
        """,
        (orders.HOLD,),
        order("placed", "other"),
    ),
    Corruption(
        "a hold without an order",
        "UPDATE stock_holds SET order_id = :stranger WHERE order_id = :paid",
        (orders.HOLD,),
        lambda evening: order("paid")(evening) | {encode("order", STRANGER)},
    ),
    Corruption(
        "a placed order that has lapsed",
        "UPDATE orders SET lapsed_at = pay_by WHERE id = :placed",
        (orders.MOMENTS,),
        order("placed"),
    ),
    Corruption(
        "an order lapsed before its time",
        "UPDATE orders SET pay_by = pay_by + interval '1 day' WHERE id = :refused",
        (orders.MOMENTS,),
        order("refused"),
    ),
    Corruption(
        "a revived order that had never ended",
        "UPDATE orders SET lapsed_at = NULL WHERE id = :revived",
        (orders.MOMENTS,),
        order("revived"),
    ),
    # -- money
    Corruption(
        "a paid order whose money has another currency",
        "UPDATE payments SET currency = 'HKD' WHERE id = :money",
        (payments.ORDERS_HAVE_MONEY, books.PAYMENTS_POSTED),
        lambda evening: order("paid")(evening) | payment_of("paid")(evening),
    ),
    Corruption(
        "refused money that never came",
        "UPDATE orders SET paid_with = :stranger WHERE id = :refused",
        (payments.ORDERS_HAVE_MONEY,),
        order("refused"),
    ),
    # money that nobody was given unbalances the sums as well
    Corruption(
        "captured money that belongs to no order",
        """
        INSERT INTO payments (id, payable, payable_id, payer_id, amount_minor, currency, gateway, state, asked_at,
                              expires_at, look_at, captured_at)
        SELECT :stranger, 'order', :stranger, payer_id, 1990, 'CNY', gateway, state, asked_at, expires_at, look_at,
               captured_at
        FROM payments WHERE id = :money
        """,
        (
            payments.MONEY_HAS_ORDERS,
            payments.MONEY_ADDS_UP,
            books.PAYMENTS_POSTED,
            books.ORDERS_POSTED,
            books.PAID_IS_CAPTURED,
        ),
        lambda _: {encode("payment", STRANGER), encode("order", STRANGER), "all payments", "all orders"},
    ),
    Corruption(
        "a refund that was forgotten, in the books as well",
        """
        DELETE FROM ledger_postings WHERE entry_id IN (
            SELECT id FROM ledger_entries WHERE cause_id IN (SELECT id FROM refunds WHERE reason = 'too_late'));
        DELETE FROM ledger_entries WHERE cause_id IN (SELECT id FROM refunds WHERE reason = 'too_late');
        DELETE FROM refunds WHERE reason = 'too_late';
        UPDATE payments SET state = 'captured', refund_asked_minor = 0
        WHERE id = (SELECT paid_with FROM orders WHERE id = :refused)
        """,
        (payments.ORDERS_HAVE_MONEY, payments.MONEY_HAS_ORDERS, payments.MONEY_ADDS_UP),
        lambda evening: order("refused")(evening) | payment_of("refused")(evening) | {"all payments"},
    ),
    Corruption(
        "a notice that was believed and had no effect",
        "UPDATE payment_notices SET kind = 'refunded' WHERE payment_id = :money",
        (payments.NOTICES,),
        payment_of("paid"),
    ),
    # -- flash sales
    Corruption(
        "a ticket that promises what no order keeps",
        "UPDATE orders SET source_id = :stranger WHERE id = :collected",
        (flash_sales.TICKETS_HAVE_ORDERS,),
        lambda evening: first_ticket(evening) | {encode("order", evening.collected[0].id)},
    ),
    Corruption(
        "a ticket whose order is somebody else's",
        "UPDATE flash_sale_tickets SET order_id = :stranger WHERE order_id = :collected",
        (flash_sales.TICKETS_HAVE_ORDERS,),
        lambda evening: first_ticket(evening) | {encode("order", evening.collected[0].id)},
    ),
    Corruption(
        "an order of another shopper than its ticket",
        "UPDATE orders SET shopper_id = :stranger WHERE id = :collected",
        (flash_sales.TICKETS_HAVE_ORDERS, trust.CAUSES),
        lambda evening: first_ticket(evening) | collector(evening),
    ),
    Corruption(
        "an order at another price than the item's",
        "UPDATE flash_sale_items SET sale_price_minor = sale_price_minor - 1 WHERE id = :settled",
        (flash_sales.TICKETS_HAVE_ORDERS,),
        lambda evening: {encode("ticket", ticket_of(order)) for order in evening.settled_orders},
    ),
    Corruption(
        "a paid ticket that says reserved",
        "UPDATE flash_sale_tickets SET state = 'reserved' WHERE order_id = :collected",
        (flash_sales.TICKETS_AGREE,),
        first_ticket,
    ),
    Corruption(
        "an item with fewer units than were ordered",
        "UPDATE flash_sale_items SET units = 2 WHERE id = :item",
        (flash_sales.NOT_OVERSOLD,),
        item_of_sale,
    ),
    Corruption(
        "a shopper above the limit",
        "UPDATE flash_sale_items SET per_shopper = 1 WHERE id = :item",
        (flash_sales.WITHIN_LIMIT,),
        collector,
    ),
    Corruption(
        "a shopper's units forgotten",
        "UPDATE flash_sale_shoppers SET units = 0 WHERE shopper_id = :collector",
        (flash_sales.UNITS_COUNTED,),
        collector,
    ),
    Corruption(
        "a shopper never counted",
        "DELETE FROM flash_sale_shoppers WHERE shopper_id = :collector",
        (flash_sales.UNITS_COUNTED,),
        collector,
    ),
    Corruption(
        "a sale settled with units left in it",
        "UPDATE flash_sales SET state = 'settled', settled_at = now() WHERE id = :sale",
        (flash_sales.SETTLED,),
        item_of_sale,
    ),
    # -- bills
    Corruption(
        "a bill whose fees nobody has posted",
        f"""
        INSERT INTO gateway_bills
        VALUES ('{STRANGER}', 'stripe', '2026-11-10', 1, 1990, 0, 0, 68, 0, now())
        """,
        (bills.BILLS_POSTED,),
        lambda _: {encode("gatewaybill", STRANGER)},
    ),
    Corruption(
        "a bill that has lost a difference",
        f"""
        INSERT INTO gateway_bills
        VALUES ('{STRANGER}', 'stripe', '2026-11-10', 1, 1990, 0, 0, 0, 1, now())
        """,
        (bills.BILLS_POSTED,),
        lambda _: {encode("gatewaybill", STRANGER)},
    ),
]


async def test_exactly_what_was_corrupted_is_found(evening, market, db, now, subtests):
    await assert_clean(market)

    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(db, corruption.sql, names_of(evening), now=now)
            check_found(lines, corruption, evening)


async def test_every_check_has_a_corruption():
    everything = CORRUPTIONS + super_user_corruptions + goods_corruptions + group_corruptions + money_corruptions
    everything += audience_corruptions
    everything += level_corruptions + check_in_corruptions
    everything += room_corruptions + chat_corruptions + coupon_corruptions + draw_corruptions
    everything += renewal_corruptions + membership_corruptions + benefit_corruptions + point_corruptions
    everything += customer_corruptions + trust_corruptions
    corrupted = {check.name for corruption in everything for check in corruption.checks}

    checks = {check.name for check in running.LEDGER if not isinstance(check, Note)}
    assert checks - corrupted == {outbox.HEARD.name}


async def test_an_evening_leaves_clean_books(evening, market):
    lines = await assert_clean(market)

    said = {line.check: line.subject for line in lines}
    assert said[stock.ADDS_UP.name] == "4 SKUs, 2 allotments, 42 units"
    assert said[orders.HOLD.name] == "4 placed orders, 5 paid orders, 4 ended orders"
    assert said[payments.ORDERS_HAVE_MONEY.name] == "5 paid orders, ¥104.40"
    assert said[flash_sales.NOT_OVERSOLD.name] == "2 items, 11 units for sale, 4 ordered"
    assert said[flash_sales.SETTLED.name] == "1 settled sale, 1 item"


async def test_the_books_of_an_empty_market_are_clean(db, market):
    lines = await assert_clean(market)

    assert {line.found for line in lines if line.ok} == {"0 differ", "¥0.00"}


async def test_what_is_given_up_is_told_with_its_error(given, db, now):
    paid = await given.order(await given.stocked_sku(1))
    await given.money_for(paid)
    await given.hear_payments()
    await execute(db, "UPDATE outbox_events SET delivered_at = now() WHERE kind = 'payment.captured'")
    await execute(db, "UPDATE outbox_events SET dead_at = now(), attempts = 12, last_error = 'KeyError()'"
                      " WHERE kind = 'order.paid'")  # fmt: skip

    lines = await ledger(db, now)

    [dead] = named(lines)
    assert {line.check for line in differing(lines)} == {outbox.HEARD.name}
    assert (dead.subject, dead.found) == (f"event 2, order.paid of {paid.id}", "given up after 12 tries: KeyError()")


async def test_only_the_first_of_many_differences_are_named(given, db, now):
    await given.place(
        [given.new_order(sku_id, shopper_id=await given.shopper()) for sku_id in [await given.stocked_sku(30)] * 30]
    )
    await execute(db, "UPDATE orders SET goods_minor = goods_minor + 1, total_minor = total_minor + 1")

    lines = await ledger(db, now)

    total, *some = differing(lines)
    assert (total.subject, total.expected, total.found) == ("30 orders, ¥597.30", "0 differ", "30 differ")
    assert len(some) == MOST_SHOWN


# -- in flight


async def test_captured_money_is_in_flight_until_its_order_hears_of_it(given, listener, market, now):
    order = await given.order(await given.stocked_sku(1))
    await given.money_for(order)

    in_flight = await assert_clean(market, in_flight=True)
    await listener.hear()
    heard = await assert_clean(market)

    assert found(in_flight, payments.IN_FLIGHT) == "1 payment, ¥19.90"
    assert found(in_flight, payments.MONEY_ADDS_UP) == "¥19.90"
    assert found(heard, payments.IN_FLIGHT) == "0 payments, ¥0.00"


async def test_money_in_a_dead_letter_is_not_in_flight(given, db, now):
    await given.money_for(await given.order(await given.stocked_sku(1)))
    await execute(db, "UPDATE outbox_events SET dead_at = now(), last_error = 'boom'")

    lines = await ledger(db, now)

    expected = {payments.MONEY_HAS_ORDERS.name, payments.MONEY_ADDS_UP.name, outbox.HEARD.name}
    assert {line.check for line in differing(lines)} == expected


async def test_money_in_flight_counts_as_the_event_tells_it(given, db, now):
    await given.money_for(await given.order(await given.stocked_sku(1)))
    await execute(db, "UPDATE outbox_events SET payload = payload || '{\"amount_minor\": 1}'")

    lines = await ledger(db, now)

    [line] = differing(lines)
    assert (line.check, line.expected, line.found) == (payments.MONEY_ADDS_UP.name, "¥0.01", "¥19.90")


async def test_late_money_is_in_flight_until_its_promotion_has_decided(given, listener, market, db, now):
    sale = await given.flash_sale(units=1, pay_seconds=1)
    order = await claimed(given, sale.item)
    later = now + timedelta(minutes=1)
    await order_actions.lapse_due(db, now=later, limit=10)
    await given.money_for(order, at=later)
    await given.hear_payments(now=later)
    await execute(db, "UPDATE outbox_events SET delivered_at = now() WHERE kind = 'payment.captured'")

    undecided = await assert_clean(market, in_flight=True)
    await listener.hear()
    decided = await assert_clean(market)

    assert found(undecided, payments.IN_FLIGHT) == "1 payment, ¥9.90"
    assert found(decided, payments.IN_FLIGHT) == "0 payments, ¥0.00"
    assert (await given.order_again(order.id)).state is OrderState.PAID


async def test_a_ticket_may_not_have_heard_of_its_order_yet(given, listener, market, now):
    sale = await given.flash_sale(units=1)
    order = await claimed(given, sale.item)
    await given.money_for(order)
    await given.hear_payments()

    unheard = await assert_clean(market, in_flight=True)
    await listener.hear()
    heard = await assert_clean(market)

    assert subject(unheard, flash_sales.TICKETS_AGREE) == "1 reserved, 0 paid, 0 lapsed"
    assert subject(heard, flash_sales.TICKETS_AGREE) == "0 reserved, 1 paid, 0 lapsed"


async def test_an_order_nobody_has_lapsed_is_told_and_is_no_difference(given, db, now):
    await given.order(await given.stocked_sku(1))

    in_time, overdue = await ledger(db, now + timedelta(minutes=15)), await ledger(db, now + timedelta(minutes=17))

    assert is_clean(overdue)
    assert [found(lines, orders.OVERDUE) for lines in (in_time, overdue)] == ["0 orders", "1 order"]


# -- while the market sells


async def test_the_books_are_clean_at_every_moment_of_a_sale(given, listener, market, now):
    sale = await given.flash_sale(units=15)
    everybody = await given.shoppers(15)
    over = asyncio.Event()

    async def audits():
        count = 0
        while not over.is_set():
            async with running.snapshot(market.db) as ledger:
                lines = await running.of_ledger(ledger, now=now)
            assert is_clean(lines), differing(lines)
            count += 1
        return count

    async def sells():
        for shopper_id in everybody:
            order = await claimed(given, sale.item, shopper_id=shopper_id)
            if shopper_id.int % 3:
                await given.money_for(order)
            if shopper_id.int % 5 == 0:
                await listener.hear()
        over.set()

    count, _ = await asyncio.gather(audits(), sells())
    await listener.hear()

    assert count > 1
    await assert_clean(market)


def found(lines: list[Line], check: Any) -> str:
    return next(line.found for line in lines if line.check == check.name)


def subject(lines: list[Line], check: Any) -> str:
    return next(line.subject for line in lines if line.check == check.name)


async def ledger(db: Database, now: datetime) -> list[Line]:
    async with running.snapshot(db) as reader:
        return await running.of_ledger(reader, now=now)


async def execute(db: Database, sql: str) -> None:
    async with db.transaction() as tx:
        await tx.execute(text(sql))


def names_of(evening: Evening) -> dict[str, UUID]:
    """Whom the statements speak of."""
    assert evening.paid.paid_with and evening.sale.item.allotment_id
    return {
        "lamp": evening.lamp,
        "allotment": evening.sale.item.allotment_id,
        "sale_sku": evening.sale.item.sku_id,
        "placed": evening.placed.id,
        "other": evening.other.id,
        "paid": evening.paid.id,
        "revived": evening.revived.id,
        "refused": evening.refused.id,
        "money": evening.paid.paid_with,
        "collected": evening.collected[0].id,
        "collector": evening.collector,
        "sale": evening.sale.sale.id,
        "item": evening.sale.item.id,
        "settled": evening.settled.id,
    }
