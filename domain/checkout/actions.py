"""What can be done at the counter: place an order at the price that was quoted."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from domain.carts import store as carts
from domain.checkout import rules, store
from domain.checkout.offers import OFFERS, OfferSource
from domain.checkout.quoting import Priced, priced
from domain.checkout.rules import Wish
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id
from domain.orders import actions as orders
from domain.orders import queries as order_queries
from domain.orders import store as orders_store
from domain.orders.rules import NewLine, NewOrder, Order
from domain.pricing.rules import Fulfilment, PricedLine, Wanted
from domain.suppliers.queries import supplied_by_sku_ids
from domain.suppliers.rules import SuppliedSku


async def place(
    db: Database,
    wish: Wish,
    *,
    expected_total_minor: int,
    idempotency_key: str,
    pay_within: timedelta,
    unpaid_at_most: int = rules.MOST_UNPAID,
    remark: str = "",
    source: OfferSource = OFFERS,
    now: datetime,
) -> Order:
    """Place an order at the expected total, or not at all; its units are held until `pay_within` is over.

    What was chosen in the cart leaves it with the order. An order that costs nothing is taken at once. The same key again
    gives back the same order and changes nothing. Raises BadInput, TooManyUnpaidOrders, BasketEmpty, PriceChanged,
    NotEnoughStock and whatever else a quote names as a problem; NotFound, IdempotencyConflict.
    """
    rules.check_placeable(wish)
    remark = rules.check_remark(remark)
    request = rules.request_of(wish, expected_total_minor=expected_total_minor, remark=remark)
    order_id = new_id()
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=wish.shopper_id,
            key=idempotency_key,
            operation="place_order",
            request=request,
            answer=str(order_id),
        )
        if replay:
            order_id = UUID(replay.answer)
        else:
            wanted = await _wanted(tx, wish)
            rules.check_unpaid(await store.unpaid_orders(tx, wish.shopper_id), at_most=unpaid_at_most)
            charged = await priced(tx, wish, wanted, source=source, now=now)
            rules.check_orderable(charged.quote, expected_total_minor=expected_total_minor)
            await source.redeem(tx, charged.offers, wish, charged.quote, order_id=order_id, now=now)
            await _write(tx, order_id, wish, charged, remark=remark, pay_by=now + pay_within, now=now)
    return (await order_queries.by_ids(db, [order_id]))[order_id]


async def _write(
    tx: Transaction, order_id: UUID, wish: Wish, charged: Priced, *, remark: str, pay_by: datetime, now: datetime
) -> None:
    supplied = await supplied_by_sku_ids(tx, [line.sku_id for line in charged.quote.lines])
    order = _order(order_id, wish, charged, supplied, remark=remark, pay_by=pay_by)
    # last: on a popular SKU every buyer waits for its row
    await orders_store.place_many(tx, [order], now=now)
    if charged.quote.total_minor == 0:
        await orders.take_for_free(tx, order_id, now=now)


async def _wanted(tx: Transaction, wish: Wish) -> tuple[Wanted, ...]:
    # Two checkouts of one shopper come one after the other, or both would count the same unpaid orders: the cart's own
    # lock sees to that, and where no cart is asked another one. (One of each at once may go one order too far.)
    if wish.lines is not None:
        await store.lock_checkout(tx, wish.shopper_id)
        return wish.lines
    return tuple(Wanted(*line) for line in await carts.take_chosen(tx, wish.shopper_id))


def _order(
    order_id: UUID, wish: Wish, charged: Priced, supplied: Mapping[UUID, SuppliedSku], *, remark: str, pay_by: datetime
) -> NewOrder:
    return NewOrder(
        id=order_id,
        shopper_id=wish.shopper_id,
        source=None,
        source_id=None,
        lines=tuple(_line(line, supplied.get(line.sku_id)) for line in charged.quote.lines),
        pay_by=pay_by,
        fulfilment=wish.fulfilment,
        destination=charged.destination,
        store_id=wish.store_id if wish.fulfilment is Fulfilment.PICKUP else None,
        remark=remark,
    )


def _line(line: PricedLine, supplied: SuppliedSku | None) -> NewLine:
    return NewLine(
        sku_id=line.sku_id,
        title=line.title,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        discount_minor=line.discount_minor,
        freight_minor=line.freight_minor,
        explanation=[step.kept() for step in line.explanation],
        supplier_id=supplied.supplier_id if supplied else None,
        cost_minor=supplied.cost.minor if supplied else None,
    )
