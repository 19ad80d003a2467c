"""Orders as a CSV file, one row for each order line, read and written a chunk at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import func, select, text

from domain.back_office.finding import Narrowing, Place, chunk, count_lines
from domain.back_office.rules import WantedOrders, check_wanted
from domain.back_office.seeking import seek
from domain.foundation.database import AnyRow, Database
from domain.foundation.errors import BadInput
from domain.foundation.money import Money
from domain.foundation.sheets import Cell, cells, heading
from domain.orders.rules import shown_number
from domain.orders.store import o
from domain.orders.tables import lines
from domain.products.tables import skus
from domain.stores.tables import stores
from domain.suppliers.tables import suppliers

MOST_LINES = 1_000_000
"""Lines of one export: what a spreadsheet takes (1,048,576 rows)."""
ORDERS_AT_A_TIME = 500

COLUMNS = (
    ("订单号", "order number"), ("状态", "state"), ("已确认", "confirmed"), ("来源", "source"), ("下单时间", "placed at"),
    ("付款时间", "paid at"), ("发货时间", "shipped at"), ("收货时间", "received at"), ("配送方式", "fulfilment"),
    ("自提门店", "store"),
    ("收货人", "recipient"), ("电话", "phone"), ("省", "province"), ("市", "city"), ("区", "district"),
    ("详细地址", "street"), ("买家备注", "remark"), ("订单实付", "order total"), ("订单运费", "order freight"),
    ("行号", "line"), ("商品编码", "SKU code"), ("商品", "title"), ("数量", "quantity"), ("单价", "unit price"),
    ("优惠", "discount"), ("行小计", "line total"), ("供应商", "supplier"), ("已发件数", "units sent"),
    ("已退件数", "units refunded"), ("已退金额", "refunded"),
)  # fmt: skip
_ORDER = (
    o.id, o.number, o.state, o.is_confirmed, o.source, o.placed_at, o.paid_at, o.shipped_at, o.received_at, o.fulfilment,
    o.destination, o.store_id, o.remark, o.total_minor, o.freight_minor, o.currency,
)  # fmt: skip
_PARTS = ("recipient", "phone", "province", "city", "district", "street")
_ln = lines.c
_LINES = (
    select(
        _ln.order_id, _ln.position, skus.c.code, _ln.title, _ln.quantity, _ln.unit_price_minor, _ln.discount_minor,
        _ln.total_minor, suppliers.c.name.label("supplier"), _ln.shipped, _ln.refunded,
        (_ln.refunded_goods_minor + _ln.refunded_freight_minor).label("refunded_minor"),
    )
    .select_from(lines.join(skus, skus.c.id == _ln.sku_id).outerjoin(suppliers, suppliers.c.id == _ln.supplier_id))
    .order_by(_ln.order_id, _ln.position)
)  # fmt: skip
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")


async def lines_of(db: Database, wanted: WantedOrders) -> int:
    """How many lines an export has. Raises BadInput for more than MOST_LINES."""
    check_wanted(wanted)
    async with db.transaction() as tx:
        await tx.execute(_PLAN_FOR_THESE_VALUES)
        sought = await seek(tx, wanted.text)
        if sought is not None and sought.is_nothing:
            return 0
        count = await count_lines(tx, Narrowing.of(wanted, sought), most=MOST_LINES)
    if count > MOST_LINES:
        raise BadInput(f"the export has more than {MOST_LINES} lines; narrow the filter")
    return count


async def orders_file(db: Database, wanted: WantedOrders) -> AsyncIterator[bytes]:
    """The file in pieces of some hundred kilobytes: a heading, then the lines of the newest order first.

    No transaction stays open between two pieces, however slowly they are fetched: an order that changes meanwhile is
    written as it was or as it is, and one that is placed meanwhile is left out.
    """
    yield heading(COLUMNS)
    narrowing = await _narrowing(db, wanted)
    place: Place | None = None
    written = 0
    while narrowing is not None and written < MOST_LINES:
        found = await _next(db, narrowing, place)
        if not found:
            return
        # in a thread: whoever else is served by this process is not kept waiting
        rows = await asyncio.to_thread(_rows, found)
        yield b"".join(rows[: MOST_LINES - written])
        written += len(rows)
        last = found[-1][0]
        place = (last.placed_at, last.id)


async def _narrowing(db: Database, wanted: WantedOrders) -> Narrowing | None:
    """The filter in SQL; None when its text means nothing that there is."""
    async with db.reading() as reader:
        sought = await seek(reader, wanted.text)
    return None if sought is not None and sought.is_nothing else Narrowing.of(wanted, sought)


async def _next(db: Database, narrowing: Narrowing, place: Place | None) -> list[tuple[AnyRow, Sequence[AnyRow]]]:
    """The next orders, each with its store's name and its lines."""
    async with db.transaction() as tx:
        await tx.execute(_PLAN_FOR_THESE_VALUES)
        columns = (*_ORDER, _STORE)
        found = await chunk(tx, narrowing, columns, place=place, limit=ORDERS_AT_A_TIME)
        of_order: dict[Any, list[AnyRow]] = {order.id: [] for order in found}
        for line in await tx.rows(_LINES.where(_ln.order_id == func.any(list(of_order)))):
            of_order[line.order_id].append(line)
    return [(order, of_order[order.id]) for order in found]


_STORE = select(stores.c.name).where(stores.c.id == o.store_id).scalar_subquery().label("store")


def _rows(found: Sequence[tuple[AnyRow, Sequence[AnyRow]]]) -> list[bytes]:
    """A row for each line; the order's own cells, which stand first, are made once for all of them."""
    rows = []
    for order, its_lines in found:
        begun = cells(_order_cells(order)).removesuffix(_ROW_END) + b","
        rows += [begun + cells(_line_cells(line, order.currency)) for line in its_lines]
    return rows


_ROW_END = b"\r\n"


def _order_cells(order: AnyRow) -> list[Cell]:
    destination = order.destination or {}
    return [
        shown_number(order.number, order.placed_at),
        order.state,
        "yes" if order.is_confirmed else "no",
        order.source,
        order.placed_at,
        order.paid_at,
        order.shipped_at,
        order.received_at,
        order.fulfilment,
        order.store,
        *(destination.get(part) for part in _PARTS),
        order.remark,
        Money(order.total_minor, order.currency),
        Money(order.freight_minor, order.currency),
    ]


def _line_cells(line: AnyRow, currency: str) -> list[Cell]:
    return [
        line.position,
        line.code,
        line.title,
        line.quantity,
        Money(line.unit_price_minor, currency),
        Money(line.discount_minor, currency),
        Money(line.total_minor, currency),
        line.supplier,
        line.shipped,
        line.refunded,
        Money(line.refunded_minor, currency),
    ]
