"""Who has sold most in live rooms in a stretch of time: hosts, and guides by their links."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import TextClause, text

from domain.foundation.database import Database
from domain.insights.rules import Seller, Sold, check_first, check_range

_BOUGHT = """
    WITH bought AS MATERIALIZED (
      SELECT placed.room_id, placed.order_id, paid.shopper_id, paid.total_minor, paid.refunded_minor,
             (SELECT sum(quantity) FROM order_lines WHERE order_id = placed.order_id) AS units
      FROM live_room_orders AS placed
      CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = placed.order_id OFFSET 0) AS paid
      WHERE placed.placed_at >= :starts_at AND placed.placed_at < :ends_at AND paid.paid_at IS NOT NULL
    )
"""
_SOLD = """
    count(DISTINCT room_id) AS rooms, count(*) AS orders, count(DISTINCT shopper_id) AS buyers, sum(units) AS units,
    sum(total_minor) AS gmv_minor, sum(refunded_minor) AS refunded_minor
"""
_HOSTS = text(f"""
    {_BOUGHT}
    SELECT account.id, account.display_name AS name, sold.*
    FROM (
      SELECT account_id, {_SOLD} FROM bought JOIN live_room_crew AS host USING (room_id) WHERE duty = 'host' GROUP BY 1
    ) AS sold JOIN accounts AS account ON account.id = sold.account_id
    ORDER BY gmv_minor DESC, account.id LIMIT :first
""")  # noqa: S608 - made of this module's own text
_GUIDES = text(f"""
    {_BOUGHT}
    SELECT account.id, account.display_name AS name, sold.*
    FROM (
      SELECT share.sharer_id, {_SOLD.replace("shopper_id", "bought.shopper_id")}
      FROM bought
      JOIN share_attributions AS share USING (order_id)
      JOIN share_links AS link ON link.id = share.link_id
      WHERE link.target_kind = 'live_room' AND link.target_id = bought.room_id
      GROUP BY 1
    ) AS sold JOIN accounts AS account ON account.id = sold.sharer_id
    ORDER BY gmv_minor DESC, account.id LIMIT :first
""")  # noqa: S608 - made of this module's own text


async def hosts(db: Database, *, starts_at: datetime, ends_at: datetime, first: int) -> Sequence[Seller]:
    """Hosts by the GMV of paid orders placed in their rooms in [starts_at, ends_at); two hosts of a room both have it.

    Raises BadInput unless the range is of at most 366 days, and `first` 1 to 300.
    """
    return await _sellers(db, _HOSTS, starts_at, ends_at, first)


async def guides(db: Database, *, starts_at: datetime, ends_at: datetime, first: int) -> Sequence[Seller]:
    """Sharers by the GMV of paid orders that were placed in a room in [starts_at, ends_at) and came of their link to it.

    Raises BadInput as `hosts` does.
    """
    return await _sellers(db, _GUIDES, starts_at, ends_at, first)


async def _sellers(
    db: Database, question: TextClause, starts_at: datetime, ends_at: datetime, first: int
) -> Sequence[Seller]:
    check_range(starts_at, ends_at)
    check_first(first)
    rows = await db.rows(question, {"starts_at": starts_at, "ends_at": ends_at, "first": first})
    return [
        Seller(
            row.id,
            row.name,
            row.rooms,
            Sold(row.orders, row.buyers, int(row.units), int(row.gmv_minor), int(row.refunded_minor)),
        )
        for row in rows
    ]
