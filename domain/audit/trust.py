"""Trust: tiers are what evidence and rules say, each move is kept, evidence has its cause, and nobody got more than they bear."""

import orjson

from domain.audit.checks import Check
from domain.orders.events import OrderGivenBack, OrderPaid
from domain.trust.rules import ACTIVE, DEFAULT, Tier

# Derived anew in one pass over all evidence, by the rules as they are kept. Whoever has a review due is left out.
_DERIVED = """
    WITH terms AS (
        SELECT version, terms FROM trust_rules UNION ALL SELECT 0, CAST(:first_days AS jsonb)
    ), needs AS (
        SELECT row_number() OVER () AS number, version, need, CAST(need ->> 'at_least' AS integer) AS at_least,
               make_interval(days => CAST(need ->> 'within_days' AS integer)) AS within,
               array_position(CAST(:tiers AS text[]), raises_to) - 1 AS raises_to,
               array_position(CAST(:tiers AS text[]), lowers_to) - 1 AS lowers_to
        FROM (
            SELECT version, rung ->> 'tier' AS raises_to, NULL AS lowers_to, need
            FROM terms CROSS JOIN jsonb_array_elements(terms -> 'rungs') AS rung
            CROSS JOIN jsonb_array_elements(rung -> 'any_of') AS need
            UNION ALL
            SELECT version, NULL, ceiling ->> 'at_most', ceiling -> 'need'
            FROM terms CROSS JOIN jsonb_array_elements(terms -> 'ceilings') AS ceiling
        ) AS named
    ), asked AS MATERIALIZED (
        SELECT needs.*, kind FROM needs CROSS JOIN jsonb_array_elements_text(need -> 'kinds') AS kind
    ), reviewed AS (
        SELECT account_id, tier, rule_version, CAST(terms ->> 'silent_days' AS integer) AS silent_days,
               array_position(CAST(:tiers AS text[]), terms ->> 'silent_at_most') - 1 AS silent_at_most
        FROM trust_states JOIN terms ON version = rule_version
        WHERE next_review_at IS NULL OR next_review_at > :now
    ), met AS (
        SELECT account_id, max(raises_to) AS raises_to, max(lowers_to) AS lowers_to
        FROM reviewed JOIN trust_evidence AS piece USING (account_id)
        JOIN asked ON version = rule_version AND asked.kind = piece.kind
        WHERE withdrawn_at IS NULL AND (within IS NULL OR at > :now - within)
        GROUP BY account_id, number HAVING sum(amount) >= max(at_least)
    ), silent AS (
        SELECT account_id, max(silent_at_most) AS lowers_to
        FROM reviewed JOIN trust_evidence AS piece USING (account_id)
        WHERE withdrawn_at IS NULL AND piece.kind = ANY(CAST(:active AS text[]))
        GROUP BY account_id HAVING max(at) <= :now - make_interval(days => max(silent_days))
    ), derived AS (
        SELECT account_id, LEAST(coalesce(max(raises_to), 0), min(lowers_to)) AS tier
        FROM (SELECT * FROM met UNION ALL SELECT account_id, NULL, lowers_to FROM silent) AS found
        GROUP BY account_id
    )
"""

TIERS = Check(
    "tiers are what evidence and rules say",
    "信任层级 = 按证据与规则重新推导",
    looks_at="""
        SELECT (SELECT count(*) FROM trust_states) AS "people", (SELECT count(*) FROM trust_evidence) AS "pieces of evidence"
    """,
    given=_DERIVED,
    differing="""
        SELECT 'account' AS kind, account_id AS id, format('tier %s', coalesce(derived.tier, 0)) AS expected,
               format('tier %s', reviewed.tier) AS found
        FROM reviewed LEFT JOIN derived USING (account_id) WHERE reviewed.tier <> coalesce(derived.tier, 0)
        UNION ALL
        SELECT 'account', account_id, 'a tier', 'evidence without one' FROM trust_evidence AS piece
        WHERE NOT EXISTS (SELECT FROM trust_states AS state WHERE state.account_id = piece.account_id) GROUP BY account_id
    """,
    parameters={
        "first_days": orjson.dumps(DEFAULT.terms.kept()).decode(),
        "tiers": [tier.word for tier in Tier],
        "active": [kind.value for kind in ACTIVE],
    },
)

HISTORY = Check(
    "moves from tier to tier lead from stranger to where everybody stands",
    "信任层级变动连续",
    looks_at='SELECT count(*) AS "moves" FROM trust_moves',
    differing="""
        SELECT 'account' AS kind, account_id AS id, format('a move from tier %s', before) AS expected,
               format('from tier %s', from_tier) AS found
        FROM (
            SELECT *, lag(to_tier, 1, CAST(0 AS smallint)) OVER (PARTITION BY account_id ORDER BY position) AS before
            FROM trust_moves
        ) AS move
        WHERE before <> from_tier
        UNION ALL
        SELECT 'account', state.account_id, format('tier %s, as moved last', coalesce(last.to_tier, 0)),
               format('tier %s', tier)
        FROM trust_states AS state
        LEFT JOIN (SELECT DISTINCT ON (account_id) account_id, to_tier FROM trust_moves
                   ORDER BY account_id, position DESC) AS last USING (account_id)
        WHERE tier <> coalesce(last.to_tier, 0)
    """,
)

CAUSES = Check(
    "purchases and complaints that count are of paid orders and open complaints",
    "购买、投诉证据均有其因",
    looks_at="""
        SELECT count(*) FILTER (WHERE kind = 'purchase') AS "purchases", count(*) FILTER (WHERE kind = 'complaint') AS "complaints"
        FROM trust_evidence WHERE withdrawn_at IS NULL
    """,
    # an order's news may still be on its way
    differing="""
        SELECT 'account' AS kind, piece.account_id AS id, 'a paid order of theirs' AS expected,
               coalesce(format('an order that is %s', orders.state), 'no order') AS found
        FROM trust_evidence AS piece
        LEFT JOIN orders ON orders.id = CAST(piece.cause AS uuid) AND orders.shopper_id = piece.account_id
        WHERE piece.kind = 'purchase' AND withdrawn_at IS NULL
          AND (orders.paid_at IS NOT NULL AND orders.state <> 'refunded') IS NOT TRUE
          AND NOT EXISTS (SELECT FROM outbox_events AS event
                          WHERE event.aggregate_id = orders.id AND delivered_at IS NULL AND dead_at IS NULL
                            AND event.kind = ANY(CAST(:news AS text[])))
        UNION ALL
        SELECT 'complaint', complaint.id, CASE WHEN resolved_at IS NULL THEN 'counts' ELSE 'counts no more' END,
               CASE WHEN piece.cause IS NULL THEN 'does not' ELSE 'counts' END
        FROM customer_complaints AS complaint
        LEFT JOIN trust_evidence AS piece ON piece.account_id = complaint.account_id AND piece.kind = 'complaint'
          AND piece.cause = CAST(complaint.id AS text) AND withdrawn_at IS NULL
        WHERE (resolved_at IS NULL) <> (piece.cause IS NOT NULL)
    """,
    parameters={"news": [OrderPaid.kind, OrderGivenBack.kind]},
)

CAPS = Check(
    "nobody was sent more messages than their tier bore",
    "触达未超上限",
    looks_at='SELECT count(*) AS "messages", count(cap) AS "counted" FROM customer_messages',
    differing="""
        SELECT 'account' AS kind, message.account_id AS id,
               format('at most %s within %s days', message.cap, message.cap_days) AS expected,
               format('%s', count(*)) AS found
        FROM customer_messages AS message
        JOIN customer_messages AS other ON other.account_id = message.account_id AND other.cap IS NOT NULL
          AND other.sent_at <= message.sent_at
          AND other.sent_at > message.sent_at - make_interval(days => message.cap_days)
        WHERE message.cap IS NOT NULL
        GROUP BY message.id HAVING count(*) > message.cap
    """,
)

CHECKS = (TIERS, HISTORY, CAUSES, CAPS)
