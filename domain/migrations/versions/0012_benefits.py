"""Benefits: who holds them, what they gave and saved, members' prices and goods; and coupons that only the house gives."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _allow_claims("'everywhere', 'room', 'nowhere'")
    op.create_table(
        "benefit_holdings",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("benefits", postgresql.JSONB(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_grant_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("jsonb_typeof(benefits) = 'array'", name=op.f("benefit_holdings_benefits_check")),
        sa.CheckConstraint("source IN ('membership', 'level', 'staff')", name=op.f("benefit_holdings_source_check")),
        sa.CheckConstraint("ends_at >= starts_at", name=op.f("benefit_holdings_ends_at_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("benefit_holdings_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("benefit_holdings_pkey")),
        sa.UniqueConstraint("source", "source_id", name=op.f("benefit_holdings_source_source_id_key")),
    )
    op.create_index("benefit_holdings_account_idx", "benefit_holdings", ["account_id", "ends_at"], unique=False)
    op.create_index(
        "benefit_holdings_due_idx",
        "benefit_holdings",
        ["next_grant_at", "id"],
        unique=False,
        postgresql_where=sa.text("next_grant_at IS NOT NULL"),
    )
    op.create_table(
        "birthdays",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.SmallInteger(), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("month BETWEEN 1 AND 12 AND day BETWEEN 1 AND 31", name=op.f("birthdays_day_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("birthdays_account_id_fkey")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("birthdays_pkey")),
    )
    op.create_table(
        "benefit_grants",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("holding_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("period", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("pieces", sa.SmallInteger(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_with", sa.String(length=40), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('coupons', 'birthday_gift')", name=op.f("benefit_grants_kind_check")),
        sa.CheckConstraint(
            "(batch_id IS NULL) = (pieces IS NULL) AND (batch_id IS NULL) <> (points IS NULL)",
            name=op.f("benefit_grants_what_check"),
        ),
        sa.CheckConstraint(
            "(granted_at IS NULL) = (failed_with IS NOT NULL)", name=op.f("benefit_grants_failed_with_check")
        ),
        sa.CheckConstraint("pieces >= 1 AND points >= 1", name=op.f("benefit_grants_amounts_check")),
        sa.CheckConstraint("retry_at IS NULL OR granted_at IS NULL", name=op.f("benefit_grants_retry_at_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("benefit_grants_account_id_fkey")),
        sa.ForeignKeyConstraint(["holding_id"], ["benefit_holdings.id"], name=op.f("benefit_grants_holding_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("benefit_grants_pkey")),
        sa.UniqueConstraint(
            "holding_id", "position", "period", name=op.f("benefit_grants_holding_id_position_period_key")
        ),
    )
    op.create_index(
        "benefit_grants_account_idx", "benefit_grants", ["account_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index(
        "benefit_grants_birthday_key",
        "benefit_grants",
        ["account_id", "period"],
        unique=True,
        postgresql_where=sa.text("kind = 'birthday_gift'"),
    )
    op.create_index(
        "benefit_grants_failed_idx",
        "benefit_grants",
        [sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("granted_at IS NULL"),
    )
    op.create_index(
        "benefit_grants_retry_idx",
        "benefit_grants",
        ["retry_at", "id"],
        unique=False,
        postgresql_where=sa.text("retry_at IS NOT NULL"),
    )
    op.create_table(
        "benefit_uses",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("holding_id", sa.Uuid(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('member_price', 'free_delivery')", name=op.f("benefit_uses_kind_check")),
        sa.CheckConstraint("minor >= 1", name=op.f("benefit_uses_minor_check")),
        sa.ForeignKeyConstraint(["holding_id"], ["benefit_holdings.id"], name=op.f("benefit_uses_holding_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", "kind", name=op.f("benefit_uses_pkey")),
    )
    op.create_index("benefit_uses_holding_idx", "benefit_uses", ["holding_id"], unique=False)
    op.create_table(
        "member_only_goods",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("member_only_goods_product_id_fkey")),
        sa.PrimaryKeyConstraint("product_id", name=op.f("member_only_goods_pkey")),
    )
    op.create_table(
        "benefit_coupons",
        sa.Column("coupon_id", sa.UUID(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupons.id"], name=op.f("benefit_coupons_coupon_id_fkey")),
        sa.ForeignKeyConstraint(["grant_id"], ["benefit_grants.id"], name=op.f("benefit_coupons_grant_id_fkey")),
        sa.PrimaryKeyConstraint("coupon_id", name=op.f("benefit_coupons_pkey")),
    )
    op.create_index(op.f("benefit_coupons_grant_id_idx"), "benefit_coupons", ["grant_id"], unique=False)
    op.create_table(
        "member_prices",
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("price_minor BETWEEN 0 AND 1000000000000000", name=op.f("member_prices_price_minor_check")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("member_prices_sku_id_fkey")),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("member_prices_pkey")),
    )


def downgrade() -> None:
    op.drop_table("member_prices")
    op.drop_index(op.f("benefit_coupons_grant_id_idx"), table_name="benefit_coupons")
    op.drop_table("benefit_coupons")
    op.drop_table("member_only_goods")
    op.drop_index("benefit_uses_holding_idx", table_name="benefit_uses")
    op.drop_table("benefit_uses")
    op.drop_index(
        "benefit_grants_retry_idx", table_name="benefit_grants", postgresql_where=sa.text("retry_at IS NOT NULL")
    )
    op.drop_index(
        "benefit_grants_failed_idx", table_name="benefit_grants", postgresql_where=sa.text("granted_at IS NULL")
    )
    op.drop_index(
        "benefit_grants_birthday_key", table_name="benefit_grants", postgresql_where=sa.text("kind = 'birthday_gift'")
    )
    op.drop_index("benefit_grants_account_idx", table_name="benefit_grants")
    op.drop_table("benefit_grants")
    op.drop_table("birthdays")
    op.drop_index(
        "benefit_holdings_due_idx", table_name="benefit_holdings", postgresql_where=sa.text("next_grant_at IS NOT NULL")
    )
    op.drop_index("benefit_holdings_account_idx", table_name="benefit_holdings")
    op.drop_table("benefit_holdings")
    _allow_claims("'everywhere', 'room'")


def _allow_claims(places: str) -> None:
    op.drop_constraint(op.f("coupon_batches_claimable_in_check"), "coupon_batches")
    op.create_check_constraint(
        op.f("coupon_batches_claimable_in_check"), "coupon_batches", f"claimable_in IN ({places})"
    )
