"""Growth value and levels."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "level_ladders",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("levels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("growth_per_yuan", sa.SmallInteger(), nullable=False),
        sa.Column("counting_months", sa.SmallInteger(), nullable=False),
        sa.Column("guarantee_months", sa.SmallInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("level_ladders_version_check")),
        sa.CheckConstraint("jsonb_array_length(levels) BETWEEN 2 AND 10", name=op.f("level_ladders_levels_check")),
        sa.CheckConstraint(
            "growth_per_yuan BETWEEN 1 AND 100 AND counting_months BETWEEN 1 AND 36"
            " AND guarantee_months BETWEEN 1 AND 36",
            name=op.f("level_ladders_figures_check"),
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("level_ladders_pkey")),
    )
    op.create_table(
        "growth_moves",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("growth", sa.BigInteger(), nullable=False),
        sa.Column("settled_minor", sa.BigInteger(), nullable=False),
        sa.Column("per_yuan", sa.SmallInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("growth <> 0 AND settled_minor >= 0", name=op.f("growth_moves_growth_check")),
        sa.CheckConstraint("per_yuan BETWEEN 1 AND 100", name=op.f("growth_moves_per_yuan_check")),
        sa.CheckConstraint("EXTRACT(day FROM month) = 1 AND month <= day", name=op.f("growth_moves_month_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("growth_moves_account_id_fkey")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("growth_moves_order_id_fkey")),
        sa.PrimaryKeyConstraint("position", name=op.f("growth_moves_pkey")),
        sa.UniqueConstraint("order_id", "cause_id", name=op.f("growth_moves_order_id_cause_id_key")),
    )
    op.create_index("growth_moves_account_idx", "growth_moves", ["account_id", "month"], unique=False)
    op.create_index(
        "growth_moves_earned_key",
        "growth_moves",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("growth > 0"),
    )
    op.create_table(
        "account_levels",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("guaranteed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ladder_version", sa.Integer(), nullable=False),
        sa.Column("holding_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("rank BETWEEN 1 AND 10", name=op.f("account_levels_rank_check")),
        sa.CheckConstraint("(rank = 1) = (guaranteed_until IS NULL)", name=op.f("account_levels_guarantee_check")),
        sa.CheckConstraint("rank > 1 OR holding_id IS NULL", name=op.f("account_levels_holding_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("account_levels_account_id_fkey")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("account_levels_pkey")),
    )
    op.create_index(
        "account_levels_due_idx",
        "account_levels",
        ["guaranteed_until"],
        unique=False,
        postgresql_where=sa.text("guaranteed_until IS NOT NULL"),
    )
    op.create_index("account_levels_ladder_idx", "account_levels", ["ladder_version", "account_id"], unique=False)
    op.create_index("account_levels_rank_idx", "account_levels", ["rank", "account_id"], unique=False)
    op.create_table(
        "level_changes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("from_rank", sa.SmallInteger(), nullable=False),
        sa.Column("to_rank", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("ladder_version", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column("growth", sa.BigInteger(), nullable=False),
        sa.Column("counted_from", sa.Date(), nullable=False),
        sa.Column("last_move", sa.BigInteger(), nullable=False),
        sa.Column("guaranteed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holding_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('reached', 'kept', 'decayed', 'refunded', 'ladder')", name=op.f("level_changes_reason_check")
        ),
        sa.CheckConstraint(
            "from_rank BETWEEN 1 AND 10 AND to_rank BETWEEN 1 AND 10", name=op.f("level_changes_ranks_check")
        ),
        sa.CheckConstraint(
            "reason = 'ladder' OR CASE reason WHEN 'reached' THEN to_rank > from_rank WHEN 'kept' THEN to_rank = from_rank"
            " ELSE to_rank < from_rank END",
            name=op.f("level_changes_direction_check"),
        ),
        sa.CheckConstraint("(to_rank = 1) = (guaranteed_until IS NULL)", name=op.f("level_changes_guarantee_check")),
        sa.CheckConstraint("guaranteed_until > decided_at", name=op.f("level_changes_guaranteed_until_check")),
        sa.CheckConstraint("to_rank > 1 OR holding_id IS NULL", name=op.f("level_changes_holding_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("level_changes_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("level_changes_pkey")),
    )
    op.create_index(
        "level_changes_account_idx", "level_changes", ["account_id", sa.literal_column("position DESC")], unique=False
    )
    for table in ("growth_moves", "level_changes"):
        op.execute(f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""")


def downgrade() -> None:
    op.drop_index("level_changes_account_idx", table_name="level_changes")
    op.drop_table("level_changes")
    op.drop_index("account_levels_rank_idx", table_name="account_levels")
    op.drop_index("account_levels_ladder_idx", table_name="account_levels")
    op.drop_index(
        "account_levels_due_idx",
        table_name="account_levels",
        postgresql_where=sa.text("guaranteed_until IS NOT NULL"),
    )
    op.drop_table("account_levels")
    op.drop_index("growth_moves_earned_key", table_name="growth_moves", postgresql_where=sa.text("growth > 0"))
    op.drop_index("growth_moves_account_idx", table_name="growth_moves")
    op.drop_table("growth_moves")
    op.drop_table("level_ladders")
