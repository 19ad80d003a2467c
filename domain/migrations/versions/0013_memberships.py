"""Plans, cards, terms, codes and earned fees."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "membership_plans",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("months", sa.SmallInteger(), nullable=True),
        sa.Column("days", sa.SmallInteger(), nullable=True),
        sa.Column("benefits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("is_renewable", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind <> 'trial' OR NOT is_renewable", name=op.f("membership_plans_renewable_check")),
        sa.CheckConstraint("kind IN ('yearly', 'monthly', 'trial')", name=op.f("membership_plans_kind_check")),
        sa.CheckConstraint(
            "price_minor > 0 OR (price_minor = 0 AND kind = 'trial')", name=op.f("membership_plans_price_check")
        ),
        sa.CheckConstraint("(months IS NULL) <> (days IS NULL)", name=op.f("membership_plans_period_check")),
        sa.CheckConstraint("(stopped_at IS NULL) = (stopped_by IS NULL)", name=op.f("membership_plans_stopped_check")),
        sa.CheckConstraint(
            "months BETWEEN 1 AND 36 OR days BETWEEN 1 AND 366", name=op.f("membership_plans_lengths_check")
        ),
        sa.CheckConstraint("rank BETWEEN 1 AND 100", name=op.f("membership_plans_rank_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("membership_plans_pkey")),
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grace_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(length=10), nullable=True),
        sa.Column("upgraded_from", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "end_reason IN ('expired', 'refunded', 'upgraded')", name=op.f("memberships_end_reason_check")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL) AND ended_at >= began_at", name=op.f("memberships_ended_check")
        ),
        sa.CheckConstraint("began_at < ends_at", name=op.f("memberships_period_check")),
        sa.CheckConstraint("grace_until > ends_at", name=op.f("memberships_grace_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("memberships_account_id_fkey")),
        sa.ForeignKeyConstraint(["plan_id"], ["membership_plans.id"], name=op.f("memberships_plan_id_fkey")),
        sa.ForeignKeyConstraint(["upgraded_from"], ["memberships.id"], name=op.f("memberships_upgraded_from_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("memberships_pkey")),
        sa.UniqueConstraint("upgraded_from", name=op.f("memberships_upgraded_from_key")),
    )
    op.create_index(
        "memberships_account_idx", "memberships", ["account_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index(
        "memberships_living_key",
        "memberships",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "memberships_over_idx",
        "memberships",
        [sa.literal_column("coalesce(grace_until, ends_at)")],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("memberships_plan_idx", "memberships", ["plan_id", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "membership_purchases",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.String(length=10), nullable=False),
        sa.Column("upgrades", sa.Uuid(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pay_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_with", sa.Uuid(), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(cause = 'upgrade') = (upgrades IS NOT NULL)", name=op.f("membership_purchases_upgrades_check")
        ),
        sa.CheckConstraint(
            "(refunded_at IS NOT NULL) = (refunded_minor > 0) AND (refunded_minor = 0 OR state = 'paid')",
            name=op.f("membership_purchases_refunded_at_check"),
        ),
        sa.CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name=op.f("membership_purchases_paid_check")),
        sa.CheckConstraint(
            "CASE state WHEN 'pending' THEN paid_with IS NULL WHEN 'declined' THEN paid_with IS NOT NULL ELSE (paid_with IS NOT NULL) = (price_minor > credit_minor) END",
            name=op.f("membership_purchases_paid_with_check"),
        ),
        sa.CheckConstraint(
            "cause IN ('bought', 'gift', 'upgrade', 'renewal')", name=op.f("membership_purchases_cause_check")
        ),
        sa.CheckConstraint(
            "credit_minor BETWEEN 0 AND price_minor AND (credit_minor = 0 OR cause = 'upgrade')",
            name=op.f("membership_purchases_credit_check"),
        ),
        sa.CheckConstraint("state IN ('pending', 'paid', 'declined')", name=op.f("membership_purchases_state_check")),
        sa.CheckConstraint(
            "refunded_minor BETWEEN 0 AND price_minor - credit_minor", name=op.f("membership_purchases_refunded_check")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("membership_purchases_account_id_fkey")),
        sa.ForeignKeyConstraint(["plan_id"], ["membership_plans.id"], name=op.f("membership_purchases_plan_id_fkey")),
        sa.ForeignKeyConstraint(["upgrades"], ["memberships.id"], name=op.f("membership_purchases_upgrades_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("membership_purchases_pkey")),
        sa.UniqueConstraint("paid_with", name=op.f("membership_purchases_paid_with_key")),
    )
    op.create_index(
        "membership_purchases_account_idx",
        "membership_purchases",
        ["account_id", sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "membership_code_batches",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.CheckConstraint("created_at < valid_until", name=op.f("membership_code_batches_valid_check")),
        sa.CheckConstraint("pieces BETWEEN 1 AND 10000", name=op.f("membership_code_batches_pieces_check")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["membership_plans.id"], name=op.f("membership_code_batches_plan_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("membership_code_batches_pkey")),
    )
    op.create_table(
        "membership_codes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("purchase_id", sa.Uuid(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(batch_id IS NULL) <> (purchase_id IS NULL)", name=op.f("membership_codes_origin_check")),
        sa.CheckConstraint("(used_at IS NULL) = (used_by IS NULL)", name=op.f("membership_codes_used_check")),
        sa.CheckConstraint("length(hash) = 32", name=op.f("membership_codes_hash_check")),
        sa.CheckConstraint(
            "withdrawn_at IS NULL OR (used_at IS NULL AND purchase_id IS NOT NULL)",
            name=op.f("membership_codes_withdrawn_check"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["membership_code_batches.id"], name=op.f("membership_codes_batch_id_fkey")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["membership_plans.id"], name=op.f("membership_codes_plan_id_fkey")),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["membership_purchases.id"], name=op.f("membership_codes_purchase_id_fkey")
        ),
        sa.ForeignKeyConstraint(["used_by"], ["accounts.id"], name=op.f("membership_codes_used_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("membership_codes_pkey")),
        sa.UniqueConstraint("hash", name=op.f("membership_codes_hash_key")),
        sa.UniqueConstraint("purchase_id", name=op.f("membership_codes_purchase_id_key")),
    )
    op.create_index(
        "membership_codes_batch_idx",
        "membership_codes",
        ["batch_id", "id"],
        unique=False,
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.create_table(
        "membership_terms",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=True),
        sa.Column("code_id", sa.Uuid(), nullable=True),
        sa.Column("is_trial", sa.Boolean(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("refundable_minor", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("carried_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "carried_minor >= 0 AND refunded_minor BETWEEN 0 AND refundable_minor AND carried_minor + refunded_minor <= paid_minor",
            name=op.f("membership_terms_given_away_check"),
        ),
        sa.CheckConstraint(
            "closed_at IS NOT NULL OR carried_minor + refunded_minor = 0", name=op.f("membership_terms_closed_check")
        ),
        sa.CheckConstraint("number >= 1", name=op.f("membership_terms_number_check")),
        sa.CheckConstraint(
            "paid_minor >= 0 AND refundable_minor BETWEEN 0 AND paid_minor", name=op.f("membership_terms_paid_check")
        ),
        sa.CheckConstraint(
            "purchase_id IS NOT NULL OR code_id IS NOT NULL", name=op.f("membership_terms_origin_check")
        ),
        sa.CheckConstraint("starts_at < ends_at AND first_day <= last_day", name=op.f("membership_terms_period_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("membership_terms_account_id_fkey")),
        sa.ForeignKeyConstraint(["code_id"], ["membership_codes.id"], name=op.f("membership_terms_code_id_fkey")),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["memberships.id"], name=op.f("membership_terms_membership_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["membership_purchases.id"], name=op.f("membership_terms_purchase_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("membership_terms_pkey")),
        sa.UniqueConstraint("code_id", name=op.f("membership_terms_code_id_key")),
        sa.UniqueConstraint("membership_id", "number", name=op.f("membership_terms_membership_id_number_key")),
        sa.UniqueConstraint("purchase_id", name=op.f("membership_terms_purchase_id_key")),
    )
    op.create_index("membership_terms_account_idx", "membership_terms", ["account_id"], unique=False)
    op.create_index(
        "membership_terms_earning_idx",
        "membership_terms",
        ["last_day", "first_day"],
        unique=False,
        postgresql_include=["paid_minor"],
        postgresql_where=sa.text("closed_at IS NULL AND paid_minor > 0"),
    )
    op.create_index(
        "membership_terms_trial_key",
        "membership_terms",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("is_trial"),
    )
    op.create_table(
        "membership_earnings",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("terms", sa.Integer(), nullable=False),
        sa.Column("earned_minor", sa.BigInteger(), nullable=False),
        sa.Column("recognised_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("terms >= 0 AND earned_minor >= 0", name=op.f("membership_earnings_earned_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("membership_earnings_pkey")),
        sa.UniqueConstraint("day", name=op.f("membership_earnings_day_key")),
    )


def downgrade() -> None:
    op.drop_table("membership_earnings")
    op.drop_index("membership_terms_trial_key", table_name="membership_terms", postgresql_where=sa.text("is_trial"))
    op.drop_index(
        "membership_terms_earning_idx",
        table_name="membership_terms",
        postgresql_include=["paid_minor"],
        postgresql_where=sa.text("closed_at IS NULL AND paid_minor > 0"),
    )
    op.drop_index("membership_terms_account_idx", table_name="membership_terms")
    op.drop_table("membership_terms")
    op.drop_index(
        "membership_codes_batch_idx", table_name="membership_codes", postgresql_where=sa.text("batch_id IS NOT NULL")
    )
    op.drop_table("membership_codes")
    op.drop_table("membership_code_batches")
    op.drop_index("membership_purchases_account_idx", table_name="membership_purchases")
    op.drop_table("membership_purchases")
    op.drop_index("memberships_plan_idx", table_name="memberships")
    op.drop_index("memberships_over_idx", table_name="memberships", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("memberships_living_key", table_name="memberships", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("memberships_account_idx", table_name="memberships")
    op.drop_table("memberships")
    op.drop_table("membership_plans")
