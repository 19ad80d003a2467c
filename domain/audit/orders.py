"""Orders: they cost what their lines cost, hold what they promise, and are as far as their lines and moments say."""

from domain.audit.checks import Check, Note

ADD_UP = Check(
    "orders cost what their lines cost",
    "订单金额 = 各行之和",
    looks_at="""SELECT count(*) AS "orders", coalesce(sum(total_minor), 0) AS "¥" FROM orders""",
    differing="""
        SELECT 'order' AS kind, orders.id,
               CASE WHEN line.goods IS NULL THEN 'lines'
                    ELSE format('%s goods - %s discount + %s freight, %s refunded', line.goods, line.discount,
                                line.freight, line.refunded) END AS expected,
               format('%s goods - %s discount + %s freight = %s, %s refunded', goods_minor, discount_minor,
                      freight_minor, total_minor, refunded_minor) AS found
        FROM orders
        LEFT JOIN (
            SELECT order_id, sum(unit_price_minor * quantity) AS goods, sum(discount_minor) AS discount,
                   sum(freight_minor) AS freight, sum(refunded_goods_minor + refunded_freight_minor) AS refunded
            FROM order_lines GROUP BY order_id
        ) AS line ON line.order_id = orders.id
        WHERE (goods_minor, discount_minor, freight_minor, refunded_minor)
              IS DISTINCT FROM (line.goods, line.discount, line.freight, line.refunded)
           OR total_minor <> goods_minor - discount_minor + freight_minor
    """,
)

EXPLAINED = Check(
    "lines cost what their explanations say",
    "行金额 = 价格说明之和",
    looks_at="""
        SELECT count(*) AS "lines", count(*) FILTER (WHERE explanation <> '[]') AS "explained" FROM order_lines
    """,
    # a line without a single step was not priced here: its promotion had set the price
    differing="""
        SELECT 'order' AS kind, order_id AS id,
               format('line %s: %s fen + %s freight', position, total_minor, freight_minor) AS expected,
               format('%s fen explained', sum(CAST(step.kept ->> 'minor' AS bigint))) AS found
        FROM order_lines CROSS JOIN jsonb_array_elements(explanation) AS step (kept)
        GROUP BY order_id, position
        HAVING sum(CAST(step.kept ->> 'minor' AS bigint)) IS DISTINCT FROM total_minor + freight_minor
    """,
)

HOLD = Check(
    "orders hold what they promise",
    "订单与预占相符",
    looks_at="""
        SELECT count(*) FILTER (WHERE state = 'placed') AS "placed orders",
               count(*) FILTER (WHERE paid_at IS NOT NULL) AS "paid orders",
               count(*) FILTER (WHERE state <> 'placed' AND paid_at IS NULL) AS "ended orders"
        FROM orders
    """,
    # free stock is told from an allotment by the SKU's own id: a NULL could not be joined by hash
    differing="""
        WITH held AS (
            SELECT order_id, sku_id, coalesce(allotment_id, sku_id) AS taken_from,
                   coalesce(sum(quantity) FILTER (WHERE ended_at IS NULL), 0) AS open,
                   coalesce(sum(quantity) FILTER (WHERE outcome = 'sold'), 0) AS sold, sum(returned) AS returned
            FROM stock_holds GROUP BY 1, 2, 3
        ),
        wanted AS (
            SELECT order_id, sku_id, coalesce(allotment_id, sku_id) AS taken_from, min(state) AS state,
                   CASE min(state) WHEN 'placed' THEN sum(quantity) ELSE 0 END AS open,
                   CASE WHEN min(paid_at) IS NULL THEN 0 ELSE sum(quantity) END AS sold, sum(restocked) AS returned
            FROM order_lines JOIN orders ON orders.id = order_lines.order_id
            GROUP BY 1, 2, 3
        )
        SELECT 'order' AS kind, order_id AS id,
               CASE WHEN state IS NULL THEN 'no hold without an order for its goods'
                    ELSE format('%s: %s held, %s sold, %s of them back', state, wanted.open, wanted.sold, wanted.returned)
                    END AS expected,
               format('%s held, %s sold, %s of them back', coalesce(held.open, 0), coalesce(held.sold, 0),
                      coalesce(held.returned, 0)) AS found
        FROM wanted FULL JOIN held USING (order_id, sku_id, taken_from)
        WHERE state IS NULL
           OR (wanted.open, wanted.sold, wanted.returned)
              <> (coalesce(held.open, 0), coalesce(held.sold, 0), coalesce(held.returned, 0))
    """,
)

MOMENTS = Check(
    "orders tell one story",
    "订单状态与时间相符",
    looks_at='SELECT count(*) AS "orders" FROM orders',
    # what the table's own constraints do not see
    differing="""
        SELECT 'order' AS kind, id,
               CASE state WHEN 'placed' THEN 'placed, and nothing else yet'
                          WHEN 'paid' THEN 'paid, or ended once and then revived by late money'
                          WHEN 'shipped' THEN 'paid, then shipped' WHEN 'received' THEN 'paid, then received'
                          WHEN 'refunded' THEN 'paid, and every unit refunded'
                          ELSE state || ' once, by the clock or by somebody, and late money refused' END AS expected,
               concat_ws(', ', state, 'pay by ' || pay_by, 'paid ' || paid_at, 'lapsed ' || lapsed_at,
                         'cancelled ' || cancelled_at, 'paid late ' || paid_late_at, late_outcome) AS found
        FROM orders
        WHERE (CASE
            WHEN state = 'placed' THEN num_nonnulls(paid_at, lapsed_at, cancelled_at, paid_late_at, late_outcome, paid_with) = 0
            WHEN paid_at IS NOT NULL THEN CASE WHEN late_outcome IS NULL
                THEN num_nonnulls(lapsed_at, cancelled_at, paid_late_at) = 0
                ELSE late_outcome = 'revived' AND num_nonnulls(lapsed_at, cancelled_at) = 1 END
                 AND (state <> 'paid' OR num_nonnulls(shipped_at, received_at, refunded_at) = 0)
                 AND (state <> 'shipped' OR num_nonnulls(received_at, refunded_at) = 0)
            ELSE num_nonnulls(lapsed_at, cancelled_at) = 1
                 AND num_nonnulls(paid_late_at, paid_with) <> 1
                 AND coalesce(late_outcome, 'refunded') = 'refunded'
            END
            AND (lapsed_at IS NULL OR lapsed_at >= pay_by)
            AND (cancelled_at IS NULL) = (cancelled_by IS NULL)
        ) IS NOT TRUE
    """,
)

AS_FAR_AS_LINES = Check(
    "orders are as far as their lines",
    "订单状态与各行相符",
    looks_at="""
        SELECT count(*) FILTER (WHERE state = 'paid') AS "paid orders",
               count(*) FILTER (WHERE state = 'shipped') AS "shipped orders",
               count(*) FILTER (WHERE state = 'received') AS "received orders",
               count(*) FILTER (WHERE state = 'refunded') AS "refunded orders"
        FROM orders
    """,
    # what waits in no parcel and at no store would wait for ever: nobody sends it, and no clock receives it
    differing="""
        SELECT 'order' AS kind, id,
               CASE state WHEN 'paid' THEN 'something left to send or to hand over'
                          WHEN 'shipped' THEN 'nothing left to send, something kept, and a time to count as received'
                          WHEN 'received' THEN 'nothing left to send, something kept'
                          WHEN 'refunded' THEN 'nothing left to send, nothing kept'
                          ELSE 'nothing sent, nothing refunded' END
               || CASE WHEN has_code_or_needs_none THEN '' ELSE ', and a pickup code' END AS expected,
               concat_ws(', ', state, to_send || ' to send', kept || ' kept', shipped || ' sent',
                         'received from ' || receive_by || ' on') AS found
        FROM (
            SELECT orders.id, state, receive_by, line.*,
                   paid_at IS NULL OR fulfilment IS DISTINCT FROM 'pickup' OR pickup_code IS NOT NULL AS has_code_or_needs_none
            FROM orders JOIN (
                SELECT order_id, sum(quantity - shipped - unsent) AS to_send, sum(quantity - refunded) AS kept,
                       sum(shipped) AS shipped, sum(refunded) AS refunded
                FROM order_lines GROUP BY order_id
            ) AS line ON line.order_id = orders.id
        ) AS counted
        WHERE NOT has_code_or_needs_none
           OR (CASE state WHEN 'paid' THEN to_send > 0 AND kept > 0
                          WHEN 'shipped' THEN to_send = 0 AND kept > 0 AND receive_by IS NOT NULL
                          WHEN 'received' THEN to_send = 0 AND kept > 0
                          WHEN 'refunded' THEN to_send = 0 AND kept = 0
                          ELSE shipped = 0 AND refunded = 0 END) IS NOT TRUE
    """,
)

UNCONFIRMED_STAY = Check(
    "nothing has left of unconfirmed orders",
    "未确认订单未发货",
    looks_at="""SELECT count(*) AS "unconfirmed orders" FROM orders WHERE NOT is_confirmed""",
    differing="""
        SELECT 'order' AS kind, id, 'nothing sent, nothing handed over, until it is confirmed' AS expected,
               format('%s: %s units sent in %s parcels', state, shipped, parcels) AS found
        FROM (
            SELECT id, state, coalesce(received_at, shipped_at) AS left_at,
                   (SELECT coalesce(sum(shipped), 0) FROM order_lines WHERE order_id = orders.id) AS shipped,
                   (SELECT count(*) FROM shipments WHERE order_id = orders.id) AS parcels
            FROM orders WHERE NOT is_confirmed
        ) AS unconfirmed
        WHERE shipped > 0 OR parcels > 0 OR left_at IS NOT NULL
    """,
)

OVERDUE = Note(
    "orders that should have lapsed a minute ago",
    "超时一分钟仍未关闭",
    counts="""
        SELECT count(*) AS "orders" FROM orders
        WHERE state = 'placed' AND pay_by < CAST(:now AS timestamptz) - interval '1 minute'
    """,
)

STANDING_STILL = Note(
    "paid orders that nothing has moved for 14 days",
    "已付款十四天无进展",
    # no parcel left, and nobody asked for anything or decided about it; what waits for its group waits rightly
    counts="""
        SELECT count(*) AS "orders", coalesce(sum(total_minor - refunded_minor), 0) AS "¥"
        FROM orders
        LEFT JOIN (SELECT order_id, max(shipped_at) AS at FROM shipments GROUP BY 1) AS parcel
               ON parcel.order_id = orders.id
        LEFT JOIN (SELECT order_id, max(greatest(requested_at, decided_at)) AS at FROM after_sales GROUP BY 1) AS asked
               ON asked.order_id = orders.id
        LEFT JOIN group_buy_seats AS seat ON seat.order_id = orders.id
        LEFT JOIN group_buys AS filled ON filled.id = seat.group_id
        WHERE orders.state = 'paid' AND is_confirmed
          AND greatest(orders.paid_at, filled.ended_at, parcel.at, asked.at) < CAST(:now AS timestamptz) - interval '14 days'
    """,
)

CHECKS = (ADD_UP, EXPLAINED, HOLD, MOMENTS, AS_FAR_AS_LINES, UNCONFIRMED_STAY, OVERDUE, STANDING_STILL)
