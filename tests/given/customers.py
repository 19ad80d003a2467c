"""Builders for purchase histories: orders as they stand in the end, many in a few statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from domain.customers import refreshing, standing, store
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.sharing.rules import Link

AT_ONCE = 10_000
_ORDERS = text("""
    INSERT INTO orders (id, shopper_id, state, goods_minor, total_minor, currency, placed_at, pay_by, paid_at, paid_with,
                        received_at, received_by, refunded_at, refunded_minor)
    SELECT id, shopper_id, CASE WHEN is_whole THEN 'refunded' ELSE 'received' END, goods, goods, 'CNY', paid_at, paid_at,
           paid_at, id, paid_at, 'shopper', CASE WHEN is_whole THEN paid_at END, back
    FROM unnest(CAST(:ids AS uuid[]), CAST(:shopper_ids AS uuid[]), CAST(:goods AS bigint[]), CAST(:paid_at AS timestamptz[]),
                CAST(:back AS bigint[]), CAST(:whole AS boolean[])) AS bought (id, shopper_id, goods, paid_at, back, is_whole)
""")
_LINES = text("""
    INSERT INTO order_lines (order_id, position, sku_id, title, quantity, unit_price_minor, total_minor, supplier_id,
                             cost_minor, shipped, refunded, restocked, refunded_goods_minor)
    SELECT id, 1, sku_id, '唱片', 1, goods, goods, CASE WHEN cost IS NOT NULL THEN CAST(:supplier_id AS uuid) END, cost, 1,
           CAST(is_whole AS int), CAST(is_whole AS int), back
    FROM unnest(CAST(:ids AS uuid[]), CAST(:sku_ids AS uuid[]), CAST(:goods AS bigint[]), CAST(:costs AS bigint[]),
                CAST(:back AS bigint[]), CAST(:whole AS boolean[])) AS bought (id, sku_id, goods, cost, back, is_whole)
""")
_ATTRIBUTIONS = text("""
    INSERT INTO share_attributions (order_id, link_id, sharer_id, shopper_id, opened_at, placed_at, paid_at)
    SELECT id, link_id, sharer_id, shopper_id, paid_at, paid_at, paid_at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:link_ids AS uuid[]), CAST(:sharer_ids AS uuid[]), CAST(:shopper_ids AS uuid[]),
                CAST(:paid_at AS timestamptz[])) AS bought (id, link_id, sharer_id, shopper_id, paid_at)
""")

_BACK = text("""
    WITH gone AS (
      UPDATE orders SET state = 'refunded', refunded_at = paid_at, refunded_minor = total_minor
      WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'received' RETURNING id, shopper_id
    ), lines AS (
      UPDATE order_lines SET refunded = quantity, restocked = quantity, refunded_goods_minor = total_minor
      FROM gone WHERE order_id = gone.id
    )
    SELECT shopper_id FROM gone
""")

_MONEY_BACK = text("""
    WITH payment AS (
      INSERT INTO payments (id, payable, payable_id, payer_id, amount_minor, currency, gateway, state, asked_at, expires_at,
                            look_at, captured_at, refund_asked_minor, refunded_minor)
      SELECT paid_with, 'order', id, shopper_id, total_minor, 'CNY', 'wechat', 'captured', paid_at, paid_at, paid_at, paid_at,
             :amount, :amount
      FROM orders WHERE id = :order_id RETURNING id
    )
    INSERT INTO refunds (id, payment_id, amount_minor, currency, reason, state, asked_at, refunded_at)
    SELECT :refund_id, id, :amount, 'CNY', 'quality', 'refunded', :at, :at FROM payment
""")


@dataclass(frozen=True, slots=True)
class Bought:
    """An order of one unit that was paid and received; `by` whose share link it came.

    `cost_minor`: what its supplier is owed for it; without one the goods are our own. `back_minor` went back, and with
    `is_whole` the unit.
    """

    shopper_id: UUID
    paid_at: datetime
    goods_minor: int
    cost_minor: int | None = None
    sku_id: UUID | None = None
    back_minor: int = 0
    is_whole: bool = False
    by: Link | None = None


class CustomersGiven:
    """Builders for customers."""

    db: Database
    now: datetime

    async def history(self, purchases: Iterable[Bought]) -> list[UUID]:
        """Orders as they stand in the end, in the order given; nobody hears of them."""
        sku_id, supplier_id = await self.sku(), await self.some_supplier()  # type: ignore[attr-defined]
        order_ids: list[UUID] = []
        everything = list(purchases)
        for start in range(0, len(everything), AT_ONCE):
            some = everything[start : start + AT_ONCE]
            ids = [new_id() for _ in some]
            order_ids += ids
            common = {
                "ids": ids,
                "shopper_ids": [one.shopper_id for one in some],
                "goods": [one.goods_minor for one in some],
                "paid_at": [one.paid_at for one in some],
                "back": [one.back_minor for one in some],
                "whole": [one.is_whole for one in some],
            }
            goods = {
                "sku_ids": [one.sku_id or sku_id for one in some],
                "costs": [one.cost_minor for one in some],
                "supplier_id": supplier_id,
            }
            shared = [(order_id, one) for order_id, one in zip(ids, some, strict=True) if one.by]
            async with self.db.transaction() as tx:
                await tx.execute(_ORDERS, common)
                await tx.execute(_LINES, common | goods)
                await tx.execute(_ATTRIBUTIONS, _attributed(shared))
        return order_ids

    async def whole_orders_back(self, order_ids: Sequence[UUID]) -> list[UUID]:
        """All money of these orders goes back; whose they are."""
        async with self.db.transaction() as tx:
            return list(await tx.column(_BACK, {"ids": list(order_ids)}))

    async def money_back(self, order_id: UUID, amount_minor: int, *, at: datetime) -> None:
        """The gateway gives back some of an order's money, of which less than all was kept; the order is left as it is."""
        back = {"order_id": order_id, "amount": amount_minor, "at": at, "refund_id": new_id()}
        async with self.db.transaction() as tx:
            await tx.execute(_MONEY_BACK, back)

    async def hears_of(self, *account_ids: UUID) -> None:
        """What the worker does when these people's orders have changed."""
        async with self.db.transaction() as tx:
            await store.note_changed(tx, account_ids)

    async def customers_rebuilt(self, *, now: datetime | None = None) -> None:
        """Everybody worked out anew, and counted together."""
        await refreshing.rebuild(self.db, now=now or self.now)
        await standing.stand(self.db, now=now or self.now)


def _attributed(shared: Sequence[tuple[UUID, Bought]]) -> dict[str, list[object]]:
    return {
        "ids": [order_id for order_id, _ in shared],
        "link_ids": [one.by.id for _, one in shared if one.by],
        "sharer_ids": [one.by.sharer_id for _, one in shared if one.by],
        "shopper_ids": [one.shopper_id for _, one in shared],
        "paid_at": [one.paid_at for _, one in shared],
    }
