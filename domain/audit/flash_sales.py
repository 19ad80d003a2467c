"""Flash sales: what tickets promise are orders, nothing is oversold and limits hold, counted again from the orders."""

from domain.audit.checks import Check
from domain.flash_sales.reserving import SOURCE
from domain.orders.events import OrderCancelled, OrderLapsed, OrderPaid

_SOURCE = {"source": SOURCE}

TICKETS_HAVE_ORDERS = Check(
    "reserved tickets have their orders",
    "凭证与订单一一对应",
    looks_at="""
        SELECT (SELECT count(*) FROM flash_sale_tickets WHERE order_id IS NOT NULL) AS "tickets",
               (SELECT count(*) FROM orders WHERE source = CAST(:source AS text)) AS "orders"
    """,
    differing="""
        WITH placed AS (
            SELECT orders.id, source_id, shopper_id, sku_id, allotment_id, quantity, unit_price_minor AS price_minor
            FROM orders LEFT JOIN order_lines AS line ON line.order_id = orders.id
            WHERE source = CAST(:source AS text)
        ),
        promised AS (
            SELECT ticket.id, order_id, shopper_id, sku_id, allotment_id, quantity, sale_price_minor AS price_minor
            FROM flash_sale_tickets AS ticket LEFT JOIN flash_sale_items AS item ON item.id = ticket.item_id
            WHERE ticket.order_id IS NOT NULL
        )
        SELECT CASE WHEN promised.id IS NULL THEN 'order' ELSE 'ticket' END AS kind,
               coalesce(promised.id, placed.id) AS id,
               CASE WHEN promised.id IS NULL THEN 'a ticket that promised it'
                    ELSE format('an order of the shopper, %s × %s fen', promised.quantity, promised.price_minor)
                    END AS expected,
               CASE WHEN promised.id IS NULL OR placed.id IS NULL THEN 'none'
                    ELSE format('an order of %s, %s × %s fen',
                                CASE placed.shopper_id WHEN promised.shopper_id THEN 'the shopper' ELSE 'another' END,
                                placed.quantity, placed.price_minor)
                         || CASE WHEN (placed.sku_id, placed.allotment_id) IS DISTINCT FROM
                                      (promised.sku_id, promised.allotment_id) THEN ', of other stock' ELSE '' END
                    END AS found
        FROM promised FULL JOIN placed ON placed.id = promised.order_id AND placed.source_id = promised.id
        WHERE (promised.shopper_id, promised.sku_id, promised.allotment_id, promised.quantity, promised.price_minor)
              IS DISTINCT FROM
              (placed.shopper_id, placed.sku_id, placed.allotment_id, placed.quantity, placed.price_minor)
    """,
    parameters=_SOURCE,
)

TICKETS_AGREE = Check(
    "tickets know what became of their orders",
    "凭证状态与订单一致",
    looks_at="""
        SELECT count(*) FILTER (WHERE state = 'reserved') AS "reserved",
               count(*) FILTER (WHERE state = 'paid') AS "paid",
               count(*) FILTER (WHERE state = 'lapsed') AS "lapsed"
        FROM flash_sale_tickets
    """,
    # an order's news may still be on its way to the ticket
    differing="""
        SELECT 'ticket' AS kind, ticket.id, 'as its order: ' || orders.state AS expected, ticket.state AS found
        FROM flash_sale_tickets AS ticket JOIN orders ON orders.id = ticket.order_id
        WHERE ticket.state <> CASE WHEN orders.state = 'placed' THEN 'reserved'
                                    WHEN orders.paid_at IS NOT NULL THEN 'paid' ELSE 'lapsed' END
          AND NOT EXISTS (
            SELECT FROM outbox_events AS event
            WHERE event.aggregate_id = orders.id AND delivered_at IS NULL AND dead_at IS NULL
              AND event.kind = ANY(CAST(:news AS text[]))
          )
    """,
    parameters={"news": [OrderPaid.kind, OrderLapsed.kind, OrderCancelled.kind]},
)

# By the stock that was taken, not by what the orders say of themselves: units of a sale are counted whoever took them.
_ORDERED = """
    WITH ordered AS (
        SELECT item.id AS item_id, orders.shopper_id, sum(line.quantity) AS units
        FROM orders
        JOIN order_lines AS line ON line.order_id = orders.id
        JOIN flash_sale_items AS item ON item.allotment_id = line.allotment_id
        WHERE orders.state = 'placed' OR orders.paid_at IS NOT NULL
        GROUP BY 1, 2
    )
"""

NOT_OVERSOLD = Check(
    "no item is oversold",
    "零超卖",
    looks_at="""
        SELECT count(*) AS "items", coalesce(sum(units), 0) AS "units for sale",
               coalesce(sum(allotment.held + allotment.sold), 0) AS "ordered"
        FROM flash_sale_items AS item JOIN stock_allotments AS allotment ON allotment.id = item.allotment_id
    """,
    given=_ORDERED,
    differing="""
        SELECT 'saleitem' AS kind, item.id, format('at most %s units', item.units) AS expected,
               format('%s ordered, %s allotted', coalesce(ordered.units, 0), allotment.total) AS found
        FROM flash_sale_items AS item
        JOIN stock_allotments AS allotment ON allotment.id = item.allotment_id
        LEFT JOIN (SELECT item_id, sum(units) AS units FROM ordered GROUP BY item_id) AS ordered
               ON ordered.item_id = item.id
        WHERE greatest(ordered.units, allotment.total) > item.units
    """,
)

WITHIN_LIMIT = Check(
    "no shopper has more than the limit",
    "限购成立",
    looks_at="""
        SELECT count(*) AS "limits", coalesce(sum(units), 0) AS "units" FROM flash_sale_shoppers
    """,
    given=_ORDERED,
    differing="""
        SELECT 'account' AS kind, shopper_id AS id, format('at most %s × %s', item.per_shopper, item.title) AS expected,
               format('%s ordered, %s counted', coalesce(ordered.units, 0), coalesce(counted.units, 0)) AS found
        FROM ordered
        FULL JOIN flash_sale_shoppers AS counted USING (item_id, shopper_id)
        JOIN flash_sale_items AS item ON item.id = item_id
        WHERE greatest(ordered.units, counted.units) > item.per_shopper
    """,
)

UNITS_COUNTED = Check(
    "shoppers' units are those of their tickets",
    "每人件数 = 有效凭证",
    looks_at="""
        SELECT count(*) AS "counters", coalesce(sum(units), 0) AS "units" FROM flash_sale_shoppers
    """,
    differing="""
        SELECT 'account' AS kind, shopper_id AS id, format('%s × %s', coalesce(live.units, 0), item.title) AS expected,
               CASE WHEN counted.units IS NULL THEN 'no counter' ELSE format('%s counted', counted.units) END AS found
        FROM (
            SELECT item_id, shopper_id, sum(quantity) AS units
            FROM flash_sale_tickets WHERE state IN ('reserved', 'paid') GROUP BY 1, 2
        ) AS live
        FULL JOIN flash_sale_shoppers AS counted USING (item_id, shopper_id)
        LEFT JOIN flash_sale_items AS item ON item.id = item_id
        WHERE coalesce(live.units, 0) <> coalesce(counted.units, -1)
    """,
)

SETTLED = Check(
    "settled sales have given everything back",
    "已结算场次无剩余",
    looks_at="""
        SELECT count(DISTINCT sale.id) AS "settled sales", count(*) AS "items"
        FROM flash_sales AS sale JOIN flash_sale_items AS item ON item.sale_id = sale.id
        WHERE sale.state = 'settled'
    """,
    differing="""
        SELECT 'saleitem' AS kind, item.id, 'closed, 0 free, 0 held' AS expected,
               CASE WHEN allotment.id IS NULL THEN 'no allotment'
                    WHEN closed_at IS NULL THEN format('open, %s free, %s held', free, held)
                    ELSE format('closed, %s free, %s held', free, held) END AS found
        FROM flash_sales AS sale
        JOIN flash_sale_items AS item ON item.sale_id = sale.id
        LEFT JOIN stock_allotments AS allotment ON allotment.id = item.allotment_id
        WHERE sale.state = 'settled' AND (closed_at IS NOT NULL AND free = 0 AND held = 0) IS NOT TRUE
    """,
)

CHECKS = (TICKETS_HAVE_ORDERS, TICKETS_AGREE, NOT_OVERSOLD, WITHIN_LIMIT, UNITS_COUNTED, SETTLED)
