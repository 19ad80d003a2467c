"""Who has watched which room, and each room's counters over time."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Uuid,
    text,
)

from domain.foundation.tables import metadata, moment

# A row for each device, which stays when its viewer becomes known: of all rows of a shopper one is counted.
viewers = Table(
    "live_room_viewers",
    metadata,
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    # the mark of a device; the id in hex of a shopper who shares theirs with somebody else
    Column("viewer", String(43), nullable=False),
    Column("shopper_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE")),
    Column("is_counted", Boolean, nullable=False, server_default="true"),
    moment("first_seen_at"),
    PrimaryKeyConstraint("room_id", "viewer"),
    CheckConstraint("is_counted OR shopper_id IS NOT NULL", name="counted"),
)
# One person counts once, whatever races. And: how many distinct viewers has the room?
Index(
    "live_room_viewers_shopper_key",
    viewers.c.room_id,
    viewers.c.shopper_id,
    unique=True,
    postgresql_where=text("is_counted AND shopper_id IS NOT NULL"),
)
Index("live_room_viewers_counted_idx", viewers.c.room_id, postgresql_where=text("is_counted"))
# Whose are the rows of this device, once somebody has signed in there?
Index("live_room_viewers_device_idx", viewers.c.viewer, postgresql_where=text("shopper_id IS NULL"))

# Every five seconds while a room is on, and whenever more watch than ever before: so the largest `viewers` is the peak.
samples = Table(
    "live_room_samples",
    metadata,
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    moment("at"),
    Column("viewers", Integer, nullable=False),
    Column("peak", Integer, nullable=False),
    Column("distinct", Integer, nullable=False),
    Column("likes", BigInteger, nullable=False),
    Column("buying", Integer, nullable=False),
    PrimaryKeyConstraint("room_id", "at"),
    CheckConstraint('viewers BETWEEN 0 AND peak AND "distinct" >= 0 AND likes >= 0 AND buying >= 0', name="counters"),
)
