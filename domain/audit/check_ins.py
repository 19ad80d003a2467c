"""Check-ins: streaks are days in a row, and what the days brought was given."""

from domain.audit.checks import Check, Note

# Days in a row have the same distance to their number.
_ROWS = """
    WITH numbered AS (
        SELECT account_id, day, streak, day - CAST(row_number() OVER (PARTITION BY account_id ORDER BY day) AS integer) AS run
        FROM check_ins
    ),
    counted AS (
        SELECT *, row_number() OVER (PARTITION BY account_id, run ORDER BY day) AS nth FROM numbered
    )
"""

STREAKS = Check(
    "streaks are days in a row",
    "连续签到天数 = 签到记录",
    looks_at="""
        SELECT (SELECT count(*) FROM check_ins) AS "check-ins", count(*) AS "people", coalesce(max(longest), 0) AS "days at most"
        FROM check_in_streaks
    """,
    given=f"""
        {_ROWS},
        led AS (
            SELECT account_id, max(day) AS last_day, max(nth) AS longest, count(*) FILTER (WHERE streak <> nth) AS wrong,
                   (array_agg(nth ORDER BY day DESC))[1] AS days
            FROM counted GROUP BY account_id
        )
    """,  # noqa: S608 - made of this module's own text
    differing="""
        SELECT 'account' AS kind, coalesce(streak.account_id, led.account_id) AS id,
               format('%s days to %s, %s at most, all numbered', led.days, led.last_day, led.longest) AS expected,
               format('%s days to %s, %s at most, wrong: %s', streak.days, streak.last_day, streak.longest, wrong) AS found
        FROM check_in_streaks AS streak FULL JOIN led ON led.account_id = streak.account_id
        WHERE (streak.days = led.days AND streak.last_day = led.last_day AND streak.longest = led.longest AND wrong = 0)
              IS NOT TRUE
    """,
)

POINTS = Check(
    "points of check-ins were given, and no others",
    "签到积分 = 积分明细",
    looks_at="""
        SELECT count(*) AS "moves", coalesce(sum(points), 0) AS "points" FROM point_moves WHERE cause = 'check_in'
    """,
    given="""
        WITH due AS (
            SELECT id, account_id, points FROM check_ins WHERE points > 0
            UNION ALL
            SELECT reward.id, account_id, reward.points
            FROM check_in_rewards AS reward JOIN check_ins ON check_ins.id = check_in_id WHERE reward.points > 0
        )
    """,
    differing="""
        SELECT 'account' AS kind, coalesce(due.account_id, move.account_id) AS id,
               format('%s points', coalesce(due.points, 0)) AS expected,
               format('%s points', coalesce(move.points, 0)) AS found
        FROM due FULL JOIN (SELECT * FROM point_moves WHERE cause = 'check_in' AND kind = 'given') AS move
          ON move.cause_id = due.id AND move.account_id = due.account_id
        WHERE due.points IS DISTINCT FROM move.points
    """,
)

COUPONS = Check(
    "coupons of streaks were given, and no others",
    "连签优惠券 = 优惠券",
    looks_at='SELECT count(*) AS "coupons" FROM check_in_rewards WHERE coupon_id IS NOT NULL',
    differing="""
        SELECT 'account' AS kind, coalesce(due.account_id, coupon.shopper_id) AS id,
               CASE WHEN due.id IS NULL THEN 'no coupon' ELSE 'a coupon of its batch' END AS expected,
               CASE WHEN coupon.id IS NULL THEN 'none' ELSE 'another' END AS found
        FROM (
            SELECT reward.*, account_id FROM check_in_rewards AS reward JOIN check_ins ON check_ins.id = check_in_id
            WHERE coupon_id IS NOT NULL
        ) AS due
        FULL JOIN (SELECT * FROM coupons WHERE starts_with(claim_key, 'grant/check-in:')) AS coupon
          ON coupon.claim_key = 'grant/check-in:' || due.id
        WHERE (coupon.id = due.coupon_id AND coupon.batch_id = due.batch_id AND coupon.shopper_id = due.account_id) IS NOT TRUE
    """,
)

MISSING = Note(
    "streak rewards that were points, as no coupon could be given",
    "以积分代替优惠券的连签奖励",
    counts="""
        SELECT count(*) AS "rewards", coalesce(sum(points), 0) AS "points" FROM check_in_rewards WHERE missing IS NOT NULL
    """,
)

CHECKS = (STREAKS, POINTS, COUPONS, MISSING)
