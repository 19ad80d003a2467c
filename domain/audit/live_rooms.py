"""Live rooms: orders of a room are the room's, their money stands in the ledger, and counters that were kept are possible."""

from domain.audit.checks import Check
from domain.orders.events import OrderPaid

# Orders of sales that were started in a room, by the seat or the ticket that they came of.
_SOLD_IN_ROOMS = """
    sold AS (
        SELECT orders.id, orders.shopper_id, orders.placed_at, promotion.room_id, orders.source AS channel
        FROM orders
        JOIN flash_sale_tickets AS ticket ON ticket.id = source_id
        JOIN flash_sale_items AS item ON item.id = ticket.item_id
        JOIN live_room_promotions AS promotion ON promotion.target_id = item.sale_id
        WHERE source = 'flash_sale' AND orders.paid_at IS NOT NULL
        UNION ALL
        SELECT orders.id, orders.shopper_id, orders.placed_at, promotion.room_id, orders.source
        FROM orders
        JOIN group_buy_seats AS seat ON seat.id = source_id
        JOIN group_buys AS of_seat ON of_seat.id = seat.group_id
        JOIN live_room_promotions AS promotion ON promotion.target_id = of_seat.campaign_id
        WHERE source = 'group_buy' AND orders.paid_at IS NOT NULL
    )
"""

ORDERS_OF_ROOMS = Check(
    "rooms' orders are their shoppers' orders, placed as they say",
    "直播间订单与订单一致",
    looks_at="""
        SELECT count(*) AS "room orders", count(*) FILTER (WHERE channel = 'shelf') AS "shelf orders" FROM live_room_orders
    """,
    differing="""
        SELECT 'order' AS kind, noted.order_id AS id,
               format('%s, of its shopper, placed at %s', noted.channel, noted.placed_at) AS expected,
               CASE WHEN orders.id IS NULL THEN 'none'
                    ELSE format('%s, of %s, placed at %s', coalesce(orders.source, 'shelf'),
                                CASE orders.shopper_id WHEN noted.shopper_id THEN 'its shopper' ELSE 'another' END,
                                orders.placed_at) END AS found
        FROM live_room_orders AS noted LEFT JOIN orders ON orders.id = noted.order_id
        WHERE (noted.shopper_id, noted.channel, noted.placed_at)
              IS DISTINCT FROM (orders.shopper_id, coalesce(orders.source, 'shelf'), orders.placed_at)
    """,
)

SALES_OF_ROOMS = Check(
    "paid orders of sales that were started in a room are the room's",
    "直播间发起的活动：已付订单归属直播间",
    looks_at="""
        SELECT count(*) FILTER (WHERE kind = 'flash_sale') AS "flash sales",
               count(*) FILTER (WHERE kind = 'group_buy') AS "group-buys"
        FROM live_room_promotions
    """,
    given=f"WITH {_SOLD_IN_ROOMS}",
    # an order's news may still be on its way to the room
    differing="""
        SELECT 'order' AS kind, coalesce(sold.id, noted.order_id) AS id,
               coalesce(format('room %s', sold.room_id), 'no room''s sale') AS expected,
               coalesce(format('room %s', noted.room_id), 'no room') AS found
        FROM sold FULL JOIN (
            SELECT noted.* FROM live_room_orders AS noted JOIN orders ON orders.id = order_id
            WHERE channel <> 'shelf' AND paid_at IS NOT NULL
        ) AS noted ON noted.order_id = sold.id
        WHERE sold.room_id IS DISTINCT FROM noted.room_id
          AND NOT (noted.order_id IS NULL AND EXISTS (
            SELECT FROM outbox_events AS event
            WHERE event.aggregate_id = sold.id AND delivered_at IS NULL AND dead_at IS NULL AND event.kind = :paid
          ))
    """,
    parameters={"paid": OrderPaid.kind},
)

# The figures of a room, said again by what was posted: each order's money came in by one entry and went back by some.
MONEY_OF_ROOMS = Check(
    "rooms' takings are what the ledger has posted for their orders",
    "直播间成交额 = 总账明细",
    looks_at="""
        SELECT count(DISTINCT room_id) AS "rooms", count(*) AS "paid orders",
               coalesce(sum(total_minor - refunded_minor), 0) AS "¥"
        FROM live_room_orders JOIN orders ON orders.id = order_id WHERE paid_at IS NOT NULL
    """,
    differing="""
        SELECT 'room' AS kind, room_id AS id, format('%s fen, %s back', gmv, refunded) AS expected,
               format('%s fen, %s back', posted_gmv, posted_refunded) AS found
        FROM (
            SELECT room_id, sum(total_minor) AS gmv, sum(refunded_minor) AS refunded,
                   coalesce(sum(posted.gmv), 0) AS posted_gmv, coalesce(sum(posted.refunded), 0) AS posted_refunded
            FROM live_room_orders
            JOIN orders ON orders.id = order_id
            LEFT JOIN (
                SELECT about_id, sum(amount_minor) FILTER (WHERE kind = 'order_paid' AND account = 'receipts') AS gmv,
                       -sum(amount_minor) FILTER (WHERE kind = 'refund_agreed' AND account = 'refunds') AS refunded
                FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.entry_id = entry.id
                WHERE kind IN ('order_paid', 'refund_agreed') GROUP BY 1
            ) AS posted ON about_id = orders.id
            WHERE paid_at IS NOT NULL
            GROUP BY room_id
        ) AS both_sides
        WHERE (gmv, refunded) <> (posted_gmv, posted_refunded)
    """,
)

COUNTERS_OF_ROOMS = Check(
    "what was counted of rooms never falls without a reason, and their peak is the most that was counted",
    "直播间计数单调，峰值一致",
    looks_at="""
        SELECT (SELECT count(*) FROM live_room_samples) AS "samples", count(*) AS "viewers",
               count(*) FILTER (WHERE NOT is_counted) AS "second devices"
        FROM live_room_viewers
    """,
    # distinct viewers fall where a device turns out to be somebody's who is counted already
    differing="""
        SELECT 'room' AS kind, room_id AS id,
               format('likes and peak that only grow, a peak of %s, at most %s distinct, fallen by at most %s', most, ever, second)
                   AS expected,
               format('likes fallen %s times, a peak of %s, wrong %s times, %s distinct, fallen by %s', likes_fell, peak,
                      peak_is_wrong, "distinct", distinct_fell) AS found
        FROM (
            SELECT room_id, max(viewers) AS most, max(peak) AS peak, max("distinct") AS "distinct",
                   count(*) FILTER (WHERE likes < likes_before) AS likes_fell,
                   count(*) FILTER (WHERE peak <> most_so_far) AS peak_is_wrong,
                   coalesce(sum(distinct_before - "distinct") FILTER (WHERE "distinct" < distinct_before), 0) AS distinct_fell
            FROM (
                SELECT *, lag(likes) OVER room AS likes_before, lag("distinct") OVER room AS distinct_before,
                       max(viewers) OVER room AS most_so_far
                FROM live_room_samples
                WINDOW room AS (PARTITION BY room_id ORDER BY at)
            ) AS in_order
            GROUP BY room_id
        ) AS sampled
        LEFT JOIN LATERAL (
            SELECT count(*) AS ever, count(*) FILTER (WHERE NOT is_counted) AS second
            FROM live_room_viewers AS seen WHERE seen.room_id = sampled.room_id
        ) AS seen ON true
        WHERE likes_fell > 0 OR peak_is_wrong > 0 OR "distinct" > ever OR distinct_fell > second
    """,
)

CHECKS = (ORDERS_OF_ROOMS, SALES_OF_ROOMS, MONEY_OF_ROOMS, COUNTERS_OF_ROOMS)
