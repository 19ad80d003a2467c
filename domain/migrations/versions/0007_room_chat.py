"""Room chat."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat_word_lists",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("words", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("chat_word_lists_version_check")),
        sa.PrimaryKeyConstraint("version", name=op.f("chat_word_lists_pkey")),
    )
    op.create_table(
        "room_comments",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Uuid(), nullable=True),
        sa.Column("removed_why", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(state = 'removed') = (removed_at IS NOT NULL)"
            " AND (removed_at IS NULL) = (removed_by IS NULL) AND (removed_at IS NULL) = (removed_why IS NULL)",
            name=op.f("room_comments_removed_check"),
        ),
        sa.CheckConstraint(
            "state IN ('shown', 'masked', 'withheld', 'removed')", name=op.f("room_comments_state_check")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["accounts.id"], name=op.f("room_comments_author_id_fkey")),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("room_comments_room_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("room_comments_pkey")),
    )
    op.create_index(
        "room_comments_author_idx",
        "room_comments",
        ["room_id", "author_id", sa.literal_column("posted_at DESC")],
        unique=False,
    )
    op.create_index("room_comments_key", "room_comments", ["room_id", "author_id", "idempotency_key"], unique=True)
    op.create_index("room_comments_number_idx", "room_comments", ["room_id", "number", "id"], unique=False)
    op.create_index(
        "room_comments_unread_idx",
        "room_comments",
        ["room_id", "state", "number", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('withheld', 'removed')"),
    )
    op.create_table(
        "room_silences",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("imposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imposed_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind = 'mute' OR (kind = 'ban' AND until IS NULL)", name=op.f("room_silences_kind_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("room_silences_account_id_fkey")),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("room_silences_room_id_fkey")),
        sa.PrimaryKeyConstraint("room_id", "account_id", "kind", name=op.f("room_silences_pkey")),
    )


def downgrade() -> None:
    op.drop_table("room_silences")
    op.drop_index(
        "room_comments_unread_idx",
        table_name="room_comments",
        postgresql_where=sa.text("state IN ('withheld', 'removed')"),
    )
    op.drop_index("room_comments_number_idx", table_name="room_comments")
    op.drop_index("room_comments_key", table_name="room_comments")
    op.drop_index("room_comments_author_idx", table_name="room_comments")
    op.drop_table("room_comments")
    op.drop_table("chat_word_lists")
