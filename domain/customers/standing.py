"""All customers together: totals, where scores begin, customers by scores, and how margin is spread over them.

Made by a few passes over the customers as they were last worked out, in the database: seconds for a million of them, after
the refresh of a new day, and again while the day goes on. Those of days that are over stay: so growth can be told.
"""

from datetime import datetime, timedelta

from sqlalchemy import select, text

from domain.customers import store
from domain.customers.rules import CURVE_POINTS, PARETO_PERMILLE, QUINTILES
from domain.customers.tables import standings
from domain.foundation.database import Database

AGAIN_AFTER = timedelta(minutes=10)
_DIMENSIONS = {"recency": "last_day", "frequency": "recent_purchases", "monetary": "recent_spend_minor"}
_SCORES = range(2, QUINTILES + 1)

# Of each dimension the least values that give score 2 to 5: at least so many fifths of the customers have less.
_CUTS = ", ".join(
    f"""{dimension} AS MATERIALIZED (
      SELECT array_agg(least ORDER BY score) AS cuts FROM (
        SELECT score, min(found) AS least
        FROM generate_series(2, {QUINTILES}) AS score LEFT JOIN (
          SELECT {column} AS found, sum(count(*)) OVER (ORDER BY {column}) - count(*) AS less, sum(count(*)) OVER () AS of
          FROM customers WHERE recent_purchases > 0 GROUP BY 1
        ) AS had ON less * {QUINTILES} >= of * (score - 1)
        GROUP BY 1
      ) AS each
    )"""  # noqa: S608 - made of this module's own text
    for dimension, column in _DIMENSIONS.items()
)
_SCORED = ", ".join(
    f"1 + {' + '.join(f'coalesce(CAST({column} >= {dimension}.cuts[{score - 1}] AS int), 0)' for score in _SCORES)} AS {dimension}"
    for dimension, column in _DIMENSIONS.items()
)
_STAND = text(f"""
    WITH {_CUTS}, cells AS (
      SELECT recency, frequency, monetary, count(*) AS customers, sum(spend) AS spend_minor, sum(margin) AS margin_minor
      FROM (
        SELECT {_SCORED}, recent_spend_minor AS spend, recent_margin_minor AS margin
        FROM customers CROSS JOIN recency CROSS JOIN frequency CROSS JOIN monetary WHERE recent_purchases > 0
      ) AS scored GROUP BY 1, 2, 3
    ), total AS (
      SELECT count(*) AS customers, coalesce(sum(orders), 0) AS orders, coalesce(sum(spend_minor), 0) AS spend_minor,
             coalesce(sum(refunded_minor), 0) AS refunded_minor, coalesce(sum(goods_minor), 0) AS goods_minor,
             coalesce(sum(costed_minor), 0) AS costed_minor, coalesce(sum(margin_minor), 0) AS margin_minor
      FROM customers
    ), ranked AS (
      SELECT row_number() OVER best AS place, sum(margin_minor) OVER best AS running
      FROM customers WINDOW best AS (ORDER BY margin_minor DESC ROWS UNBOUNDED PRECEDING)
    ), points AS (
      SELECT ceil(step * total.customers / CAST({CURVE_POINTS} AS numeric)) AS place
      FROM total CROSS JOIN generate_series(1, {CURVE_POINTS}) AS step
    ), pareto AS (
      SELECT min(place) FILTER (WHERE running * 1000 >= total.margin_minor * {PARETO_PERMILLE}) AS carriers,
             jsonb_agg(jsonb_build_array(place, running) ORDER BY place)
               FILTER (WHERE place IN (SELECT place FROM points)) AS curve
      FROM ranked CROSS JOIN total
    )
    INSERT INTO customer_standings (day, made_at, customers, orders, spend_minor, refunded_minor, goods_minor, costed_minor,
                                    margin_minor, cuts, cells, pareto)
    SELECT :day, :now, total.*,
           jsonb_build_object('recency', recency.cuts, 'frequency', frequency.cuts, 'monetary', monetary.cuts),
           (SELECT coalesce(jsonb_agg(cells ORDER BY recency, frequency, monetary), '[]') FROM cells),
           (SELECT to_jsonb(pareto) FROM pareto)
    FROM total CROSS JOIN recency CROSS JOIN frequency CROSS JOIN monetary
    ON CONFLICT (day) DO UPDATE SET
      made_at = excluded.made_at, customers = excluded.customers, orders = excluded.orders, spend_minor = excluded.spend_minor,
      refunded_minor = excluded.refunded_minor, goods_minor = excluded.goods_minor, costed_minor = excluded.costed_minor,
      margin_minor = excluded.margin_minor, cuts = excluded.cuts, cells = excluded.cells, pareto = excluded.pareto
""")  # noqa: S608 - made of this module's own text


async def stand(db: Database, *, now: datetime, again_after: timedelta = AGAIN_AFTER) -> bool:
    """Count all customers together once more, if any changed since and the last time is so long ago; whether it was done.

    A repeated call changes nothing; of two at once the second finds it done.
    """
    async with db.transaction() as tx:
        as_of = await store.lock(tx)
        if as_of.day is None or as_of.changed_at is None:
            return False
        made_at = await tx.value(select(standings.c.made_at).where(standings.c.day == as_of.day))
        if made_at is not None and (as_of.changed_at <= made_at or now < made_at + again_after):
            return False
        await tx.execute(store.SLOW)
        await tx.execute(_STAND, {"day": as_of.day, "now": now})
    return True
