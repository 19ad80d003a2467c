"""the market opens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""
MOVEMENTS_ARE_APPEND_ONLY = """
CREATE TRIGGER stock_movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_movements
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("accounts_pkey")),
    )
    op.create_table(
        "categories",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["categories.id"], name=op.f("categories_parent_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("categories_pkey")),
        sa.UniqueConstraint("path", name=op.f("categories_path_key")),
    )
    op.create_table(
        "flash_sale_shoppers",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.CheckConstraint("units BETWEEN 0 AND most", name=op.f("flash_sale_shoppers_limit_check")),
        sa.PrimaryKeyConstraint("item_id", "shopper_id", name=op.f("flash_sale_shoppers_pkey")),
    )
    op.create_table(
        "flash_sale_slots",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("starts_at", sa.Time(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("minutes BETWEEN 1 AND 1440", name=op.f("flash_sale_slots_minutes_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("flash_sale_slots_pkey")),
        sa.UniqueConstraint("starts_at", name=op.f("flash_sale_slots_starts_at_key")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("idempotency_keys_pkey")),
    )
    op.create_index("idempotency_keys_used_at_idx", "idempotency_keys", ["used_at"], unique=False)
    op.create_table(
        "outbox_events",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("aggregate_id", sa.UUID(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("outbox_events_pkey")),
    )
    op.create_index(
        "outbox_events_dead_idx",
        "outbox_events",
        ["dead_at"],
        unique=False,
        postgresql_where=sa.text("dead_at IS NOT NULL"),
    )
    op.create_index(
        "outbox_events_delivered_idx",
        "outbox_events",
        ["delivered_at"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NOT NULL"),
    )
    op.create_index(
        "outbox_events_waiting_idx",
        "outbox_events",
        ["lane", "position"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NULL AND dead_at IS NULL"),
    )
    op.create_table(
        "stock_holds",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("sku_id", sa.UUID(), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.CheckConstraint("outcome IN ('sold', 'released')", name=op.f("stock_holds_outcome_check")),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("stock_holds_ended_check")),
        sa.CheckConstraint("quantity > 0", name=op.f("stock_holds_quantity_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("stock_holds_pkey")),
    )
    op.create_index("stock_holds_order_idx", "stock_holds", ["order_id"], unique=False)
    op.create_table(
        "stock_movements",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sku_id", sa.UUID(), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=True),
        sa.Column("movement", sa.String(length=12), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=40), nullable=False),
        sa.Column("cause_id", sa.UUID(), nullable=False),
        sa.Column("reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "quantity <> 0 AND (quantity > 0 OR movement = 'adjusted')", name=op.f("stock_movements_quantity_check")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("stock_movements_pkey")),
    )
    op.create_index("stock_movements_sku_idx", "stock_movements", ["sku_id", "position"], unique=False)
    op.create_table(
        "account_identities",
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("account_identities_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("provider", "subject", name=op.f("account_identities_pkey")),
    )
    op.create_index(op.f("account_identities_account_id_idx"), "account_identities", ["account_id"], unique=False)
    op.create_table(
        "account_roles",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("account_roles_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "role", name=op.f("account_roles_pkey")),
    )
    op.create_table(
        "flash_sales",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=True),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pay_seconds", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.Uuid(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.Uuid(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("flash_sales_cancelled_check")
        ),
        sa.CheckConstraint("(state = 'settled') = (settled_at IS NOT NULL)", name=op.f("flash_sales_settled_check")),
        sa.CheckConstraint("state <> 'warm' OR warmed_at IS NOT NULL", name=op.f("flash_sales_warm_check")),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'warm', 'stopped', 'cancelled', 'settled')",
            name=op.f("flash_sales_state_check"),
        ),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("flash_sales_window_check")),
        sa.CheckConstraint("pay_seconds BETWEEN 1 AND 86400", name=op.f("flash_sales_pay_seconds_check")),
        sa.ForeignKeyConstraint(["slot_id"], ["flash_sale_slots.id"], name=op.f("flash_sales_slot_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("flash_sales_pkey")),
    )
    op.create_index(
        "flash_sales_living_idx",
        "flash_sales",
        ["state"],
        unique=False,
        postgresql_where=sa.text("state IN ('scheduled', 'warm', 'stopped')"),
    )
    op.create_index("flash_sales_window_idx", "flash_sales", ["opens_at", "closes_at"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True, start=100001), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=True),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pay_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lapsed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.Uuid(), nullable=True),
        sa.Column("paid_late_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_outcome", sa.String(length=12), nullable=True),
        sa.Column("paid_with", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'paid') = (paid_at IS NOT NULL AND paid_with IS NOT NULL)", name=op.f("orders_paid_check")
        ),
        sa.CheckConstraint("late_outcome IN ('revived', 'refunded')", name=op.f("orders_late_outcome_check")),
        sa.CheckConstraint("state <> 'cancelled' OR cancelled_at IS NOT NULL", name=op.f("orders_cancelled_check")),
        sa.CheckConstraint("state <> 'lapsed' OR lapsed_at IS NOT NULL", name=op.f("orders_lapsed_check")),
        sa.CheckConstraint("state IN ('placed', 'paid', 'lapsed', 'cancelled')", name=op.f("orders_state_check")),
        sa.CheckConstraint("(source IS NULL) = (source_id IS NULL)", name=op.f("orders_source_check")),
        sa.CheckConstraint(
            "late_outcome IS NULL OR (paid_late_at IS NOT NULL AND paid_with IS NOT NULL)",
            name=op.f("orders_paid_late_check"),
        ),
        sa.CheckConstraint("total_minor > 0", name=op.f("orders_total_check")),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("orders_shopper_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("orders_pkey")),
        sa.UniqueConstraint("number", name=op.f("orders_number_key")),
        sa.UniqueConstraint("source", "source_id", name=op.f("orders_source_source_id_key")),
    )
    op.create_index("orders_due_idx", "orders", ["pay_by"], unique=False, postgresql_where=sa.text("state = 'placed'"))
    op.create_index("orders_shopper_idx", "orders", ["shopper_id", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("payable", sa.String(length=20), nullable=False),
        sa.Column("payable_id", sa.UUID(), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("gateway_reference", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_reason", sa.String(length=40), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_reference", sa.String(length=64), nullable=True),
        sa.Column("refund_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refund_retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_error", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'refunded') = (refunded_at IS NOT NULL)", name=op.f("payments_refunded_check")),
        sa.CheckConstraint(
            "(state IN ('captured', 'refund_due', 'refunded')) = (captured_at IS NOT NULL)",
            name=op.f("payments_captured_check"),
        ),
        sa.CheckConstraint(
            "(state IN ('refund_due', 'refunded')) = (refund_due_at IS NOT NULL AND refund_reason IS NOT NULL)",
            name=op.f("payments_refund_due_check"),
        ),
        sa.CheckConstraint("state <> 'closed' OR closed_at IS NOT NULL", name=op.f("payments_closed_check")),
        sa.CheckConstraint(
            "state <> 'refund_due' OR refund_retry_at IS NOT NULL", name=op.f("payments_refund_retry_check")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'closed', 'captured', 'refund_due', 'refunded')", name=op.f("payments_state_check")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("payments_amount_check")),
        sa.ForeignKeyConstraint(["payer_id"], ["accounts.id"], name=op.f("payments_payer_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("payments_pkey")),
    )
    op.create_index(
        "payments_captured_once_idx",
        "payments",
        ["payable", "payable_id"],
        unique=True,
        postgresql_where=sa.text("state = 'captured'"),
    )
    op.create_index(
        "payments_look_idx", "payments", ["look_at"], unique=False, postgresql_where=sa.text("state = 'pending'")
    )
    op.create_index("payments_payable_idx", "payments", ["payable", "payable_id"], unique=False)
    op.create_index(
        "payments_pending_once_idx",
        "payments",
        ["payable", "payable_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "payments_reference_idx",
        "payments",
        ["gateway", "gateway_reference"],
        unique=True,
        postgresql_where=sa.text("gateway_reference IS NOT NULL"),
    )
    op.create_index(
        "payments_refund_due_idx",
        "payments",
        ["refund_retry_at"],
        unique=False,
        postgresql_where=sa.text("state = 'refund_due'"),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("handle", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("body_html", sa.Text(), server_default="", nullable=False),
        sa.Column("vendor", sa.String(length=255), server_default="", nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("tags", sa.ARRAY(sa.String(length=255)), server_default="{}", nullable=False),
        sa.Column("option_names", sa.ARRAY(sa.String(length=255)), server_default="{}", nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("lowest_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("highest_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'published') = (published_at IS NOT NULL)", name=op.f("products_published_at_check")
        ),
        sa.CheckConstraint("state IN ('draft', 'published')", name=op.f("products_state_check")),
        sa.CheckConstraint(
            "0 <= lowest_price_minor AND lowest_price_minor <= highest_price_minor", name=op.f("products_prices_check")
        ),
        sa.CheckConstraint("cardinality(option_names) <= 3", name=op.f("products_option_names_check")),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("products_category_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("products_pkey")),
        sa.UniqueConstraint("handle", name=op.f("products_handle_key")),
    )
    op.create_index("products_category_idx", "products", ["category_id", "id"], unique=False)
    op.create_index("products_cheapest_idx", "products", ["state", "lowest_price_minor", "id"], unique=False)
    op.create_index("products_newest_idx", "products", ["state", "id"], unique=False)
    op.create_index("products_tags_idx", "products", ["tags"], unique=False, postgresql_using="gin")
    op.create_index("products_vendor_idx", "products", ["vendor", "id"], unique=False)
    op.create_index("products_words_idx", "products", ["words"], unique=False, postgresql_using="gin")
    op.create_table(
        "payment_notices",
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("notice_id", sa.String(length=64), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("payment_notices_payment_id_fkey")),
        sa.PrimaryKeyConstraint("gateway", "notice_id", name=op.f("payment_notices_pkey")),
    )
    op.create_table(
        "product_images",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("alt_text", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("product_images_product_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("product_id", "position", name=op.f("product_images_pkey")),
    )
    op.create_table(
        "skus",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.String(length=255), nullable=True),
        sa.Column("options", sa.ARRAY(sa.String(length=255)), server_default="{}", nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("compare_at_minor", sa.BigInteger(), nullable=True),
        sa.Column("cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("barcode", sa.String(length=64), nullable=True),
        sa.Column("grams", sa.Integer(), server_default="0", nullable=False),
        sa.Column("requires_shipping", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("grams >= 0", name=op.f("skus_grams_check")),
        sa.CheckConstraint(
            "price_minor >= 0 AND compare_at_minor >= 0 AND cost_minor >= 0", name=op.f("skus_prices_check")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("skus_product_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("skus_pkey")),
        sa.UniqueConstraint("code", deferrable=True, initially="IMMEDIATE", name=op.f("skus_code_key")),
        sa.UniqueConstraint(
            "product_id", "options", deferrable=True, initially="IMMEDIATE", name=op.f("skus_product_id_options_key")
        ),
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=600), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0 AND unit_price_minor >= 0", name=op.f("order_lines_amounts_check")),
        sa.CheckConstraint("total_minor = unit_price_minor * quantity", name=op.f("order_lines_total_check")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("order_lines_order_id_fkey")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("order_lines_sku_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("order_lines_pkey")),
    )
    op.create_table(
        "stock_allotments",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("free", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sold", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("closed_at IS NULL OR free = 0", name=op.f("stock_allotments_closed_check")),
        sa.CheckConstraint(
            "total = free + held + sold AND free >= 0 AND held >= 0 AND sold >= 0",
            name=op.f("stock_allotments_adds_up_check"),
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("stock_allotments_sku_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("stock_allotments_pkey")),
    )
    op.create_index(op.f("stock_allotments_sku_id_idx"), "stock_allotments", ["sku_id"], unique=False)
    op.create_table(
        "stock_levels",
        sa.Column("sku_id", sa.UUID(), nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("free", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sold", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "total = free + held + sold AND free >= 0 AND held >= 0 AND sold >= 0",
            name=op.f("stock_levels_adds_up_check"),
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("stock_levels_sku_id_fkey"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("stock_levels_pkey")),
    )
    op.create_table(
        "flash_sale_items",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), sa.Identity(always=True, minvalue=1, maxvalue=16777215), nullable=False),
        sa.Column("sale_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=600), nullable=False),
        sa.Column("sale_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("per_shopper", sa.Integer(), nullable=False),
        sa.Column("waiting_places", sa.Integer(), nullable=False),
        sa.Column("buckets", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("gate_run_id", sa.String(length=64), nullable=True),
        sa.CheckConstraint("buckets BETWEEN 1 AND 64", name=op.f("flash_sale_items_buckets_check")),
        sa.CheckConstraint("sale_price_minor >= 1", name=op.f("flash_sale_items_price_check")),
        sa.CheckConstraint(
            "units >= 1 AND per_shopper >= 1 AND waiting_places >= 0", name=op.f("flash_sale_items_units_check")
        ),
        sa.ForeignKeyConstraint(
            ["allotment_id"], ["stock_allotments.id"], name=op.f("flash_sale_items_allotment_id_fkey")
        ),
        sa.ForeignKeyConstraint(["sale_id"], ["flash_sales.id"], name=op.f("flash_sale_items_sale_id_fkey")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("flash_sale_items_sku_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("flash_sale_items_pkey")),
        sa.UniqueConstraint("allotment_id", name=op.f("flash_sale_items_allotment_id_key")),
        sa.UniqueConstraint("number", name=op.f("flash_sale_items_number_key")),
        sa.UniqueConstraint("sale_id", "sku_id", name=op.f("flash_sale_items_sale_id_sku_id_key")),
    )
    op.create_table(
        "flash_sale_tickets",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("shopper_id", sa.UUID(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.String(length=20), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lapsed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'refused') = (order_id IS NULL)", name=op.f("flash_sale_tickets_order_check")),
        sa.CheckConstraint(
            "(state = 'refused') = (refusal IS NOT NULL)", name=op.f("flash_sale_tickets_refusal_check")
        ),
        sa.CheckConstraint(
            "state IN ('reserved', 'paid', 'lapsed', 'refused')", name=op.f("flash_sale_tickets_state_check")
        ),
        sa.CheckConstraint("quantity >= 1", name=op.f("flash_sale_tickets_quantity_check")),
        sa.ForeignKeyConstraint(["item_id"], ["flash_sale_items.id"], name=op.f("flash_sale_tickets_item_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("flash_sale_tickets_pkey")),
        sa.UniqueConstraint(
            "item_id", "shopper_id", "request_id", name=op.f("flash_sale_tickets_item_id_shopper_id_request_id_key")
        ),
        sa.UniqueConstraint("order_id", name=op.f("flash_sale_tickets_order_id_key")),
    )
    for statement in (APPEND_ONLY, MOVEMENTS_ARE_APPEND_ONLY):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("flash_sale_tickets")
    op.drop_table("flash_sale_items")
    op.drop_table("stock_levels")
    op.drop_index(op.f("stock_allotments_sku_id_idx"), table_name="stock_allotments")
    op.drop_table("stock_allotments")
    op.drop_table("order_lines")
    op.drop_table("skus")
    op.drop_table("product_images")
    op.drop_table("payment_notices")
    op.drop_index("products_words_idx", table_name="products", postgresql_using="gin")
    op.drop_index("products_vendor_idx", table_name="products")
    op.drop_index("products_tags_idx", table_name="products", postgresql_using="gin")
    op.drop_index("products_newest_idx", table_name="products")
    op.drop_index("products_cheapest_idx", table_name="products")
    op.drop_index("products_category_idx", table_name="products")
    op.drop_table("products")
    op.drop_index("payments_refund_due_idx", table_name="payments", postgresql_where=sa.text("state = 'refund_due'"))
    op.drop_index(
        "payments_reference_idx", table_name="payments", postgresql_where=sa.text("gateway_reference IS NOT NULL")
    )
    op.drop_index("payments_pending_once_idx", table_name="payments", postgresql_where=sa.text("state = 'pending'"))
    op.drop_index("payments_payable_idx", table_name="payments")
    op.drop_index("payments_look_idx", table_name="payments", postgresql_where=sa.text("state = 'pending'"))
    op.drop_index("payments_captured_once_idx", table_name="payments", postgresql_where=sa.text("state = 'captured'"))
    op.drop_table("payments")
    op.drop_index("orders_shopper_idx", table_name="orders")
    op.drop_index("orders_due_idx", table_name="orders", postgresql_where=sa.text("state = 'placed'"))
    op.drop_table("orders")
    op.drop_index("flash_sales_window_idx", table_name="flash_sales")
    op.drop_index(
        "flash_sales_living_idx",
        table_name="flash_sales",
        postgresql_where=sa.text("state IN ('scheduled', 'warm', 'stopped')"),
    )
    op.drop_table("flash_sales")
    op.drop_table("account_roles")
    op.drop_index(op.f("account_identities_account_id_idx"), table_name="account_identities")
    op.drop_table("account_identities")
    op.drop_index("stock_movements_sku_idx", table_name="stock_movements")
    op.drop_table("stock_movements")
    op.drop_index("stock_holds_order_idx", table_name="stock_holds")
    op.drop_table("stock_holds")
    op.drop_index(
        "outbox_events_waiting_idx",
        table_name="outbox_events",
        postgresql_where=sa.text("delivered_at IS NULL AND dead_at IS NULL"),
    )
    op.drop_index(
        "outbox_events_delivered_idx", table_name="outbox_events", postgresql_where=sa.text("delivered_at IS NOT NULL")
    )
    op.drop_index("outbox_events_dead_idx", table_name="outbox_events", postgresql_where=sa.text("dead_at IS NOT NULL"))
    op.drop_table("outbox_events")
    op.drop_index("idempotency_keys_used_at_idx", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("flash_sale_slots")
    op.drop_table("flash_sale_shoppers")
    op.drop_table("categories")
    op.drop_table("accounts")
    op.execute("DROP FUNCTION refuse_change()")
