"""Sharing: every link counts what came of it, and what came of it came of somebody else's share, in time and never in a circle."""

from uuid import UUID

from domain.audit.checks import Check
from domain.orders.events import OrderPaid

COUNTED = Check(
    "links count what came of them",
    "分享漏斗 = 访问与归因记录",
    looks_at="""
        SELECT (SELECT count(*) FROM share_links) AS "links", coalesce(sum(opened), 0) AS "opened",
               coalesce(sum(signed_in), 0) AS "signed in", coalesce(sum(joined), 0) AS "joined",
               coalesce(sum(paid), 0) AS "paid"
        FROM share_counts
    """,
    differing="""
        SELECT 'sharelink' AS kind, link_id AS id,
               format('%s opened, %s signed in, %s joined, %s paid', coalesce(visit.opened, 0) + coalesce(forgotten, 0),
                      coalesce(visit.signed_in, 0), coalesce(came.joined, 0), coalesce(came.paid, 0)) AS expected,
               format('%s opened, %s signed in, %s joined, %s paid', coalesce(counted.opened, 0),
                      coalesce(counted.signed_in, 0), coalesce(counted.joined, 0), coalesce(counted.paid, 0)) AS found
        FROM (
            SELECT link_id, count(*) AS opened, count(*) FILTER (WHERE outcome = 'counted') AS signed_in
            FROM share_visits GROUP BY 1
        ) AS visit
        FULL JOIN (
            SELECT link_id, count(*) AS joined, count(paid_at) AS paid FROM share_attributions GROUP BY 1
        ) AS came USING (link_id)
        FULL JOIN (
            SELECT link_id, sum(opened) AS opened, sum(signed_in) AS signed_in, sum(joined) AS joined, sum(paid) AS paid,
                   sum(forgotten) AS forgotten
            FROM share_counts GROUP BY 1
        ) AS counted USING (link_id)
        WHERE (coalesce(visit.opened, 0) + coalesce(forgotten, 0), coalesce(visit.signed_in, 0), coalesce(came.joined, 0),
               coalesce(came.paid, 0))
              <> (coalesce(counted.opened, 0), coalesce(counted.signed_in, 0), coalesce(counted.joined, 0),
                  coalesce(counted.paid, 0))
    """,
)

ATTRIBUTED = Check(
    "orders came of a share that their shopper had opened in time",
    "归因订单均有有效访问",
    looks_at="""
        SELECT count(*) AS "attributed orders", count(paid_at) AS "paid" FROM share_attributions
    """,
    # of a visit the first opening and the last are known: it may have been opened again since
    differing="""
        SELECT 'order' AS kind, came.order_id AS id,
               'an order of theirs, of another''s share that they had opened in time' AS expected,
               concat_ws(', ',
                         CASE WHEN orders.id IS NULL THEN 'no order' WHEN orders.shopper_id <> came.shopper_id
                              THEN 'an order of somebody else' END,
                         CASE WHEN link.id IS NULL THEN 'no link' WHEN link.sharer_id <> came.sharer_id
                              THEN 'a link of somebody else' END,
                         CASE WHEN came.sharer_id = came.shopper_id THEN 'their own share' END,
                         CASE WHEN NOT is_opened THEN 'no visit that counted then' END) AS found
        FROM (
            SELECT *, EXISTS (SELECT FROM share_visits AS visit
                              WHERE visit.link_id = share_attributions.link_id
                                AND visit.shopper_id = share_attributions.shopper_id AND outcome = 'counted'
                                AND share_attributions.opened_at BETWEEN visit.opened_at AND last_opened_at
                                AND share_attributions.opened_at <= placed_at AND placed_at < counts_until) AS is_opened
            FROM share_attributions
        ) AS came
        LEFT JOIN share_links AS link ON link.id = came.link_id
        LEFT JOIN orders ON orders.id = came.order_id
        WHERE (is_opened AND orders.shopper_id = came.shopper_id AND link.sharer_id = came.sharer_id
               AND came.sharer_id <> came.shopper_id) IS NOT TRUE
    """,
)

PAID = Check(
    "attributed orders are paid where their orders are",
    "归因付款与订单一致",
    looks_at="""
        SELECT count(*) FILTER (WHERE paid_at IS NULL) AS "unpaid", count(paid_at) AS "paid" FROM share_attributions
    """,
    # an order's news may still be on its way here
    differing="""
        SELECT 'order' AS kind, order_id AS id, CASE WHEN orders.paid_at IS NULL THEN 'not paid' ELSE 'paid' END AS expected,
               CASE WHEN came.paid_at IS NULL THEN 'not paid' ELSE 'paid' END AS found
        FROM share_attributions AS came JOIN orders ON orders.id = order_id
        WHERE (came.paid_at IS NULL) <> (orders.paid_at IS NULL)
          AND NOT EXISTS (
            SELECT FROM outbox_events AS event
            WHERE event.aggregate_id = order_id AND delivered_at IS NULL AND dead_at IS NULL
              AND event.kind = CAST(:news AS text)
          )
    """,
    parameters={"news": OrderPaid.kind},
)

SEATS_CAME = Check(
    "seats name the share that their orders came of",
    "席位来源与归因一致",
    looks_at="""
        SELECT count(*) AS "seats", count(share_link_id) AS "of a share" FROM group_buy_seats
    """,
    # whose visit became known after they had joined is attributed when the order is paid, and the seat does not say so
    differing="""
        SELECT 'groupseat' AS kind, seat.id, format('the link %s', share_link_id) AS expected,
               coalesce(format('the link %s', link_id), 'no attribution') AS found
        FROM group_buy_seats AS seat LEFT JOIN share_attributions AS came ON came.order_id = seat.order_id
        WHERE share_link_id <> coalesce(link_id, CAST(:nil AS uuid))
    """,
    parameters={"nil": UUID(int=0)},
)

# Whose share counts for whom now, said again as `store` says it. Who is in a circle has brought somebody and was brought.
NO_CIRCLES = Check(
    "nobody was brought by whom they brought",
    "分享关系无环",
    looks_at="""
        SELECT count(DISTINCT shopper_id) AS "shoppers brought"
        FROM share_visits WHERE outcome = 'counted' AND counts_until > CAST(:now AS timestamptz)
    """,
    given="""
    WITH RECURSIVE last AS (
        SELECT DISTINCT ON (visit.shopper_id) visit.shopper_id, link.sharer_id, counts_until
        FROM share_visits AS visit JOIN share_links AS link ON link.id = link_id
        WHERE outcome = 'counted'
        ORDER BY visit.shopper_id, last_opened_at DESC, visit.id DESC
    ),
    counts AS (
        SELECT shopper_id, sharer_id FROM last WHERE counts_until > CAST(:now AS timestamptz)
    ),
    chain AS (
        SELECT shopper_id AS start, sharer_id AS person FROM counts WHERE shopper_id IN (SELECT sharer_id FROM counts)
        UNION
        SELECT start, sharer_id FROM chain JOIN counts ON shopper_id = person WHERE person <> start
    )
    """,
    differing="""
        SELECT 'account' AS kind, start AS id, 'somebody else' AS expected, 'a chain of shares from themselves' AS found
        FROM chain WHERE person = start
    """,
)

CHECKS = (COUNTED, ATTRIBUTED, PAID, SEATS_CAME, NO_CIRCLES)
