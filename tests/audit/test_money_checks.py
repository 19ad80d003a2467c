"""The checks of money, parcels and after-sales: clean after a week of trade, and then exactly one thing is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.after_sales.rules import AfterSale, AfterSaleState, Kind
from domain.audit import after_sales, payments
from domain.audit import ledger as books
from domain.foundation.ids import encode
from domain.ledger import actions as ledger
from domain.ledger.rules import Account
from domain.ledger.tables import entries
from domain.orders.rules import Fulfilment, Order, Receiver
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after
from tests.given import Given
from tests.given.after_sales import Goods


@dataclass(frozen=True)
class Week:
    """What a test may look at, or corrupt, by name."""

    kept: Order
    waiting: Order
    supplied: Order
    supplier: UUID
    fetched: Order
    gone: Order
    partly: AfterSale
    returned: AfterSale
    wholly: AfterSale
    fee: UUID
    checkpoint: int
    gateway: str


@pytest.fixture
async def week(given: Given, now) -> Week:
    """An order of every fate; a checkpoint after the first, which is received."""
    kept = await given.bought_and_received(Goods(2, 1000, freight_minor=30), Goods(1, 500))
    checkpoint = await ledger.checkpoint(given.db, now=now)
    assert checkpoint and kept.paid_with

    waiting = await given.bought(Goods(3, 1000, freight_minor=60))
    partly = await given.after_sale(waiting, {1: 1}, state=AfterSaleState.REFUNDED)
    supplier = await given.some_supplier()
    supplied = await given.bought_and_received(Goods(2, 1000, supplier_id=supplier, cost_minor=600))
    gone = await given.bought(Goods(1, 700))
    wholly = await given.after_sale(gone, state=AfterSaleState.REFUNDED)
    returned = await given.after_sale(supplied, {1: 1}, kind=Kind.RETURN, state=AfterSaleState.REFUNDING)
    fetched = await given.bought(Goods(2, 300), fulfilment=Fulfilment.PICKUP)
    await given.units_arrive(fetched, by=Receiver.STORE)
    fee = given.movement(7, debit=Account.FEES, credit=Account.BANK)
    await given.posted(fee)

    return Week(
        kept=kept,
        waiting=waiting,
        supplied=supplied,
        supplier=supplier,
        fetched=fetched,
        gone=gone,
        partly=await given.after_sale_again(partly),
        returned=await given.after_sale_again(returned),
        wholly=await given.after_sale_again(wholly),
        fee=await given.db.value(select(entries.c.id).where(entries.c.cause_id == fee.cause_id)),
        checkpoint=checkpoint,
        gateway=(await given.payment_again(kept.paid_with)).gateway,
    )


def names_of(week: Week) -> dict[str, UUID]:
    """Whom the statements speak of."""
    assert week.waiting.paid_with
    return {
        "kept": week.kept.id,
        "waiting": week.waiting.id,
        "waiting_money": week.waiting.paid_with,
        "supplied": week.supplied.id,
        "fetched": week.fetched.id,
        "gone": week.gone.id,
        "partly": week.partly.id,
        "returned": week.returned.id,
        "fee": week.fee,
    }


def order(*names: str) -> Callable[[Week], set[str]]:
    return lambda week: {encode("order", getattr(week, name).id) for name in names}


def payment(week: Week) -> set[str]:
    assert week.waiting.paid_with
    return {encode("payment", week.waiting.paid_with)}


def after_sale(name: str) -> Callable[[Week], set[str]]:
    return lambda week: {encode("aftersale", getattr(week, name).id)}


def refund_of(name: str) -> Callable[[Week], set[str]]:
    return lambda week: {encode("refund", getattr(week, name).refund_id)}


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
        (books.ORDERS_POSTED,),
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
        lambda week: {f"supplier {week.supplier}"},
    ),
    Corruption(
        "a payment of which a fen more was asked back",
        "UPDATE payments SET refund_asked_minor = refund_asked_minor + 1 WHERE id = :waiting_money",
        (payments.REFUNDS_ADD_UP, payments.MONEY_ADDS_UP),
        lambda week: payment(week) | {"all payments"},
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
        (after_sales.SHIPPED,),
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
        (after_sales.MONEY_GIVEN_BACK, after_sales.REFUNDS_AGREED),
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
    assert said[books.SUPPLIERS_OWED.name] == "1 supplier, 1 supplied line"
    assert said[books.CHECKPOINTS.name] == "1 checkpoint, 5 balances"
    assert said[after_sales.SHIPPED.name] == "7 units, 2 parcels"
    assert said[after_sales.UNITS_GIVEN_BACK.name] == "3 units, 2 in stock again"
    assert said[after_sales.REFUNDS_AGREED.name] == "3 after-sales, 3 refunds, ¥27.20"
