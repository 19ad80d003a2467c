"""Check-ins and their rewards."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "check_in_reward_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("daily_points", sa.Integer(), nullable=False),
        sa.Column("cycle_days", sa.SmallInteger(), nullable=False),
        sa.Column("streak_rewards", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("check_in_reward_versions_version_check")),
        sa.CheckConstraint(
            "daily_points BETWEEN 0 AND 10000 AND cycle_days BETWEEN 1 AND 366",
            name=op.f("check_in_reward_versions_figures_check"),
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("check_in_reward_versions_pkey")),
    )
    op.create_table(
        "check_in_streaks",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("longest", sa.Integer(), nullable=False),
        sa.CheckConstraint("days >= 1 AND longest >= days", name=op.f("check_in_streaks_days_check")),
        sa.CheckConstraint("last_day = began_on + days - 1", name=op.f("check_in_streaks_in_a_row_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("check_in_streaks_account_id_fkey")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("check_in_streaks_pkey")),
    )
    op.create_table(
        "check_ins",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("rewards_version", sa.Integer(), nullable=False),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("streak >= 1 AND points >= 0", name=op.f("check_ins_figures_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("check_ins_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("check_ins_pkey")),
        sa.UniqueConstraint("account_id", "day", name=op.f("check_ins_account_id_day_key")),
    )
    op.create_table(
        "check_in_rewards",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("check_in_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("coupon_id", sa.Uuid(), nullable=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("missing", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "(coupon_id IS NULL) = (points > 0) AND points >= 0", name=op.f("check_in_rewards_what_check")
        ),
        sa.CheckConstraint("coupon_id IS NULL OR batch_id IS NOT NULL", name=op.f("check_in_rewards_batch_check")),
        sa.CheckConstraint(
            "(missing IS NOT NULL) = (batch_id IS NOT NULL AND coupon_id IS NULL)",
            name=op.f("check_in_rewards_missing_check"),
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["coupon_batches.id"], name=op.f("check_in_rewards_batch_id_fkey")),
        sa.ForeignKeyConstraint(["check_in_id"], ["check_ins.id"], name=op.f("check_in_rewards_check_in_id_fkey")),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupons.id"], name=op.f("check_in_rewards_coupon_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("check_in_rewards_pkey")),
        sa.UniqueConstraint("check_in_id", name=op.f("check_in_rewards_check_in_id_key")),
        sa.UniqueConstraint("coupon_id", name=op.f("check_in_rewards_coupon_id_key")),
    )
    for table in ("check_ins", "check_in_rewards"):
        op.execute(f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""")


def downgrade() -> None:
    op.drop_table("check_in_rewards")
    op.drop_table("check_ins")
    op.drop_table("check_in_streaks")
    op.drop_table("check_in_reward_versions")
