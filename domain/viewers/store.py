"""How viewers and samples are written, and what the ledger says of a room: the only SQL that changes this feature."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.foundation.database import Database, Reader
from domain.foundation.locks import ROOM_VIEWERS
from domain.viewers.rules import BUYING_WITHIN, Counters, Viewer

Seen = tuple[UUID, Viewer]
"""A viewer in a room."""

_ADOPT = text("""
    UPDATE live_room_viewers AS known
    SET shopper_id = :shopper_id,
        is_counted = NOT EXISTS (
          SELECT FROM live_room_viewers AS own
          WHERE own.room_id = :room_id AND own.shopper_id = :shopper_id AND own.is_counted
        )
    WHERE known.room_id = :room_id AND known.viewer = :device AND known.shopper_id IS NULL
""")
_SEEN = """
    unnest(CAST(:rooms AS uuid[]), CAST(:devices AS varchar[]), CAST(:shoppers AS uuid[])) AS seen(room_id, device, shopper_id)
"""
_HAS_ROW = """
    EXISTS (SELECT FROM live_room_viewers AS own
            WHERE own.room_id = seen.room_id AND own.shopper_id = seen.shopper_id AND own.is_counted)
"""
# A shopper's phone and tablet may be seen by two processes at once: of all their rows one is counted.
_ONE_AT_A_TIME = text("""
    SELECT pg_advisory_xact_lock(:lock, hash) FROM (
        SELECT DISTINCT hashtext(CAST(room_id AS text)) AS hash FROM unnest(CAST(:rooms AS uuid[])) AS room_id ORDER BY 1
    ) AS hashes
""")
_ADD_GUESTS = text(f"""
    INSERT INTO live_room_viewers (room_id, viewer, first_seen_at)
    SELECT DISTINCT room_id, device, CAST(:now AS timestamptz) FROM {_SEEN} WHERE shopper_id IS NULL ORDER BY 1, 2
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - made of this module's own text
# A device on which nobody was signed in becomes the shopper's who is now; of all theirs one is counted.
_ADD_DEVICES = text(f"""
    INSERT INTO live_room_viewers AS known (room_id, viewer, shopper_id, is_counted, first_seen_at)
    SELECT room_id, device, shopper_id,
           row_number() OVER (PARTITION BY room_id, shopper_id ORDER BY device) = 1 AND NOT {_HAS_ROW}, :now
    FROM (SELECT DISTINCT ON (room_id, device) * FROM {_SEEN} WHERE shopper_id IS NOT NULL) AS seen
    ORDER BY room_id, device
    ON CONFLICT (room_id, viewer) DO UPDATE SET shopper_id = excluded.shopper_id, is_counted = excluded.is_counted
    WHERE known.shopper_id IS NULL
""")  # noqa: S608 - made of this module's own text
# Whoever has no row now shares a device with somebody else: each counts, by a row of their own.
_ADD_SHOPPERS = text(f"""
    INSERT INTO live_room_viewers (room_id, viewer, shopper_id, first_seen_at)
    SELECT DISTINCT room_id, replace(CAST(shopper_id AS text), '-', ''), shopper_id, CAST(:now AS timestamptz)
    FROM {_SEEN} WHERE shopper_id IS NOT NULL AND NOT {_HAS_ROW}
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - made of this module's own text
_ROOMS_OF_DEVICE = text("""
    SELECT known.room_id FROM live_room_viewers AS known JOIN live_rooms AS room ON room.id = known.room_id
    WHERE known.viewer = :device AND known.shopper_id IS NULL AND room.state IN ('live', 'paused')
    ORDER BY known.room_id
""")

# Each part by an index of its own; a shopper who does several of these things is one.
BUYING = """
    SELECT bought.shopper_id FROM live_room_orders AS bought
    WHERE bought.room_id = room.id AND bought.placed_at > :since
    UNION ALL
    SELECT ticket.shopper_id FROM live_room_promotions AS started
    JOIN flash_sale_items AS item ON item.sale_id = started.target_id
    JOIN flash_sale_tickets AS ticket ON ticket.item_id = item.id
    WHERE started.room_id = room.id AND started.kind = 'flash_sale' AND ticket.decided_at > :since
      AND ticket.state <> 'refused'
    UNION ALL
    SELECT seat.shopper_id FROM live_room_promotions AS started
    JOIN group_buys AS of_seat ON of_seat.campaign_id = started.target_id
    JOIN group_buy_seats AS seat ON seat.group_id = of_seat.id
    WHERE started.room_id = room.id AND started.kind = 'group_buy' AND of_seat.expires_at > :since
      AND seat.held_at > :since
"""
# Which rooms, and only then what was kept of them: one condition for both would look at the samples of every room there was.
_STANDING = text(f"""
    SELECT room.id, room.state = 'ended' AS is_over, last.at, coalesce(last.peak, 0) AS peak,
           coalesce(last.likes, 0) AS likes,
           (SELECT count(*) FROM live_room_viewers AS seen WHERE seen.room_id = room.id AND seen.is_counted) AS distinct_viewers,
           (SELECT count(DISTINCT shopper_id) FROM ({BUYING}) AS buyers) AS buying
    FROM live_rooms AS room
    LEFT JOIN LATERAL (
      SELECT at, peak, likes FROM live_room_samples WHERE room_id = room.id ORDER BY at DESC LIMIT 1
    ) AS last ON true
    WHERE (room.state IN ('live', 'paused')
           OR (room.state = 'ended' AND room.ended_at > CAST(:now AS timestamptz) - interval '10 minutes'))
      AND (room.state <> 'ended' OR last.at IS NULL OR last.at < room.ended_at)
""")  # noqa: S608 - made of this module's own text
# What is kept never falls, even where two leaders of the timetable count side by side for a moment.
_SAMPLE = text("""
    INSERT INTO live_room_samples (room_id, at, viewers, peak, "distinct", likes, buying)
    SELECT :room_id, :at, :viewers, greatest(:viewers, coalesce(last.peak, 0)), :distinct,
           greatest(:likes, coalesce(last.likes, 0)), :buying
    FROM (SELECT 1) AS always
    LEFT JOIN LATERAL (
      SELECT peak, likes FROM live_room_samples WHERE room_id = :room_id ORDER BY at DESC LIMIT 1
    ) AS last ON true
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """A room as the ledger knows it: its last sample, who has ever watched, and who is buying. `is_over`: it has ended."""

    room_id: UUID
    is_over: bool
    sampled_at: datetime | None
    peak: int
    likes: int
    distinct: int
    buying: int


async def add(db: Database, seen: Sequence[Seen], *, now: datetime) -> None:
    """Keep who watches which room. Again changes nothing.

    One person counts once: a device on which a shopper is, or was, signed in is theirs in this room, whoever holds it next.
    """
    columns: dict[str, Any] = {
        "rooms": [room_id for room_id, _ in seen],
        "devices": [viewer.device for _, viewer in seen],
        "shoppers": [viewer.shopper_id for _, viewer in seen],
        "now": now,
    }
    async with db.transaction() as tx:
        await tx.execute(_ONE_AT_A_TIME, {"lock": ROOM_VIEWERS, "rooms": columns["rooms"]})
        for statement in (_ADD_GUESTS, _ADD_DEVICES, _ADD_SHOPPERS):
            await tx.execute(statement, columns)


async def know_device(db: Database, *, device: str, shopper_id: UUID) -> int:
    """What was watched on a device in rooms that are on becomes the shopper's who has signed in there; how many rooms.

    A second call finds none left.
    """
    async with db.transaction() as tx:
        room_ids = await tx.column(_ROOMS_OF_DEVICE, {"device": device})
        await tx.execute(_ONE_AT_A_TIME, {"lock": ROOM_VIEWERS, "rooms": list(room_ids)})
        for room_id in room_ids:
            await tx.execute(_ADOPT, {"room_id": room_id, "device": device, "shopper_id": shopper_id})
    return len(room_ids)


async def standing(reader: Reader, *, now: datetime) -> list[Standing]:
    """Every room that is on, or has just ended and was not counted since."""
    rows = await reader.rows(_STANDING, {"now": now, "since": now - BUYING_WITHIN})
    return [Standing(*row) for row in rows]


async def add_samples(db: Database, counted: Collection[tuple[UUID, Counters]], *, now: datetime) -> None:
    """Keep these counters as of now."""
    async with db.transaction() as tx:
        await tx.execute(
            _SAMPLE,
            [
                {
                    "room_id": room_id,
                    "at": now,
                    "viewers": counters.viewers,
                    "distinct": counters.distinct,
                    "likes": counters.likes,
                    "buying": counters.buying,
                }
                for room_id, counters in sorted(counted)
            ],
        )
