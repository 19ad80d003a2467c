"""The posters of share links, as they were last made."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, SmallInteger, String, Table, Uuid, text

from domain.foundation.tables import metadata, moment

posters = Table(
    "share_posters",
    metadata,
    Column("link_id", Uuid, ForeignKey("share_links.id"), primary_key=True),
    # a hash of everything that is seen on it: another card, another poster
    Column("fingerprint", String(43), nullable=False),
    Column("png", LargeBinary),
    moment("wanted_at"),
    moment("made_at", nullable=True),
    # noted once a day, not at each look
    moment("looked_at", nullable=True),
    Column("failures", SmallInteger, nullable=False, server_default="0"),
    CheckConstraint("(png IS NULL) = (made_at IS NULL) AND (png IS NULL) = (looked_at IS NULL)", name="made"),
    CheckConstraint("octet_length(png) <= 1048576", name="size"),
)
# The sweeps' questions: which have not been looked at for long, and which wait to be made?
Index("share_posters_looked_idx", posters.c.looked_at, postgresql_where=text("looked_at IS NOT NULL"))
Index("share_posters_waiting_idx", posters.c.wanted_at, postgresql_where=text("made_at IS NULL AND failures < 3"))
