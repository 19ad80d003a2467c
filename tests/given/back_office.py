"""Builders for the back office: staff with names, and very many orders, made by SQL."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from domain.foundation.database import Database
from domain.foundation.ids import new_id

# Of a thousand orders: 40 wait, 150 are paid, 100 sent, 650 received, 40 lapsed, 20 cancelled; every 5,000th had late money.
# Ids rise with the moment they were placed, as they do in life; three lines to each order.
_ORDERS = """
    INSERT INTO orders (id, shopper_id, state, goods_minor, total_minor, currency, source, source_id, placed_at, pay_by,
                        fulfilment, destination, store_id, remark, paid_at, paid_with, lapsed_at, cancelled_at,
                        shipped_at, received_at, received_by, paid_late_at, late_outcome)
    SELECT id, :shopper_id, state, 6000, 6000, 'CNY', CASE WHEN n % 3 = 0 THEN 'flash_sale' END,
           CASE WHEN n % 3 = 0 THEN gen_random_uuid() END, placed_at, placed_at + interval '15 minutes',
           CASE WHEN n % 10 = 9 THEN 'pickup' ELSE 'delivery' END,
           CASE WHEN n % 10 <> 9 THEN jsonb_build_object(
               'recipient', CASE WHEN n % 500 = 0 THEN '王伟' ELSE '收货人' || n END, 'phone', '1' || (3000000000 + n),
               'province', '上海市', 'city', '上海市', 'district', '静安区', 'region_code', '310106',
               'street', '南京西路 ' || n || ' 号') END,
           CASE WHEN n % 10 = 9 THEN (CAST(:store_ids AS uuid[]))[1 + n / 10 % 20] END, '',
           CASE WHEN state IN ('paid', 'shipped', 'received') THEN placed_at END,
           CASE WHEN state IN ('paid', 'shipped', 'received') OR n % 5000 = 970 THEN gen_random_uuid() END,
           CASE WHEN state = 'lapsed' THEN placed_at END, CASE WHEN state = 'cancelled' THEN placed_at END,
           CASE WHEN state IN ('shipped', 'received') THEN placed_at END,
           CASE WHEN state = 'received' THEN placed_at END, CASE WHEN state = 'received' THEN 'shopper' END,
           CASE WHEN n % 5000 = 970 THEN placed_at END, CASE WHEN n % 5000 = 970 THEN 'refunded' END
    FROM (SELECT n, CAST(lpad(to_hex(1762000000000 + n), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0') AS uuid) AS id,
                 CAST(:now AS timestamptz) - make_interval(secs => (CAST(:count AS int) - n) * CAST(:between AS int)) AS placed_at,
                 CASE WHEN n % 1000 < 40 THEN 'placed' WHEN n % 1000 < 190 THEN 'paid' WHEN n % 1000 < 290 THEN 'shipped'
                      WHEN n % 1000 < 940 THEN 'received' WHEN n % 1000 < 980 THEN 'lapsed' ELSE 'cancelled' END AS state
          FROM generate_series(1, CAST(:count AS int)) AS n) AS made
"""
_LINES = """
    INSERT INTO order_lines (order_id, position, sku_id, title, quantity, unit_price_minor, total_minor, supplier_id,
                             cost_minor)
    SELECT orders.id, at, (CAST(:sku_ids AS uuid[]))[1 + (number * 7 + at * (1 + number % 3)) % CAST(:skus AS int)], '桂花酒酿', 1,
           2000, 2000, supplier, CASE WHEN supplier IS NOT NULL THEN 1000 END
    FROM orders, generate_series(1, CAST(:lines AS int)) AS place (at),
         LATERAL (SELECT CASE WHEN at = 3 AND number % 4 = 0 THEN (CAST(:supplier_ids AS uuid[]))[1] -- every fourth
                              WHEN at = 3 AND number % 1001 = 0 THEN (CAST(:supplier_ids AS uuid[]))[2]
                              WHEN at = 3 AND number < 100001 + CAST(:count AS int) / 10 AND number % 2 = 1
                                   THEN (CAST(:supplier_ids AS uuid[]))[3] -- long ago
                         END AS supplier) AS sender
"""
_PARCELS = """
    INSERT INTO shipments (id, order_id, carrier, tracking_number, state, shipped_at, shipped_by)
    SELECT gen_random_uuid(), id, 'sf', 'SF' || number, 'shipped', placed_at, gen_random_uuid()
    FROM orders WHERE state IN ('shipped', 'received')
"""
_AFTER_SALES = """
    INSERT INTO after_sales (id, order_id, shopper_id, kind, state, reason, due_at, asked_minor, currency, requested_at)
    SELECT gen_random_uuid(), id, shopper_id, 'refund', CASE WHEN number % 2500 = 0 THEN 'requested' ELSE 'rejected' END,
           'other', CASE WHEN number % 2500 = 0 THEN placed_at END, 100, 'CNY', placed_at
    FROM orders WHERE number % 500 = 0 AND paid_at IS NOT NULL
"""


class BackOfficeGiven:
    """Builders for the back office."""

    db: Database
    now: datetime

    async def many_orders(
        self, count: int, *, lines: int = 3, skus: int = 200, seconds_between: int = 60
    ) -> "ManyOrders":
        """So many orders, the last placed now; written past every action, so no money and no units move."""
        shopper_id = await self.shopper("老顾客")  # type: ignore[attr-defined]
        sku_ids = [
            sku_id
            for at in range(skus)
            for sku_id in (await self.product(f"{'苏州' if at % 100 == 1 else '杭州'}桂花糕 {at}号", units=0)).sku_ids  # type: ignore[attr-defined]
        ]
        made = ManyOrders(shopper_id, sku_ids, [new_id() for _ in range(20)], [new_id() for _ in range(3)])
        async with self.db.transaction() as tx:
            await tx.execute(text("SET LOCAL statement_timeout = '120s'"))
            await tx.execute(_STORES, [{"id": i, "code": str(i), "now": self.now} for i in made.store_ids])
            await tx.execute(_SUPPLIERS, [{"id": i, "code": str(i), "now": self.now} for i in made.supplier_ids])
            figures = {"count": count, "now": self.now, "between": seconds_between}
            whose = {"shopper_id": shopper_id, "store_ids": made.store_ids}
            await tx.execute(text(_ORDERS), {**figures, **whose})
            bought = {"sku_ids": sku_ids, "skus": len(sku_ids), "lines": lines, "supplier_ids": made.supplier_ids}
            await tx.execute(text(_LINES), {**bought, "count": count})
            await tx.execute(text(_PARCELS))
            await tx.execute(text(_AFTER_SALES))
        async with self.db.reading() as reader:
            await reader.connection.execute(text("ANALYZE orders, order_lines, shipments, after_sales, skus, products"))
        return made


class ManyOrders:
    """What they were made of. The first supplier is in every fourth order, the second in few, the third in old ones only."""

    def __init__(self, shopper_id: UUID, sku_ids: list[UUID], store_ids: list[UUID], supplier_ids: list[UUID]) -> None:
        self.shopper_id = shopper_id
        self.sku_ids = sku_ids
        self.store_ids = store_ids
        self.supplier_ids = supplier_ids


_STORES = text("""
    INSERT INTO stores (id, code, name, region_code, address, opens_at, closes_at, created_at, updated_at)
    VALUES (:id, :code, '静安店', '310106', '南京西路 1 号', '09:00', '21:00', :now, :now)
""")
_SUPPLIERS = text(
    "INSERT INTO suppliers (id, code, name, feed_key, created_at) VALUES (:id, :code, '苏州供应商', '', :now)"
)
