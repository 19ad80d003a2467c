"""Comments of live rooms, who is kept quiet in them, and the word lists."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation.tables import id_column, metadata, moment

comments = Table(
    "room_comments",
    metadata,
    id_column(),
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("author_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    # of the event that shows it; of a withheld one, of the room's last event before it
    Column("number", BigInteger, nullable=False),
    # as it was written; what others read of it stands in its event
    Column("text", String(200), nullable=False),
    Column("state", String(10), nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    moment("posted_at"),
    moment("removed_at", nullable=True),
    Column("removed_by", Uuid),
    Column("removed_why", String(200)),
    CheckConstraint("state IN ('shown', 'masked', 'withheld', 'removed')", name="state"),
    CheckConstraint(
        "(state = 'removed') = (removed_at IS NOT NULL)"
        " AND (removed_at IS NULL) = (removed_by IS NULL) AND (removed_at IS NULL) = (removed_why IS NULL)",
        name="removed",
    ),
)
c = comments.c
# A comment that is sent again is the same comment. Writers of a room come one after another, under its lock.
Index("room_comments_key", c.room_id, c.author_id, c.idempotency_key, unique=True)
# Slow mode's question: when has this author written last?
Index("room_comments_author_idx", c.room_id, c.author_id, c.posted_at.desc())
# What viewers and the crew read, the newest first; and what is forgotten, a stretch of numbers at a time.
Index("room_comments_number_idx", c.room_id, c.number, c.id)
# And the few that viewers do not read, for the crew.
Index(
    "room_comments_unread_idx",
    c.room_id,
    c.state,
    c.number,
    c.id,
    postgresql_where=text("state IN ('withheld', 'removed')"),
)

# A silence that is lifted is gone; the trail knows of it.
silences = Table(
    "room_silences",
    metadata,
    Column("room_id", Uuid, ForeignKey("live_rooms.id"), nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(4), nullable=False),
    # None: for good
    moment("until", nullable=True),
    Column("reason", String(200), nullable=False),
    moment("imposed_at"),
    Column("imposed_by", Uuid, nullable=False),
    PrimaryKeyConstraint("room_id", "account_id", "kind"),
    CheckConstraint("kind = 'mute' OR (kind = 'ban' AND until IS NULL)", name="kind"),
)

# Every list there was, for it decides what was shown; the newest is in force in all rooms.
word_lists = Table(
    "chat_word_lists",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    # [[word, action], ...]
    Column("words", JSONB, nullable=False),
    moment("set_at"),
    Column("set_by", Uuid, nullable=False),
    CheckConstraint("version >= 1", name="version"),
)
