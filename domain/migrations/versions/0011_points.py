"""Points, and the accounts that points and memberships have in the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BEFORE = "'gateway', 'bank', 'receipts', 'prepaid', 'refunds', 'suppliers', 'sales', 'freight', 'returns', 'supplied', 'fees'"
SINCE = (
    "'gateway', 'bank', 'receipts', 'prepaid', 'refunds', 'suppliers', 'memberships', 'points', 'sales', 'freight',"
    " 'returns', 'supplied', 'fees', 'member_fees', 'points_given', 'points_spent', 'points_expired'"
)
NEVER_CHANGED = ("point_moves", "point_rules")


def upgrade() -> None:
    _allow(SINCE)
    op.create_check_constraint(
        op.f("ledger_postings_currency_check"),
        "ledger_postings",
        "(currency = 'PTS') = (account IN ('points', 'points_given', 'points_spent', 'points_expired'))",
    )
    op.create_table(
        "point_rules",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("earned_per_yuan", sa.Integer(), nullable=False),
        sa.Column("spent_per_yuan", sa.Integer(), nullable=False),
        sa.Column("most_percent", sa.SmallInteger(), nullable=False),
        sa.Column("months", sa.SmallInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.UUID(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("point_rules_version_check")),
        sa.CheckConstraint("earned_per_yuan >= 0 AND spent_per_yuan >= 1", name=op.f("point_rules_rates_check")),
        sa.CheckConstraint("most_percent BETWEEN 0 AND 100", name=op.f("point_rules_most_percent_check")),
        sa.CheckConstraint("months >= 1", name=op.f("point_rules_months_check")),
        sa.PrimaryKeyConstraint("version", name=op.f("point_rules_pkey")),
    )
    op.create_table(
        "point_accounts",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("balance", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("owed", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "balance >= 0 AND owed >= 0 AND (balance = 0 OR owed = 0)", name=op.f("point_accounts_balance_check")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("point_accounts_account_id_fkey")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("point_accounts_pkey")),
    )
    op.create_table(
        "point_moves",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("cause", sa.String(length=12), nullable=False),
        sa.Column("cause_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('given', 'taken_back', 'spent', 'returned', 'expired')", name=op.f("point_moves_kind_check")
        ),
        sa.CheckConstraint("points > 0", name=op.f("point_moves_points_check")),
        sa.CheckConstraint("balance >= 0 AND owed >= 0", name=op.f("point_moves_balance_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["point_accounts.account_id"], name=op.f("point_moves_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("point_moves_pkey")),
        sa.UniqueConstraint("kind", "cause", "cause_id", name=op.f("point_moves_kind_cause_cause_id_key")),
    )
    op.create_index(
        "point_moves_account_idx", "point_moves", ["account_id", sa.literal_column("position DESC")], unique=False
    )
    op.create_table(
        "point_lots",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("move_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("unused", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "points > 0 AND unused >= 0 AND expired >= 0 AND unused + expired <= points",
            name=op.f("point_lots_points_check"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["point_accounts.account_id"], name=op.f("point_lots_account_id_fkey")),
        sa.ForeignKeyConstraint(["move_id"], ["point_moves.id"], name=op.f("point_lots_move_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("point_lots_pkey")),
    )
    op.create_index(
        "point_lots_account_idx",
        "point_lots",
        ["account_id", "expires_at", "id"],
        unique=False,
        postgresql_where=sa.text("unused > 0"),
    )
    op.create_index(
        "point_lots_due_idx", "point_lots", ["expires_at"], unique=False, postgresql_where=sa.text("unused > 0")
    )
    op.create_table(
        "point_uses",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points >= 0", name=op.f("point_uses_points_check")),
        sa.ForeignKeyConstraint(["lot_id"], ["point_lots.id"], name=op.f("point_uses_lot_id_fkey")),
        sa.UniqueConstraint(
            "order_id", "lot_id", name=op.f("point_uses_order_id_lot_id_key"), postgresql_nulls_not_distinct=True
        ),
    )
    op.create_table(
        "point_earnings",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("earned_per_yuan", sa.Integer(), nullable=False),
        sa.Column("points_percent", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("taken_back", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("points >= 0 AND taken_back BETWEEN 0 AND points", name=op.f("point_earnings_points_check")),
        sa.CheckConstraint("earned_per_yuan >= 0 AND points_percent >= 0", name=op.f("point_earnings_rates_check")),
        sa.ForeignKeyConstraint(["lot_id"], ["point_lots.id"], name=op.f("point_earnings_lot_id_fkey")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("point_earnings_order_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("point_earnings_pkey")),
    )
    for table in NEVER_CHANGED:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in ("point_earnings", "point_uses", "point_lots", "point_moves", "point_accounts", "point_rules"):
        op.drop_table(table)
    op.drop_constraint(op.f("ledger_postings_currency_check"), "ledger_postings")
    _allow(BEFORE)


def _allow(accounts: str) -> None:
    op.drop_constraint(op.f("ledger_postings_account_check"), "ledger_postings")
    op.create_check_constraint(op.f("ledger_postings_account_check"), "ledger_postings", f"account IN ({accounts})")
