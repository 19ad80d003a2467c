"""A week of trade through the real actions: an order of every fate, after-sales, suppliers, and books with a checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from domain.after_sales.rules import AfterSale, AfterSaleState, Kind
from domain.foundation.ids import encode
from domain.ledger import actions as ledger
from domain.ledger.rules import Account
from domain.ledger.tables import entries
from domain.orders.rules import Fulfilment, Order, Receiver
from tests.given import Given
from tests.given.after_sales import Goods


@dataclass(frozen=True)
class Week:
    """What a test may look at, or corrupt, by name."""

    kept: Order
    waiting: Order
    supplied: Order
    supplied_too: Order
    sent: Order
    fetched: Order
    gone: Order
    partly: AfterSale
    returned: AfterSale
    wholly: AfterSale
    shared: AfterSale
    asked: AfterSale
    fee: UUID
    checkpoint: int
    gateway: str


async def after_a_week(given: Given, *, now: datetime) -> Week:
    """An order of every fate; a checkpoint after the first, which is received."""
    kept = await given.bought_and_received(Goods(2, 1000, freight_minor=30), Goods(1, 500))
    checkpoint = await ledger.checkpoint(given.db, now=now)
    assert checkpoint and kept.paid_with

    waiting = await given.bought(Goods(3, 1000, freight_minor=60))
    partly = await given.after_sale(waiting, {1: 1}, state=AfterSaleState.REFUNDED)
    supplier = await given.some_supplier()
    supplied = await given.bought_and_received(Goods(2, 1000, supplier_id=supplier, cost_minor=600))
    supplied_too = await given.bought_and_received(
        Goods(1, 900, freight_minor=50, supplier_id=supplier, cost_minor=500),
        Goods(1, 100, supplier_id=supplier, cost_minor=60),
    )
    shared = await given.after_sale(supplied_too, {1: 1}, state=AfterSaleState.REFUNDED)
    gone = await given.bought(Goods(1, 700))
    wholly = await given.after_sale(gone, state=AfterSaleState.REFUNDED)
    returned = await given.after_sale(supplied, {1: 1}, kind=Kind.RETURN, state=AfterSaleState.REFUNDING)
    sent = await given.bought(Goods(2, 400))
    await given.all_units_leave(sent)
    asked = await given.after_sale(sent, {1: 1})
    fetched = await given.bought(Goods(2, 300), fulfilment=Fulfilment.PICKUP)
    await given.units_arrive(fetched, by=Receiver.STORE)
    fee = given.movement(7, debit=Account.FEES, credit=Account.BANK)
    await given.posted(fee)

    return Week(
        kept=kept,
        waiting=waiting,
        supplied=supplied,
        supplied_too=supplied_too,
        sent=sent,
        fetched=fetched,
        gone=gone,
        partly=await given.after_sale_again(partly),
        returned=await given.after_sale_again(returned),
        wholly=await given.after_sale_again(wholly),
        shared=shared,
        asked=asked,
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
        "supplied_too": week.supplied_too.id,
        "sent": week.sent.id,
        "fetched": week.fetched.id,
        "gone": week.gone.id,
        "partly": week.partly.id,
        "returned": week.returned.id,
        "asked": week.asked.id,
        "fee": week.fee,
    }


def order(*names: str) -> Callable[[Week], set[str]]:
    """These orders, as the audit names them."""
    return lambda week: {encode("order", getattr(week, name).id) for name in names}


def after_sale(name: str) -> Callable[[Week], set[str]]:
    """This after-sale, as the audit names it."""
    return lambda week: {encode("aftersale", getattr(week, name).id)}


def refund_of(name: str) -> Callable[[Week], set[str]]:
    """This after-sale's refund, as the audit names it."""
    return lambda week: {encode("refund", getattr(week, name).refund_id)}
