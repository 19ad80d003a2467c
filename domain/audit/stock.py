"""Stock: the counters agree with themselves, with the movements that made them and with the holds."""

from domain.audit.checks import Check
from domain.stock.rules import ON_ALLOTMENT, Change, Movement, change_of_sku

_NO_RULE = (None, None, None)


def _changes() -> dict[str, list[object]]:
    """The store's own change tables as columns, one row for each movement within an allotment and without."""
    columns: dict[str, list[object]] = {"movements": [], "within": []}
    for movement in Movement:
        for within in (False, True):
            columns["movements"].append(movement.value)
            columns["within"].append(within)
            on_sku = change_of_sku(movement, within_allotment=within)
            on_allotment = ON_ALLOTMENT.get(movement, _NO_RULE) if within else _NO_RULE
            for whose, change in (("sku", on_sku), ("allotment", on_allotment)):
                for state, units in zip(Change._fields, change, strict=True):
                    columns.setdefault(f"{whose}_{state}", []).append(units)
    return columns


ADDS_UP = Check(
    "stock adds up",
    "总量 = 可售 + 占用 + 已售",
    looks_at="""
        SELECT (SELECT count(*) FROM stock_levels) AS "SKUs", (SELECT count(*) FROM stock_allotments) AS "allotments",
               (SELECT coalesce(sum(total), 0) FROM stock_levels) AS "units"
    """,
    differing="""
        SELECT kind, id, format('total %s', free + held + sold) AS expected,
               format('total %s = %s free + %s held + %s sold', total, free, held, sold) AS found
        FROM (
            SELECT 'sku' AS kind, sku_id AS id, total, free, held, sold FROM stock_levels
            UNION ALL
            SELECT 'allotment', id, total, free, held, sold FROM stock_allotments
        ) AS level
        WHERE total <> free + held + sold OR least(free, held, sold) < 0
    """,
)

REPLAYS = Check(
    "stock replays from its movements",
    "库存 = 流水重放",
    looks_at="""
        SELECT (SELECT count(*) FROM stock_movements) AS "movements", (SELECT count(*) FROM stock_levels) AS "SKUs",
               (SELECT count(*) FROM stock_allotments) AS "allotments"
    """,
    # a movement that the tables of changes do not know is no less a difference than a wrong counter
    differing="""
        WITH change AS (
            SELECT * FROM unnest(
                CAST(:movements AS text[]), CAST(:within AS boolean[]),
                CAST(:sku_free AS int[]), CAST(:sku_held AS int[]), CAST(:sku_sold AS int[]),
                CAST(:allotment_free AS int[]), CAST(:allotment_held AS int[]), CAST(:allotment_sold AS int[])
            ) AS change (movement, within, sku_free, sku_held, sku_sold, allotment_free, allotment_held, allotment_sold)
        ),
        moved AS (
            SELECT sku_id, allotment_id, movement, sum(quantity) AS units FROM stock_movements GROUP BY 1, 2, 3
        ),
        replay AS (
            SELECT 'sku' AS kind, sku_id AS id, bool_and(sku_free IS NOT NULL) AS is_known,
                   sum(units * sku_free) AS free, sum(units * sku_held) AS held, sum(units * sku_sold) AS sold
            FROM moved LEFT JOIN change ON change.movement = moved.movement AND within = (allotment_id IS NOT NULL)
            GROUP BY sku_id
            UNION ALL
            SELECT 'allotment', allotment_id, bool_and(allotment_free IS NOT NULL),
                   sum(units * allotment_free), sum(units * allotment_held), sum(units * allotment_sold)
            FROM moved LEFT JOIN change ON change.movement = moved.movement AND within
            WHERE allotment_id IS NOT NULL
            GROUP BY allotment_id
        ),
        level AS (
            SELECT 'sku' AS kind, sku_id AS id, free, held, sold FROM stock_levels
            UNION ALL
            SELECT 'allotment', id, free, held, sold FROM stock_allotments
        )
        SELECT kind, id,
               CASE WHEN is_known IS FALSE THEN 'only movements that have a rule'
                    ELSE format('%s free, %s held, %s sold', coalesce(replay.free, 0), coalesce(replay.held, 0),
                                coalesce(replay.sold, 0)) END AS expected,
               CASE WHEN level.id IS NULL THEN 'no counters'
                    ELSE format('%s free, %s held, %s sold', level.free, level.held, level.sold) END AS found
        FROM level FULL JOIN replay USING (kind, id)
        WHERE is_known IS FALSE
           OR (level.free, level.held, level.sold)
              IS DISTINCT FROM (coalesce(replay.free, 0), coalesce(replay.held, 0), coalesce(replay.sold, 0))
    """,
    parameters=_changes(),
)

HELD = Check(
    "held and sold units have their holds",
    "占用与已售 = 预占记录",
    looks_at="""
        SELECT count(*) FILTER (WHERE ended_at IS NULL) AS "open holds",
               count(*) FILTER (WHERE outcome = 'sold') AS "sold holds",
               count(*) FILTER (WHERE outcome = 'released') AS "released holds"
        FROM stock_holds
    """,
    # what is free in an allotment is held from its SKU's point of view; what came back was sold by the allotment all the same
    differing="""
        WITH holds AS (
            SELECT sku_id, allotment_id, coalesce(sum(quantity) FILTER (WHERE ended_at IS NULL), 0) AS held,
                   coalesce(sum(quantity) FILTER (WHERE outcome = 'sold'), 0) AS sold, sum(returned) AS returned
            FROM stock_holds GROUP BY 1, 2
        ),
        counted AS (
            SELECT 'sku' AS kind, id, sum(held) AS held, sum(sold) AS sold
            FROM (
                SELECT sku_id AS id, CASE WHEN allotment_id IS NULL THEN held ELSE 0 END AS held, sold - returned AS sold
                FROM holds
                UNION ALL
                SELECT sku_id, free + held, 0 FROM stock_allotments
            ) AS part
            GROUP BY id
            UNION ALL
            SELECT 'allotment', allotment_id, sum(held), sum(sold)
            FROM holds WHERE allotment_id IS NOT NULL GROUP BY allotment_id
        ),
        level AS (
            SELECT 'sku' AS kind, sku_id AS id, held, sold FROM stock_levels
            UNION ALL
            SELECT 'allotment', id, held, sold FROM stock_allotments
        )
        SELECT kind, id, format('%s held, %s sold', coalesce(counted.held, 0), coalesce(counted.sold, 0)) AS expected,
               format('%s held, %s sold', coalesce(level.held, 0), coalesce(level.sold, 0)) AS found
        FROM level FULL JOIN counted USING (kind, id)
        WHERE coalesce(level.held, 0) <> coalesce(counted.held, 0)
           OR coalesce(level.sold, 0) <> coalesce(counted.sold, 0)
    """,
)

CHECKS = (ADDS_UP, REPLAYS, HELD)
