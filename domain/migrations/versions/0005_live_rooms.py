"""live rooms."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


TARGETS = "'product', 'group_buy', 'flash_sale'"


def upgrade() -> None:
    op.drop_constraint("share_links_target_kind_check", "share_links")
    op.create_check_constraint(
        op.f("share_links_target_kind_check"), "share_links", f"target_kind IN ({TARGETS}, 'live_room')"
    )
    op.create_table(
        "live_rooms",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("cover_url", sa.String(length=500), server_default="", nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grace_seconds", sa.Integer(), nullable=False),
        sa.Column("prize_budget_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_chat_open", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("slow_seconds", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("events", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("live_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("live_rooms_cancelled_check")
        ),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("live_rooms_ended_check")),
        sa.CheckConstraint("(state = 'paused') = (paused_at IS NOT NULL)", name=op.f("live_rooms_paused_check")),
        sa.CheckConstraint(
            "(state IN ('live', 'paused', 'ended')) = (live_at IS NOT NULL)", name=op.f("live_rooms_live_check")
        ),
        sa.CheckConstraint("cover_url = '' OR cover_url LIKE 'https://%'", name=op.f("live_rooms_cover_check")),
        sa.CheckConstraint(
            "state IN ('scheduled', 'live', 'paused', 'ended', 'cancelled')", name=op.f("live_rooms_state_check")
        ),
        sa.CheckConstraint("prize_budget_minor >= 0", name=op.f("live_rooms_prize_budget_check")),
        sa.CheckConstraint("grace_seconds BETWEEN 0 AND 3600", name=op.f("live_rooms_grace_check")),
        sa.CheckConstraint("slow_seconds BETWEEN 0 AND 600", name=op.f("live_rooms_slow_check")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("live_rooms_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("live_rooms_pkey")),
    )
    op.create_index("live_rooms_coming_idx", "live_rooms", ["state", "starts_at", "id"], unique=False)
    op.create_table(
        "live_room_crew",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("duty", sa.String(length=10), nullable=False),
        sa.CheckConstraint("duty IN ('host', 'assistant')", name=op.f("live_room_crew_duty_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("live_room_crew_account_id_fkey")),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_room_crew_room_id_fkey")),
        sa.PrimaryKeyConstraint("room_id", "account_id", name=op.f("live_room_crew_pkey")),
    )
    op.create_index(
        "live_room_crew_account_idx", "live_room_crew", ["account_id", sa.literal_column("room_id DESC")], unique=False
    )
    op.create_table(
        "live_room_events",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('went_live', 'paused', 'resumed', 'ended', 'cancelled', 'shelf_changed', 'on_air', 'off_air', 'pinned', 'unpinned', 'flash_sale_started', 'group_buy_started', 'coupons_dropped', 'draw_opened', 'draw_called_off', 'drawn', 'commented', 'comment_removed', 'chat_changed', 'notice')",
            name=op.f("live_room_events_kind_check"),
        ),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_room_events_room_id_fkey")),
        sa.PrimaryKeyConstraint("room_id", "number", name=op.f("live_room_events_pkey")),
    )
    op.create_table(
        "live_room_items",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("pitch", sa.String(length=60), server_default="", nullable=False),
        sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("pinned_at IS NULL OR removed_at IS NULL", name=op.f("live_room_items_pinned_check")),
        sa.CheckConstraint("position BETWEEN 1 AND 200", name=op.f("live_room_items_position_check")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("live_room_items_product_id_fkey")),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_room_items_room_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("live_room_items_pkey")),
        sa.UniqueConstraint("room_id", "product_id", name=op.f("live_room_items_room_id_product_id_key")),
    )
    op.create_index(
        "live_room_items_pinned_key",
        "live_room_items",
        ["room_id"],
        unique=True,
        postgresql_where=sa.text("pinned_at IS NOT NULL"),
    )
    op.create_table(
        "live_room_orders",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "channel IN ('shelf', 'flash_sale', 'group_buy')", name=op.f("live_room_orders_channel_check")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_room_orders_room_id_fkey")),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("live_room_orders_shopper_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("live_room_orders_pkey")),
    )
    op.create_index("live_room_orders_room_idx", "live_room_orders", ["room_id", "placed_at"], unique=False)
    op.create_index("live_room_orders_shopper_idx", "live_room_orders", ["room_id", "shopper_id"], unique=False)
    op.create_table(
        "live_room_reservations",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_room_reservations_room_id_fkey")),
        sa.ForeignKeyConstraint(
            ["shopper_id"], ["accounts.id"], name=op.f("live_room_reservations_shopper_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("room_id", "shopper_id", name=op.f("live_room_reservations_pkey")),
    )
    op.create_index(
        "live_room_reservations_due_idx",
        "live_room_reservations",
        ["room_id", "shopper_id"],
        unique=False,
        postgresql_where=sa.text("reminded_at IS NULL"),
    )
    op.create_table(
        "live_room_chapters",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prices_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("live_prices", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (prices_until IS NULL)", name=op.f("live_room_chapters_prices_until_check")
        ),
        sa.CheckConstraint(
            "ended_at >= began_at AND prices_until >= ended_at", name=op.f("live_room_chapters_moments_check")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["live_room_items.id"], name=op.f("live_room_chapters_item_id_fkey")),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_room_chapters_room_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("live_room_chapters_pkey")),
    )
    op.create_index(
        "live_room_chapters_on_air_key",
        "live_room_chapters",
        ["room_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("live_room_chapters_room_idx", "live_room_chapters", ["room_id", "began_at"], unique=False)
    op.create_table(
        "live_room_prices",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("live_minor", sa.BigInteger(), nullable=True),
        sa.Column("floor_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "floor_minor >= 1 AND live_minor >= floor_minor", name=op.f("live_room_prices_amounts_check")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["live_room_items.id"], name=op.f("live_room_prices_item_id_fkey")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("live_room_prices_sku_id_fkey")),
        sa.PrimaryKeyConstraint("item_id", "sku_id", name=op.f("live_room_prices_pkey")),
    )
    op.create_table(
        "live_room_promotions",
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.UUID(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('flash_sale', 'group_buy', 'coupons', 'draw')", name=op.f("live_room_promotions_kind_check")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["live_room_items.id"], name=op.f("live_room_promotions_item_id_fkey")),
        sa.ForeignKeyConstraint(["room_id"], ["live_rooms.id"], name=op.f("live_room_promotions_room_id_fkey")),
        sa.PrimaryKeyConstraint("target_id", name=op.f("live_room_promotions_pkey")),
    )
    op.create_index("live_room_promotions_room_idx", "live_room_promotions", ["room_id", "started_at"], unique=False)
    op.create_index(
        "live_room_promotions_untold_idx",
        "live_room_promotions",
        ["started_at"],
        unique=False,
        postgresql_where=sa.text("told_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "live_room_promotions_untold_idx",
        table_name="live_room_promotions",
        postgresql_where=sa.text("told_at IS NULL"),
    )
    op.drop_index("live_room_promotions_room_idx", table_name="live_room_promotions")
    op.drop_table("live_room_promotions")
    op.drop_table("live_room_prices")
    op.drop_index("live_room_chapters_room_idx", table_name="live_room_chapters")
    op.drop_index(
        "live_room_chapters_on_air_key", table_name="live_room_chapters", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_table("live_room_chapters")
    op.drop_index(
        "live_room_reservations_due_idx",
        table_name="live_room_reservations",
        postgresql_where=sa.text("reminded_at IS NULL"),
    )
    op.drop_table("live_room_reservations")
    op.drop_index("live_room_orders_shopper_idx", table_name="live_room_orders")
    op.drop_index("live_room_orders_room_idx", table_name="live_room_orders")
    op.drop_table("live_room_orders")
    op.drop_index(
        "live_room_items_pinned_key", table_name="live_room_items", postgresql_where=sa.text("pinned_at IS NOT NULL")
    )
    op.drop_table("live_room_items")
    op.drop_table("live_room_events")
    op.drop_index("live_room_crew_account_idx", table_name="live_room_crew")
    op.drop_table("live_room_crew")
    op.drop_index("live_rooms_coming_idx", table_name="live_rooms")
    op.drop_table("live_rooms")
    op.drop_constraint("share_links_target_kind_check", "share_links")
    # not for links to rooms that were made: visits and orders hang on them
    op.create_check_constraint(
        op.f("share_links_target_kind_check"),
        "share_links",
        f"target_kind IN ({TARGETS})",
        postgresql_not_valid=True,
    )
