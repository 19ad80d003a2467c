"""Which link an order came of: noted once, when it is placed, and marked once, when it is paid.

The rule: an order came of the last share that its shopper had opened before they placed it, if that was less than
`share_days` days before and the share counts. A share never counts for the sharer's own visits, nor for a visit by which
people would lead to each other in a circle: see `visiting`. Nothing is given to anybody for it.
"""

from datetime import datetime
from secrets import randbelow
from uuid import UUID

from sqlalchemy import select, text

from domain.foundation.database import Transaction
from domain.sharing.rules import SHARDS
from domain.sharing.tables import attributions

# Of a visit two openings are known: one that was opened again after the order was placed counts from its first.
_ATTRIBUTE = text("""
    WITH opening AS (
      SELECT id, link_id, counts_until - last_opened_at AS counts_for,
             CASE WHEN last_opened_at <= :placed_at THEN last_opened_at ELSE opened_at END AS opened_at
      FROM share_visits WHERE shopper_id = :shopper_id AND outcome = 'counted'
    ), last AS (
      SELECT * FROM opening WHERE opened_at <= :placed_at ORDER BY opened_at DESC, id DESC LIMIT 1
    ), share AS (
      SELECT link.id, link.sharer_id, last.opened_at
      FROM last JOIN share_links AS link ON link.id = last.link_id
      WHERE :placed_at < last.opened_at + last.counts_for
    ), noted AS (
      INSERT INTO share_attributions (order_id, link_id, sharer_id, shopper_id, opened_at, placed_at)
      SELECT :order_id, id, sharer_id, :shopper_id, opened_at, :placed_at FROM share
      ON CONFLICT (order_id) DO NOTHING
      RETURNING link_id
    ), counted AS (
      INSERT INTO share_counts (link_id, shard, joined) SELECT link_id, :shard, 1 FROM noted
      ON CONFLICT (link_id, shard) DO UPDATE SET joined = share_counts.joined + 1
    )
    SELECT EXISTS (SELECT FROM share) AS has_share,
           COALESCE((SELECT link_id FROM noted),
                    (SELECT link_id FROM share_attributions WHERE order_id = :order_id)) AS link_id
""")
_PAID = text("""
    WITH marked AS (
      UPDATE share_attributions SET paid_at = :paid_at WHERE order_id = :order_id AND paid_at IS NULL RETURNING link_id
    )
    INSERT INTO share_counts (link_id, shard, paid) SELECT link_id, :shard, 1 FROM marked
    ON CONFLICT (link_id, shard) DO UPDATE SET paid = share_counts.paid + 1
""")


async def attribute(tx: Transaction, *, order_id: UUID, shopper_id: UUID, placed_at: datetime) -> UUID | None:
    """The link that an order came of, counted as joined; None, and nothing is written, where it came of none.

    A second call for the same order gives the same link, and writes nothing.
    """
    facts = {"order_id": order_id, "shopper_id": shopper_id, "placed_at": placed_at, "shard": randbelow(SHARDS)}
    row = await tx.one(_ATTRIBUTE, facts)
    assert row is not None
    link_id: UUID | None = row.link_id
    if row.has_share and link_id is None:  # noted by a call at the same time, which this statement does not see
        link_id = await tx.value(select(attributions.c.link_id).where(attributions.c.order_id == order_id))
    return link_id


async def paid(tx: Transaction, *, order_id: UUID, paid_at: datetime) -> None:
    """Mark an order that came of a link as paid, and count it. A second call changes nothing."""
    await tx.execute(_PAID, {"order_id": order_id, "paid_at": paid_at, "shard": randbelow(SHARDS)})
