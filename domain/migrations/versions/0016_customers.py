"""Customers, cohorts and what they are worth."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_changes",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("customer_changes_pkey")),
    )
    op.create_table(
        "customer_ladder",
        sa.Column("cohort", sa.Date(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.CheckConstraint("customers >= 0", name=op.f("customer_ladder_customers_check")),
        sa.CheckConstraint("step BETWEEN 0 AND 3 AND (step = 0) = (days = 0)", name=op.f("customer_ladder_step_check")),
        sa.PrimaryKeyConstraint("cohort", "step", "days", name=op.f("customer_ladder_pkey")),
    )
    op.create_table(
        "customer_refresh",
        sa.Column("is_only", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("as_of_day", sa.Date(), nullable=True),
        sa.Column("rules_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("is_only", name=op.f("customer_refresh_only_check")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("customer_refresh_pkey")),
    )
    op.create_table(
        "customer_standings",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("goods_minor", sa.BigInteger(), nullable=False),
        sa.Column("costed_minor", sa.BigInteger(), nullable=False),
        sa.Column("margin_minor", sa.BigInteger(), nullable=False),
        sa.Column("cuts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cells", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("pareto", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("customer_standings_pkey")),
    )
    op.create_table(
        "customer_value_rules",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("referral_permille", sa.Integer(), nullable=False),
        sa.Column("most_referred", sa.Integer(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "version >= 1 AND window_days BETWEEN 30 AND 1095 AND referral_permille BETWEEN 0 AND 10000 AND most_referred BETWEEN 0 AND 1000",
            name=op.f("customer_value_rules_rules_check"),
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("customer_value_rules_pkey")),
    )
    op.create_table(
        "customers",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("ladder", sa.ARRAY(sa.Date()), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("purchases", sa.Integer(), nullable=False),
        sa.Column("spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("goods_minor", sa.BigInteger(), nullable=False),
        sa.Column("costed_minor", sa.BigInteger(), nullable=False),
        sa.Column("margin_minor", sa.BigInteger(), nullable=False),
        sa.Column("recent_orders", sa.Integer(), nullable=False),
        sa.Column("recent_purchases", sa.Integer(), nullable=False),
        sa.Column("recent_spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("recent_goods_minor", sa.BigInteger(), nullable=False),
        sa.Column("recent_costed_minor", sa.BigInteger(), nullable=False),
        sa.Column("recent_margin_minor", sa.BigInteger(), nullable=False),
        sa.Column("referred_by", sa.Uuid(), nullable=True),
        sa.Column("referred", sa.Integer(), nullable=False),
        sa.Column("index_permille", sa.Integer(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_day = ladder[1] AND first_day <= last_day", name=op.f("customers_ladder_check")),
        sa.CheckConstraint("orders >= 1 AND purchases BETWEEN 1 AND orders", name=op.f("customers_orders_check")),
        sa.CheckConstraint(
            "recent_orders BETWEEN 0 AND orders AND recent_purchases BETWEEN 0 AND purchases AND referred >= 0",
            name=op.f("customers_recent_check"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("customers_account_id_fkey")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("customers_pkey")),
    )
    op.create_index(
        "customers_first_day_idx",
        "customers",
        ["first_day"],
        unique=False,
        postgresql_where=sa.text("referred_by IS NOT NULL"),
    )
    op.create_index(
        "customers_referred_idx",
        "customers",
        ["referred_by", "first_day"],
        unique=False,
        postgresql_where=sa.text("referred_by IS NOT NULL"),
    )
    op.create_index("customers_value_idx", "customers", ["value_minor", "account_id"], unique=False)
    op.create_table(
        "sku_costs",
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("cost_minor >= 0", name=op.f("sku_costs_cost_check")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("sku_costs_sku_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sku_id", "since", name=op.f("sku_costs_pkey")),
    )
    op.create_table(
        "member_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("new_people", sa.Integer(), nullable=False),
        sa.Column("new_members", sa.Integer(), nullable=False),
        sa.Column("terms_due", sa.Integer(), nullable=False),
        sa.Column("terms_renewed", sa.Integer(), nullable=False),
        sa.Column("member_orders", sa.Integer(), nullable=False),
        sa.Column("other_orders", sa.Integer(), nullable=False),
        sa.Column("member_spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("other_spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "members >= 0 AND new_people >= 0 AND new_members >= 0 AND terms_due >= 0 AND terms_renewed >= 0 AND member_orders >= 0 AND other_orders >= 0",
            name=op.f("member_days_counts_check"),
        ),
        sa.CheckConstraint("terms_renewed <= terms_due", name=op.f("member_days_renewed_check")),
        sa.PrimaryKeyConstraint("day", name=op.f("member_days_pkey")),
    )
    # what SKUs that stand already cost is known since they were written; what they cost before it changed is not
    op.execute(
        "INSERT INTO sku_costs (sku_id, since, cost_minor) SELECT id, created_at, cost_minor FROM skus"
        " WHERE cost_minor IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_table("member_days")
    op.drop_table("sku_costs")
    op.drop_index("customers_value_idx", table_name="customers")
    op.drop_index("customers_referred_idx", table_name="customers", postgresql_where=sa.text("referred_by IS NOT NULL"))
    op.drop_index(
        "customers_first_day_idx", table_name="customers", postgresql_where=sa.text("referred_by IS NOT NULL")
    )
    op.drop_table("customers")
    op.drop_table("customer_value_rules")
    op.drop_table("customer_standings")
    op.drop_table("customer_refresh")
    op.drop_table("customer_ladder")
    op.drop_table("customer_changes")
