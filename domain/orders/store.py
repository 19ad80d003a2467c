"""How orders change: the only SQL that writes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, literal_column, select, text, update

from domain.foundation.database import Transaction
from domain.foundation.errors import NotFound
from domain.foundation.money import SHOP_CURRENCY, Money
from domain.orders.rules import NEXT, LateOutcome, NewOrder, Order, OrderState, shown_number
from domain.orders.tables import lines, orders
from domain.stock import store as stock
from domain.stock.rules import Cause, Units

o = orders.c
COLUMNS = (
    o.id, o.number, o.shopper_id, o.state, o.total_minor, o.currency, o.source, o.source_id, o.placed_at, o.pay_by,
    o.paid_at, o.lapsed_at, o.cancelled_at, o.paid_late_at, o.late_outcome, o.paid_with,
)  # fmt: skip
_LOCK = select(*COLUMNS).where(o.id == bindparam("order_id")).with_for_update()

# One statement per table, whatever the number of orders: this is what a flash sale waits for.
_INSERT_ORDERS = text("""
    INSERT INTO orders (id, shopper_id, state, total_minor, currency, source, source_id, placed_at, pay_by)
    SELECT id, shopper_id, 'placed', total_minor, :currency, source, source_id, :now, pay_by
    FROM unnest(CAST(:ids AS uuid[]), CAST(:shopper_ids AS uuid[]), CAST(:totals AS bigint[]),
                CAST(:sources AS text[]), CAST(:source_ids AS uuid[]), CAST(:pay_by AS timestamptz[]))
      AS new (id, shopper_id, total_minor, source, source_id, pay_by)
""")
_INSERT_LINES = text("""
    INSERT INTO order_lines (order_id, position, sku_id, title, allotment_id, quantity, unit_price_minor, total_minor)
    SELECT order_id, position, sku_id, title, allotment_id, quantity, unit_price_minor, unit_price_minor * quantity
    FROM unnest(CAST(:order_ids AS uuid[]), CAST(:positions AS smallint[]), CAST(:sku_ids AS uuid[]),
                CAST(:titles AS text[]), CAST(:allotment_ids AS uuid[]), CAST(:quantities AS bigint[]),
                CAST(:unit_prices AS bigint[]))
      AS new (order_id, position, sku_id, title, allotment_id, quantity, unit_price_minor)
""")


def order_of(row: Any) -> Order:
    """An order out of a row of `COLUMNS`."""
    return Order(
        id=row.id,
        number=shown_number(row.number, row.placed_at),
        shopper_id=row.shopper_id,
        state=OrderState(row.state),
        total=Money(row.total_minor, row.currency),
        source=row.source,
        source_id=row.source_id,
        placed_at=row.placed_at,
        pay_by=row.pay_by,
        paid_at=row.paid_at,
        lapsed_at=row.lapsed_at,
        cancelled_at=row.cancelled_at,
        paid_late_at=row.paid_late_at,
        late_outcome=row.late_outcome and LateOutcome(row.late_outcome),
        paid_with=row.paid_with,
    )


async def place_many(tx: Transaction, placed: Sequence[NewOrder], *, now: datetime) -> None:
    """Write orders that wait for their money, and hold their units; all or none.

    Raises NotEnoughStock, and the transaction is then to be left: what was written before is undone with it.
    """
    if not placed:
        return
    new = [(order.id, position, line) for order in placed for position, line in enumerate(order.lines, 1)]
    await tx.execute(
        _INSERT_ORDERS,
        {
            "ids": [order.id for order in placed],
            "shopper_ids": [order.shopper_id for order in placed],
            "totals": [sum(line.unit_price_minor * line.quantity for line in order.lines) for order in placed],
            "currency": SHOP_CURRENCY,
            "sources": [order.source for order in placed],
            "source_ids": [order.source_id for order in placed],
            "pay_by": [order.pay_by for order in placed],
            "now": now,
        },
    )
    await tx.execute(
        _INSERT_LINES,
        {
            "order_ids": [order_id for order_id, _, _ in new],
            "positions": [position for _, position, _ in new],
            "sku_ids": [line.sku_id for _, _, line in new],
            "titles": [line.title for _, _, line in new],
            "allotment_ids": [line.allotment_id for _, _, line in new],
            "quantities": [line.quantity for _, _, line in new],
            "unit_prices": [line.unit_price_minor for _, _, line in new],
        },
    )
    held = [(order_id, Units(line.sku_id, line.quantity, line.allotment_id)) for order_id, _, line in new]
    await stock.hold(tx, held, cause=cause_of([order.id for order in placed]), now=now)


async def lock(tx: Transaction, order_id: UUID) -> Order:
    """An order, locked until the transaction ends. Raises NotFound."""
    row = await tx.one(_LOCK, {"order_id": order_id})
    if row is None:
        raise NotFound(kind="order", id=str(order_id))
    return order_of(row)


async def units_of(tx: Transaction, order_id: UUID) -> list[Units]:
    """What an order is made of, out of the allotments it was placed from."""
    c = lines.c
    return [
        Units(*row) for row in await tx.rows(select(c.sku_id, c.quantity, c.allotment_id).where(c.order_id == order_id))
    ]


async def move(tx: Transaction, order: Order, state: OrderState, **values: Any) -> None:
    """Write a locked order's new state with the moments, and whatever else, that belong to it."""
    assert state in NEXT[order.state], f"{order.state} -> {state}"
    await tx.execute(update(orders).where(o.id == order.id).values(state=state, **values))


async def note_late_money(tx: Transaction, order: Order, *, payment_id: UUID, captured_at: datetime) -> None:
    """Money came for an order that had ended; what becomes of it is not decided yet."""
    await tx.execute(update(orders).where(o.id == order.id).values(paid_late_at=captured_at, paid_with=payment_id))


async def note_refusal_of_late_money(tx: Transaction, order: Order) -> None:
    """It was decided: the money goes back and the order stays as it is."""
    await tx.execute(update(orders).where(o.id == order.id).values(late_outcome=LateOutcome.REFUNDED))


async def lapse(tx: Transaction, *, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lapse orders whose time is over, at most `limit`, and not those somebody else holds: id, source, source_id."""
    # written out, not bound: a prepared plan uses a partial index only if it can see that its condition holds
    is_due = (o.state == literal_column("'placed'")) & (o.pay_by <= now)
    due = select(o.id).where(is_due).order_by(o.pay_by).limit(limit).with_for_update(skip_locked=True).cte("due")
    lapsed = update(orders).where(o.id == due.c.id).values(state=OrderState.LAPSED, lapsed_at=now)
    return await tx.rows(lapsed.returning(o.id, o.source, o.source_id))


def cause_of(order_ids: Sequence[UUID], *, by: UUID | None = None) -> Cause:
    """Why units moved: for these orders. A batch is named by its first; the holds say the rest."""
    more = f"and {len(order_ids) - 1} more" if len(order_ids) > 1 else ""
    return Cause("order", order_ids[0], by=by, reason=more)
