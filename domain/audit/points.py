"""Points: lots, accounts, moves and the ledger say the same, and orders cost and earn what their lines say."""

from domain.audit.checks import Check, Note
from domain.foundation.money import POINTS_CURRENCY
from domain.ledger.rules import Account
from domain.orders.events import OrderCancelled, OrderGivenBack, OrderLapsed, OrderPaid, OrderReceived
from domain.orders.rules import OrderState
from domain.points.rules import MoveKind

# An order's news may still be on its way to its points.
_NEWS = {"news": [each.kind for each in (OrderPaid, OrderLapsed, OrderCancelled, OrderReceived, OrderGivenBack)]}
_NO_NEWS = """
    NOT EXISTS (SELECT FROM outbox_events AS event
                WHERE event.aggregate_id = orders.id AND delivered_at IS NULL AND dead_at IS NULL
                  AND event.kind = ANY(CAST(:news AS text[])))
"""
# Above zero where the shopper has more for it, or owes less.
_CHANGE = "CASE WHEN kind = ANY(CAST(:more AS text[])) THEN points ELSE -points END"
_MORE = {"more": [kind for kind in MoveKind if kind.sign > 0]}

LOTS = Check(
    "accounts of points have what their lots have unused",
    "积分余额 = 批次剩余之和",
    looks_at="""
        SELECT (SELECT count(*) FROM point_accounts) AS "accounts",
               (SELECT count(*) FROM point_lots WHERE unused > 0) AS "lots",
               (SELECT coalesce(sum(balance), 0) FROM point_accounts) AS "points"
    """,
    differing="""
        SELECT 'account' AS kind, coalesce(account.account_id, lot.account_id) AS id,
               format('%s points, no lot below 0', coalesce(lot.unused, 0)) AS expected,
               format('%s points, %s owed, least in a lot %s', balance, owed, coalesce(least, 0)) AS found
        FROM point_accounts AS account
        FULL JOIN (
            SELECT account_id, sum(unused) AS unused, min(least(unused, expired, points - unused - expired)) AS least
            FROM point_lots GROUP BY account_id
        ) AS lot ON lot.account_id = account.account_id
        WHERE (balance = coalesce(lot.unused, 0) AND balance >= 0 AND owed >= 0 AND (balance = 0 OR owed = 0)
               AND coalesce(least, 0) >= 0) IS NOT TRUE
    """,
)

MOVES = Check(
    "accounts of points stand where their moves have led",
    "积分余额 = 积分明细",
    looks_at='SELECT count(*) AS "moves", coalesce(sum(points), 0) AS "points" FROM point_moves',
    given=f"""
        WITH step AS (
            SELECT account_id, balance, owed, {_CHANGE} AS change, lag(balance - owed, 1, CAST(0 AS bigint)) OVER past AS before,
                   lead(id) OVER past IS NULL AS is_last
            FROM point_moves WINDOW past AS (PARTITION BY account_id ORDER BY position)
        ),
        led AS (
            SELECT account_id, count(*) FILTER (WHERE balance - owed <> before + change) AS gaps,
                   max(balance) FILTER (WHERE is_last) AS balance, max(owed) FILTER (WHERE is_last) AS owed
            FROM step GROUP BY account_id
        )
    """,  # noqa: S608 - made of this module's own text
    # each begins where the one before it has ended
    differing="""
        SELECT 'account' AS kind, coalesce(account.account_id, led.account_id) AS id,
               format('%s points, %s owed, no gap', coalesce(led.balance, 0), coalesce(led.owed, 0)) AS expected,
               format('%s points, %s owed, gaps: %s', account.balance, account.owed, coalesce(gaps, 0)) AS found
        FROM point_accounts AS account FULL JOIN led ON led.account_id = account.account_id
        WHERE (account.balance, account.owed, 0)
              IS DISTINCT FROM (coalesce(led.balance, 0), coalesce(led.owed, 0), coalesce(gaps, 0))
    """,
    parameters=_MORE,
)

POSTED = Check(
    "moves of points stand in the ledger",
    "积分明细均已入账",
    looks_at="""
        SELECT (SELECT count(*) FROM point_moves) AS "moves",
               (SELECT count(DISTINCT entry_id) FROM ledger_postings WHERE currency = :points) AS "entries"
    """,
    differing=f"""
        WITH due AS (
            SELECT id, 'points_' || kind AS kind, order_id AS about_id, {_CHANGE} AS points,
                   CASE WHEN kind = 'expired' THEN 'points_expired' WHEN kind IN ('spent', 'returned') THEN 'points_spent'
                        ELSE 'points_given' END AS other
            FROM point_moves
        ),
        posted AS (
            SELECT cause_id AS id, kind, about_id, -sum(amount_minor) FILTER (WHERE account = :held) AS points,
                   max(account) FILTER (WHERE account <> :held) AS other
            FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.entry_id = entry.id
            WHERE currency = :points GROUP BY entry.id
        )
        SELECT 'pointmove' AS kind, coalesce(due.id, posted.id) AS id,
               CASE WHEN due.id IS NULL THEN 'no entry'
                    ELSE format('%s: %s, %s for %s', due.kind, due.points, due.other, due.about_id) END AS expected,
               CASE WHEN posted.id IS NULL THEN 'no entry'
                    ELSE format('%s: %s, %s for %s', posted.kind, posted.points, posted.other, posted.about_id) END AS found
        FROM due FULL JOIN posted ON posted.id = due.id
        WHERE (due.kind, due.points, due.other, due.about_id)
              IS DISTINCT FROM (posted.kind, posted.points, posted.other, posted.about_id)
    """,  # noqa: S608 - made of this module's own text
    parameters=_MORE | {"held": Account.POINTS, "points": POINTS_CURRENCY},
)

IN_LEDGER = Check(
    "the ledger has the points that shoppers have",
    "总账未用积分 = 全部积分余额",
    looks_at="""
        SELECT coalesce(sum(balance), 0) AS "points", coalesce(sum(owed), 0) AS "points owed" FROM point_accounts
    """,
    differing="""
        SELECT 'points' AS kind, CAST(NULL AS uuid) AS id, format('%s points', held) AS expected,
               format('%s points', posted) AS found
        FROM (SELECT coalesce(sum(balance - owed), 0) AS held FROM point_accounts) AS account,
             (SELECT coalesce(-sum(amount_minor), 0) AS posted FROM ledger_postings WHERE account = :held) AS ledger
        WHERE held <> posted
    """,
    parameters={"held": Account.POINTS},
)

IN_TIME = Check(
    "nobody's points have outlived their time",
    "积分到期即失效",
    looks_at='SELECT count(*) AS "lots" FROM point_lots WHERE unused > 0',
    # whatever moves somebody's points first drops those whose time is over
    differing="""
        SELECT 'account' AS kind, account_id AS id, 'nothing left of what expired before its last move' AS expected,
               format('%s points that expired at %s', sum(unused), min(expires_at)) AS found
        FROM point_lots JOIN (SELECT account_id, max(moved_at) AS moved_at FROM point_moves GROUP BY 1) AS last
             USING (account_id)
        WHERE unused > 0 AND expires_at <= last.moved_at
        GROUP BY account_id
    """,
)

OVERDUE = Note(
    "points that should have expired an hour ago",
    "到期一小时仍未清理的积分",
    counts="""
        SELECT count(*) AS "lots", coalesce(sum(unused), 0) AS "points" FROM point_lots
        WHERE unused > 0 AND expires_at < CAST(:now AS timestamptz) - interval '1 hour'
    """,
)

SPENT = Check(
    "orders have spent the points that their lines say",
    "订单抵扣积分 = 各行之和",
    looks_at="""
        SELECT count(DISTINCT order_id) AS "orders", coalesce(sum(points), 0) AS "points" FROM point_uses WHERE points > 0
    """,
    # of a line's points, those of the units that were given back have come back; what does not divide stays to the last
    differing=f"""
        WITH wanted AS (
            SELECT orders.id, sum(CASE WHEN state = ANY(CAST(:ended AS text[])) THEN 0
                                       ELSE points - points * refunded / quantity END) AS points
            FROM orders JOIN (
                SELECT order_id, quantity, refunded, CAST(step -> 'facts' ->> 'points' AS bigint) AS points
                FROM order_lines CROSS JOIN LATERAL jsonb_array_elements(explanation) AS step
                WHERE step ->> 'rule' = 'points'
            ) AS line ON line.order_id = orders.id
            WHERE discount_minor > 0 AND source IS NULL
            GROUP BY orders.id
        ),
        used AS (
            SELECT order_id AS id, sum(point_uses.points) AS points,
                   count(*) FILTER (WHERE account_id <> orders.shopper_id) AS strangers
            FROM point_uses LEFT JOIN point_lots ON point_lots.id = lot_id LEFT JOIN orders ON orders.id = order_id
            GROUP BY order_id
        )
        SELECT 'order' AS kind, id, format('%s points of its shopper', coalesce(wanted.points, 0)) AS expected,
               format('%s points, lots of somebody else: %s', coalesce(used.points, 0), coalesce(strangers, 0)) AS found
        FROM wanted FULL JOIN used USING (id) LEFT JOIN orders USING (id)
        WHERE (coalesce(wanted.points, 0), 0) <> (coalesce(used.points, 0), coalesce(strangers, 0)) AND {_NO_NEWS}
    """,  # noqa: S608 - made of this module's own text
    parameters=_NEWS | {"ended": [OrderState.LAPSED, OrderState.CANCELLED, OrderState.REFUNDED]},
)

EARNED = Check(
    "received orders have earned what was paid for their goods",
    "订单所得积分 = 实付商品金额",
    looks_at="""
        SELECT count(*) AS "orders", coalesce(sum(points - taken_back), 0) AS "points" FROM point_earnings
    """,
    # what nobody used in time may be gone already when the goods go back: then it is not taken back
    differing=f"""
        WITH earned AS (
            SELECT earning.order_id AS id, earning.points, taken_back, coalesce(lot.expired, 0) AS expired,
                   floor(paid_minor * earned_per_yuan * points_percent / 10000) AS due
            FROM point_earnings AS earning
            JOIN (SELECT order_id, sum(total_minor - refunded_goods_minor) AS paid_minor FROM order_lines GROUP BY 1)
                 AS line USING (order_id)
            LEFT JOIN point_lots AS lot ON lot.id = lot_id
        ),
        moved AS (
            SELECT order_id AS id, coalesce(sum(points) FILTER (WHERE kind = 'given'), 0) AS given,
                   coalesce(sum(points) FILTER (WHERE kind = 'taken_back'), 0) AS taken
            FROM point_moves WHERE order_id IS NOT NULL AND kind IN ('given', 'taken_back') GROUP BY 1
        )
        SELECT 'order' AS kind, id,
               format('%s of %s points, or %s more', coalesce(due, 0), coalesce(points, 0), coalesce(expired, 0)) AS expected,
               format('%s less %s; by its moves %s less %s', coalesce(points, 0), coalesce(taken_back, 0),
                      coalesce(given, 0), coalesce(taken, 0)) AS found
        FROM earned FULL JOIN moved USING (id) LEFT JOIN orders USING (id)
        WHERE ((coalesce(points, 0), coalesce(taken_back, 0)) = (coalesce(given, 0), coalesce(taken, 0))
               AND points - taken_back BETWEEN due AND least(points, due + expired)) IS NOT TRUE
          AND {_NO_NEWS}
    """,  # noqa: S608 - made of this module's own text
    parameters=_NEWS,
)

CHECKS = (LOTS, MOVES, POSTED, IN_LEDGER, IN_TIME, OVERDUE, SPENT, EARNED)
