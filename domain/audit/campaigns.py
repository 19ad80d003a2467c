"""Group-buy campaigns: limits and rules for newcomers hold, nothing is oversold, and what is settled has ended."""

from domain.audit.checks import Check
from domain.audit.group_buys import OPENING

UNITS_COUNTED = Check(
    "members' units are those of their seats, within the limit",
    "每人件数 = 有效席位，限购成立",
    looks_at="""
        SELECT count(*) AS "limits", coalesce(sum(units), 0) AS "units" FROM group_buy_shoppers
    """,
    differing="""
        SELECT 'account' AS kind, shopper_id AS id,
               format('%s of at most %s × %s', coalesce(living.units, 0), per_shopper, title) AS expected,
               CASE WHEN counted.units IS NULL THEN 'no counter' ELSE format('%s counted', counted.units) END AS found
        FROM (
            SELECT campaign_id, seat.shopper_id, sum(seat.quantity) AS units
            FROM group_buy_seats AS seat JOIN group_buys AS of_seat ON of_seat.id = seat.group_id
            WHERE seat.state IN ('held', 'paid')
            GROUP BY 1, 2
        ) AS living
        FULL JOIN group_buy_shoppers AS counted USING (campaign_id, shopper_id)
        LEFT JOIN group_buy_campaigns AS campaign ON campaign.id = campaign_id
        WHERE coalesce(living.units, 0) <> coalesce(counted.units, -1) OR living.units > per_shopper
    """,
)

NEWCOMERS = Check(
    "who joined as a newcomer had never paid",
    "新客席位仅限新客",
    looks_at="""SELECT count(*) FILTER (WHERE is_newcomers) AS "newcomers" FROM group_buy_seats""",
    given=f"WITH {OPENING}",
    # an order says when it was paid a moment before others can see it
    differing="""
        SELECT 'groupseat' AS kind, seat.id,
               CASE WHEN is_due THEN 'a newcomer, who never paid before' ELSE 'not asked to be a newcomer' END AS expected,
               CASE WHEN is_newcomers THEN 'a newcomer' ELSE 'not asked to be a newcomer' END
               || CASE WHEN has_paid THEN ', who had paid before' ELSE '' END AS found
        FROM (
            SELECT seat.id, is_newcomers, newcomers_only AND opening.id IS NULL AS is_due,
                   EXISTS (SELECT FROM orders AS earlier
                           WHERE earlier.shopper_id = seat.shopper_id AND earlier.id <> seat.order_id
                             AND earlier.paid_at < held_at - interval '30 seconds'
                             AND (earlier.state <> 'refunded' OR earlier.is_confirmed)) AS has_paid
            FROM group_buy_seats AS seat
            JOIN group_buys AS of_seat ON of_seat.id = seat.group_id
            JOIN group_buy_campaigns AS campaign ON campaign.id = of_seat.campaign_id
            LEFT JOIN opening ON opening.id = seat.id
        ) AS seat
        WHERE is_newcomers <> is_due OR (is_newcomers AND has_paid)
    """,
)

# By the stock that was taken, not by what the seats say of themselves. Units that came back were set aside again.
NOT_OVERSOLD = Check(
    "no item of a campaign is oversold",
    "拼团零超卖",
    looks_at="""
        SELECT count(*) AS "items", coalesce(sum(units), 0) AS "units for groups",
               coalesce(sum(allotment.held + allotment.sold), 0) AS "ordered"
        FROM group_buy_items AS item JOIN stock_allotments AS allotment ON allotment.id = item.allotment_id
    """,
    differing="""
        SELECT 'groupitem' AS kind, item.id, format('at most %s units', units) AS expected,
               format('%s ordered, %s allotted', coalesce(kept, 0), allotment.total - coalesce(returned, 0)) AS found
        FROM group_buy_items AS item
        JOIN stock_allotments AS allotment ON allotment.id = item.allotment_id
        LEFT JOIN (
            SELECT allotment_id, sum(returned) AS returned,
                   sum(quantity - returned) FILTER (WHERE outcome IS DISTINCT FROM 'released') AS kept
            FROM stock_holds GROUP BY 1
        ) AS taken ON taken.allotment_id = item.allotment_id
        WHERE greatest(kept, allotment.total - coalesce(returned, 0)) > units
    """,
)

SETTLED = Check(
    "settled campaigns have ended their groups and given everything back",
    "已结算活动无未结束的团、无剩余",
    looks_at="""
        SELECT count(DISTINCT campaign.id) AS "settled campaigns", count(*) AS "items"
        FROM group_buy_campaigns AS campaign JOIN group_buy_items AS item ON item.campaign_id = campaign.id
        WHERE campaign.state = 'settled'
    """,
    differing="""
        SELECT 'groupitem' AS kind, item.id, 'closed, 0 free, 0 held' AS expected,
               CASE WHEN allotment.id IS NULL THEN 'no allotment'
                    ELSE format('%s, %s free, %s held', CASE WHEN closed_at IS NULL THEN 'open' ELSE 'closed' END, free, held)
                    END AS found
        FROM group_buy_campaigns AS campaign
        JOIN group_buy_items AS item ON item.campaign_id = campaign.id
        LEFT JOIN stock_allotments AS allotment ON allotment.id = item.allotment_id
        WHERE campaign.state = 'settled' AND (closed_at IS NOT NULL AND free = 0 AND held = 0) IS NOT TRUE
        UNION ALL
        SELECT 'groupbuy', still_open.id, 'ended with its campaign', 'open'
        FROM group_buy_campaigns AS campaign JOIN group_buys AS still_open ON still_open.campaign_id = campaign.id
        WHERE campaign.state = 'settled' AND still_open.state = 'open'
    """,
)

CHECKS = (UNITS_COUNTED, NEWCOMERS, NOT_OVERSOLD, SETTLED)
