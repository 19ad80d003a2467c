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
    Column("failures", SmallInteger, nullable=False, server_default="0"),
    CheckConstraint("(png IS NULL) = (made_at IS NULL)", name="made"),
    CheckConstraint("octet_length(png) <= 1048576", name="size"),
)
# The sweep's question: which have not been looked at for long?
Index("share_posters_made_idx", posters.c.made_at, postgresql_where=text("made_at IS NOT NULL"))
