"""What orders mean for the ledger: when money is kept, earned and owed back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from domain.ledger.rules import Account, Entry, EntryKind, Posting, moved
from domain.orders.rules import Line, Order


def paid(order: Order, at: datetime) -> Entry:
    """Captured money is kept: it is owed in goods from now on."""
    return moved(
        EntryKind.ORDER_PAID,
        cause_id=order.id,
        about_id=order.id,
        at=at,
        amount_minor=order.total.minor,
        debit=Account.RECEIPTS,
        credit=Account.PREPAID,
        currency=order.total.currency,
    )


def received(order: Order, lines: Sequence[Line], at: datetime) -> list[Entry]:
    """What was not given back before is earned; no entry when that is nothing."""
    return _earned(EntryKind.ORDER_RECEIVED, order, lines, at)


def rest_kept(order: Order, lines: Sequence[Line], at: datetime) -> list[Entry]:
    """Every unit went back before the order was received: freight that stays, and what was not agreed to, is earned."""
    return _earned(EntryKind.REST_KEPT, order, lines, at)


def refund_agreed(order: Order, *, refund_id: UUID, amount_minor: int, at: datetime) -> Entry:
    """Money is owed back: out of what was prepaid, or, once that was earned, as a return."""
    return moved(
        EntryKind.REFUND_AGREED,
        cause_id=refund_id,
        about_id=order.id,
        at=at,
        amount_minor=amount_minor,
        debit=Account.PREPAID if order.received_at is None else Account.RETURNS,
        credit=Account.REFUNDS,
        currency=order.total.currency,
    )


def supplied(
    kind: EntryKind, order: Order, lines: Sequence[Line], units: Mapping[int, int], *, cause_id: UUID, at: datetime
) -> list[Entry]:
    """What suppliers are owed for units (by line position) that they sent, or no longer owed for units that came back."""
    owed: Counter[str] = Counter()
    for line in lines:
        if line.supplier_id is not None and line.cost_minor and units.get(line.position):
            owed[str(line.supplier_id)] += line.cost_minor * units[line.position]
    if not owed:
        return []
    sign = 1 if kind is EntryKind.SUPPLIED else -1
    cost = [
        Posting(Account.SUPPLIED, sign * amount, supplier, order.total.currency) for supplier, amount in owed.items()
    ]
    debt = [
        Posting(Account.SUPPLIERS, -sign * amount, supplier, order.total.currency) for supplier, amount in owed.items()
    ]
    return [Entry(kind, cause_id, order.id, at, (*cost, *debt))]


def _earned(kind: EntryKind, order: Order, lines: Sequence[Line], at: datetime) -> list[Entry]:
    goods = sum(line.total.minor - line.refunded_goods_minor for line in lines)
    freight = sum(line.freight.minor - line.refunded_freight_minor for line in lines)
    earned = [
        Posting(account, -amount, currency=order.total.currency)
        for account, amount in ((Account.SALES, goods), (Account.FREIGHT, freight))
        if amount
    ]
    if not earned:
        return []
    owed = Posting(Account.PREPAID, goods + freight, currency=order.total.currency)
    return [Entry(kind, order.id, order.id, at, (owed, *earned))]
