"""Viewers of rooms, samples of their counters, and what the figures of a room are found by."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "live_room_viewers",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("viewer", sa.String(length=43), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=True),
        sa.Column("is_counted", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("is_counted OR shopper_id IS NOT NULL", name=op.f("live_room_viewers_counted_check")),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_room_viewers_room_id_fkey")),
        sa.ForeignKeyConstraint(
            ["shopper_id"], ["accounts.id"], name=op.f("live_room_viewers_shopper_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("room_id", "viewer", name=op.f("live_room_viewers_pkey")),
    )
    op.create_index(
        "live_room_viewers_shopper_key",
        "live_room_viewers",
        ["room_id", "shopper_id"],
        unique=True,
        postgresql_where=sa.text("is_counted AND shopper_id IS NOT NULL"),
    )
    op.create_index(
        "live_room_viewers_counted_idx", "live_room_viewers", ["room_id"], postgresql_where=sa.text("is_counted")
    )
    op.create_index(
        "live_room_viewers_device_idx", "live_room_viewers", ["viewer"], postgresql_where=sa.text("shopper_id IS NULL")
    )
    op.create_table(
        "live_room_samples",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("viewers", sa.Integer(), nullable=False),
        sa.Column("peak", sa.Integer(), nullable=False),
        sa.Column("distinct", sa.Integer(), nullable=False),
        sa.Column("likes", sa.BigInteger(), nullable=False),
        sa.Column("buying", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            'viewers BETWEEN 0 AND peak AND "distinct" >= 0 AND likes >= 0 AND buying >= 0',
            name=op.f("live_room_samples_counters_check"),
        ),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_room_samples_room_id_fkey")),
        sa.PrimaryKeyConstraint("room_id", "at", name=op.f("live_room_samples_pkey")),
    )
    op.create_index("live_rooms_ended_idx", "live_rooms", ["ended_at"], postgresql_where=sa.text("state = 'ended'"))
    op.create_index("live_room_orders_placed_idx", "live_room_orders", ["placed_at"])
    op.create_index("flash_sale_tickets_decided_idx", "flash_sale_tickets", ["item_id", "decided_at"])
    op.create_index("share_links_target_idx", "share_links", ["target_kind", "target_id"])


def downgrade() -> None:
    op.drop_index("share_links_target_idx", table_name="share_links")
    op.drop_index("flash_sale_tickets_decided_idx", table_name="flash_sale_tickets")
    op.drop_index("live_room_orders_placed_idx", table_name="live_room_orders")
    op.drop_index("live_rooms_ended_idx", table_name="live_rooms", postgresql_where=sa.text("state = 'ended'"))
    op.drop_table("live_room_samples")
    op.drop_table("live_room_viewers")
