"""Memberships: purchases have their money, terms follow each other and have their benefits, and fees are owed or earned."""

from domain.audit.checks import Balance, Check, Note
from domain.benefits.rules import HolderSource
from domain.ledger.rules import Account, EntryKind
from domain.memberships.paying import PAYABLE

_KINDS = {
    "payable": PAYABLE,
    "paid": EntryKind.MEMBERSHIP_PAID,
    "earned": EntryKind.MEMBERSHIPS_EARNED,
    "source": HolderSource.MEMBERSHIP,
}

HAVE_MONEY = Check(
    "paid memberships have their money",
    "会员购买都有收款",
    looks_at="""
        SELECT count(*) FILTER (WHERE state = 'paid') AS "paid purchases",
               coalesce(sum(price_minor - credit_minor) FILTER (WHERE state = 'paid'), 0) AS "¥"
        FROM membership_purchases
    """,
    # a declined one, too: its money is on its way back
    differing="""
        SELECT 'purchase' AS kind, purchase.id,
               format('%s fen for it, %s, %s of them asked back', price_minor - credit_minor,
                      CASE purchase.state WHEN 'declined' THEN 'refund_due or refunded' ELSE 'captured' END,
                      CASE purchase.state WHEN 'declined' THEN price_minor - credit_minor
                           ELSE purchase.refunded_minor END) AS expected,
               CASE WHEN payment.id IS NULL THEN 'no payment'
                    ELSE format('%s fen for %s, %s, %s asked back', payment.amount_minor,
                                CASE payable_id WHEN purchase.id THEN 'it' ELSE 'something else' END, payment.state,
                                refund_asked_minor) END AS found
        FROM membership_purchases AS purchase LEFT JOIN payments AS payment ON payment.id = paid_with
        WHERE paid_with IS NOT NULL
          AND (payable = CAST(:payable AS text) AND payable_id = purchase.id
               AND amount_minor = price_minor - credit_minor
               AND CASE purchase.state WHEN 'declined' THEN payment.state IN ('refund_due', 'refunded')
                        ELSE payment.state = 'captured' AND refund_asked_minor = purchase.refunded_minor END) IS NOT TRUE
    """,
    parameters=_KINDS,
)

POSTED = Check(
    "paid memberships stand in the ledger",
    "会员购买均已入账",
    looks_at="""
        SELECT count(*) AS "entries" FROM ledger_entries WHERE kind = CAST(:paid AS text)
    """,
    differing="""
        SELECT 'purchase' AS kind, coalesce(purchase.id, posted.id) AS id,
               CASE WHEN purchase.id IS NULL THEN 'no entry' ELSE format('%s fen owed in days', due) END AS expected,
               CASE WHEN posted.id IS NULL THEN 'no entry' ELSE format('%s fen owed in days', minor) END AS found
        FROM (
            SELECT id, price_minor - credit_minor AS due FROM membership_purchases
            WHERE state = 'paid' AND price_minor > credit_minor
        ) AS purchase
        FULL JOIN (
            SELECT cause_id AS id, -sum(amount_minor) AS minor
            FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.entry_id = entry.id
            WHERE kind = CAST(:paid AS text) AND account = 'memberships' GROUP BY 1
        ) AS posted ON posted.id = purchase.id
        WHERE due IS DISTINCT FROM minor
    """,
    parameters=_KINDS,
)

BEGUN = Check(
    "what was paid or activated has its term",
    "已付款与已激活的会员均有会员期",
    looks_at="""
        SELECT count(*) AS "terms", count(purchase_id) AS "bought", count(code_id) AS "activated" FROM membership_terms
    """,
    differing="""
        SELECT 'purchase' AS kind, purchase.id,
               CASE WHEN purchase.state <> 'paid' THEN 'no term'
                    ELSE format('a term of %s fen', price_minor) END AS expected,
               coalesce(format('a term of %s fen', paid_minor), 'no term') AS found
        FROM membership_purchases AS purchase
        LEFT JOIN membership_terms AS term ON term.purchase_id = purchase.id
        LEFT JOIN membership_codes AS gift ON gift.purchase_id = purchase.id
        WHERE CASE WHEN purchase.state <> 'paid' THEN term.id IS NOT NULL
                   WHEN cause = 'gift' AND gift.used_at IS NULL THEN term.id IS NOT NULL OR gift.id IS NULL
                   ELSE (paid_minor = price_minor) IS NOT TRUE END
    """,
)

CODES_USED = Check(
    "activation codes are used once, by who has their term",
    "激活码仅使用一次",
    looks_at="""
        SELECT (SELECT count(*) FROM membership_code_batches) AS "batches", count(*) AS "codes", count(used_at) AS "used",
               count(withdrawn_at) AS "withdrawn"
        FROM membership_codes
    """,
    differing="""
        SELECT format('code %s', code.id) AS kind, CAST(NULL AS uuid) AS id, 'a term of who has used it, or none' AS expected,
               concat_ws(', ', CASE WHEN code.used_at IS NULL THEN 'not used' ELSE 'used' END,
                         CASE WHEN term.id IS NULL THEN 'no term'
                              WHEN term.account_id = used_by THEN 'their term' ELSE 'somebody else''s term' END,
                         CASE WHEN withdrawn_at IS NOT NULL THEN format('withdrawn, %s fen back', refunded_minor) END) AS found
        FROM membership_codes AS code
        LEFT JOIN (SELECT id, code_id, account_id FROM membership_terms) AS term ON term.code_id = code.id
        LEFT JOIN membership_purchases AS purchase ON purchase.id = code.purchase_id
        WHERE term.account_id IS DISTINCT FROM used_by
           OR coalesce(refunded_minor, 0) <> CASE WHEN withdrawn_at IS NULL THEN 0 ELSE price_minor END
        UNION ALL
        SELECT 'codebatch', batch.id, format('%s codes', pieces), format('%s codes', coalesce(codes, 0))
        FROM membership_code_batches AS batch
        LEFT JOIN (SELECT batch_id, count(*) AS codes FROM membership_codes GROUP BY 1) AS made ON made.batch_id = batch.id
        WHERE pieces IS DISTINCT FROM codes
    """,
)

TERMS_FOLLOW = Check(
    "a membership's terms follow each other",
    "会员期首尾相接",
    looks_at="""SELECT count(*) AS "memberships" FROM memberships""",
    differing="""
        SELECT 'membership' AS kind, card.id, 'terms that follow each other from its beginning to its end' AS expected,
               format('%s terms, %s of them out of line', coalesce(terms, 0), coalesce(loose, 0))
               || format(', to %s instead of %s', last_at, card.ends_at) AS found
        FROM memberships AS card
        LEFT JOIN (
            SELECT membership_id, count(*) AS terms, max(ends_at) AS last_at, count(*) FILTER (WHERE NOT is_next) AS loose
            FROM (
                SELECT membership_id, term.ends_at,
                       (number = row_number() OVER so_far AND term.account_id = card.account_id
                        AND term.starts_at = coalesce(lag(term.ends_at) OVER so_far, card.began_at)
                        AND term.ends_at = timezone('Asia/Shanghai', CAST(last_day + 1 AS timestamp))
                        AND first_day = coalesce(lag(last_day) OVER so_far,
                                                 CAST(timezone('Asia/Shanghai', card.began_at) AS date)) + 1) AS is_next
                FROM membership_terms AS term JOIN memberships AS card ON card.id = membership_id
                WINDOW so_far AS (PARTITION BY membership_id ORDER BY number)
            ) AS placed
            GROUP BY membership_id
        ) AS led ON led.membership_id = card.id
        WHERE (loose = 0 AND last_at = card.ends_at) IS NOT TRUE
    """,
)

ONE_AT_A_TIME = Check(
    "a person has one membership at a time",
    "同一时间只有一张会员卡",
    looks_at="""
        SELECT count(DISTINCT account_id) AS "people", count(*) FILTER (WHERE ended_at IS NULL) AS "living" FROM memberships
    """,
    differing="""
        SELECT 'account' AS kind, account_id AS id, 'one ends before the next begins' AS expected,
               format('one from %s on, while another lasts until %s', began_at, before) AS found
        FROM (
            SELECT account_id, began_at,
                   lag(coalesce(ended_at, 'infinity')) OVER (PARTITION BY account_id ORDER BY began_at, id) AS before
            FROM memberships
        ) AS following
        WHERE before > began_at
    """,
)

# Ended before its time: whatever ran or was to come is closed. Otherwise nothing is.
ENDED = Check(
    "memberships that ended early are settled",
    "提前结束的会员卡均已结清",
    looks_at="""
        SELECT count(*) FILTER (WHERE end_reason = 'expired') AS "expired",
               count(*) FILTER (WHERE end_reason = 'refunded') AS "refunded",
               count(*) FILTER (WHERE end_reason = 'upgraded') AS "upgraded"
        FROM memberships
    """,
    differing="""
        SELECT 'membership' AS kind, card.id,
               format('%s: %s', coalesce(card.end_reason, 'living'),
                      CASE WHEN card.end_reason IN ('refunded', 'upgraded') THEN 'what was not over is closed then'
                           ELSE 'nothing is closed, nor over before its time' END) AS expected,
               format('%s of %s open terms closed, %s fen credited, %s upgrades of it, ended %s', closed, open, carried,
                      CASE WHEN next.id IS NULL THEN 0 ELSE 1 END, coalesce(CAST(card.ended_at AS text), 'never')) AS found
        FROM memberships AS card
        JOIN (
            SELECT membership_id, count(*) FILTER (WHERE term.ends_at > coalesce(card.ended_at, '-infinity')) AS open,
                   count(*) FILTER (WHERE closed_at = card.ended_at) AS closed, count(closed_at) AS closed_ever,
                   sum(carried_minor) AS carried, sum(term.refunded_minor) AS refunded
            FROM membership_terms AS term JOIN memberships AS card ON card.id = membership_id GROUP BY membership_id
        ) AS of_card ON of_card.membership_id = card.id
        LEFT JOIN memberships AS next ON next.upgraded_from = card.id
        LEFT JOIN membership_purchases AS upgrade ON upgrade.upgrades = card.id AND upgrade.state = 'paid'
        WHERE (CASE card.end_reason
                   WHEN 'refunded' THEN closed = open AND closed_ever = open AND carried = 0 AND next.id IS NULL
                   WHEN 'upgraded' THEN closed = open AND closed_ever = open AND refunded = 0
                                        AND next.began_at = card.ended_at AND upgrade.credit_minor = carried
                   WHEN 'expired' THEN closed_ever = 0 AND card.ended_at >= card.ends_at AND next.id IS NULL
                   ELSE closed_ever = 0 AND next.id IS NULL END) IS NOT TRUE
    """,
)

GIVEN_BACK = Check(
    "refunded memberships gave back what their terms say",
    "退卡金额 = 各期退款之和",
    looks_at="""
        SELECT count(*) AS "refunds", coalesce(sum(refunded_minor), 0) AS "¥" FROM membership_purchases WHERE refunded_minor > 0
    """,
    # of somebody's own purchases and terms; a gift that nobody activated goes back whole, and has no term
    differing="""
        SELECT 'account' AS kind, account_id AS id, format('%s fen of their terms', coalesce(of_terms, 0)) AS expected,
               format('%s fen of their purchases', coalesce(of_purchases, 0)) AS found
        FROM (
            SELECT account_id, sum(refunded_minor) AS of_terms FROM membership_terms GROUP BY 1
        ) AS term
        FULL JOIN (
            SELECT account_id, sum(refunded_minor) AS of_purchases FROM membership_purchases WHERE cause <> 'gift' GROUP BY 1
        ) AS purchase USING (account_id)
        WHERE coalesce(of_terms, 0) <> coalesce(of_purchases, 0)
    """,
)

HELD = Check(
    "memberships hold their plan's benefits",
    "会员卡权益与方案一致",
    looks_at="""
        SELECT count(*) AS "holdings" FROM benefit_holdings WHERE source = CAST(:source AS text)
    """,
    differing="""
        SELECT 'membership' AS kind, coalesce(card.id, holding.source_id) AS id,
               CASE WHEN card.id IS NULL THEN 'no benefits'
                    ELSE format('the plan''s benefits from %s until %s', began_at,
                                CASE WHEN end_reason IN ('refunded', 'upgraded') THEN ended_at ELSE card.ends_at END)
                    END AS expected,
               CASE WHEN holding.id IS NULL THEN 'no benefits'
                    ELSE format('%s benefits from %s until %s', CASE WHEN holding.benefits = plan.benefits THEN 'the plan''s'
                                ELSE 'other' END, holding.starts_at, holding.ends_at) END AS found
        FROM memberships AS card
        JOIN membership_plans AS plan ON plan.id = plan_id
        FULL JOIN (SELECT * FROM benefit_holdings WHERE source = CAST(:source AS text)) AS holding ON holding.source_id = card.id
        WHERE (holding.account_id = card.account_id AND holding.benefits = plan.benefits AND holding.starts_at = card.began_at
               AND CASE WHEN end_reason IN ('refunded', 'upgraded') THEN holding.ends_at = ended_at
                        ELSE holding.ends_at IN (card.ends_at, grace_until) END) IS NOT TRUE
    """,
    parameters=_KINDS,
)

# What was earned of each term: until it was closed by the days that are booked, since then all that was not given away.
_EARNED = """
    WITH booked AS (SELECT coalesce(max(day), CAST('-infinity' AS date)) AS day FROM membership_earnings),
    part AS (
        SELECT paid_minor, closed_at,
               CASE WHEN closed_at IS NOT NULL THEN paid_minor - carried_minor - refunded_minor
                    WHEN booked.day < first_day THEN 0
                    ELSE paid_minor * (least(booked.day, last_day) - first_day + 1) / (last_day - first_day + 1) END AS earned
        FROM membership_terms CROSS JOIN booked
    )
"""
OWED = Balance(
    "membership fees that are owed in days stand in the ledger",
    "预收会费 = 未过期会员期",
    subject="all memberships",
    given=_EARNED,
    sums="""
        SELECT (SELECT coalesce(sum(paid_minor - earned) FILTER (WHERE closed_at IS NULL), 0) FROM part)
               + (SELECT coalesce(sum(price_minor), 0) FROM membership_purchases AS gift
                  WHERE cause = 'gift' AND state = 'paid' AND refunded_at IS NULL
                    AND NOT EXISTS (SELECT FROM membership_terms WHERE purchase_id = gift.id)) AS expected,
               (SELECT coalesce(-sum(amount_minor), 0) FROM ledger_postings WHERE account = CAST(:account AS text)) AS found
    """,
    parameters={"account": Account.MEMBERSHIPS},
)
EARNED = Balance(
    "membership fees that are earned stand in the ledger",
    "会费收入 = 已过会员期",
    subject="all memberships",
    given=_EARNED,
    sums="""
        SELECT (SELECT coalesce(sum(earned), 0) FROM part) AS expected,
               (SELECT coalesce(-sum(amount_minor), 0) FROM ledger_postings WHERE account = CAST(:account AS text)) AS found
    """,
    parameters={"account": Account.MEMBER_FEES},
)

DAYS_BOOKED = Check(
    "days of membership fees are booked in order, each once",
    "会费逐日确认连续且均已入账",
    looks_at="""
        SELECT count(*) AS "days", coalesce(sum(earned_minor), 0) AS "¥" FROM membership_earnings
    """,
    differing="""
        SELECT format('day %s', coalesce(CAST(day AS text), 'of no term')) AS kind, CAST(NULL AS uuid) AS id,
               format('the day after the one before, %s fen in the ledger', coalesce(earned_minor, 0)) AS expected,
               format('%s, %s fen in the ledger', CASE WHEN is_next THEN 'so' ELSE 'not so' END, coalesce(minor, 0)) AS found
        FROM (
            SELECT id, day, earned_minor, day = coalesce(lag(day) OVER (ORDER BY day) + 1, day) AS is_next
            FROM membership_earnings
        ) AS booked
        FULL JOIN (
            SELECT cause_id, -sum(amount_minor) AS minor
            FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.entry_id = entry.id
            WHERE kind = CAST(:earned AS text) AND account = 'member_fees'
              AND NOT EXISTS (SELECT FROM membership_terms AS term WHERE term.id = cause_id)
            GROUP BY 1
        ) AS posted ON posted.cause_id = booked.id
        WHERE (is_next AND earned_minor = coalesce(minor, 0)) IS NOT TRUE
    """,
    parameters=_KINDS,
)

TO_BE_BOOKED = Note(
    "days of membership fees that are not booked yet",
    "待确认会费的天数",
    counts="""
        SELECT CASE WHEN EXISTS (SELECT FROM membership_terms)
                    THEN greatest(CAST(timezone('Asia/Shanghai', CAST(:now AS timestamptz)) AS date) - 1
                                  - coalesce((SELECT max(day) FROM membership_earnings),
                                             (SELECT min(first_day) FROM membership_terms) - 1), 0)
                    ELSE 0 END AS "days"
    """,
)

CHECKS = (
    HAVE_MONEY, POSTED, BEGUN, CODES_USED, TERMS_FOLLOW, ONE_AT_A_TIME, ENDED, GIVEN_BACK, HELD, OWED, EARNED, DAYS_BOOKED,
    TO_BE_BOOKED,
)  # fmt: skip
