"""The checks of the ledger and of payments: clean after a week of trade, and then exactly one thing is wrong."""

from collections.abc import Callable

from domain.audit import ledger as books
from domain.audit import payments
from domain.foundation.ids import encode
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after
from tests.audit.week import Week, names_of, order, refund_of


def payment(week: Week) -> set[str]:
    assert week.waiting.paid_with
    return {encode("payment", week.waiting.paid_with)}


def balance(account: str) -> Callable[[Week], set[str]]:
    return lambda week: {f"checkpoint {week.checkpoint}, {account.format(gateway=week.gateway)}"}


ENTRY = """
    INSERT INTO ledger_entries (id, kind, cause_id, about_id, postings, occurred_at, recorded_at)
    VALUES (:stranger, '{kind}', :stranger, {about}, 2, now(), now());
    INSERT INTO ledger_postings (entry_id, number, account, subject, currency, amount_minor, recorded_at)
    VALUES (:stranger, 1, {debit}, 'CNY', {amount}, now()), (:stranger, 2, {credit}, 'CNY', -{amount}, now())
"""

CORRUPTIONS = [
    # -- the ledger by itself
    Corruption(
        "a posting that grew by a fen",
        "UPDATE ledger_postings SET amount_minor = amount_minor + 1 WHERE number = 1 AND entry_id = :fee",
        (books.ENTRIES_BALANCE,),
        lambda week: {encode("entry", week.fee)},
    ),
    Corruption(
        "an entry that lost both its postings",
        "DELETE FROM ledger_postings WHERE entry_id = :fee",
        (books.ENTRIES_BALANCE,),
        lambda week: {encode("entry", week.fee)},
    ),
    Corruption(
        "postings without an entry",
        "DELETE FROM ledger_entries WHERE id = :fee",
        (books.ENTRIES_BALANCE,),
        lambda week: {encode("entry", week.fee)},
    ),
    Corruption(
        "more refunds than were owed",
        ENTRY.format(kind="paid_out", about="NULL", debit="'refunds', ''", credit="'bank', ''", amount=10**9),
        (books.SIDES, books.ORDERS_POSTED, books.PAID_IS_CAPTURED),
        lambda _: {"refunds", "order", "all orders"},
    ),
    Corruption(
        "a checkpoint a fen too high",
        "UPDATE ledger_checkpoints SET credit_minor = credit_minor + 1 WHERE account = 'sales'",
        (books.CHECKPOINTS,),
        balance("sales"),
    ),
    Corruption(
        "a balance that a checkpoint forgot",
        "DELETE FROM ledger_checkpoints WHERE account = 'gateway'",
        (books.CHECKPOINTS,),
        balance("gateway {gateway}"),
    ),
    Corruption(
        "a balance of an account that nobody had posted on",
        """
        INSERT INTO ledger_checkpoints (position, account, subject, currency, debit_minor, credit_minor, made_at)
        SELECT max(position), 'bank', '', 'CNY', 1, 0, now() FROM ledger_checkpoints
        """,
        (books.CHECKPOINTS,),
        balance("bank"),
    ),
    # -- the ledger and the trade
    Corruption(
        "money that another gateway captured",
        """
        UPDATE ledger_postings SET subject = 'elsewhere'
        WHERE account = 'gateway' AND entry_id = (
            SELECT id FROM ledger_entries WHERE kind = 'captured' AND about_id = :waiting)
        """,
        (books.PAYMENTS_POSTED,),
        payment,
    ),
    Corruption(
        "a refund whose entry is about another order",
        "UPDATE ledger_entries SET about_id = :waiting WHERE kind = 'refunded' AND about_id = :gone",
        (books.PAYMENTS_POSTED, books.ORDERS_POSTED),
        lambda week: order("gone", "waiting")(week) | refund_of("wholly")(week),
    ),
    Corruption(
        "money that was earned before the goods were received",
        ENTRY.format(kind="order_received", about=":waiting", debit="'prepaid', ''", credit="'sales', ''", amount=100),
        (books.ORDERS_POSTED, books.EARNED_APART),
        order("waiting"),
    ),
    Corruption(
        "an order's money that came from the bank",
        ENTRY.format(kind="order_paid", about=":waiting", debit="'bank', ''", credit="'prepaid', ''", amount=100),
        (books.ORDERS_POSTED, books.PAID_IS_CAPTURED),
        lambda week: order("waiting")(week) | {"all orders"},
    ),
    Corruption(
        "supplied units that cost a fen more",
        "UPDATE order_lines SET cost_minor = cost_minor + 1 WHERE order_id = :supplied",
        (books.SUPPLIERS_OWED,),
        order("supplied"),
    ),
    Corruption(
        "a supplier owed for one order what another cost",
        """
        UPDATE ledger_entries SET about_id = CASE about_id WHEN :supplied THEN :supplied_too ELSE :supplied END
        WHERE kind = 'supplied'
        """,
        (books.SUPPLIERS_OWED,),
        order("supplied", "supplied_too"),
    ),
    Corruption(
        "sales that were booked as freight",
        """
        UPDATE ledger_postings SET account = 'freight'
        WHERE account = 'sales' AND entry_id = (
            SELECT id FROM ledger_entries WHERE kind = 'order_received' AND about_id = :supplied)
        """,
        (books.EARNED_APART,),
        order("supplied"),
    ),
    Corruption(
        "freight that was booked as sales",
        """
        UPDATE ledger_postings SET amount_minor = amount_minor + CASE account WHEN 'sales' THEN -1 ELSE 1 END
        WHERE account IN ('sales', 'freight') AND entry_id = (
            SELECT id FROM ledger_entries WHERE kind = 'order_received' AND about_id = :supplied_too)
        """,
        (books.EARNED_APART,),
        order("supplied_too"),
    ),
    Corruption(
        "a payment of which a fen more was asked back",
        "UPDATE payments SET refund_asked_minor = refund_asked_minor + 1 WHERE id = :waiting_money",
        (payments.REFUNDS_ADD_UP, payments.MONEY_ADDS_UP),
        lambda week: payment(week) | {"all payments"},
    ),
    Corruption(
        "a notice of a refund that is still to be made",
        """
        UPDATE payment_notices SET refund_id = (SELECT refund_id FROM after_sales WHERE id = :returned)
        WHERE refund_id = (SELECT refund_id FROM after_sales WHERE id = :partly)
        """,
        (payments.NOTICES,),
        payment,
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
    assert said[books.SIDES.name] == "11 balances"
    assert said[books.EARNED_APART.name] == "4 received orders, 1 refunded before"
    assert said[books.SUPPLIERS_OWED.name] == "1 supplier, 3 supplied lines"
    assert said[books.CHECKPOINTS.name] == "1 checkpoint, 5 balances"
