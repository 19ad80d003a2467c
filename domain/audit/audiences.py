"""Doors of sales: who claimed early, or what is for some only, was let in by a door then, and was of its crowd."""

from domain.audit.checks import Check

# Passes of a door live for five seconds; clocks of two processes, and a commit that is under way, differ by less than the rest.
_SLACK = "interval '10 seconds'"
_IS_RESTRICTED = "(NOT CAST(sale.doors ->> 'lets_others_in' AS boolean) OR {at} < sale.opens_at)"

CLAIMS = Check(
    "claims of sales with doors were let in",
    "限定人群抢购均有准入记录",
    looks_at=f"""
        SELECT count(DISTINCT sale.id) AS "sales with doors",
               count(*) FILTER (WHERE {_IS_RESTRICTED.format(at="claimed_at")}) AS "tickets by a door"
        FROM flash_sales AS sale JOIN flash_sale_items AS item ON item.sale_id = sale.id
        LEFT JOIN flash_sale_tickets AS ticket ON ticket.item_id = item.id
        WHERE sale.doors IS NOT NULL
    """,  # noqa: S608 - made of this module's own text
    differing=f"""
        SELECT 'ticket' AS kind, ticket.id, 'its shopper was let in then' AS expected,
               CASE WHEN entrance.sale_id IS NULL THEN 'never let in'
                    ELSE format('claimed at %s, let in from %s to %s', claimed_at, first_at, last_at) END AS found
        FROM flash_sale_tickets AS ticket
        JOIN flash_sale_items AS item ON item.id = ticket.item_id
        JOIN flash_sales AS sale ON sale.id = item.sale_id
        LEFT JOIN sale_entrances AS entrance ON entrance.sale_id = sale.id AND account_id = shopper_id
        WHERE sale.doors IS NOT NULL AND {_IS_RESTRICTED.format(at="claimed_at")}
          AND (claimed_at BETWEEN first_at - {_SLACK} AND last_at + {_SLACK}) IS NOT TRUE
    """,  # noqa: S608 - made of this module's own text
)

SEATS = Check(
    "seats of group-buys with doors were let in",
    "限定人群拼团均有准入记录",
    looks_at=f"""
        SELECT count(DISTINCT sale.id) AS "campaigns with doors",
               count(*) FILTER (WHERE {_IS_RESTRICTED.format(at="orders.placed_at")}) AS "seats by a door"
        FROM group_buy_campaigns AS sale
        LEFT JOIN (group_buys JOIN group_buy_seats AS seat ON seat.group_id = group_buys.id
                   JOIN orders ON orders.id = seat.order_id) ON campaign_id = sale.id
        WHERE sale.doors IS NOT NULL
    """,  # noqa: S608 - made of this module's own text
    # by the order's moment: late money takes a seat again at its own
    differing=f"""
        SELECT 'groupseat' AS kind, seat.id, 'its shopper was let in then' AS expected,
               CASE WHEN entrance.sale_id IS NULL THEN 'never let in'
                    ELSE format('taken at %s, let in from %s to %s', orders.placed_at, first_at, last_at) END AS found
        FROM group_buy_seats AS seat
        JOIN group_buys ON group_buys.id = seat.group_id
        JOIN group_buy_campaigns AS sale ON sale.id = campaign_id
        JOIN orders ON orders.id = seat.order_id
        LEFT JOIN sale_entrances AS entrance ON entrance.sale_id = sale.id AND account_id = seat.shopper_id
        WHERE sale.doors IS NOT NULL AND {_IS_RESTRICTED.format(at="orders.placed_at")}
          AND (orders.placed_at BETWEEN first_at AND last_at) IS NOT TRUE
    """,  # noqa: S608 - made of this module's own text
)

ENTRANCES = Check(
    "whoever was let in came by a door of the sale, once it was open",
    "准入记录与活动人群一致",
    looks_at='SELECT count(*) AS "let in" FROM sale_entrances',
    differing="""
        SELECT 'account' AS kind, account_id AS id, 'a door of the sale, that opens then' AS expected,
               CASE WHEN sale.id IS NULL THEN 'no sale with doors'
                    ELSE format('%s at %s', door ->> 'crowd', opened_at) END AS found
        FROM sale_entrances AS entrance
        LEFT JOIN (SELECT id, doors, opens_at FROM flash_sales UNION ALL SELECT id, doors, opens_at FROM group_buy_campaigns)
               AS sale ON sale.id = entrance.sale_id
        WHERE (doors -> 'doors' @> jsonb_build_array(door) AND first_at >= opened_at
               AND CASE door ->> 'crowd' WHEN 'early_access' THEN opened_at BETWEEN
                     opens_at - make_interval(mins => CAST(door ->> 'minutes_early' AS int)) AND opens_at
                   ELSE opened_at = opens_at - make_interval(mins => CAST(door ->> 'minutes_early' AS int)) END) IS NOT TRUE
    """,
)

OF_THE_CROWD = Check(
    "whoever was let in as a member or a super user was one then",
    "准入会员、超级用户身份属实",
    looks_at="""
        SELECT count(*) FILTER (WHERE door ->> 'crowd' IN ('members', 'plan')) AS "members",
               count(*) FILTER (WHERE door ->> 'crowd' = 'super_users') AS "super users"
        FROM sale_entrances
    """,
    differing=f"""
        SELECT 'account' AS kind, account_id AS id, door ->> 'crowd' AS expected,
               format('was not at %s', first_at) AS found
        FROM sale_entrances AS entrance
        WHERE door ->> 'crowd' IN ('members', 'plan') AND NOT EXISTS (
                SELECT FROM memberships AS membership
                WHERE membership.account_id = entrance.account_id
                  AND (membership.plan_id = CAST(door ->> 'plan_id' AS uuid) OR door ->> 'crowd' = 'members')
                  AND began_at <= first_at + {_SLACK} AND (ended_at IS NULL OR ended_at >= first_at - {_SLACK}))
           OR door ->> 'crowd' = 'super_users' AND NOT EXISTS (
                SELECT FROM super_user_moves AS move
                WHERE move.account_id = entrance.account_id AND has_become AND moved_at <= first_at + {_SLACK}
                  AND NOT EXISTS (SELECT FROM super_user_moves AS later
                                  WHERE later.account_id = move.account_id AND later.position > move.position
                                    AND NOT later.has_become AND later.moved_at < first_at - {_SLACK}))
    """,  # noqa: S608 - made of this module's own text
)

COUNTED = Check(
    "segments count whom they hold",
    "分群人数 = 分群成员",
    looks_at='SELECT count(*) AS "segments", coalesce(sum(members), 0) AS "members" FROM segments',
    differing="""
        SELECT 'segment' AS kind, segment.id, format('%s members', coalesce(held.members, 0)) AS expected,
               format('%s counted', segment.members) AS found
        FROM segments AS segment
        LEFT JOIN (SELECT segment_id, generation, count(*) AS members FROM segment_members GROUP BY 1, 2) AS held
               ON held.segment_id = segment.id AND held.generation = segment.generation
        WHERE segment.members <> coalesce(held.members, 0)
    """,
)

CHECKS = (CLAIMS, SEATS, ENTRANCES, OF_THE_CROWD, COUNTED)
