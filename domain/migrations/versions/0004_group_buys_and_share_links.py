"""group-buys and share links."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "group_buy_shoppers",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.CheckConstraint("units BETWEEN 0 AND most", name=op.f("group_buy_shoppers_limit_check")),
        sa.PrimaryKeyConstraint("campaign_id", "shopper_id", name=op.f("group_buy_shoppers_pkey")),
    )
    op.create_table(
        "share_links",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("sharer_id", sa.Uuid(), nullable=False),
        sa.Column("target_kind", sa.String(length=20), nullable=False),
        sa.Column("target_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.String(length=30), nullable=False),
        sa.Column("campaign", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "target_kind IN ('product', 'group_buy', 'flash_sale')", name=op.f("share_links_target_kind_check")
        ),
        sa.CheckConstraint("token ~ '^[0-9A-Za-z]{12,32}$'", name=op.f("share_links_token_check")),
        sa.ForeignKeyConstraint(["sharer_id"], ["accounts.id"], name=op.f("share_links_sharer_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("share_links_pkey")),
        sa.UniqueConstraint(
            "sharer_id",
            "target_kind",
            "target_id",
            "channel",
            "campaign",
            name=op.f("share_links_sharer_id_target_kind_target_id_channel_campaign_key"),
        ),
        sa.UniqueConstraint("token", name=op.f("share_links_token_key")),
    )
    op.create_index("share_links_sharer_idx", "share_links", ["sharer_id", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "group_buy_campaigns",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seats", sa.SmallInteger(), nullable=False),
        sa.Column("fill_seconds", sa.Integer(), nullable=False),
        sa.Column("pay_seconds", sa.Integer(), nullable=False),
        sa.Column("per_shopper", sa.Integer(), nullable=False),
        sa.Column("newcomers_only", sa.Boolean(), nullable=False),
        sa.Column("opener_benefit", sa.String(length=10), nullable=False),
        sa.Column("opener_discount_minor", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_off_by", sa.Uuid(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(opener_benefit = 'discount') = (opener_discount_minor IS NOT NULL) AND opener_discount_minor >= 1",
            name=op.f("group_buy_campaigns_opener_discount_check"),
        ),
        sa.CheckConstraint(
            "(state = 'settled') = (settled_at IS NOT NULL)", name=op.f("group_buy_campaigns_settled_check")
        ),
        sa.CheckConstraint(
            "opener_benefit IN ('none', 'discount', 'free')", name=op.f("group_buy_campaigns_opener_benefit_check")
        ),
        sa.CheckConstraint(
            "state = 'draft' OR published_at IS NOT NULL", name=op.f("group_buy_campaigns_published_check")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'live', 'stopped', 'settled')", name=op.f("group_buy_campaigns_state_check")
        ),
        sa.CheckConstraint(
            "(called_off_at IS NULL) = (called_off_by IS NULL)"
            " AND (called_off_at IS NULL OR state IN ('stopped', 'settled'))",
            name=op.f("group_buy_campaigns_called_off_check"),
        ),
        sa.CheckConstraint("fill_seconds BETWEEN 1 AND 604800", name=op.f("group_buy_campaigns_fill_seconds_check")),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("group_buy_campaigns_window_check")),
        sa.CheckConstraint("pay_seconds BETWEEN 1 AND 86400", name=op.f("group_buy_campaigns_pay_seconds_check")),
        sa.CheckConstraint("per_shopper >= 1", name=op.f("group_buy_campaigns_per_shopper_check")),
        sa.CheckConstraint("seats BETWEEN 2 AND 100", name=op.f("group_buy_campaigns_seats_check")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("group_buy_campaigns_product_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("group_buy_campaigns_pkey")),
    )
    op.create_index(
        "group_buy_campaigns_living_idx",
        "group_buy_campaigns",
        ["closes_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('live', 'stopped')"),
    )
    op.create_index("group_buy_campaigns_product_idx", "group_buy_campaigns", ["product_id", "opens_at"], unique=False)
    op.create_table(
        "share_attributions",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("sharer_id", sa.Uuid(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("opened_at <= placed_at", name=op.f("share_attributions_opened_check")),
        sa.CheckConstraint("sharer_id <> shopper_id", name=op.f("share_attributions_oneself_check")),
        sa.ForeignKeyConstraint(["link_id"], ["share_links.id"], name=op.f("share_attributions_link_id_fkey")),
        sa.ForeignKeyConstraint(["sharer_id"], ["accounts.id"], name=op.f("share_attributions_sharer_id_fkey")),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("share_attributions_shopper_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("share_attributions_pkey")),
    )
    op.create_index("share_attributions_link_idx", "share_attributions", ["link_id"], unique=False)
    op.create_table(
        "share_counts",
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("opened", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("signed_in", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("joined", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("paid", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("forgotten", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "opened >= 0 AND signed_in >= 0 AND joined >= 0 AND paid >= 0 AND forgotten >= 0",
            name=op.f("share_counts_counts_check"),
        ),
        sa.ForeignKeyConstraint(["link_id"], ["share_links.id"], name=op.f("share_counts_link_id_fkey")),
        sa.PrimaryKeyConstraint("link_id", "shard", name=op.f("share_counts_pkey")),
    )
    op.create_table(
        "share_posters",
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.String(length=43), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=True),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "(png IS NULL) = (made_at IS NULL) AND (png IS NULL) = (looked_at IS NULL)",
            name=op.f("share_posters_made_check"),
        ),
        sa.CheckConstraint("octet_length(png) <= 1048576", name=op.f("share_posters_size_check")),
        sa.ForeignKeyConstraint(["link_id"], ["share_links.id"], name=op.f("share_posters_link_id_fkey")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("share_posters_pkey")),
    )
    op.create_index(
        "share_posters_looked_idx",
        "share_posters",
        ["looked_at"],
        unique=False,
        postgresql_where=sa.text("looked_at IS NOT NULL"),
    )
    op.create_index(
        "share_posters_waiting_idx",
        "share_posters",
        ["wanted_at"],
        unique=False,
        postgresql_where=sa.text("made_at IS NULL AND failures < 3"),
    )
    op.create_table(
        "share_visits",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("visitor", sa.String(length=43), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("outcome IN ('counted', 'oneself', 'circular')", name=op.f("share_visits_outcome_check")),
        sa.CheckConstraint(
            "(shopper_id IS NULL) = (outcome IS NULL) AND (shopper_id IS NULL) = (known_at IS NULL)",
            name=op.f("share_visits_known_check"),
        ),
        sa.CheckConstraint(
            "opened_at <= last_opened_at AND last_opened_at <= counts_until", name=op.f("share_visits_moments_check")
        ),
        sa.ForeignKeyConstraint(["link_id"], ["share_links.id"], name=op.f("share_visits_link_id_fkey")),
        sa.ForeignKeyConstraint(
            ["shopper_id"], ["accounts.id"], name=op.f("share_visits_shopper_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("share_visits_pkey")),
        sa.UniqueConstraint(
            "link_id",
            "visitor",
            "shopper_id",
            name=op.f("share_visits_link_id_visitor_shopper_id_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "share_visits_link_shopper_key",
        "share_visits",
        ["link_id", "shopper_id"],
        unique=True,
        postgresql_where=sa.text("shopper_id IS NOT NULL"),
    )
    op.create_index(
        "share_visits_over_idx",
        "share_visits",
        ["counts_until"],
        unique=False,
        postgresql_where=sa.text("shopper_id IS NULL"),
    )
    op.create_index(
        "share_visits_shopper_idx",
        "share_visits",
        ["shopper_id", sa.literal_column("last_opened_at DESC")],
        unique=False,
        postgresql_where=sa.text("outcome = 'counted'"),
    )
    op.create_index(
        "share_visits_visitor_idx",
        "share_visits",
        ["visitor"],
        unique=False,
        postgresql_where=sa.text("shopper_id IS NULL"),
    )
    op.create_table(
        "group_buys",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("leader_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("seats", sa.SmallInteger(), nullable=False),
        sa.Column("taken", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("paid", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("events", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name=op.f("group_buys_ended_check")),
        sa.CheckConstraint(
            "completed_by IS NULL OR (state = 'filled' AND paid >= 1)", name=op.f("group_buys_completed_check")
        ),
        sa.CheckConstraint("state <> 'dissolved' OR taken = 0", name=op.f("group_buys_dissolved_check")),
        sa.CheckConstraint(
            "state <> 'filled' OR paid = seats OR completed_by IS NOT NULL", name=op.f("group_buys_filled_check")
        ),
        sa.CheckConstraint("state IN ('open', 'filled', 'expired', 'dissolved')", name=op.f("group_buys_state_check")),
        sa.CheckConstraint("0 <= paid AND paid <= taken AND taken <= seats", name=op.f("group_buys_seats_check")),
        sa.ForeignKeyConstraint(["campaign_id"], ["group_buy_campaigns.id"], name=op.f("group_buys_campaign_id_fkey")),
        sa.ForeignKeyConstraint(["leader_id"], ["accounts.id"], name=op.f("group_buys_leader_id_fkey")),
        sa.ForeignKeyConstraint(["opened_by"], ["accounts.id"], name=op.f("group_buys_opened_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("group_buys_pkey")),
    )
    op.create_index(
        "group_buys_campaign_idx", "group_buys", ["campaign_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index(
        "group_buys_held_idx", "group_buys", ["expires_at"], unique=False, postgresql_where=sa.text("taken > paid")
    )
    op.create_index(
        "group_buys_due_idx", "group_buys", ["expires_at"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index("group_buys_leader_idx", "group_buys", ["leader_id", sa.literal_column("id DESC")], unique=False)
    op.create_index(
        "group_buys_open_idx",
        "group_buys",
        ["campaign_id", sa.literal_column("paid DESC"), "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND paid >= 1 AND taken < seats"),
    )
    op.create_table(
        "group_buy_events",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("seat", sa.SmallInteger(), nullable=True),
        sa.Column("taken", sa.SmallInteger(), nullable=False),
        sa.Column("paid", sa.SmallInteger(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('opened', 'joined', 'paid', 'left', 'handed_on', 'filled', 'completed', 'expired', 'dissolved', 'refunded')",
            name=op.f("group_buy_events_kind_check"),
        ),
        sa.ForeignKeyConstraint(["group_id"], ["group_buys.id"], name=op.f("group_buy_events_group_id_fkey")),
        sa.PrimaryKeyConstraint("group_id", "number", name=op.f("group_buy_events_pkey")),
    )
    op.create_table(
        "group_buy_items",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=600), nullable=False),
        sa.Column("group_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("group_price_minor >= 1", name=op.f("group_buy_items_price_check")),
        sa.CheckConstraint("units >= 1", name=op.f("group_buy_items_units_check")),
        sa.ForeignKeyConstraint(
            ["allotment_id"], ["stock_allotments.id"], name=op.f("group_buy_items_allotment_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["group_buy_campaigns.id"], name=op.f("group_buy_items_campaign_id_fkey")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("group_buy_items_sku_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("group_buy_items_pkey")),
        sa.UniqueConstraint("allotment_id", name=op.f("group_buy_items_allotment_id_key")),
        sa.UniqueConstraint("campaign_id", "sku_id", name=op.f("group_buy_items_campaign_id_sku_id_key")),
    )
    op.create_table(
        "group_buy_seats",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("is_newcomers", sa.Boolean(), nullable=False),
        sa.Column("share_link_id", sa.Uuid(), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("freed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'freed') = (freed_at IS NOT NULL)", name=op.f("group_buy_seats_freed_check")),
        sa.CheckConstraint(
            "(state = 'refunded') = (refunded_at IS NOT NULL)", name=op.f("group_buy_seats_refunded_check")
        ),
        sa.CheckConstraint(
            "(state IN ('paid', 'refunded')) = (paid_at IS NOT NULL)", name=op.f("group_buy_seats_paid_check")
        ),
        sa.CheckConstraint("refund_at IS NULL OR state = 'paid'", name=op.f("group_buy_seats_refund_check")),
        sa.CheckConstraint("state IN ('held', 'paid', 'freed', 'refunded')", name=op.f("group_buy_seats_state_check")),
        sa.CheckConstraint("number BETWEEN 1 AND 100", name=op.f("group_buy_seats_number_check")),
        sa.CheckConstraint("quantity >= 1", name=op.f("group_buy_seats_quantity_check")),
        sa.ForeignKeyConstraint(["group_id"], ["group_buys.id"], name=op.f("group_buy_seats_group_id_fkey")),
        sa.ForeignKeyConstraint(["item_id"], ["group_buy_items.id"], name=op.f("group_buy_seats_item_id_fkey")),
        sa.ForeignKeyConstraint(["share_link_id"], ["share_links.id"], name=op.f("group_buy_seats_share_link_id_fkey")),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("group_buy_seats_shopper_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("group_buy_seats_pkey")),
        sa.UniqueConstraint("order_id", name=op.f("group_buy_seats_order_id_key")),
    )
    op.create_index("group_buy_seats_group_idx", "group_buy_seats", ["group_id"], unique=False)
    op.create_index(
        "group_buy_seats_member_key",
        "group_buy_seats",
        ["group_id", "shopper_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('held', 'paid')"),
    )
    op.create_index(
        "group_buy_seats_newcomer_key",
        "group_buy_seats",
        ["shopper_id"],
        unique=True,
        postgresql_where=sa.text("is_newcomers AND state IN ('held', 'paid')"),
    )
    op.create_index(
        "group_buy_seats_number_key",
        "group_buy_seats",
        ["group_id", "number"],
        unique=True,
        postgresql_where=sa.text("state IN ('held', 'paid')"),
    )
    op.create_index(
        "group_buy_seats_refund_idx",
        "group_buy_seats",
        ["refund_at"],
        unique=False,
        postgresql_where=sa.text("refund_at IS NOT NULL"),
    )
    op.create_index(
        "group_buy_seats_shopper_idx", "group_buy_seats", ["shopper_id", sa.literal_column("id DESC")], unique=False
    )
    op.add_column("orders", sa.Column("is_confirmed", sa.Boolean(), server_default="true", nullable=False))
    op.create_check_constraint(op.f("orders_confirmed_check"), "orders", "is_confirmed OR source IS NOT NULL")
    op.create_check_constraint(
        op.f("orders_unconfirmed_check"), "orders", "is_confirmed OR state NOT IN ('shipped', 'received')"
    )
    op.create_index(
        "orders_unconfirmed_idx",
        "orders",
        ["id"],
        unique=False,
        postgresql_where=sa.text("NOT is_confirmed AND state = 'paid'"),
    )


def downgrade() -> None:
    op.drop_index(
        "orders_unconfirmed_idx",
        table_name="orders",
        postgresql_where=sa.text("NOT is_confirmed AND state = 'paid'"),
    )
    op.drop_column("orders", "is_confirmed")
    op.drop_index("group_buy_seats_shopper_idx", table_name="group_buy_seats")
    op.drop_index(
        "group_buy_seats_refund_idx", table_name="group_buy_seats", postgresql_where=sa.text("refund_at IS NOT NULL")
    )
    op.drop_index(
        "group_buy_seats_number_key",
        table_name="group_buy_seats",
        postgresql_where=sa.text("state IN ('held', 'paid')"),
    )
    op.drop_index(
        "group_buy_seats_newcomer_key",
        table_name="group_buy_seats",
        postgresql_where=sa.text("is_newcomers AND state IN ('held', 'paid')"),
    )
    op.drop_index(
        "group_buy_seats_member_key",
        table_name="group_buy_seats",
        postgresql_where=sa.text("state IN ('held', 'paid')"),
    )
    op.drop_index("group_buy_seats_group_idx", table_name="group_buy_seats")
    op.drop_table("group_buy_seats")
    op.drop_table("group_buy_items")
    op.drop_table("group_buy_events")
    op.drop_index(
        "group_buys_open_idx",
        table_name="group_buys",
        postgresql_where=sa.text("state = 'open' AND paid >= 1 AND taken < seats"),
    )
    op.drop_index("group_buys_leader_idx", table_name="group_buys")
    op.drop_index("group_buys_held_idx", table_name="group_buys", postgresql_where=sa.text("taken > paid"))
    op.drop_index("group_buys_due_idx", table_name="group_buys", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("group_buys_campaign_idx", table_name="group_buys")
    op.drop_table("group_buys")
    op.drop_index("share_visits_visitor_idx", table_name="share_visits", postgresql_where=sa.text("shopper_id IS NULL"))
    op.drop_index(
        "share_visits_shopper_idx", table_name="share_visits", postgresql_where=sa.text("outcome = 'counted'")
    )
    op.drop_index("share_visits_over_idx", table_name="share_visits", postgresql_where=sa.text("shopper_id IS NULL"))
    op.drop_index(
        "share_visits_link_shopper_key", table_name="share_visits", postgresql_where=sa.text("shopper_id IS NOT NULL")
    )
    op.drop_table("share_visits")
    op.drop_index(
        "share_posters_waiting_idx",
        table_name="share_posters",
        postgresql_where=sa.text("made_at IS NULL AND failures < 3"),
    )
    op.drop_index(
        "share_posters_looked_idx", table_name="share_posters", postgresql_where=sa.text("looked_at IS NOT NULL")
    )
    op.drop_table("share_posters")
    op.drop_table("share_counts")
    op.drop_index("share_attributions_link_idx", table_name="share_attributions")
    op.drop_table("share_attributions")
    op.drop_index("group_buy_campaigns_product_idx", table_name="group_buy_campaigns")
    op.drop_index(
        "group_buy_campaigns_living_idx",
        table_name="group_buy_campaigns",
        postgresql_where=sa.text("state IN ('live', 'stopped')"),
    )
    op.drop_table("group_buy_campaigns")
    op.drop_index("share_links_sharer_idx", table_name="share_links")
    op.drop_table("share_links")
    op.drop_table("group_buy_shoppers")
