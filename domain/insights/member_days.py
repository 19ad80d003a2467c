"""Keeping what each day brought of members: days that are new, and some of those before that news may still change.

A day's sums cost what reading the day's orders costs. Money goes back by the gateway's clock, of which one may hear days
later, and a card counts as renewed until thirty days after its end: so the last days are made anew with each new day.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text

from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.database import Database, Transaction
from domain.foundation.locks import MEMBER_DAYS
from domain.insights.member_rules import RENEWED_WITHIN_DAYS
from domain.insights.tables import member_days

AGAIN_AFTER = timedelta(minutes=10)
AT_ONCE = 31
"""Days of one transaction."""

# From `began_at` until before `over_at` somebody was a member: of any plan but a trial.
_RUNS = """
    SELECT membership.account_id, membership.began_at,
           least(coalesce(membership.ended_at, 'infinity'), coalesce(membership.grace_until, membership.ends_at)) AS over_at
    FROM memberships AS membership JOIN membership_plans AS plan ON plan.id = membership.plan_id WHERE plan.kind <> 'trial'
"""
_IS_MEMBER = f"""
    EXISTS (SELECT FROM ({_RUNS}) AS run
            WHERE run.account_id = orders.shopper_id AND run.began_at <= orders.paid_at AND orders.paid_at < run.over_at)
"""  # noqa: S608 - made of this module's own text
_DAY_OF = "CAST({moment} AT TIME ZONE 'Asia/Shanghai' AS date)"
_MAKE = text(f"""
    WITH each AS (
      SELECT CAST(day AS date) AS day, (day + interval '1 day') AT TIME ZONE 'Asia/Shanghai' AS ends_at
      FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 day') AS day
    ), runs AS MATERIALIZED ({_RUNS}),
    paid AS MATERIALIZED (
      SELECT {_DAY_OF.format(moment="paid_at")} AS day, shopper_id, total_minor, {_IS_MEMBER} AS is_member
      FROM orders WHERE paid_at >= :starts_at AND paid_at < :ends_at
    ), sold AS (
      SELECT day, count(*) FILTER (WHERE is_member) AS member_orders, count(*) FILTER (WHERE NOT is_member) AS other_orders,
             coalesce(sum(total_minor) FILTER (WHERE is_member), 0) AS by_members,
             coalesce(sum(total_minor) FILTER (WHERE NOT is_member), 0) AS by_others
      FROM paid GROUP BY 1
    ), back AS (
      SELECT day, coalesce(sum(amount_minor) FILTER (WHERE is_member), 0) AS to_members,
             coalesce(sum(amount_minor) FILTER (WHERE NOT is_member), 0) AS to_others
      FROM (
        SELECT {_DAY_OF.format(moment="refund.refunded_at")} AS day, refund.amount_minor, {_IS_MEMBER} AS is_member
        FROM refunds AS refund
        JOIN payments AS payment ON payment.id = refund.payment_id AND payment.payable = 'order'
        JOIN orders ON orders.id = payment.payable_id AND orders.paid_with = payment.id AND orders.paid_at IS NOT NULL
        WHERE refund.refunded_at >= :starts_at AND refund.refunded_at < :ends_at
      ) AS given_back GROUP BY 1
    ), came AS (
      SELECT account_id, min(day) AS day FROM (
        SELECT shopper_id AS account_id, day FROM paid
        UNION SELECT account_id, {_DAY_OF.format(moment="began_at")} FROM runs
        WHERE began_at >= :starts_at AND began_at < :ends_at
      ) AS seen GROUP BY 1
    ), people AS (
      SELECT day, count(*) AS new_people FROM came
      WHERE NOT EXISTS (SELECT FROM orders WHERE shopper_id = came.account_id AND paid_at < :starts_at)
        AND NOT EXISTS (SELECT FROM runs WHERE runs.account_id = came.account_id AND runs.began_at < :starts_at)
      GROUP BY 1
    ), joined AS (
      SELECT {_DAY_OF.format(moment="first_at")} AS day, count(*) AS new_members
      FROM (SELECT account_id, min(began_at) AS first_at FROM runs GROUP BY 1) AS first
      WHERE first_at >= :starts_at AND first_at < :ends_at GROUP BY 1
    ), due AS (
      SELECT {_DAY_OF.format(moment="term.ends_at - interval '1 microsecond'")} AS day, count(*) AS terms_due,
             count(*) FILTER (WHERE EXISTS (
               SELECT FROM membership_terms AS next
               WHERE next.account_id = term.account_id AND next.id <> term.id AND NOT next.is_trial
                 AND next.ends_at > term.ends_at AND next.starts_at >= term.starts_at AND next.made_at < term.ends_at + :within
             )) AS terms_renewed
      FROM membership_terms AS term
      WHERE NOT term.is_trial AND term.closed_at IS NULL AND term.ends_at > :starts_at AND term.ends_at <= least(:ends_at, :now)
      GROUP BY 1
    )
    INSERT INTO member_days AS kept (day, members, new_people, new_members, terms_due, terms_renewed, member_orders, other_orders,
                                     member_spend_minor, other_spend_minor, made_at)
    SELECT each.day,
           (SELECT count(DISTINCT account_id) FROM runs
            WHERE began_at < each.ends_at AND over_at >= least(each.ends_at, CAST(:now AS timestamptz))),
           coalesce(new_people, 0), coalesce(new_members, 0), coalesce(terms_due, 0), coalesce(terms_renewed, 0),
           coalesce(member_orders, 0), coalesce(other_orders, 0), coalesce(by_members, 0) - coalesce(to_members, 0),
           coalesce(by_others, 0) - coalesce(to_others, 0), :now
    FROM each LEFT JOIN sold USING (day) LEFT JOIN back USING (day) LEFT JOIN people USING (day) LEFT JOIN joined USING (day)
    LEFT JOIN due USING (day)
    ON CONFLICT (day) DO UPDATE SET
      members = excluded.members, new_people = excluded.new_people, new_members = excluded.new_members,
      terms_due = excluded.terms_due, terms_renewed = excluded.terms_renewed, member_orders = excluded.member_orders,
      other_orders = excluded.other_orders, member_spend_minor = excluded.member_spend_minor,
      other_spend_minor = excluded.other_spend_minor, made_at = excluded.made_at
""")  # noqa: S608 - made of this module's own text
