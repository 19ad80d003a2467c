"""Coupons: batches count what was claimed of them, and a coupon has taken its discount off one living order."""

from domain.audit.checks import Check, Note
from domain.orders.events import OrderCancelled, OrderGivenBack, OrderLapsed, OrderPaid

# An order's news may still be on its way to its coupon.
_NEWS = {"news": [OrderPaid.kind, OrderLapsed.kind, OrderCancelled.kind, OrderGivenBack.kind]}
_NO_NEWS = """
    NOT EXISTS (SELECT FROM outbox_events AS event
                WHERE event.aggregate_id = orders.id AND delivered_at IS NULL AND dead_at IS NULL
                  AND event.kind = ANY(CAST(:news AS text[])))
"""
# Living orders that checkout gave a discount, and the coupons that their lines name.
_TAKEN_OFF = """
    taken_off AS (
        SELECT DISTINCT orders.id AS order_id, CAST(step -> 'facts' ->> 'code_id' AS uuid) AS coupon_id
        FROM orders JOIN order_lines AS line ON line.order_id = orders.id
        CROSS JOIN LATERAL jsonb_array_elements(line.explanation) AS step
        WHERE orders.discount_minor > 0 AND source IS NULL AND orders.state NOT IN ('lapsed', 'cancelled', 'refunded')
          AND step ->> 'rule' = 'coupon'
    )
"""

CLAIMED = Check(
    "batches of coupons count their pieces",
    "优惠券批次已领张数 = 领取记录",
    looks_at="""
        SELECT count(*) AS "batches", coalesce(sum(pieces), 0) AS "pieces", coalesce(sum(claimed), 0) AS "claimed"
        FROM coupon_batches
    """,
    differing="""
        SELECT 'couponbatch' AS kind, coalesce(batch.id, counted.batch_id) AS id,
               format('%s claimed, of %s at most', coalesce(counted.rows, 0), coalesce(pieces, 0)) AS expected,
               format('%s claimed', coalesce(claimed, 0)) AS found
        FROM coupon_batches AS batch
        FULL JOIN (SELECT batch_id, count(*) AS rows FROM coupons GROUP BY 1) AS counted ON counted.batch_id = batch.id
        WHERE (claimed = coalesce(counted.rows, 0) AND claimed <= pieces) IS NOT TRUE
    """,
)

PER_SHOPPER = Check(
    "shoppers have claimed no more coupons of a batch than one may",
    "优惠券每人限领",
    looks_at="""
        SELECT count(DISTINCT shopper_id) AS "shoppers", count(*) AS "coupons" FROM coupons
        WHERE claim_key NOT LIKE 'grant/%'
    """,
    differing="""
        SELECT 'account' AS kind, shopper_id AS id, format('at most %s of %s', per_shopper, title) AS expected,
               format('%s', count(*)) AS found
        FROM coupons JOIN coupon_batches AS batch ON batch.id = batch_id
        WHERE claim_key NOT LIKE 'grant/%'
        GROUP BY shopper_id, batch.id HAVING count(*) > per_shopper
    """,
)

USED = Check(
    "used coupons took their discount off a living order of their owner",
    "已核销优惠券对应有效订单",
    looks_at="""
        SELECT count(*) FILTER (WHERE given_back_at IS NULL) AS "used", count(given_back_at) AS "given back"
        FROM coupon_uses
    """,
    given=f"WITH {_TAKEN_OFF}",
    differing=f"""
        SELECT 'coupon' AS kind, coupon_id AS id, 'a living order of its owner, whose price names it' AS expected,
               concat_ws(', ', coalesce(format('an order that is %s', orders.state), 'no order'),
                         CASE WHEN orders.shopper_id <> coupon.shopper_id THEN 'of somebody else' END,
                         CASE WHEN NOT is_named THEN 'whose price does not name it' END) AS found
        FROM (
            SELECT *, EXISTS (SELECT FROM taken_off WHERE taken_off.order_id = coupon_uses.order_id
                                AND taken_off.coupon_id = coupon_uses.coupon_id) AS is_named
            FROM coupon_uses WHERE given_back_at IS NULL
        ) AS used
        LEFT JOIN coupons AS coupon ON coupon.id = coupon_id
        LEFT JOIN orders ON orders.id = order_id
        WHERE (orders.state NOT IN ('lapsed', 'cancelled', 'refunded') AND orders.shopper_id = coupon.shopper_id
               AND is_named) IS NOT TRUE
          AND {_NO_NEWS}
    """,  # noqa: S608 - made of this module's own text
    parameters=_NEWS,
)

TAKEN_OFF = Check(
    "orders with a coupon in their price have used it",
    "用券订单均已核销",
    looks_at="""
        SELECT count(*) AS "orders", coalesce(sum(discount_minor), 0) AS "¥"
        FROM orders WHERE discount_minor > 0 AND source IS NULL
    """,
    given=f"WITH {_TAKEN_OFF}",
    # one that late money revived may stand without: its coupon was used for another by then
    differing=f"""
        SELECT 'order' AS kind, orders.id, 'uses its coupon' AS expected,
               CASE WHEN used.order_id IS NULL THEN 'uses none' ELSE 'has given it back' END AS found
        FROM taken_off JOIN orders ON orders.id = taken_off.order_id
        LEFT JOIN coupon_uses AS used ON used.order_id = orders.id AND used.coupon_id = taken_off.coupon_id
        WHERE (given_back_at IS NULL AND used.order_id IS NOT NULL
               OR without_since IS NOT NULL AND orders.late_outcome = 'revived') IS NOT TRUE
          AND {_NO_NEWS}
    """,  # noqa: S608 - made of this module's own text
    parameters=_NEWS,
)

WITHOUT = Note(
    "orders revived by late money that stand without their coupon",
    "逾期付款恢复、券已另用的订单",
    counts="""
        SELECT count(*) AS "orders", coalesce(sum(discount_minor), 0) AS "¥"
        FROM coupon_uses JOIN orders ON orders.id = order_id WHERE without_since IS NOT NULL
    """,
)

CHECKS = (CLAIMED, PER_SHOPPER, USED, TAKEN_OFF, WITHOUT)
