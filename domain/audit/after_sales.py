"""Parcels and after-sales: what the orders' lines count is what left and what was given back."""

from domain.after_sales.rules import GIVEN_BACK
from domain.audit.checks import Check

_GIVEN_BACK = {"given_back": sorted(GIVEN_BACK)}

SHIPPED = Check(
    "units that left are in parcels or were handed over",
    "已发件数 = 包裹与自提",
    looks_at="""
        SELECT (SELECT coalesce(sum(shipped), 0) FROM order_lines) AS "units", (SELECT count(*) FROM shipments) AS "parcels"
    """,
    # a store hands over everything that was not given back before
    differing="""
        SELECT 'order' AS kind, line.order_id AS id,
               format('line %s: %s %s', line.position, left_units,
                      CASE received_by WHEN 'store' THEN 'handed over' ELSE 'in parcels' END) AS expected,
               format('%s shipped', shipped) AS found
        FROM (
            SELECT line.order_id, line.position, shipped, received_by,
                   CASE received_by WHEN 'store' THEN quantity - unsent ELSE coalesce(parcel.units, 0) END AS left_units
            FROM order_lines AS line JOIN orders ON orders.id = line.order_id
            LEFT JOIN (
                SELECT order_id, position, sum(quantity) AS units FROM shipment_lines GROUP BY 1, 2
            ) AS parcel ON parcel.order_id = line.order_id AND parcel.position = line.position
        ) AS line
        WHERE shipped <> left_units
    """,
)

UNITS_GIVEN_BACK = Check(
    "units that went back are in after-sales",
    "退款件数 = 售后单",
    looks_at="""
        SELECT coalesce(sum(refunded), 0) AS "units", coalesce(sum(restocked), 0) AS "in stock again" FROM order_lines
    """,
    differing="""
        SELECT 'order' AS kind, line.order_id AS id,
               format('line %s: %s refunded, %s of them unsent, %s restocked', line.position, coalesce(asked.refunded, 0),
                      coalesce(asked.unsent, 0), coalesce(asked.restocked, 0)) AS expected,
               format('%s refunded, %s unsent, %s restocked', line.refunded, line.unsent, line.restocked) AS found
        FROM order_lines AS line
        LEFT JOIN (
            SELECT of_line.order_id, position, sum(quantity) AS refunded, sum(unsent) AS unsent,
                   sum(restocked) AS restocked
            FROM after_sale_lines AS of_line JOIN after_sales ON after_sales.id = after_sale_id
            WHERE state = ANY(CAST(:given_back AS text[]))
            GROUP BY 1, 2
        ) AS asked ON asked.order_id = line.order_id AND asked.position = line.position
        WHERE (line.refunded, line.unsent, line.restocked)
              <> (coalesce(asked.refunded, 0), coalesce(asked.unsent, 0), coalesce(asked.restocked, 0))
    """,
    parameters=_GIVEN_BACK,
)

MONEY_GIVEN_BACK = Check(
    "orders give back what was agreed, and their payments do",
    "订单退款 = 售后同意金额 = 支付退款",
    looks_at="""
        SELECT count(*) FILTER (WHERE refunded_minor > 0) AS "orders", coalesce(sum(refunded_minor), 0) AS "¥"
        FROM orders
    """,
    differing="""
        SELECT 'order' AS kind, orders.id,
               format('%s fen agreed, %s of %s paid asked back', coalesce(agreed.minor, 0), coalesce(asked.minor, 0),
                      CASE WHEN paid_at IS NULL THEN 0 ELSE total_minor END) AS expected,
               format('%s fen', refunded_minor) AS found
        FROM orders
        LEFT JOIN (
            SELECT order_id, sum(agreed_minor) AS minor FROM after_sales
            WHERE state = ANY(CAST(:given_back AS text[])) GROUP BY 1
        ) AS agreed ON agreed.order_id = orders.id
        LEFT JOIN (
            SELECT payment_id, sum(amount_minor) AS minor FROM refunds WHERE cause_id IS NOT NULL GROUP BY 1
        ) AS asked ON asked.payment_id = orders.paid_with
        WHERE refunded_minor <> coalesce(agreed.minor, 0) OR refunded_minor <> coalesce(asked.minor, 0)
           OR refunded_minor > CASE WHEN paid_at IS NULL THEN 0 ELSE total_minor END
    """,
    parameters=_GIVEN_BACK,
)

REFUNDS_AGREED = Check(
    "after-sales have their refunds",
    "售后单与退款单相符",
    looks_at="""
        SELECT count(*) AS "after-sales", count(refund_id) AS "refunds", coalesce(sum(agreed_minor), 0) AS "¥"
        FROM after_sales
    """,
    # what was agreed to be nothing has no refund; of what the gateway did the after-sale may not have heard yet
    differing="""
        SELECT CASE WHEN asked.id IS NULL THEN 'refund' ELSE 'aftersale' END AS kind, coalesce(asked.id, refund.id) AS id,
               CASE WHEN asked.id IS NULL THEN 'an after-sale that asked for it'
                    WHEN asked.state = ANY(CAST(:given_back AS text[]))
                        THEN format('%s: a refund of %s fen %s', asked.state, agreed_minor, asked.currency)
                    ELSE format('%s: no refund', asked.state) END AS expected,
               CASE WHEN refund.id IS NULL THEN 'no refund'
                    ELSE format('%s fen %s, %s', refund.amount_minor, refund.currency, refund.state) END AS found
        FROM after_sales AS asked
        FULL JOIN (SELECT * FROM refunds WHERE cause_id IS NOT NULL) AS refund ON refund.cause_id = asked.id
        WHERE (CASE
            WHEN asked.state = ANY(CAST(:given_back AS text[])) AND agreed_minor > 0
                THEN refund.id = refund_id AND refund.amount_minor = agreed_minor AND refund.currency = asked.currency
                     AND (asked.state = 'refunding' OR refund.state = 'refunded')
            WHEN asked.state = ANY(CAST(:given_back AS text[]))
                THEN refund.id IS NULL AND refund_id IS NULL AND asked.state = 'refunded'
            ELSE asked.id IS NOT NULL AND refund.id IS NULL AND refund_id IS NULL
        END) IS NOT TRUE
    """,
    parameters=_GIVEN_BACK,
)

CHECKS = (SHIPPED, UNITS_GIVEN_BACK, MONEY_GIVEN_BACK, REFUNDS_AGREED)
