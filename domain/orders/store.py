"""How orders change: the only SQL that writes them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, bindparam, func, literal_column, select, text, update

from domain.addresses.rules import Destination
from domain.foundation.database import Transaction
from domain.foundation.errors import NotFound
from domain.foundation.money import SHOP_CURRENCY, Money
from domain.orders.rules import (
    NEXT,
    Fulfilment,
    LateOutcome,
    Line,
    LineRefund,
    NewOrder,
    Order,
    OrderState,
    Receiver,
    shown_number,
)
from domain.orders.tables import lines, orders
from domain.stock import store as stock
from domain.stock.rules import Cause, Units

o = orders.c
COLUMNS = (
    o.id, o.number, o.shopper_id, o.state, o.total_minor, o.currency, o.source, o.source_id, o.placed_at, o.pay_by,
    o.paid_at, o.lapsed_at, o.cancelled_at, o.paid_late_at, o.late_outcome, o.paid_with, o.goods_minor, o.discount_minor,
    o.freight_minor, o.fulfilment, o.destination, o.store_id, o.pickup_code, o.remark, o.shipped_at, o.receive_by,
    o.received_at, o.received_by, o.refunded_at, o.refunded_minor, o.is_confirmed,
)  # fmt: skip
ln = lines.c
LINE_COLUMNS = (
    ln.order_id, ln.position, ln.sku_id, ln.title, ln.quantity, ln.unit_price_minor, ln.total_minor, ln.discount_minor,
    ln.freight_minor, ln.explanation, ln.allotment_id, ln.supplier_id, ln.cost_minor, ln.shipped, ln.refunded, ln.unsent,
    ln.restocked, ln.refunded_goods_minor, ln.refunded_freight_minor,
)  # fmt: skip
_LOCK = select(*COLUMNS).where(o.id == bindparam("order_id")).with_for_update()

# One statement per table, whatever the number of orders: this is what a flash sale waits for.
_INSERT_ORDERS = text("""
    INSERT INTO orders (id, shopper_id, state, goods_minor, discount_minor, freight_minor, total_minor, currency,
                        source, source_id, is_confirmed, placed_at, pay_by, fulfilment, destination, store_id, remark)
    SELECT id, shopper_id, 'placed', goods, discount, freight, goods - discount + freight, :currency,
           source, source_id, is_confirmed, :now, pay_by, fulfilment, destination, store_id, remark
    FROM unnest(CAST(:ids AS uuid[]), CAST(:shopper_ids AS uuid[]), CAST(:goods AS bigint[]),
                CAST(:discounts AS bigint[]), CAST(:freights AS bigint[]), CAST(:sources AS text[]),
                CAST(:source_ids AS uuid[]), CAST(:confirmed AS boolean[]), CAST(:pay_by AS timestamptz[]),
                CAST(:fulfilments AS text[]), CAST(:destinations AS jsonb[]), CAST(:store_ids AS uuid[]),
                CAST(:remarks AS text[]))
      AS new (id, shopper_id, goods, discount, freight, source, source_id, is_confirmed, pay_by, fulfilment,
              destination, store_id, remark)
""")
_INSERT_LINES = text("""
    INSERT INTO order_lines (order_id, position, sku_id, title, allotment_id, quantity, unit_price_minor,
                             discount_minor, freight_minor, total_minor, explanation, supplier_id, cost_minor)
    SELECT order_id, position, sku_id, title, allotment_id, quantity, unit_price, discount, freight,
           unit_price * quantity - discount, explanation, supplier_id, cost
    FROM unnest(CAST(:order_ids AS uuid[]), CAST(:positions AS smallint[]), CAST(:sku_ids AS uuid[]),
                CAST(:titles AS text[]), CAST(:allotment_ids AS uuid[]), CAST(:quantities AS bigint[]),
                CAST(:unit_prices AS bigint[]), CAST(:discounts AS bigint[]), CAST(:freights AS bigint[]),
                CAST(:explanations AS jsonb[]), CAST(:supplier_ids AS uuid[]), CAST(:costs AS bigint[]))
      AS new (order_id, position, sku_id, title, allotment_id, quantity, unit_price, discount, freight, explanation,
              supplier_id, cost)
""")
_PAY_MANY = text("""
    UPDATE orders SET state = 'paid', paid_at = :now, paid_with = payment_id, pickup_code = code
    FROM unnest(CAST(:order_ids AS uuid[]), CAST(:payment_ids AS uuid[]), CAST(:pickup_codes AS text[]))
      AS paid (order_id, payment_id, code)
    WHERE orders.id = order_id AND state = 'placed'
""")
# `counter` is one of our own columns
_ADD_TO_LINES = {
    counter: text(f"""
        UPDATE order_lines AS line SET {counter} = line.{counter} + more.quantity
        FROM unnest(CAST(:positions AS smallint[]), CAST(:quantities AS bigint[])) AS more (position, quantity)
        WHERE line.order_id = :order_id AND line.position = more.position
    """)  # noqa: S608
    for counter in ("shipped", "restocked")
}
_ADD_REFUNDED = text("""
    UPDATE order_lines AS line
    SET refunded = line.refunded + back.quantity, unsent = line.unsent + back.unsent,
        restocked = line.restocked + back.unsent,
        refunded_goods_minor = line.refunded_goods_minor + back.goods,
        refunded_freight_minor = line.refunded_freight_minor + back.freight
    FROM unnest(CAST(:positions AS smallint[]), CAST(:quantities AS bigint[]), CAST(:unsent AS bigint[]),
                CAST(:goods AS bigint[]), CAST(:freights AS bigint[]))
      AS back (position, quantity, unsent, goods, freight)
    WHERE line.order_id = :order_id AND line.position = back.position
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
        is_confirmed=row.is_confirmed,
        placed_at=row.placed_at,
        pay_by=row.pay_by,
        paid_at=row.paid_at,
        lapsed_at=row.lapsed_at,
        cancelled_at=row.cancelled_at,
        paid_late_at=row.paid_late_at,
        late_outcome=row.late_outcome and LateOutcome(row.late_outcome),
        paid_with=row.paid_with,
        goods=Money(row.goods_minor, row.currency),
        discount=Money(row.discount_minor, row.currency),
        freight=Money(row.freight_minor, row.currency),
        fulfilment=row.fulfilment and Fulfilment(row.fulfilment),
        destination=row.destination and Destination(**row.destination),
        store_id=row.store_id,
        pickup_code=row.pickup_code,
        remark=row.remark,
        shipped_at=row.shipped_at,
        receive_by=row.receive_by,
        received_at=row.received_at,
        received_by=row.received_by and Receiver(row.received_by),
        refunded_at=row.refunded_at,
        refunded=Money(row.refunded_minor, row.currency),
    )


def line_of(row: Any) -> Line:
    """A line out of a row of `LINE_COLUMNS` and the order's `currency`."""
    return Line(
        order_id=row.order_id,
        position=row.position,
        sku_id=row.sku_id,
        title=row.title,
        quantity=row.quantity,
        unit_price=Money(row.unit_price_minor, row.currency),
        total=Money(row.total_minor, row.currency),
        discount=Money(row.discount_minor, row.currency),
        freight=Money(row.freight_minor, row.currency),
        explanation=row.explanation,
        allotment_id=row.allotment_id,
        supplier_id=row.supplier_id,
        cost_minor=row.cost_minor,
        shipped=row.shipped,
        refunded=row.refunded,
        unsent=row.unsent,
        restocked=row.restocked,
        refunded_goods_minor=row.refunded_goods_minor,
        refunded_freight_minor=row.refunded_freight_minor,
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
            "goods": [order.goods_minor for order in placed],
            "discounts": [order.discount_minor for order in placed],
            "freights": [order.freight_minor for order in placed],
            "currency": SHOP_CURRENCY,
            "sources": [order.source for order in placed],
            "source_ids": [order.source_id for order in placed],
            "confirmed": [order.is_confirmed for order in placed],
            "pay_by": [order.pay_by for order in placed],
            "fulfilments": [order.fulfilment for order in placed],
            "destinations": [order.destination and _json(asdict(order.destination)) for order in placed],
            "store_ids": [order.store_id for order in placed],
            "remarks": [order.remark for order in placed],
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
            "discounts": [line.discount_minor for _, _, line in new],
            "freights": [line.freight_minor for _, _, line in new],
            "explanations": [_json(list(line.explanation)) for _, _, line in new],
            "supplier_ids": [line.supplier_id for _, _, line in new],
            "costs": [line.cost_minor for _, _, line in new],
        },
    )
    held = [(order_id, Units(line.sku_id, line.quantity, line.allotment_id)) for order_id, _, line in new]
    await stock.hold(tx, held, cause=cause_of([order.id for order in placed]), now=now)


async def lock(tx: Transaction, order_id: UUID) -> Order:
    """An order, locked until the transaction ends. Raises NotFound."""
    row = await tx.one(_LOCK, {"order_id": order_id})
    if row is None:
        raise NotFound.of("order", order_id)
    return order_of(row)


async def units_of(tx: Transaction, order_id: UUID) -> list[Units]:
    """What an order is made of, out of the allotments it was placed from."""
    c = lines.c
    return [
        Units(*row) for row in await tx.rows(select(c.sku_id, c.quantity, c.allotment_id).where(c.order_id == order_id))
    ]


async def lines_of(tx: Transaction, order_id: UUID) -> list[Line]:
    """An order's lines, in their order; whoever means to change them has locked the order."""
    found = (
        select(*LINE_COLUMNS, o.currency).join_from(lines, orders).where(ln.order_id == order_id).order_by(ln.position)
    )
    return [line_of(row) for row in await tx.rows(found)]


async def add_shipped(tx: Transaction, order_id: UUID, units: Mapping[int, int]) -> None:
    """So many more units of each line (by its position) have left. The database refuses more than there are to send."""
    await _add_to_lines(tx, order_id, "shipped", units)


async def add_restocked(tx: Transaction, order_id: UUID, units: Mapping[int, int]) -> None:
    """So many more units of each line are in stock again. The database refuses more than were refunded."""
    await _add_to_lines(tx, order_id, "restocked", units)


async def add_refunded(tx: Transaction, order: Order, refunds: Sequence[LineRefund]) -> None:
    """These units and amounts go back. The database refuses more than was bought and more than was paid."""
    changed = await tx.execute(
        _ADD_REFUNDED,
        {
            "order_id": order.id,
            "positions": [refund.position for refund in refunds],
            "quantities": [refund.quantity for refund in refunds],
            "unsent": [refund.unsent for refund in refunds],
            "goods": [refund.goods_minor for refund in refunds],
            "freights": [refund.freight_minor for refund in refunds],
        },
    )
    assert changed == len(refunds), f"order {order.id} has {changed} of {len(refunds)} lines to be refunded"
    total = sum(refund.goods_minor + refund.freight_minor for refund in refunds)
    await tx.execute(update(orders).where(o.id == order.id).values(refunded_minor=o.refunded_minor + total))


async def move(tx: Transaction, order: Order, state: OrderState, **values: Any) -> None:
    """Write a locked order's new state with the moments, and whatever else, that belong to it."""
    assert state in NEXT[order.state], f"{order.state} -> {state}"
    await tx.execute(update(orders).where(o.id == order.id).values(state=state, **values))


async def lock_many(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, Order]:
    """Orders that exist, locked in the order of their ids until the transaction ends."""
    found = select(*COLUMNS).where(o.id == func.any(list(order_ids))).order_by(o.id).with_for_update()
    return {row.id: order_of(row) for row in await tx.rows(found)}


async def pay_many(tx: Transaction, paid: Sequence[tuple[UUID, UUID, str | None]], *, now: datetime) -> None:
    """Write locked, placed orders paid: order, payment, pickup code."""
    order_ids, payment_ids, pickup_codes = map(list, zip(*paid, strict=True))
    values = {"order_ids": order_ids, "payment_ids": payment_ids, "pickup_codes": pickup_codes, "now": now}
    changed = await tx.execute(_PAY_MANY, values)
    assert changed == len(paid), f"{len(paid)} orders to be paid, {changed} found placed"


async def confirm(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """The promotion that placed these locked orders does not call them off any more."""
    await tx.execute(update(orders).where(o.id == func.any(list(order_ids))).values(is_confirmed=True))


async def set_destination(tx: Transaction, order: Order, destination: Destination, *, now: datetime) -> None:
    """A locked order is delivered there from now on."""
    values = {
        "fulfilment": Fulfilment.DELIVERY,
        "destination": asdict(destination),
        "destination_set_at": now,
        "store_id": None,
    }
    await tx.execute(update(orders).where(o.id == order.id).values(values))


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


async def set_receive_by(tx: Transaction, order: Order, receive_by: datetime) -> None:
    """From then on the clock says that the shopper has the goods of a locked order."""
    await tx.execute(update(orders).where(o.id == order.id).values(receive_by=receive_by))


async def lock_receivable(tx: Transaction, order_id: UUID, *, now: datetime) -> Order | None:
    """A sent order whose shopper has had long enough, locked; None when it is not, or somebody else holds it."""
    is_due = (o.receive_by <= now) & (o.state == OrderState.SHIPPED)
    row = await tx.one(select(*COLUMNS).where(o.id == order_id, is_due).with_for_update(skip_locked=True))
    return order_of(row) if row else None


def cause_of(order_ids: Sequence[UUID], *, by: UUID | None = None) -> Cause:
    """Why units moved: for these orders. A batch is named by its first; the holds say the rest."""
    more = f"and {len(order_ids) - 1} more" if len(order_ids) > 1 else ""
    return Cause("order", order_ids[0], by=by, reason=more)


async def _add_to_lines(tx: Transaction, order_id: UUID, counter: str, units: Mapping[int, int]) -> None:
    if not units:
        return
    more = {"order_id": order_id, "positions": list(units), "quantities": list(units.values())}
    changed = await tx.execute(_ADD_TO_LINES[counter], more)
    assert changed == len(units), f"order {order_id} has {changed} of the lines {sorted(units)}"


def _json(content: Any) -> str:
    return orjson.dumps(content, default=str).decode()
