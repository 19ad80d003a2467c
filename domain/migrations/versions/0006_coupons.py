"""Coupons."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coupon_batches",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("percent", sa.SmallInteger(), nullable=True),
        sa.Column("cap_minor", sa.BigInteger(), nullable=True),
        sa.Column("threshold_minor", sa.BigInteger(), nullable=False),
        sa.Column("stacks_with_sale_prices", sa.Boolean(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("per_shopper", sa.SmallInteger(), nullable=False),
        sa.Column("claimable_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimable_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("usable_days", sa.SmallInteger(), nullable=True),
        sa.Column("usable_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimable_in", sa.String(length=10), nullable=False),
        sa.Column("claimed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(amount_minor IS NULL) <> (percent IS NULL)", name=op.f("coupon_batches_worth_check")),
        sa.CheckConstraint("(percent IS NULL) = (cap_minor IS NULL)", name=op.f("coupon_batches_cap_check")),
        sa.CheckConstraint(
            "amount_minor >= 1 AND cap_minor >= 1 AND threshold_minor >= 0", name=op.f("coupon_batches_amounts_check")
        ),
        sa.CheckConstraint("percent BETWEEN 1 AND 100", name=op.f("coupon_batches_percent_check")),
        sa.CheckConstraint(
            "pieces BETWEEN 1 AND 10000000 AND claimed BETWEEN 0 AND pieces", name=op.f("coupon_batches_pieces_check")
        ),
        sa.CheckConstraint("per_shopper BETWEEN 1 AND 20", name=op.f("coupon_batches_per_shopper_check")),
        sa.CheckConstraint("claimable_from < claimable_until", name=op.f("coupon_batches_window_check")),
        sa.CheckConstraint("(usable_days IS NULL) <> (usable_until IS NULL)", name=op.f("coupon_batches_usable_check")),
        sa.CheckConstraint(
            "usable_days BETWEEN 1 AND 365 AND usable_until >= claimable_until",
            name=op.f("coupon_batches_usable_until_check"),
        ),
        sa.CheckConstraint("claimable_in IN ('everywhere', 'room')", name=op.f("coupon_batches_claimable_in_check")),
        sa.CheckConstraint("(stopped_at IS NULL) = (stopped_by IS NULL)", name=op.f("coupon_batches_stopped_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("coupon_batches_pkey")),
    )
    op.create_table(
        "coupon_goods",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["coupon_batches.id"], name=op.f("coupon_goods_batch_id_fkey")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("coupon_goods_product_id_fkey")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("coupon_goods_sku_id_fkey")),
        sa.UniqueConstraint(
            "batch_id",
            "product_id",
            "sku_id",
            name=op.f("coupon_goods_batch_id_product_id_sku_id_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "coupons",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("shopper_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("claim_key", sa.String(length=64), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("usable_until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("code ~ '^[0-9A-HJKMNP-TV-Z]{16}$'", name=op.f("coupons_code_check")),
        sa.ForeignKeyConstraint(["batch_id"], ["coupon_batches.id"], name=op.f("coupons_batch_id_fkey")),
        sa.ForeignKeyConstraint(["shopper_id"], ["accounts.id"], name=op.f("coupons_shopper_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("coupons_pkey")),
        sa.UniqueConstraint("code", name=op.f("coupons_code_key")),
        sa.UniqueConstraint("shopper_id", "claim_key", name=op.f("coupons_shopper_id_claim_key_key")),
    )
    op.create_index("coupons_batch_idx", "coupons", ["batch_id", "shopper_id"], unique=False)
    op.create_index("coupons_shopper_idx", "coupons", ["shopper_id", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "coupon_uses",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("coupon_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("without_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "without_since IS NULL OR given_back_at IS NOT NULL", name=op.f("coupon_uses_without_check")
        ),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupons.id"], name=op.f("coupon_uses_coupon_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("coupon_uses_pkey")),
    )
    op.create_index("coupon_uses_coupon_idx", "coupon_uses", ["coupon_id"], unique=False)
    op.create_index(
        "coupon_uses_living_key",
        "coupon_uses",
        ["coupon_id"],
        unique=True,
        postgresql_where=sa.text("given_back_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("coupon_uses_living_key", table_name="coupon_uses", postgresql_where=sa.text("given_back_at IS NULL"))
    op.drop_index("coupon_uses_coupon_idx", table_name="coupon_uses")
    op.drop_table("coupon_uses")
    op.drop_index("coupons_shopper_idx", table_name="coupons")
    op.drop_index("coupons_batch_idx", table_name="coupons")
    op.drop_table("coupons")
    op.drop_table("coupon_goods")
    op.drop_table("coupon_batches")
