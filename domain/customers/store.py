"""How customers are worked out of orders, many in one statement; the only SQL that changes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.customers.rules import ValueRules
from domain.customers.tables import changes, customers, refresh, value_rules
from domain.foundation.clock import shop_midnight
from domain.foundation.database import Reader, Transaction

_r, _v = refresh.c, value_rules.c
SLOW = text("SET LOCAL statement_timeout = '10min'")

_TAKE_CHANGES = text("""
    DELETE FROM customer_changes
    WHERE position IN (SELECT position FROM customer_changes ORDER BY position LIMIT :limit)
    RETURNING account_id
""")
_NOTE_EVERYBODY = text("""
    INSERT INTO customer_changes (account_id)
    SELECT DISTINCT shopper_id FROM orders WHERE paid_at IS NOT NULL
    UNION SELECT account_id FROM customers
""")
_NOTE_ORDER = text("INSERT INTO customer_changes (account_id) SELECT shopper_id FROM orders WHERE id = :order_id")
_NOTE_BUYERS = text("""
    INSERT INTO customer_changes (account_id)
    SELECT DISTINCT shopper_id FROM orders WHERE paid_at >= :starts_at AND paid_at < :ends_at
""")
_NOTE_SHARERS = text("""
    INSERT INTO customer_changes (account_id)
    SELECT DISTINCT referred_by FROM customers
    WHERE referred_by IS NOT NULL AND first_day >= :first_day AND first_day < :last_day
""")
_NOTE_BUYERS_OF = text("""
    INSERT INTO customer_changes (account_id)
    SELECT DISTINCT shopper_id FROM order_lines JOIN orders ON orders.id = order_id
    WHERE sku_id = :sku_id AND paid_at >= :since
""")

# What somebody's orders say of them. OFFSET 0 keeps the planner at the orders of the few who are asked for.
FACTS = """
    SELECT bought.*, share.sharer_id AS referred_by,
           (SELECT count(*) FROM customers AS other
            WHERE other.referred_by = bought.account_id AND other.first_day > :before)::int AS referred
    FROM (
      SELECT shopper_id AS account_id,
             (array_agg(DISTINCT day) FILTER (WHERE is_kept))[1:4] AS ladder,
             max(day) FILTER (WHERE is_kept) AS last_day,
             count(*) FILTER (WHERE is_kept) AS orders,
             count(DISTINCT day) FILTER (WHERE is_kept) AS purchases,
             coalesce(sum(spend) FILTER (WHERE is_kept), 0) AS spend_minor,
             sum(refunded_minor) AS refunded_minor,
             coalesce(sum(goods) FILTER (WHERE is_kept), 0) AS goods_minor,
             coalesce(sum(costed) FILTER (WHERE is_kept), 0) AS costed_minor,
             coalesce(sum(margin) FILTER (WHERE is_kept), 0) AS margin_minor,
             count(*) FILTER (WHERE is_recent) AS recent_orders,
             count(DISTINCT day) FILTER (WHERE is_recent) AS recent_purchases,
             coalesce(sum(spend) FILTER (WHERE is_recent), 0) AS recent_spend_minor,
             coalesce(sum(goods) FILTER (WHERE is_recent), 0) AS recent_goods_minor,
             coalesce(sum(costed) FILTER (WHERE is_recent), 0) AS recent_costed_minor,
             coalesce(sum(margin) FILTER (WHERE is_recent), 0) AS recent_margin_minor,
             (array_agg(id ORDER BY paid_at, id) FILTER (WHERE is_kept))[1] AS first_order_id
      FROM (
        SELECT paid.id, paid.shopper_id, paid.paid_at, shop.day, paid.refunded_minor, paid.state <> 'refunded' AS is_kept,
               paid.state <> 'refunded' AND shop.day > :before AS is_recent,
               paid.total_minor - paid.refunded_minor AS spend, line.goods, line.costed, line.margin
        FROM unnest(CAST(:account_ids AS uuid[])) AS asked (account_id)
        CROSS JOIN LATERAL (
          SELECT * FROM orders WHERE shopper_id = asked.account_id AND paid_at IS NOT NULL OFFSET 0
        ) AS paid
        CROSS JOIN LATERAL (SELECT CAST(paid.paid_at AT TIME ZONE 'Asia/Shanghai' AS date) AS day) AS shop
        CROSS JOIN LATERAL (
          SELECT sum(net) AS goods, sum(net) FILTER (WHERE cost IS NOT NULL) AS costed, sum(net - cost * units) AS margin
          FROM (
            SELECT total_minor - refunded_goods_minor AS net, quantity - refunded AS units,
                   CASE WHEN supplier_id IS NOT NULL THEN cost_minor ELSE (
                     SELECT known.cost_minor FROM sku_costs AS known
                     WHERE known.sku_id = order_lines.sku_id AND known.since <= paid.paid_at
                     ORDER BY known.since DESC LIMIT 1
                   ) END AS cost
            FROM order_lines WHERE order_id = paid.id
          ) AS goods
        ) AS line
      ) AS sold
      GROUP BY shopper_id
    ) AS bought
    LEFT JOIN share_attributions AS share ON share.order_id = bought.first_order_id
    WHERE bought.orders > 0
"""
_COLUMNS = tuple(column.name for column in customers.c if column.name != "account_id")
_WORK_OUT = text(f"""
    WITH facts AS MATERIALIZED (
      SELECT facts.*, ladder[1] AS first_day, index.permille AS index_permille,
             CAST(floor(CAST(recent_margin_minor AS numeric) * index.permille / 1000) AS bigint) AS value_minor,
             CAST(:now AS timestamptz) AS refreshed_at
      FROM ({FACTS}) AS facts
      CROSS JOIN LATERAL (
        SELECT 1000 + CAST(:referral_permille AS int) * least(referred, CAST(:most_referred AS int)) AS permille
      ) AS index
    ), known AS (
      SELECT account_id, ladder, referred_by, first_day FROM customers WHERE account_id = ANY(CAST(:account_ids AS uuid[]))
    ), gone AS (
      DELETE FROM customers
      WHERE account_id = ANY(CAST(:account_ids AS uuid[])) AND account_id NOT IN (SELECT account_id FROM facts)
    ), written AS (
      INSERT INTO customers (account_id, {", ".join(_COLUMNS)}) SELECT account_id, {", ".join(_COLUMNS)} FROM facts
      ON CONFLICT (account_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}
    ), changed AS (
      SELECT known.ladder AS old, facts.ladder AS new, known.referred_by AS old_sharer, facts.referred_by AS new_sharer,
             known.first_day AS old_day, facts.first_day AS new_day
      FROM known FULL JOIN facts USING (account_id)
    ), told AS (
      INSERT INTO customer_changes (account_id)
      SELECT DISTINCT sharer FROM changed CROSS JOIN LATERAL unnest(ARRAY[old_sharer, new_sharer]) AS sharer
      WHERE sharer IS NOT NULL AND (old_sharer, old_day) IS DISTINCT FROM (new_sharer, new_day)
    ), steps AS (
      SELECT CAST(date_trunc('month', first_day) AS date) AS cohort, step, days, sum(sign) AS more FROM (
        SELECT days[1] AS first_day, step - 1 AS step,
               CASE WHEN step = 1 THEN 0 ELSE days[step] - days[step - 1] END AS days, sign
        FROM changed
        CROSS JOIN LATERAL (VALUES (old, -1), (new, 1)) AS each (days, sign)
        CROSS JOIN LATERAL generate_subscripts(days, 1) AS step
        WHERE old IS DISTINCT FROM new
      ) AS each GROUP BY 1, 2, 3
    ), fewer AS (
      UPDATE customer_ladder AS counted SET customers = counted.customers + more
      FROM steps WHERE (counted.cohort, counted.step, counted.days) = (steps.cohort, steps.step, steps.days) AND more < 0
    )
    INSERT INTO customer_ladder AS counted (cohort, step, days, customers)
    SELECT cohort, step, days, more FROM steps WHERE more > 0
    ON CONFLICT (cohort, step, days) DO UPDATE SET customers = counted.customers + excluded.customers
""")  # noqa: S608 - made of this module's own text


@dataclass(frozen=True, slots=True)
class AsOf:
    """Up to when customers are worked out, and by which version of the rules; `day` None: never yet."""

    day: date | None
    rules_version: int
    changed_at: datetime | None


async def lock(tx: Transaction) -> AsOf:
    """Up to when customers are worked out; nobody else works any out until the transaction ends."""
    await tx.execute(upsert(refresh).values(is_only=True).on_conflict_do_nothing())
    row = await tx.one(select(_r.as_of_day, _r.rules_version, _r.changed_at).with_for_update())
    assert row is not None
    return AsOf(*row)


async def rules(reader: Reader) -> ValueRules:
    """The newest version of the rules; those that nobody has set where there is none."""
    row = await reader.one(
        select(_v.version, _v.window_days, _v.referral_permille, _v.most_referred).order_by(_v.version.desc()).limit(1)
    )
    return ValueRules(*row) if row else ValueRules()


async def add_rules(tx: Transaction, new: ValueRules, *, by: UUID, now: datetime) -> None:
    """Keep the next version. Two at once: the database refuses the second of a number, so the caller has `lock`ed."""
    await tx.execute(
        insert(value_rules).values(
            version=new.version,
            window_days=new.window_days,
            referral_permille=new.referral_permille,
            most_referred=new.most_referred,
            set_at=now,
            set_by=by,
        )
    )


async def note_changed(tx: Transaction, account_ids: Sequence[UUID]) -> None:
    """These people's orders have changed. Noted twice, they are worked out once more than needed."""
    await tx.execute(insert(changes), [{"account_id": account_id} for account_id in account_ids])


async def note_order(tx: Transaction, order_id: UUID) -> None:
    """The same of whoever placed this order."""
    await tx.execute(_NOTE_ORDER, {"order_id": order_id})


async def note_buyers_of(tx: Transaction, sku_id: UUID, *, since: datetime) -> None:
    """What a SKU costs was set: whoever bought it from then on has another margin."""
    await tx.execute(SLOW)
    await tx.execute(_NOTE_BUYERS_OF, {"sku_id": sku_id, "since": since})


async def note_everybody(tx: Transaction) -> None:
    """All who ever paid for an order are to be worked out anew."""
    await tx.execute(SLOW)
    await tx.execute(_NOTE_EVERYBODY)


async def note_leaving(tx: Transaction, *, after: date, until: date) -> None:
    """What was paid on the days after `after`, until and with `until`, has left the window: its buyers, and whoever brought
    them, have another value.
    """
    await tx.execute(SLOW)
    first, end = after + timedelta(days=1), until + timedelta(days=1)
    await tx.execute(_NOTE_BUYERS, {"starts_at": shop_midnight(first), "ends_at": shop_midnight(end)})
    await tx.execute(_NOTE_SHARERS, {"first_day": first, "last_day": end})


async def take_changes(tx: Transaction, *, limit: int) -> list[UUID]:
    """Whose orders have changed, of at most `limit` notes, which are kept no more; each once.

    Whatever is committed is found, in whichever order it was: notes are taken away, not counted past.
    """
    return sorted(set(await tx.column(_TAKE_CHANGES, {"limit": limit})))


async def work_out(
    tx: Transaction, account_ids: Sequence[UUID], *, rules: ValueRules, as_of: date, now: datetime
) -> None:
    """Write these customers, and what they change in the ladder, as their orders are now; whoever is none any more goes.

    Whoever brought one whose first order is another now is noted as changed. The caller has `lock`ed.
    """
    await tx.execute(SLOW)
    before = as_of - timedelta(days=rules.window_days)
    facts = {
        "account_ids": list(account_ids),
        "before": before,
        "referral_permille": rules.referral_permille,
        "most_referred": rules.most_referred,
        "now": now,
    }
    await tx.execute(_WORK_OUT, facts)


async def note_refresh(
    tx: Transaction, *, day: date, rules_version: int, refreshed_at: datetime, changed_at: datetime | None
) -> None:
    """Customers are worked out up to then."""
    values = {"as_of_day": day, "rules_version": rules_version, "refreshed_at": refreshed_at, "changed_at": changed_at}
    await tx.execute(update(refresh).values(values))
