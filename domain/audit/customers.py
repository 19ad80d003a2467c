"""Customers: they are what their orders say, and the ladder counts them, unless news of theirs is still on its way."""

from domain.audit.checks import Check
from domain.orders.events import OrderGivenBack, OrderPaid

_NEWS = {"news": [OrderPaid.kind, OrderGivenBack.kind]}
# Worked out at least once, and nothing has become known since, or is on its way.
_SETTLED = """
    EXISTS (SELECT FROM customer_refresh WHERE as_of_day IS NOT NULL)
    AND NOT EXISTS (SELECT FROM customer_changes AS change WHERE change.account_id = coalesce(one.account_id, bought.account_id))
    AND NOT EXISTS (
      SELECT FROM outbox_events AS event JOIN orders ON orders.id = event.aggregate_id
      WHERE delivered_at IS NULL AND dead_at IS NULL AND event.kind = ANY(CAST(:news AS text[]))
        AND orders.shopper_id = coalesce(one.account_id, bought.account_id)
    )
"""

WORKED_OUT = Check(
    "customers are what their orders say",
    "客户累计 = 已付订单汇总",
    looks_at="""
        SELECT count(*) AS "customers", coalesce(sum(orders), 0) AS "orders", coalesce(sum(spend_minor), 0) AS "¥"
        FROM customers
    """,
    differing=f"""
        SELECT 'account' AS kind, coalesce(one.account_id, bought.account_id) AS id,
               format('%s orders of %s, %s given back', coalesce(bought.orders, 0), coalesce(bought.spend, 0),
                      coalesce(bought.back, 0)) AS expected,
               format('%s orders of %s, %s given back', coalesce(one.orders, 0), coalesce(spend_minor, 0),
                      coalesce(refunded_minor, 0)) AS found
        FROM customers AS one
        FULL JOIN (
            SELECT shopper_id AS account_id, count(*) FILTER (WHERE state <> 'refunded') AS orders,
                   sum(total_minor - refunded_minor) FILTER (WHERE state <> 'refunded') AS spend, sum(refunded_minor) AS back,
                   min(CAST(paid_at AT TIME ZONE 'Asia/Shanghai' AS date)) FILTER (WHERE state <> 'refunded') AS first_day,
                   max(CAST(paid_at AT TIME ZONE 'Asia/Shanghai' AS date)) FILTER (WHERE state <> 'refunded') AS last_day
            FROM orders WHERE paid_at IS NOT NULL GROUP BY 1 HAVING bool_or(state <> 'refunded')
        ) AS bought ON bought.account_id = one.account_id
        WHERE (one.orders, spend_minor, refunded_minor, one.first_day, one.last_day)
              IS DISTINCT FROM (bought.orders, bought.spend, bought.back, bought.first_day, bought.last_day)
          AND {_SETTLED}
    """,  # noqa: S608 - made of this module's own text
    parameters=_NEWS,
)

LADDER = Check(
    "the repurchase ladder counts every customer on each of their steps",
    "复购阶梯 = 客户购买次序",
    looks_at="""
        SELECT count(DISTINCT cohort) AS "cohorts", coalesce(sum(customers), 0) AS "steps" FROM customer_ladder
    """,
    differing="""
        SELECT format('cohort %s, step %s, %s days', coalesce(kept.cohort, counted.cohort), coalesce(kept.step, counted.step),
                      coalesce(kept.days, counted.days)) AS kind,
               CAST(NULL AS uuid) AS id, format('%s customers', coalesce(counted.customers, 0)) AS expected,
               format('%s customers', coalesce(kept.customers, 0)) AS found
        FROM (SELECT cohort, step, days, customers FROM customer_ladder WHERE customers > 0) AS kept
        FULL JOIN (
            SELECT CAST(date_trunc('month', first_day) AS date) AS cohort, step - 1 AS step,
                   CASE WHEN step = 1 THEN 0 ELSE ladder[step] - ladder[step - 1] END AS days, count(*) AS customers
            FROM customers CROSS JOIN LATERAL generate_subscripts(ladder, 1) AS step GROUP BY 1, 2, 3
        ) AS counted ON (counted.cohort, counted.step, counted.days) = (kept.cohort, kept.step, kept.days)
        WHERE kept.customers IS DISTINCT FROM counted.customers
    """,
)

CHECKS = (WORKED_OUT, LADDER)
