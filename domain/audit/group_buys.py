"""Group-buys: seats are orders, groups count their seats, and what became of a group became of its members' orders and money."""

from domain.audit.checks import Check, Note
from domain.group_buys.joining import SOURCE
from domain.orders.events import OrderCancelled, OrderGivenBack, OrderLapsed, OrderPaid

_SOURCE = {"source": SOURCE}

# The seat a group was opened with: the one that has the opener's benefit, and that no newcomer needs to sit on.
OPENING = """
    opening AS (
        SELECT DISTINCT ON (seat.group_id) seat.id
        FROM group_buy_seats AS seat
        JOIN group_buys AS of_seat ON of_seat.id = seat.group_id AND of_seat.opened_by = seat.shopper_id
        ORDER BY seat.group_id, seat.id
    )
"""

SEATS_HAVE_ORDERS = Check(
    "seats have their orders",
    "席位与订单一一对应",
    looks_at="""
        SELECT (SELECT count(*) FROM group_buy_seats) AS "seats",
               (SELECT count(*) FROM orders WHERE source = CAST(:source AS text)) AS "orders"
    """,
    given=f"WITH {OPENING},",
    differing="""
        placed AS (
            SELECT orders.id, source_id, shopper_id, sku_id, allotment_id, quantity, unit_price_minor AS price_minor,
                   orders.discount_minor
            FROM orders LEFT JOIN order_lines AS line ON line.order_id = orders.id
            WHERE source = CAST(:source AS text)
        ),
        promised AS (
            SELECT seat.id, order_id, shopper_id, sku_id, allotment_id, quantity, group_price_minor AS price_minor,
                   CASE WHEN opening.id IS NULL THEN 0
                        ELSE CASE opener_benefit
                             WHEN 'free' THEN group_price_minor
                             WHEN 'discount' THEN least(opener_discount_minor, group_price_minor * quantity)
                             ELSE 0 END
                        END AS discount_minor
            FROM group_buy_seats AS seat
            LEFT JOIN opening ON opening.id = seat.id
            LEFT JOIN group_buy_items AS item ON item.id = item_id
            LEFT JOIN group_buy_campaigns AS campaign ON campaign.id = campaign_id
        )
        SELECT CASE WHEN promised.id IS NULL THEN 'order' ELSE 'groupseat' END AS kind,
               coalesce(promised.id, placed.id) AS id,
               CASE WHEN promised.id IS NULL THEN 'a seat that promised it'
                    ELSE format('an order of the member, %s × %s fen - %s', promised.quantity, promised.price_minor,
                                promised.discount_minor) END AS expected,
               CASE WHEN promised.id IS NULL OR placed.id IS NULL THEN 'none'
                    ELSE format('an order of %s, %s × %s fen - %s',
                                CASE placed.shopper_id WHEN promised.shopper_id THEN 'the member' ELSE 'another' END,
                                placed.quantity, placed.price_minor, placed.discount_minor)
                         || CASE WHEN (placed.sku_id, placed.allotment_id) IS DISTINCT FROM
                                      (promised.sku_id, promised.allotment_id) THEN ', of other stock' ELSE '' END
                    END AS found
        FROM promised FULL JOIN placed ON placed.id = promised.order_id AND placed.source_id = promised.id
        WHERE (promised.shopper_id, promised.sku_id, promised.allotment_id, promised.quantity, promised.price_minor,
               promised.discount_minor)
              IS DISTINCT FROM
              (placed.shopper_id, placed.sku_id, placed.allotment_id, placed.quantity, placed.price_minor,
               placed.discount_minor)
    """,
    parameters=_SOURCE,
)

SEATS_AGREE = Check(
    "seats know what became of their orders",
    "席位状态与订单一致",
    looks_at="""
        SELECT count(*) FILTER (WHERE state = 'held') AS "held", count(*) FILTER (WHERE state = 'paid') AS "paid",
               count(*) FILTER (WHERE state = 'freed') AS "freed", count(*) FILTER (WHERE state = 'refunded') AS "refunded"
        FROM group_buy_seats
    """,
    # an order's news may still be on its way to the seat; who gives goods back after the group has filled was a member all
    # the same, and what staff gave back before the clock did is due until the clock has seen it
    differing="""
        SELECT 'groupseat' AS kind, seat.id, 'as its order: ' || orders.state AS expected, seat.state AS found
        FROM group_buy_seats AS seat
        JOIN orders ON orders.id = seat.order_id
        JOIN group_buys AS of_seat ON of_seat.id = seat.group_id
        WHERE seat.state <> CASE WHEN orders.state = 'placed' THEN 'held' WHEN orders.paid_at IS NULL THEN 'freed'
                                 WHEN orders.state = 'refunded' THEN 'refunded' ELSE 'paid' END
          AND NOT (seat.state = 'paid' AND orders.state = 'refunded' AND (of_seat.state = 'filled' OR refund_at IS NOT NULL))
          AND NOT EXISTS (
            SELECT FROM outbox_events AS event
            WHERE event.aggregate_id = orders.id AND delivered_at IS NULL AND dead_at IS NULL
              AND event.kind = ANY(CAST(:news AS text[]))
          )
    """,
    parameters={"news": [OrderPaid.kind, OrderLapsed.kind, OrderCancelled.kind, OrderGivenBack.kind]},
)

# What a group that has ended counted is what it was at its end: refunds came after.
GROUPS_COUNT_SEATS = Check(
    "groups count their seats",
    "团席位数 = 席位记录",
    looks_at="""
        SELECT count(*) FILTER (WHERE state = 'open') AS "open groups",
               count(*) FILTER (WHERE state = 'filled') AS "filled groups",
               count(*) FILTER (WHERE state = 'expired') AS "expired groups",
               count(*) FILTER (WHERE state = 'dissolved') AS "dissolved groups"
        FROM group_buys
    """,
    differing="""
        SELECT 'groupbuy' AS kind, of_seats.id,
               format('%s taken, %s paid, each number of 1 to %s once, and a member leads', coalesce(living, 0),
                      coalesce(counted.paid, 0), seats) AS expected,
               format('%s taken, %s paid, %s numbers up to %s, %s', taken, of_seats.paid, coalesce(numbers, 0),
                      coalesce(highest, 0), CASE WHEN leads THEN 'a member leads' ELSE 'no member leads' END) AS found
        FROM group_buys AS of_seats
        LEFT JOIN (
            SELECT group_id, count(*) AS living, count(DISTINCT number) AS numbers, max(number) AS highest,
                   count(*) FILTER (WHERE seat.state <> 'held') AS paid, bool_or(shopper_id = leader_id) AS leads
            FROM group_buy_seats AS seat JOIN group_buys AS of_seat ON of_seat.id = group_id
            WHERE seat.state IN ('held', 'paid')
               OR (of_seat.state = 'expired' AND seat.state = 'refunded' AND refunded_at >= ended_at)
            GROUP BY group_id
        ) AS counted ON group_id = of_seats.id
        WHERE (taken, of_seats.paid) <> (coalesce(living, 0), coalesce(counted.paid, 0))
           OR numbers <> living OR highest > seats OR (taken > 0 AND leads IS NOT TRUE)
    """,
)

FILLED = Check(
    "filled groups are full, or were completed by staff",
    "成团的团已满员，或由商家成团",
    looks_at="""
        SELECT count(*) AS "filled groups", count(completed_by) AS "completed by staff"
        FROM group_buys WHERE state = 'filled'
    """,
    differing="""
        SELECT 'groupbuy' AS kind, filled.id,
               CASE WHEN completed_by IS NULL THEN format('%s paid', seats) ELSE 'some paid, and the deed of staff' END
                   AS expected,
               format('%s paid', coalesce(counted.paid, 0))
               || CASE WHEN completed_by IS NULL THEN '' WHEN is_deed THEN ', and the deed' ELSE ', and no deed' END AS found
        FROM (
            SELECT *, EXISTS (SELECT FROM staff_deeds WHERE "by" = completed_by AND subject_id = group_buys.id) AS is_deed
            FROM group_buys WHERE state = 'filled'
        ) AS filled
        LEFT JOIN (
            SELECT group_id, count(*) AS paid FROM group_buy_seats WHERE state = 'paid' GROUP BY 1
        ) AS counted ON group_id = filled.id
        WHERE (CASE WHEN completed_by IS NULL THEN counted.paid = seats ELSE counted.paid >= 1 AND is_deed END) IS NOT TRUE
    """,
)

CONFIRMED = Check(
    "orders are confirmed where their group has filled, and nowhere else",
    "成团才确认订单",
    looks_at="""
        SELECT count(*) FILTER (WHERE is_confirmed) AS "confirmed orders",
               count(*) FILTER (WHERE NOT is_confirmed) AS "unconfirmed orders"
        FROM orders WHERE source = CAST(:source AS text)
    """,
    differing="""
        SELECT 'order' AS kind, id, CASE WHEN is_due THEN 'confirmed' ELSE 'not confirmed' END AS expected,
               CASE WHEN is_confirmed THEN 'confirmed' ELSE 'not confirmed' END || format(', the group is %s', of_group)
                   AS found
        FROM (
            SELECT orders.id, is_confirmed, of_seat.state AS of_group,
                   of_seat.state = 'filled' AND seat.state = 'paid' AS is_due
            FROM orders
            JOIN group_buy_seats AS seat ON seat.order_id = orders.id
            JOIN group_buys AS of_seat ON of_seat.id = seat.group_id
        ) AS judged
        WHERE is_confirmed <> is_due
    """,
    parameters=_SOURCE,
)

EXPIRED = Check(
    "members of expired groups have their money back, once and in full",
    "拼团失败：全额退款，每人一次",
    looks_at="""
        SELECT count(*) FILTER (WHERE seat.state = 'refunded') AS "refunded seats",
               count(*) FILTER (WHERE seat.state = 'paid') AS "due seats",
               coalesce(sum(orders.refunded_minor), 0) AS "¥"
        FROM group_buys AS expired
        JOIN group_buy_seats AS seat ON seat.group_id = expired.id
        JOIN orders ON orders.id = seat.order_id
        WHERE expired.state = 'expired' AND seat.paid_at IS NOT NULL
    """,
    # what is still due stands in `refund_at`; what staff gave back before is not given back again
    differing="""
        SELECT 'groupseat' AS kind, seat.id,
               CASE seat.state WHEN 'paid' THEN 'a refund that is due' ELSE format('%s fen back, by one refund', total_minor)
                   END AS expected,
               format('%s, %s fen back, %s by %s of %s refunds', seat.state, refunded_minor, coalesce(asked.own_minor, 0),
                      coalesce(asked.own, 0), coalesce(asked.refunds, 0))
               || CASE WHEN refund_at IS NULL THEN '' ELSE ', due' END AS found
        FROM group_buys AS expired
        JOIN group_buy_seats AS seat ON seat.group_id = expired.id
        JOIN orders ON orders.id = seat.order_id
        LEFT JOIN (
            SELECT payment_id, count(*) AS refunds, count(of_seat.id) AS own,
                   coalesce(sum(amount_minor) FILTER (WHERE of_seat.id IS NOT NULL), 0) AS own_minor
            FROM refunds LEFT JOIN group_buy_seats AS of_seat ON of_seat.id = cause_id
            GROUP BY 1
        ) AS asked ON asked.payment_id = orders.paid_with
        WHERE expired.state = 'expired' AND seat.paid_at IS NOT NULL
          AND (CASE WHEN seat.state = 'paid' THEN refund_at IS NOT NULL AND coalesce(asked.own, 0) = 0
                    WHEN asked.own = 1 THEN orders.state = 'refunded' AND refunded_minor = total_minor
                    ELSE orders.state = 'refunded' AND coalesce(asked.own, 0) = 0
                         AND (total_minor = 0 OR asked.refunds > 0) END) IS NOT TRUE
    """,
)

EVENTS = Check(
    "groups' events are numbered without gaps and end at their figures",
    "团动态连续且与团一致",
    looks_at="""
        SELECT (SELECT count(*) FROM group_buys) AS "groups", (SELECT count(*) FROM group_buy_events) AS "events"
    """,
    differing="""
        SELECT 'groupbuy' AS kind, coalesce(told.group_id, of_events.id) AS id,
               format('1 to %s, from opened on; %s taken, %s paid', of_events.events, of_events.taken,
                      of_events.paid) AS expected,
               CASE WHEN told.group_id IS NULL THEN 'none'
                    ELSE format('%s up to %s, from %s on; %s taken, %s paid', count, last.number, first_kind, last.taken,
                                last.paid) END AS found
        FROM group_buys AS of_events
        FULL JOIN (
            SELECT group_id, count(*) AS count, min(number) AS first, max(number) AS last,
                   min(kind) FILTER (WHERE number = 1) AS first_kind
            FROM group_buy_events GROUP BY 1
        ) AS told ON told.group_id = of_events.id
        LEFT JOIN group_buy_events AS last ON last.group_id = told.group_id AND last.number = told.last
        WHERE (count = of_events.events AND told.first = 1 AND told.last = of_events.events AND first_kind = 'opened'
               AND last.taken = of_events.taken AND last.paid = of_events.paid) IS NOT TRUE
    """,
)

REFUNDS_UNDER_WAY = Note(
    "members of expired groups whose money is still to go back",
    "拼团失败待退款",
    counts="""
        SELECT count(*) AS "seats", count(*) FILTER (WHERE refund_failures > 0) AS "after a failure",
               coalesce(sum(total_minor), 0) AS "¥"
        FROM group_buy_seats AS seat JOIN orders ON orders.id = order_id WHERE refund_at IS NOT NULL
    """,
)

OVERDUE = Note(
    "groups that should have ended a minute ago",
    "超时一分钟仍未结束的团",
    counts="""
        SELECT count(*) AS "groups" FROM group_buys
        WHERE state = 'open' AND expires_at < CAST(:now AS timestamptz) - interval '1 minute'
    """,
)

CHECKS = (
    SEATS_HAVE_ORDERS,
    SEATS_AGREE,
    GROUPS_COUNT_SEATS,
    FILLED,
    CONFIRMED,
    EXPIRED,
    EVENTS,
    REFUNDS_UNDER_WAY,
    OVERDUE,
)
