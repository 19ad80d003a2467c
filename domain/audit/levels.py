"""Levels: growth is what received orders are worth, decisions counted it rightly, and levels and benefits follow from them."""

import json

from domain.audit.checks import Check
from domain.levels.rules import FIRST_LADDER
from domain.orders.events import OrderGivenBack, OrderReceived

# An order's news may still be on its way to its growth.
_NEWS = {"news": [OrderReceived.kind, OrderGivenBack.kind]}
_NO_NEWS = """
    NOT EXISTS (SELECT FROM outbox_events AS event
                WHERE event.aggregate_id = due.order_id AND delivered_at IS NULL AND dead_at IS NULL
                  AND event.kind = ANY(CAST(:news AS text[])))
"""
_FIRST = {"first": json.dumps([rung.kept() for rung in FIRST_LADDER.rungs])}
_RUNGS = """
    rung AS (
        SELECT version, place, level ->> 'title' AS title, CAST(level ->> 'threshold' AS bigint) AS threshold,
               level -> 'benefits' AS benefits, max(place) OVER (PARTITION BY version) AS top
        FROM (SELECT version, levels FROM level_ladders UNION ALL SELECT 0, CAST(:first AS jsonb)) AS ladder
        CROSS JOIN LATERAL jsonb_array_elements(levels) WITH ORDINALITY AS each (level, place)
    )
"""

GROWTH = Check(
    "growth is what received orders are worth",
    "成长值 = 已收货订单结算金额",
    looks_at="""
        SELECT count(DISTINCT order_id) AS "orders", count(*) AS "moves", coalesce(sum(growth), 0) AS "growth" FROM growth_moves
    """,
    given="""
        WITH worth AS (
            SELECT orders.id AS order_id, shopper_id, received_at,
                   CASE WHEN received_at IS NULL THEN 0 ELSE sum(line.total_minor - refunded_goods_minor) END AS minor
            FROM orders JOIN order_lines AS line ON line.order_id = orders.id
            WHERE received_at IS NOT NULL OR orders.id IN (SELECT order_id FROM growth_moves)
            GROUP BY orders.id
        ),
        moved AS (
            SELECT order_id, sum(growth) AS growth, max(per_yuan) AS per_yuan, count(DISTINCT per_yuan) AS rates,
                   count(DISTINCT account_id) AS people, (array_agg(account_id))[1] AS account_id, min(month) AS first_month,
                   max(month) AS last_month
            FROM growth_moves GROUP BY order_id
        ),
        due AS (
            SELECT coalesce(worth.order_id, moved.order_id) AS order_id, coalesce(growth, 0) AS growth,
                   CAST(div(coalesce(minor, 0), 100) * coalesce(per_yuan, 1) AS bigint) AS expected,
                   rates = 1 AND people = 1 AND account_id = shopper_id AND first_month = last_month
                   AND first_month = CAST(date_trunc('month', received_at AT TIME ZONE 'Asia/Shanghai') AS date) AS is_theirs
            FROM worth FULL JOIN moved ON moved.order_id = worth.order_id
        )
    """,
    differing=f"""
        SELECT 'order' AS kind, order_id AS id, format('%s growth, of its buyer and its month', expected) AS expected,
               format('%s growth%s', growth, CASE WHEN NOT is_theirs THEN ', of others' END) AS found
        FROM due WHERE (growth <> expected OR NOT is_theirs) AND {_NO_NEWS}
    """,  # noqa: S608 - made of this module's own text
    parameters=_NEWS,
)

DECISIONS = Check(
    "levels were decided by the growth that counted",
    "等级变动依据 = 当时有效成长值",
    looks_at='SELECT count(*) AS "decisions", count(DISTINCT account_id) AS "people" FROM level_changes',
    given=f"""
        WITH {_RUNGS},
        summed AS (
            SELECT change.id, coalesce(sum(move.growth), 0) AS growth
            FROM level_changes AS change
            LEFT JOIN growth_moves AS move ON move.account_id = change.account_id AND move.position <= last_move
                                          AND move.month >= counted_from
            GROUP BY change.id
        )
    """,  # noqa: S608 - made of this module's own text
    differing="""
        SELECT 'account' AS kind, change.account_id AS id,
               format('%s to level %s: %s growth for %s', decided_at, to_rank, summed.growth, rung.threshold) AS expected,
               format('%s: %s growth for %s, %s', decided_at, change.growth, change.threshold, reason) AS found
        FROM level_changes AS change JOIN summed ON summed.id = change.id
        LEFT JOIN rung ON rung.version = change.ladder_version AND rung.place = change.to_rank
        WHERE (change.growth = summed.growth AND change.threshold = rung.threshold
               AND (reason NOT IN ('reached', 'kept') OR change.growth >= change.threshold)) IS NOT TRUE
    """,
    parameters=_FIRST,
)

HELD = Check(
    "people have the levels to which their histories lead",
    "当前等级 = 等级变动记录",
    looks_at="""
        SELECT count(*) AS "people", count(*) FILTER (WHERE rank > 1) AS "above the lowest level" FROM account_levels
    """,
    given="""
        WITH step AS (
            SELECT *, lag(to_rank, 1, CAST(1 AS smallint)) OVER past AS before, lead(id) OVER past IS NULL AS is_last
            FROM level_changes WINDOW past AS (PARTITION BY account_id ORDER BY position)
        ),
        led AS (
            SELECT account_id, count(*) FILTER (WHERE from_rank <> before) AS gaps,
                   max(to_rank) FILTER (WHERE is_last) AS rank,
                   max(guaranteed_until) FILTER (WHERE is_last) AS guaranteed_until,
                   (array_agg(holding_id) FILTER (WHERE is_last))[1] AS holding_id
            FROM step GROUP BY account_id
        )
    """,
    differing="""
        SELECT 'account' AS kind, coalesce(held.account_id, led.account_id) AS id,
               format('level %s until %s, no gap', coalesce(led.rank, 1), coalesce(led.guaranteed_until::text, 'for good'))
               AS expected,
               format('level %s until %s, %s, gaps: %s', held.rank, coalesce(held.guaranteed_until::text, 'for good'),
                      CASE WHEN held.holding_id IS DISTINCT FROM led.holding_id THEN 'other' ELSE 'its' END || ' benefits',
                      coalesce(gaps, 0)) AS found
        FROM account_levels AS held FULL JOIN led ON led.account_id = held.account_id
        WHERE (held.rank, held.guaranteed_until, held.holding_id, 0)
              IS DISTINCT FROM (coalesce(led.rank, CAST(1 AS smallint)), led.guaranteed_until, led.holding_id, coalesce(gaps, 0))
    """,
)

BENEFITS = Check(
    "levels bring their benefits, and no earlier ones any more",
    "等级权益与当前等级一致",
    looks_at="""
        SELECT count(*) AS "holdings", count(*) FILTER (WHERE ends_at IS NULL) AS "without an end"
        FROM benefit_holdings WHERE source = 'level'
    """,
    given=f"WITH {_RUNGS}",
    # who falls back to an earlier level goes on with its benefits until that is decided anew
    differing="""
        SELECT 'account' AS kind, coalesce(held.account_id, holding.account_id) AS id,
               CASE WHEN held.account_id IS NULL THEN 'ended' ELSE format('the benefits of level %s', held.rank) END AS expected,
               CASE WHEN holding.id IS NULL THEN 'none' WHEN held.account_id IS NULL THEN 'without an end'
                    ELSE 'others' END AS found
        FROM (
            SELECT account_id, rank, guaranteed_until, holding_id, benefits
            FROM account_levels JOIN rung ON rung.version = ladder_version AND rung.place = least(rank, rung.top)
            WHERE holding_id IS NOT NULL OR jsonb_array_length(benefits) > 0
        ) AS held
        FULL JOIN (SELECT * FROM benefit_holdings WHERE source = 'level') AS holding ON holding.source_id = held.holding_id
        WHERE CASE WHEN held.account_id IS NULL THEN holding.ends_at IS NULL
                   ELSE (holding.account_id = held.account_id AND holding.benefits = held.benefits
                         AND coalesce(holding.ends_at >= held.guaranteed_until, true)) IS NOT TRUE END
    """,
    parameters=_FIRST,
)

CHECKS = (GROWTH, DECISIONS, HELD, BENEFITS)
