"""Who pushes the stream of a room now, and since when nobody does."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, String, Table, Uuid, text

from domain.foundation.tables import metadata, moment

streams = Table(
    "live_streams",
    metadata,
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), primary_key=True),
    # as the server calls the connection; NULL: nobody pushes
    Column("publisher", String(100)),
    moment("began_at"),
    # since when nobody does
    moment("lost_at", nullable=True),
    # the loss has paused the room, and its return is to make it go on
    Column("has_paused", Boolean, nullable=False, server_default="false"),
    CheckConstraint("(publisher IS NULL) = (lost_at IS NOT NULL)", name="lost"),
)
# The timetable's question: which streams have been away for long?
Index("live_streams_lost_idx", streams.c.lost_at, postgresql_where=text("lost_at IS NOT NULL"))
