"""How screens and workers read group-buys, by id."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text

from domain.foundation.database import Database
from domain.group_buys.rules import Campaign, EventKind, Group, GroupEvent, Seat
from domain.group_buys.store import (
    CAMPAIGN_COLUMNS,
    GROUP_COLUMNS,
    ITEM_COLUMNS,
    SEAT_COLUMNS,
    campaign_of,
    group_of,
    seat_of,
)
from domain.group_buys.tables import campaigns, groups, items, seats

c, g, i, s = campaigns.c, groups.c, items.c, seats.c
MOST_EVENTS = 500
"""Events of one group told at once; whoever asks goes on from the last."""
_EVENTS_SINCE = text("""
    SELECT event.group_id, event.number, event.kind, event.seat, event.taken, event.paid, event.happened_at
    FROM unnest(CAST(:group_ids AS uuid[]), CAST(:since AS int[])) AS wanted (group_id, since)
    JOIN LATERAL (
        SELECT * FROM group_buy_events WHERE group_id = wanted.group_id AND number > wanted.since
        ORDER BY number LIMIT :limit
    ) AS event ON true
    ORDER BY event.group_id, event.number
""")


@dataclass(frozen=True, slots=True)
class RefundFigures:
    """Seats of a group by how far their refunds have come: still to be ordered, `failing` of them after a failure, and ordered."""

    pending: int
    failing: int
    done: int


async def campaigns_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Campaign]:
    """Campaigns that exist, with their items; two statements."""
    rows = await db.rows(select(*CAMPAIGN_COLUMNS).where(c.id == func.any(list(ids))))
    found = select(*ITEM_COLUMNS).where(i.campaign_id == func.any([row.id for row in rows])).order_by(i.position)
    of_campaign = defaultdict(list)
    for row in await db.rows(found):
        of_campaign[row.campaign_id].append(row)
    return {row.id: campaign_of(row, of_campaign[row.id]) for row in rows}


async def campaign_of_item(db: Database, item_id: UUID) -> UUID | None:
    """The campaign an item belongs to."""
    campaign_id: UUID | None = await db.value(select(i.campaign_id).where(i.id == item_id))
    return campaign_id


async def groups_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Group]:
    """Groups that exist, by id."""
    return {row.id: group_of(row) for row in await db.rows(select(*GROUP_COLUMNS).where(g.id == func.any(list(ids))))}


async def seats_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Seat]:
    """Seats that exist, by id, also freed ones."""
    return {row.id: seat_of(row) for row in await db.rows(select(*SEAT_COLUMNS).where(s.id == func.any(list(ids))))}


async def refunds_by_group_ids(db: Database, group_ids: Sequence[UUID]) -> dict[UUID, RefundFigures]:
    """How far the refunds of these groups have come, counted in one statement; nothing of one in which nobody ever sat."""
    is_due = s.refund_at.is_not(None)
    counted = (
        func.count().filter(which) for which in (is_due, is_due & (s.refund_failures > 0), s.state == "refunded")
    )
    found = select(s.group_id, *counted).where(s.group_id == func.any(list(group_ids))).group_by(s.group_id)
    return {group_id: RefundFigures(*figures) for group_id, *figures in await db.rows(found)}


async def events_since(db: Database, wanted: Mapping[UUID, int]) -> Mapping[UUID, Sequence[GroupEvent]]:
    """What happened in each group after the event of that number, in order; at most `MOST_EVENTS` of a group."""
    values = {"group_ids": list(wanted), "since": list(wanted.values()), "limit": MOST_EVENTS}
    of_group: dict[UUID, list[GroupEvent]] = {group_id: [] for group_id in wanted}
    for row in await db.rows(_EVENTS_SINCE, values):
        of_group[row.group_id].append(GroupEvent(**{**row._mapping, "kind": EventKind(row.kind)}))
    return of_group
