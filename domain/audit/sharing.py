"""Sharing: every link counts what came of it, and what came of it came of somebody else's share, in time and never in a circle."""

from domain.audit.checks import Check, Note
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
               format('%s opened, %s signed in, %s joined, %s paid', coalesce(visit.opened, 0), coalesce(visit.signed_in, 0),
                      coalesce(came.joined, 0), coalesce(came.paid, 0)) AS expected,
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
            SELECT link_id, sum(opened) AS opened, sum(signed_in) AS signed_in, sum(joined) AS joined, sum(paid) AS paid
            FROM share_counts GROUP BY 1
        ) AS counted USING (link_id)
        WHERE (coalesce(visit.opened, 0), coalesce(visit.signed_in, 0), coalesce(came.joined, 0), coalesce(came.paid, 0))
              <> (coalesce(counted.opened, 0), coalesce(counted.signed_in, 0), coalesce(counted.joined, 0),
                  coalesce(counted.paid, 0))
    """,
)
