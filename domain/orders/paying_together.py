"""Many payments at once, each for its own order: what a popular SKU needs, on whose row all its buyers wait.

One by one, every buyer's commit would be waited for by the next. Together they wait once.
"""

from collections.abc import Sequence
from datetime import datetime

from domain.foundation.database import Database
from domain.ledger import store as ledger
from domain.orders import postings, rules, store
from domain.orders.events import OrderPaid
from domain.orders.rules import Verdict
from domain.payments.events import PaymentCaptured
from domain.stock import store as stock
from domain.stock.rules import Movement


async def take_payments(db: Database, captured: Sequence[PaymentCaptured], *, now: datetime) -> int:
    """Sell the orders that wait for exactly this money, in one transaction; how many.

    Everything else, late money above all, is left to `orders.actions.take_payment`, which finds these orders paid.
    At most one payment of an order is taken. If one of the orders holds nothing, none is sold: each is then heard by itself.
    """
    async with db.transaction() as tx:
        found = await store.lock_many(tx, [money.payable_id for money in captured])
        accepted = {}
        for money in captured:
            order = found.get(money.payable_id)
            if order is not None and order.id not in accepted:
                verdict = rules.judge(order, payment_id=money.payment_id, amount_minor=money.amount_minor)
                if verdict is Verdict.ACCEPT:
                    accepted[order.id] = (order, money)
        if not accepted:
            return 0
        paid = [(order.id, money.payment_id, rules.new_pickup_code(order)) for order, money in accepted.values()]
        await store.pay_many(tx, paid, now=now)
        await ledger.post(tx, [postings.paid(order, now) for order, _ in accepted.values()], now=now)
        for order, _ in accepted.values():
            tx.record(OrderPaid(order.id, order.source, order.source_id, paid_at=now))
        # last: this is the row that everybody waits for
        ids = list(accepted)
        sold = await stock.end_holds(tx, ids, movement=Movement.SOLD, cause=store.cause_of(ids), now=now)
        assert sold == set(ids), f"of {len(ids)} orders {len(ids) - len(sold)} held nothing that could be sold"
    return len(accepted)
