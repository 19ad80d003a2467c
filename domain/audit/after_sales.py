"""Parcels, after-sales and seats that were refunded: what the orders' lines count is what left and what was given back."""

from domain.after_sales.rules import GIVEN_BACK, OPEN
from domain.audit.checks import Check, Note
from domain.orders.actions import PAYABLE
from domain.payments.events import PaymentRefunded

GIVEN_BACK_STATES = {"given_back": sorted(GIVEN_BACK)}
# What went back, line by line. Of an after-sale what was agreed to, divided among goods and freight of its lines as
# `amounts.divided` does: deliberately said again. Of a seat whose group expired all that after-sales had left of its order.
DIVIDED = """
    WITH part AS (
        SELECT of_line.order_id, position, quantity, unsent, restocked, refund_id, agreed_minor, goods_minor, freight_minor,
               nullif(sum(goods_minor + freight_minor) OVER (PARTITION BY after_sale_id), 0) AS whole,
               sum(goods_minor + freight_minor) OVER (PARTITION BY after_sale_id ORDER BY position) AS until
        FROM after_sale_lines AS of_line JOIN after_sales ON after_sales.id = after_sale_id
        WHERE state = ANY(CAST(:given_back AS text[]))
    ),
    of_after_sales AS (
        SELECT order_id, position, refund_id, quantity, unsent, restocked,
               coalesce(goods_until - goods_from, 0) AS goods_minor,
               coalesce(freight_until - goods_until, 0) AS freight_minor
        FROM (
            SELECT *, div(agreed_minor * (until - freight_minor - goods_minor), whole) AS goods_from,
                   div(agreed_minor * (until - freight_minor), whole) AS goods_until,
                   div(agreed_minor * until, whole) AS freight_until
            FROM part
        ) AS cut
    ),
    of_seats AS (
        SELECT seat.id AS seat_id, line.order_id, line.position, line.quantity - coalesce(back.quantity, 0) AS quantity,
               line.total_minor - coalesce(back.goods_minor, 0) AS goods_minor,
               line.freight_minor - coalesce(back.freight_minor, 0) AS freight_minor
        FROM group_buy_seats AS seat JOIN order_lines AS line ON line.order_id = seat.order_id
        LEFT JOIN (
            SELECT order_id, position, sum(quantity) AS quantity, sum(goods_minor) AS goods_minor,
                   sum(freight_minor) AS freight_minor
            FROM of_after_sales GROUP BY 1, 2
        ) AS back ON back.order_id = line.order_id AND back.position = line.position
        WHERE seat.state = 'refunded' AND line.quantity > coalesce(back.quantity, 0)
    ),
    divided AS (
        SELECT * FROM of_after_sales
        UNION ALL
        SELECT order_id, position, refund.id, quantity, quantity, quantity, goods_minor, freight_minor
        FROM of_seats LEFT JOIN refunds AS refund ON refund.cause_id = seat_id
    )
"""

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
    "units that went back are in after-sales, or of refunded seats",
    "退款件数 = 售后单与拼团退款",
    looks_at="""
        SELECT coalesce(sum(refunded), 0) AS "units", coalesce(sum(restocked), 0) AS "in stock again" FROM order_lines
    """,
    given=DIVIDED,
    differing="""
        SELECT 'order' AS kind, line.order_id AS id,
               format('line %s: %s refunded, %s of them unsent, %s restocked', line.position, coalesce(asked.refunded, 0),
                      coalesce(asked.unsent, 0), coalesce(asked.restocked, 0)) AS expected,
               format('%s refunded, %s unsent, %s restocked', line.refunded, line.unsent, line.restocked) AS found
        FROM order_lines AS line
        LEFT JOIN (
            SELECT order_id, position, sum(quantity) AS refunded, sum(unsent) AS unsent, sum(restocked) AS restocked
            FROM divided GROUP BY 1, 2
        ) AS asked ON asked.order_id = line.order_id AND asked.position = line.position
        WHERE (line.refunded, line.unsent, line.restocked)
              <> (coalesce(asked.refunded, 0), coalesce(asked.unsent, 0), coalesce(asked.restocked, 0))
    """,
    parameters=GIVEN_BACK_STATES,
)

MONEY_GIVEN_BACK = Check(
    "orders give back what was agreed, and their payments do",
    "订单退款 = 售后同意金额与拼团退款 = 支付退款",
    looks_at="""
        SELECT count(*) FILTER (WHERE refunded_minor > 0) AS "orders", coalesce(sum(refunded_minor), 0) AS "¥"
        FROM orders
    """,
    given=DIVIDED,
    differing="""
        SELECT 'order' AS kind, orders.id,
               format('%s fen agreed, %s of %s paid asked back', coalesce(agreed.minor, 0), coalesce(asked.minor, 0),
                      CASE WHEN paid_at IS NULL THEN 0 ELSE total_minor END) AS expected,
               format('%s fen', refunded_minor) AS found
        FROM orders
        LEFT JOIN (
            SELECT order_id, sum(minor) AS minor
            FROM (
                SELECT order_id, agreed_minor AS minor FROM after_sales WHERE state = ANY(CAST(:given_back AS text[]))
                UNION ALL
                SELECT order_id, goods_minor + freight_minor FROM of_seats
            ) AS promise
            GROUP BY 1
        ) AS agreed ON agreed.order_id = orders.id
        LEFT JOIN (
            SELECT payment_id, sum(amount_minor) AS minor FROM refunds WHERE cause_id IS NOT NULL GROUP BY 1
        ) AS asked ON asked.payment_id = orders.paid_with
        WHERE refunded_minor <> coalesce(agreed.minor, 0) OR refunded_minor <> coalesce(asked.minor, 0)
           OR refunded_minor > CASE WHEN paid_at IS NULL THEN 0 ELSE total_minor END
    """,
    parameters=GIVEN_BACK_STATES,
)

REFUNDS_AGREED = Check(
    "after-sales and refunded seats have their refunds",
    "售后单、拼团席位与退款单相符",
    looks_at="""
        SELECT count(*) AS "after-sales", count(refund_id) AS "refunds", coalesce(sum(agreed_minor), 0) AS "¥",
               (SELECT count(*) FROM group_buy_seats WHERE state = 'refunded') AS "refunded seats"
        FROM after_sales
    """,
    given=DIVIDED,
    # what was agreed to be nothing has no refund; of what the gateway did the after-sale may not have heard yet, and a seat
    # never does: it is done once the gateway has been asked
    differing="""
        , asked AS (
            SELECT 'aftersale' AS kind, id, state, agreed_minor, currency, refund_id FROM after_sales
            UNION ALL
            SELECT 'groupseat', seat.id, CASE WHEN minor > 0 THEN 'refunding' ELSE 'refunded' END, minor, orders.currency, refund.id
            FROM (
                SELECT seat_id AS id, order_id, sum(goods_minor + freight_minor) AS minor FROM of_seats GROUP BY 1, 2
            ) AS seat
            JOIN orders ON orders.id = seat.order_id
            LEFT JOIN refunds AS refund ON refund.cause_id = seat.id
        )
        SELECT coalesce(asked.kind, 'refund') AS kind, coalesce(asked.id, refund.id) AS id,
               CASE WHEN asked.id IS NULL THEN 'an after-sale, or a refunded seat, that asked for it'
                    WHEN asked.state = ANY(CAST(:given_back AS text[]))
                        THEN format('%s: a refund of %s fen %s', asked.state, agreed_minor, asked.currency)
                    ELSE format('%s: no refund', asked.state) END AS expected,
               CASE WHEN refund.id IS NULL THEN 'no refund'
                    ELSE format('%s fen %s, %s', refund.amount_minor, refund.currency, refund.state) END AS found
        FROM asked
        FULL JOIN (
            SELECT refund.* FROM refunds AS refund JOIN payments AS payment ON payment.id = payment_id
            WHERE cause_id IS NOT NULL AND payable = :payable
        ) AS refund ON refund.cause_id = asked.id
        WHERE (CASE
            WHEN asked.state = ANY(CAST(:given_back AS text[])) AND agreed_minor > 0
                THEN refund.id = refund_id AND refund.amount_minor = agreed_minor AND refund.currency = asked.currency
                     AND (asked.state = 'refunding' OR refund.state = 'refunded')
            WHEN asked.state = ANY(CAST(:given_back AS text[]))
                THEN refund.id IS NULL AND refund_id IS NULL AND asked.state = 'refunded'
            ELSE asked.id IS NOT NULL AND refund.id IS NULL AND refund_id IS NULL
        END) IS NOT TRUE
    """,
    parameters={**GIVEN_BACK_STATES, "payable": PAYABLE},
)

ASKED_ADDS_UP = Check(
    "after-sales ask for what their lines say",
    "售后申请金额 = 各行之和",
    looks_at="""SELECT count(*) AS "after-sales", coalesce(sum(asked_minor), 0) AS "¥" FROM after_sales""",
    differing="""
        SELECT 'aftersale' AS kind, asked.id,
               CASE WHEN line.minor IS NULL THEN 'lines' ELSE format('%s fen', line.minor) END AS expected,
               format('%s fen asked for', asked_minor) AS found
        FROM after_sales AS asked
        LEFT JOIN (
            SELECT after_sale_id, sum(goods_minor + freight_minor) AS minor FROM after_sale_lines GROUP BY 1
        ) AS line ON line.after_sale_id = asked.id
        WHERE asked_minor IS DISTINCT FROM line.minor
    """,
)

ASKED_ONCE = Check(
    "nothing is asked for twice",
    "同一商品不重复售后",
    looks_at="""
        SELECT count(*) AS "lines", coalesce(sum(quantity), 0) AS "units"
        FROM after_sale_lines JOIN after_sales ON after_sales.id = after_sale_id
        WHERE state = ANY(CAST(:living AS text[]))
    """,
    # open ones and those given back; the freight that stays was asked about, too
    differing="""
        SELECT 'order' AS kind, line.order_id AS id,
               format('line %s: at most %s units, %s fen, %s freight', line.position, line.quantity, total_minor,
                      line.freight_minor) AS expected,
               format('%s units, %s fen, %s freight', asked.quantity, goods_minor, asked.freight_minor) AS found
        FROM order_lines AS line
        JOIN (
            SELECT of_line.order_id, position, sum(quantity) AS quantity, sum(goods_minor) AS goods_minor,
                   sum(freight_minor + freight_kept_minor) AS freight_minor
            FROM after_sale_lines AS of_line JOIN after_sales ON after_sales.id = after_sale_id
            WHERE state = ANY(CAST(:living AS text[]))
            GROUP BY 1, 2
        ) AS asked ON asked.order_id = line.order_id AND asked.position = line.position
        WHERE asked.quantity > line.quantity OR goods_minor > total_minor OR asked.freight_minor > line.freight_minor
    """,
    parameters={"living": sorted(OPEN | GIVEN_BACK)},
)

LINES_GIVE_BACK = Check(
    "lines give back their share of what was agreed",
    "逐行退款 = 同意金额分摊",
    looks_at="""
        SELECT count(*) AS "lines", coalesce(sum(refunded_goods_minor + refunded_freight_minor), 0) AS "¥"
        FROM order_lines WHERE refunded > 0
    """,
    given=DIVIDED,
    differing="""
        SELECT 'order' AS kind, line.order_id AS id,
               format('line %s: %s fen, %s freight', line.position, coalesce(share.goods_minor, 0),
                      coalesce(share.freight_minor, 0)) AS expected,
               format('%s fen, %s freight', refunded_goods_minor, refunded_freight_minor) AS found
        FROM order_lines AS line
        LEFT JOIN (
            SELECT order_id, position, sum(goods_minor) AS goods_minor, sum(freight_minor) AS freight_minor
            FROM divided GROUP BY 1, 2
        ) AS share ON share.order_id = line.order_id AND share.position = line.position
        WHERE (refunded_goods_minor, refunded_freight_minor)
              <> (coalesce(share.goods_minor, 0), coalesce(share.freight_minor, 0))
    """,
    parameters=GIVEN_BACK_STATES,
)

HEARD_OF_REFUNDS = Check(
    "after-sales have heard of their refunds",
    "售后单已获知退款到账",
    looks_at="""SELECT count(*) AS "after-sales" FROM after_sales WHERE state = 'refunding'""",
    # a dead letter is not on its way to anybody
    differing="""
        SELECT 'aftersale' AS kind, id, 'refunded, or an event on its way' AS expected,
               'refunding, though the gateway has given the money back' AS found
        FROM (
            SELECT asked.id FROM after_sales AS asked JOIN refunds AS refund ON refund.id = refund_id
            WHERE asked.state = 'refunding' AND refund.state = 'refunded'
            EXCEPT
            SELECT CAST(payload ->> 'cause_id' AS uuid) FROM outbox_events
            WHERE kind = CAST(:news AS text) AND delivered_at IS NULL AND dead_at IS NULL
        ) AS deaf
    """,
    parameters={"news": PaymentRefunded.kind},
)

OVERDUE = Note(
    "after-sales whose deadline passed an hour ago",
    "超时一小时仍未处理的售后单",
    counts="""
        SELECT count(*) AS "after-sales" FROM after_sales
        WHERE due_at < CAST(:now AS timestamptz) - interval '1 hour'
    """,
)

CHECKS = (
    SHIPPED, UNITS_GIVEN_BACK, MONEY_GIVEN_BACK, REFUNDS_AGREED, ASKED_ADDS_UP, ASKED_ONCE, LINES_GIVE_BACK,
    HEARD_OF_REFUNDS, OVERDUE,
)  # fmt: skip
