"""What deciding and arriving share: whose rows are locked, and the step at which the money goes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.after_sales import amounts, opening, store
from domain.after_sales.rules import AfterSale, AfterSaleLine, AfterSaleState
from domain.foundation import idempotency
from domain.foundation.database import Transaction
from domain.orders import refunding
from domain.orders import store as orders
from domain.orders.rules import Order, check_not_own

SUBJECT = "aftersale"
"""How the trail names what was decided about."""


async def lock_for_staff(
    tx: Transaction, operation: str, after_sale_id: UUID, *, by: UUID, key: str, request: dict[str, Any]
) -> tuple[Order, AfterSale, bool]:
    """The order, its after-sale, both locked, and whether the key has done its work before.

    Raises NotFound, NotYourOwnOrder where the order is the asker's, IdempotencyConflict.
    """
    replay = await idempotency.begin(
        tx, owner_id=by, key=key, operation=operation, request={"after_sale": after_sale_id, **request}
    )
    order = await orders.lock(tx, await store.order_id_of(tx, after_sale_id))
    check_not_own(order, by)
    return order, await store.lock(tx, after_sale_id), replay is not None


async def give_back(
    tx: Transaction,
    order: Order,
    found: AfterSale,
    lines: Sequence[AfterSaleLine],
    *,
    agreed_minor: int,
    now: datetime,
    **decision: Any,
) -> AfterSale:
    """The agreed money goes to the gateway; what is nothing is refunded at once."""
    refunds = amounts.line_refunds(lines, agreed_minor)
    await store.add_restocked(tx, found.id, store.unsent_of(lines))
    refund_id = await refunding.give_back(tx, order, refunds, reason=found.reason, cause_id=found.id, now=now)
    decision = {"agreed_minor": agreed_minor, "refund_id": refund_id, **decision}
    if refund_id is None:
        moved = await store.move(tx, found, AfterSaleState.REFUNDED, now=now, refunded_at=now, **decision)
    else:
        moved = await store.move(tx, found, AfterSaleState.REFUNDING, now=now, **decision)
    # what was still to be sent may just have been given back: the order counts as sent, and others of its after-sales are open
    await opening.put_off_receipt(tx, order.id)
    return moved


def agreed_minor_of(found: AfterSale) -> int:
    """What was agreed to before the goods were on their way."""
    assert found.agreed is not None, f"after-sale {found.id} waits for goods, and nobody has agreed to an amount"
    return found.agreed.minor
