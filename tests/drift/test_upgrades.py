"""A market that has sold already is upgraded: what it knew stays true, and its books begin with the movements that made it."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from domain import migrations
from domain.audit import running as audit
from domain.foundation import outbox
from domain.foundation.database import Database
from domain.ledger.queries import trial_balance
from domain.ledger.rules import Account
from domain.payments.events import PaymentRefunded

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)

# One SKU of ten units. Four orders of 19.90: paid, paid twice (the second money is back), placed with a payment pending, and
# one whose money has just come. The event of the refund is on its way.
SOLD_BEFORE = """
INSERT INTO accounts (id, display_name, created_at) VALUES (u(1), '林小满', now());
INSERT INTO products (id, handle, title, state, lowest_price_minor, highest_price_minor, currency, words, created_at,
                      updated_at, published_at)
VALUES (u(2), 'tea', '茶', 'published', 1990, 1990, 'CNY', '', now(), now(), now());
INSERT INTO skus (id, product_id, position, price_minor, created_at, updated_at) VALUES (u(3), u(2), 1, 1990, now(), now());
INSERT INTO stock_levels (sku_id, total, free, held, sold) VALUES (u(3), 10, 6, 2, 2);
INSERT INTO stock_movements (sku_id, movement, quantity, cause, cause_id)
VALUES (u(3), 'received', 10, 'import', u(2)), (u(3), 'held', 4, 'order', u(11)), (u(3), 'sold', 2, 'order', u(11));
INSERT INTO orders (id, shopper_id, state, total_minor, currency, placed_at, pay_by, paid_at, paid_with)
SELECT u(10 + n), u(1), CASE WHEN n <= 2 THEN 'paid' ELSE 'placed' END, 1990, 'CNY', now(), now() + interval '1 day',
       CASE WHEN n <= 2 THEN now() END, CASE WHEN n <= 2 THEN u(20 + n) END
FROM generate_series(1, 4) AS n;
INSERT INTO order_lines (order_id, position, sku_id, title, quantity, unit_price_minor, total_minor)
SELECT u(10 + n), 1, u(3), '茶', 1, 1990, 1990 FROM generate_series(1, 4) AS n;
INSERT INTO stock_holds (id, order_id, sku_id, quantity, held_at, ended_at, outcome)
SELECT u(30 + n), u(10 + n), u(3), 1, now(), CASE WHEN n <= 2 THEN now() END, CASE WHEN n <= 2 THEN 'sold' END
FROM generate_series(1, 4) AS n;
INSERT INTO payments (id, payable, payable_id, payer_id, amount_minor, currency, gateway, state, asked_at, expires_at,
                      look_at, captured_at)
SELECT u(20 + n), 'order', u(10 + n), u(1), 1990, 'CNY', 'sandbox', CASE n WHEN 3 THEN 'pending' ELSE 'captured' END,
       now(), now(), now(), CASE n WHEN 3 THEN NULL ELSE now() END
FROM generate_series(1, 4) AS n;
INSERT INTO payments (id, payable, payable_id, payer_id, amount_minor, currency, gateway, state, asked_at, expires_at,
                      look_at, captured_at, refund_due_at, refund_reason, refunded_at, refund_reference, refund_attempts)
VALUES (u(25), 'order', u(12), u(1), 1990, 'CNY', 'sandbox', 'refunded', now(), now(), now(), now(), now(),
        'paid_twice', now(), 'r25', 1);
INSERT INTO outbox_events (lane, kind, aggregate_id, payload)
VALUES (0, 'payment.refunded', u(12), jsonb_build_object('payable', 'order', 'payable_id', u(12), 'payment_id', u(25),
                                                         'amount_minor', 1990, 'refunded_at', now())),
       (0, 'payment.captured', u(14), jsonb_build_object('payable', 'order', 'payable_id', u(14), 'payment_id', u(24),
                                                         'amount_minor', 1990, 'captured_at', now()))
"""
SHORT_IDS = """
CREATE FUNCTION u(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT CAST('00000000-0000-7000-8000-' || lpad(CAST(n AS text), 12, '0') AS uuid) $$
"""


@pytest.fixture(scope="module")
async def upgraded(database_url, worker_id):
    """A database of its own that has sold under the first version, brought to the newest; its tests only read it."""
    engine = create_async_engine(database_url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE IF EXISTS upgraded_{worker_id} WITH (FORCE)"))
        await connection.execute(text(f"CREATE DATABASE upgraded_{worker_id}"))
    await engine.dispose()
    url = engine.url.set(database=f"upgraded_{worker_id}").render_as_string(hide_password=False)
    await asyncio.to_thread(migrations.upgrade, url, "0001")
    db = Database.connect(url)
    async with db.transaction() as tx:
        for statement in (SHORT_IDS, *SOLD_BEFORE.split(";\n")):
            await tx.execute(text(statement))
    await asyncio.to_thread(migrations.upgrade, url)
    yield db
    await db.close()


async def test_an_upgraded_market_has_clean_books(upgraded):
    async with audit.snapshot(upgraded) as ledger:
        lines = await audit.of_ledger(ledger, now=NOON)

    assert [line for line in lines if line.ok is False] == []


async def test_the_ledger_begins_with_the_movements_that_were(upgraded):
    balances = {one.account: one.balance_minor for one in await trial_balance(upgraded)}

    # four times 19.90 came in and one went back; two are owed in goods, one waits for its order
    assert balances == {
        Account.GATEWAY: 3 * 1990,
        Account.PREPAID: -2 * 1990,
        Account.RECEIPTS: -1990,
        Account.REFUNDS: 0,
    }


async def test_events_on_their_way_are_still_understood(upgraded):
    (row,) = await upgraded.rows(text("SELECT kind, payload FROM outbox_events WHERE kind = 'payment.refunded'"))

    heard = outbox.event_of(row.kind, row.payload)

    assert isinstance(heard, PaymentRefunded)
    assert heard.cause_id is None and str(heard.payment_id).endswith("25")


async def test_orders_that_were_are_confirmed(upgraded):
    assert await upgraded.column(text("SELECT DISTINCT is_confirmed FROM orders")) == [True]


async def test_what_waited_for_the_sandbox_waits_no_more(upgraded):
    assert await upgraded.value(text("SELECT count(*) FROM payments WHERE state = 'pending'")) == 0
