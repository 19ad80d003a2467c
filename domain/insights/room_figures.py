"""The figures of a room, from orders, viewers, share links and chapters, in one statement and so of one moment."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, select, text

from domain.accounts.rules import Principal
from domain.foundation.database import Database, Reader
from domain.foundation.errors import NotAllowed
from domain.insights.rules import MOST_GUIDES, MOST_POINTS, ChannelSold, Guide, ItemSold, Point, RoomFigures, Sold
from domain.live_rooms import store as rooms
from domain.live_rooms.tables import crew

# Of a viewer's two known openings of a link, as of an order's (`sharing.attributing`), the last before they came counts.
_SOLD = """
    count(*) AS orders, count(DISTINCT shopper_id) AS buyers, coalesce(sum(units), 0) AS units,
    coalesce(sum(total_minor), 0) AS gmv_minor, coalesce(sum(refunded_minor), 0) AS refunded_minor
"""
# OFFSET 0 keeps the planner at the room's own orders: it would rather read all orders of the market at once.
_FIGURES = text(f"""
    WITH air AS (
      SELECT array_agg(began_at ORDER BY began_at, ended_at) AS began,
             array_agg(coalesce(ended_at, 'infinity') ORDER BY began_at, ended_at) AS ended,
             array_agg(item_id ORDER BY began_at, ended_at) AS items
      FROM live_room_chapters WHERE room_id = :room_id
    ),
    bought AS MATERIALIZED (
      SELECT placed.order_id, placed.channel, paid.shopper_id, paid.total_minor, paid.refunded_minor,
             CASE WHEN placed.placed_at < air.ended[width_bucket(placed.placed_at, air.began)]
                  THEN air.items[width_bucket(placed.placed_at, air.began)] END AS on_air_id
      FROM live_room_orders AS placed CROSS JOIN air
      CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = placed.order_id OFFSET 0) AS paid
      WHERE placed.room_id = :room_id AND paid.paid_at IS NOT NULL
    ),
    goods AS MATERIALIZED (
      SELECT bought.order_id, line.quantity, line.total_minor, item.id AS item_id, item.id = bought.on_air_id AS is_on_air
      FROM bought
      CROSS JOIN LATERAL (SELECT * FROM order_lines WHERE order_id = bought.order_id OFFSET 0) AS line
      JOIN skus AS sku ON sku.id = line.sku_id
      LEFT JOIN live_room_items AS item ON item.room_id = :room_id AND item.product_id = sku.product_id
    ),
    sold AS MATERIALIZED (
      SELECT bought.*, counted.units
      FROM bought JOIN (SELECT order_id, sum(quantity) AS units FROM goods GROUP BY 1) AS counted USING (order_id)
    ),
    links AS MATERIALIZED (
      SELECT id, sharer_id FROM share_links WHERE target_kind = 'live_room' AND target_id = :room_id
    ),
    visits AS MATERIALIZED (
      SELECT links.sharer_id, visit.* FROM links JOIN share_visits AS visit ON visit.link_id = links.id
      WHERE visit.outcome = 'counted' OR visit.outcome IS NULL
    ),
    watched AS MATERIALIZED (
      SELECT viewer, shopper_id, first_seen_at FROM live_room_viewers WHERE room_id = :room_id AND is_counted
    ),
    came AS (
      SELECT viewer, first_seen_at, visits.id, sharer_id, opened_at, last_opened_at
      FROM watched JOIN visits ON visits.shopper_id = watched.shopper_id
      UNION ALL
      SELECT viewer, first_seen_at, visits.id, sharer_id, opened_at, last_opened_at
      FROM watched JOIN visits ON visits.visitor = watched.viewer WHERE watched.shopper_id IS NULL
    ),
    brought AS MATERIALIZED (
      SELECT DISTINCT ON (viewer) viewer, sharer_id FROM came WHERE opened_at <= first_seen_at
      ORDER BY viewer, CASE WHEN last_opened_at <= first_seen_at THEN last_opened_at ELSE opened_at END DESC, id DESC
    ),
    guided AS (
      SELECT links.sharer_id, count(*) AS orders, sum(total_minor) AS gmv_minor, sum(refunded_minor) AS refunded_minor
      FROM links
      JOIN share_attributions AS share ON share.link_id = links.id
      JOIN bought ON bought.order_id = share.order_id
      GROUP BY 1
    )
    SELECT
      (SELECT to_json(totals) FROM (SELECT {_SOLD} FROM sold) AS totals) AS sold,
      (SELECT json_agg(each ORDER BY channel) FROM (SELECT channel, {_SOLD} FROM sold GROUP BY channel) AS each) AS channels,
      (SELECT json_agg(each ORDER BY gmv_minor DESC, item_id) FROM (
         SELECT coalesce(shown.item_id, counted.item_id) AS item_id, coalesce(orders, 0) AS orders,
                coalesce(units, 0) AS units, coalesce(gmv_minor, 0) AS gmv_minor,
                coalesce(on_air_units, 0) AS on_air_units, coalesce(on_air_gmv_minor, 0) AS on_air_gmv_minor,
                coalesce(on_air_seconds, 0) AS on_air_seconds
         FROM (
           SELECT item_id, count(DISTINCT order_id) AS orders, sum(quantity) AS units, sum(total_minor) AS gmv_minor,
                  sum(quantity) FILTER (WHERE is_on_air) AS on_air_units,
                  sum(total_minor) FILTER (WHERE is_on_air) AS on_air_gmv_minor
           FROM goods GROUP BY 1
         ) AS counted
         FULL JOIN (
           SELECT item.id AS item_id, floor(extract(epoch FROM sum(coalesce(ended_at, greatest(:now, began_at)) - began_at)))
                    AS on_air_seconds
           FROM live_room_items AS item
           LEFT JOIN live_room_chapters AS chapter ON chapter.room_id = item.room_id AND chapter.item_id = item.id
           WHERE item.room_id = :room_id AND (item.removed_at IS NULL OR chapter.id IS NOT NULL)
           GROUP BY 1
         ) AS shown ON shown.item_id = counted.item_id
       ) AS each) AS items,
      (SELECT json_agg(each ORDER BY gmv_minor DESC, viewers DESC, sharer_id) FROM (
         SELECT sharer_id, account.display_name AS name, coalesce(opened, 0) AS opened, coalesce(viewers, 0) AS viewers,
                coalesce(orders, 0) AS orders, coalesce(gmv_minor, 0) AS gmv_minor,
                coalesce(refunded_minor, 0) AS refunded_minor
         FROM (SELECT DISTINCT sharer_id FROM links) AS guide
         JOIN accounts AS account ON account.id = sharer_id
         LEFT JOIN (SELECT sharer_id, count(*) AS opened FROM visits GROUP BY 1) AS opening USING (sharer_id)
         LEFT JOIN (SELECT sharer_id, count(*) AS viewers FROM brought GROUP BY 1) AS watching USING (sharer_id)
         LEFT JOIN guided USING (sharer_id)
         ORDER BY gmv_minor DESC, viewers DESC, sharer_id LIMIT :guides
       ) AS each) AS guides,
      (SELECT count(*) FROM brought) AS brought,
      (SELECT count(*) FROM watched) AS "distinct",
      coalesce((SELECT peak FROM live_room_samples WHERE room_id = :room_id ORDER BY at DESC LIMIT 1), 0) AS peak,
      coalesce((SELECT likes FROM live_room_samples WHERE room_id = :room_id ORDER BY at DESC LIMIT 1), 0) AS likes,
      (SELECT count(*) FROM live_room_events WHERE room_id = :room_id AND kind = 'commented') AS comments
""").columns(sold=JSON, channels=JSON, items=JSON, guides=JSON)  # noqa: S608 - made of this module's own text
# Stretches of equal length, as many as a chart has room for, and of five seconds at least: those that have samples.
_CURVE = text("""
    WITH span AS (
      SELECT min(at) AS first, greatest(ceil(extract(epoch FROM max(at) - min(at)) / (:points - 1)), 5) * interval '1 second'
        AS stretch
      FROM live_room_samples WHERE room_id = :room_id
    )
    SELECT max(at) AS at, max(viewers) AS viewers, (array_agg("distinct" ORDER BY at DESC))[1] AS "distinct", max(likes) AS likes,
           (array_agg(buying ORDER BY at DESC))[1] AS buying
    FROM live_room_samples, span WHERE room_id = :room_id
    GROUP BY date_bin(stretch, live_room_samples.at, first) ORDER BY 1
""")


async def check_reader(reader: Reader, room_id: UUID, by: Principal) -> None:
    """Raises NotFound for a room that is not there, NotAllowed unless `by` runs it or works behind the counter."""
    await rooms.get(reader, room_id)
    if by.is_staff:
        return
    of_crew = select(crew.c.account_id).where(crew.c.room_id == room_id, crew.c.account_id == by.account_id)
    if await reader.value(of_crew) is None:
        raise NotAllowed("a room's figures are for its crew and for staff")


async def figures(db: Database, room_id: UUID, *, now: datetime) -> RoomFigures:
    """The room's figures as of now, with the first 300 of those by whom viewers came; whoever calls this has made sure who asks."""
    row = await db.one(_FIGURES, {"room_id": room_id, "now": now, "guides": MOST_GUIDES})
    assert row is not None
    return RoomFigures(
        as_of=now,
        sold=Sold(**row.sold),
        channels=[ChannelSold(one.pop("channel"), Sold(**one)) for one in row.channels or ()],
        items=[ItemSold(_id(one.pop("item_id")), **one) for one in row.items or ()],
        guides=[Guide(UUID(one.pop("sharer_id")), **one) for one in row.guides or ()],
        brought=row.brought,
        distinct=row.distinct,
        peak=row.peak,
        likes=row.likes,
        comments=row.comments,
    )


async def curve(db: Database, room_id: UUID) -> Sequence[Point]:
    """The room's counters over time, in order, at most 500 of them. Whoever calls this has made sure who asks."""
    rows = await db.rows(_CURVE, {"room_id": room_id, "points": MOST_POINTS})
    return [Point(row.at, row.viewers, row.distinct, row.likes, row.buying) for row in rows]


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
