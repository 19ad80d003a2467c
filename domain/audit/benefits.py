"""Benefits: grants stand for the coupons or points that came of them, a period has one, and prices say what holdings saved."""

from domain.audit.checks import Check, Note

# What each grant of coupons has brought, as the coupons themselves say.
_CAME = """
    WITH came AS (
        SELECT benefit_grants.id AS grant_id, count(coupons.id) AS rows
        FROM benefit_grants LEFT JOIN benefit_coupons ON grant_id = benefit_grants.id
        LEFT JOIN coupons ON coupons.id = coupon_id AND coupons.batch_id = benefit_grants.batch_id
              AND coupons.shopper_id = benefit_grants.account_id
              AND starts_with(claim_key, 'grant/benefit:' || benefit_grants.id || ':')
        GROUP BY 1
    )
"""
# What a line's price and freight say that a member saved, of every unit.
_SAVED = """
    WITH saved AS (
        SELECT order_id, kind, sum(minor) AS minor FROM (
            SELECT order_id,
                   CASE step ->> 'rule' WHEN 'member_price' THEN 'member_price' ELSE 'free_delivery' END AS kind,
                   CASE step ->> 'rule'
                     WHEN 'member_price' THEN quantity * (CAST(step -> 'facts' ->> 'otherwise_minor' AS bigint)
                                                          - CAST(step -> 'facts' ->> 'unit_minor' AS bigint))
                     ELSE CAST(step -> 'facts' ->> 'otherwise_minor' AS bigint)
                   END AS minor
            FROM order_lines CROSS JOIN LATERAL jsonb_array_elements(explanation) AS step
            WHERE step -> 'facts' ? 'otherwise_minor'
        ) AS steps GROUP BY 1, 2 HAVING sum(minor) > 0
    )
"""

GRANTED = Check(
    "grants of benefits brought their coupons",
    "权益发放 = 优惠券",
    looks_at="""
        SELECT count(granted_at) AS "grants", coalesce(sum(pieces) FILTER (WHERE granted_at IS NOT NULL), 0) AS "pieces"
        FROM benefit_grants WHERE batch_id IS NOT NULL
    """,
    given=_CAME,
    differing="""
        SELECT 'benefitgrant' AS kind, id,
               CASE WHEN granted_at IS NULL THEN format('less than %s coupons', pieces)
                    ELSE format('%s coupons', pieces) END AS expected,
               format('%s', rows) AS found
        FROM benefit_grants JOIN came ON grant_id = id
        WHERE pieces IS NOT NULL AND (CASE WHEN granted_at IS NULL THEN rows < pieces ELSE rows = pieces END) IS NOT TRUE
    """,
)

UNGRANTED = Check(
    "coupons that benefits brought have their grant",
    "权益优惠券均有发放记录",
    looks_at="""
        SELECT count(*) AS "coupons" FROM coupons WHERE claim_key LIKE 'grant/benefit:%'
    """,
    differing="""
        SELECT 'coupon' AS kind, coupons.id, 'a grant' AS expected, 'none' AS found
        FROM coupons LEFT JOIN benefit_coupons ON coupon_id = coupons.id LEFT JOIN benefit_grants ON benefit_grants.id = grant_id
        WHERE claim_key LIKE 'grant/benefit:%' AND benefit_grants.id IS NULL
    """,
)

POINTS = Check(
    "grants of benefits brought their points",
    "权益发放 = 积分",
    looks_at="""
        SELECT count(*) AS "grants", coalesce(sum(points), 0) AS "points" FROM benefit_grants WHERE points IS NOT NULL
    """,
    differing="""
        SELECT 'benefitgrant' AS kind, coalesce(benefit_grants.id, move.cause_id) AS id,
               coalesce(benefit_grants.points || ' points', 'no points') AS expected,
               coalesce(move.points || ' points', 'none') AS found
        FROM (SELECT * FROM benefit_grants WHERE points IS NOT NULL) AS benefit_grants
        FULL JOIN (SELECT * FROM point_moves WHERE cause = 'benefit' AND kind = 'given') AS move
          ON move.cause_id = benefit_grants.id
        WHERE (benefit_grants.points = move.points AND benefit_grants.account_id = move.account_id
               AND granted_at IS NOT NULL) IS NOT TRUE
    """,
)

PERIODS = Check(
    "a period of a benefit is given once, by what its holder holds",
    "权益每期仅发放一次",
    looks_at="""
        SELECT count(DISTINCT holding_id) AS "holdings", count(*) AS "grants" FROM benefit_grants
    """,
    differing="""
        SELECT 'benefitgrant' AS kind, id, 'one for the period, of its holder' AS expected,
               concat_ws(', ', CASE WHEN same > 1 THEN format('%s for a month', same) END,
                         CASE WHEN gifts > 1 THEN format('%s for a birthday', gifts) END,
                         CASE WHEN NOT coalesce(is_holders, false) THEN 'of no holding of theirs' END) AS found
        FROM (
            SELECT benefit_grants.id, count(*) OVER (PARTITION BY holding_id, position, period) AS same,
                   count(*) FILTER (WHERE kind = 'birthday_gift')
                     OVER (PARTITION BY benefit_grants.account_id, kind, period) AS gifts,
                   holding.account_id = benefit_grants.account_id
                     AND due_at >= starts_at AND benefits -> position ->> 'kind' = kind AS is_holders
            FROM benefit_grants LEFT JOIN benefit_holdings AS holding ON holding.id = holding_id
        ) AS counted
        WHERE same > 1 OR gifts > 1 OR is_holders IS NOT TRUE
    """,
)

USES = Check(
    "what holdings saved is in the prices of their holders' orders",
    "权益优惠 = 订单价格说明",
    looks_at="""
        SELECT count(*) AS "uses", coalesce(sum(minor), 0) AS "¥" FROM benefit_uses
    """,
    given=_SAVED,
    differing="""
        SELECT 'order' AS kind, order_id AS id,
               coalesce(saved.minor || ' fen saved by ', 'nothing saved by ') || kind AS expected,
               concat_ws(', ', coalesce(used.minor || ' fen', 'no use'),
                         CASE WHEN holding.account_id <> orders.shopper_id THEN 'by somebody else''s holding' END) AS found
        FROM benefit_uses AS used FULL JOIN saved USING (order_id, kind)
        LEFT JOIN orders ON orders.id = order_id LEFT JOIN benefit_holdings AS holding ON holding.id = used.holding_id
        WHERE (used.minor = saved.minor AND holding.account_id = orders.shopper_id) IS NOT TRUE
    """,
)

FAILED = Note(
    "grants of benefits that could not be given",
    "未能发放的权益",
    counts="""
        SELECT count(*) AS "grants", count(retry_at) AS "to be tried again" FROM benefit_grants WHERE granted_at IS NULL
    """,
)

CHECKS = (GRANTED, UNGRANTED, POINTS, PERIODS, USES, FAILED)
