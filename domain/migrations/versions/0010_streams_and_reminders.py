"""Streams and reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "live_streams",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("publisher", sa.String(length=100), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("has_paused", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint("(publisher IS NULL) = (lost_at IS NOT NULL)", name=op.f("live_streams_lost_check")),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_streams_room_id_fkey")),
        sa.PrimaryKeyConstraint("room_id", name=op.f("live_streams_pkey")),
    )
    op.create_index(
        "live_streams_lost_idx", "live_streams", ["lost_at"], postgresql_where=sa.text("lost_at IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("live_streams_lost_idx", table_name="live_streams")
    op.drop_table("live_streams")
