"""Keeping what each of the shop's days brought of members: a day's sums cost what reading the day's orders costs.

A new day is made with the few before it, as money goes back by the gateway's clock, of which one may hear late; and renewals
are counted anew for as long as a card that is over may still be renewed.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text

from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.database import Database, Transaction
from domain.foundation.locks import MEMBER_DAYS
from domain.insights.member_rules import RENEWED_WITHIN_DAYS
from domain.insights.tables import member_days

AGAIN_AFTER = timedelta(minutes=10)
LATE_DAYS = 3
"""News of a refund may come so long after it."""
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
"""
_DAY_OF = "CAST({moment} AT TIME ZONE 'Asia/Shanghai' AS date)"
_MAKE = text(f"""
    WITH each AS (
      SELECT CAST(day AS date) AS day, (day + interval '1 day') AT TIME ZONE 'Asia/Shanghai' AS ends_at
      FROM generate_series(CAST(CAST(:first AS date) AS timestamp), CAST(CAST(:last AS date) AS timestamp), interval '1 day') AS day
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
    )
    INSERT INTO member_days AS kept (day, members, new_people, new_members, terms_due, terms_renewed, member_orders, other_orders,
                                     member_spend_minor, other_spend_minor, made_at)
    SELECT each.day,
           (SELECT count(DISTINCT account_id) FROM runs
            WHERE began_at < each.ends_at
              AND over_at > least(each.ends_at - interval '1 microsecond', CAST(:now AS timestamptz))),
           coalesce(new_people, 0), coalesce(new_members, 0), 0, 0, coalesce(member_orders, 0), coalesce(other_orders, 0),
           coalesce(by_members, 0) - coalesce(to_members, 0),
           coalesce(by_others, 0) - coalesce(to_others, 0), :now
    FROM each LEFT JOIN sold USING (day) LEFT JOIN back USING (day) LEFT JOIN people USING (day) LEFT JOIN joined USING (day)
    ON CONFLICT (day) DO UPDATE SET
      members = excluded.members, new_people = excluded.new_people, new_members = excluded.new_members,
      member_orders = excluded.member_orders, other_orders = excluded.other_orders,
      member_spend_minor = excluded.member_spend_minor, other_spend_minor = excluded.other_spend_minor, made_at = excluded.made_at
""")  # noqa: S608 - made of this module's own text
# A term that is over on time, and whether its holder has had the next one in time.
_RENEWALS = text("""
    UPDATE member_days AS kept SET terms_due = due.terms, terms_renewed = due.renewed
    FROM (
      SELECT kept.day, count(term.id) AS terms, count(term.id) FILTER (WHERE EXISTS (
               SELECT FROM membership_terms AS next
               WHERE next.account_id = term.account_id AND NOT next.is_trial AND next.starts_at >= term.ends_at
                 AND next.made_at < term.ends_at + CAST(:within AS interval)
             )) AS renewed
      FROM member_days AS kept
      LEFT JOIN membership_terms AS term
        ON term.last_day = kept.day AND NOT term.is_trial AND term.closed_at IS NULL AND term.ends_at <= :now
      WHERE kept.day >= :first GROUP BY 1
    ) AS due
    WHERE kept.day = due.day AND (kept.terms_due, kept.terms_renewed) <> (due.terms, due.renewed)
""")
_BEGINNING = text("""
    SELECT least((SELECT paid_at FROM orders WHERE paid_at IS NOT NULL ORDER BY paid_at LIMIT 1),
                 (SELECT min(began_at) FROM memberships))
""")


async def keep(db: Database, *, now: datetime, again_after: timedelta = AGAIN_AFTER) -> int:
    """Make today's sums once more, unless they were made a moment ago, and before them all days that are missing; how many.

    A repeated call changes nothing but what has come since; of two at once the second finds it done.
    """
    made, newest = 0, None
    while newest is None or newest < shop_day(now):
        days, newest = await _keep_some(db, now=now, again_after=again_after)
        made += days
    return made


async def _keep_some(db: Database, *, now: datetime, again_after: timedelta) -> tuple[int, date]:
    async with db.transaction() as tx:
        await tx.value(select(func.pg_advisory_xact_lock(MEMBER_DAYS)))
        today, kept = shop_day(now), member_days.c
        newest = await tx.one(select(kept.day, kept.made_at).order_by(kept.day.desc()).limit(1))
        if newest is None:
            began_at = await tx.value(_BEGINNING)
            first = today if began_at is None else shop_day(began_at)
        elif newest.day >= today:
            if newest.made_at >= now or now < newest.made_at + again_after:
                return 0, newest.day
            first = newest.day
        else:
            is_sure = shop_day(newest.made_at) > newest.day + timedelta(days=LATE_DAYS)
            first = newest.day + timedelta(days=1) if is_sure else newest.day - timedelta(days=LATE_DAYS)
        last = max(first, min(today, first + timedelta(days=AT_ONCE - 1)))
        await _make(tx, first, last, now=now)
    return (last - first).days + 1, last


async def _make(tx: Transaction, first: date, last: date, *, now: datetime) -> None:
    await tx.execute(text("SET LOCAL statement_timeout = '10min'"))
    starts_at, ends_at = shop_midnight(first), shop_midnight(last + timedelta(days=1))
    await tx.execute(_MAKE, {"first": first, "last": last, "starts_at": starts_at, "ends_at": ends_at, "now": now})
    within = timedelta(days=RENEWED_WITHIN_DAYS)
    await tx.execute(_RENEWALS, {"first": first - within, "within": within, "now": now})
