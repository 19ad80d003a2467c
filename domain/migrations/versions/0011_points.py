"""Points, and the accounts that points and memberships have in the ledger."""

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


def upgrade() -> None:
    _allow(SINCE)


def downgrade() -> None:
    _allow(BEFORE)


def _allow(accounts: str) -> None:
    op.drop_constraint(op.f("ledger_postings_account_check"), "ledger_postings")
    op.create_check_constraint(op.f("ledger_postings_account_check"), "ledger_postings", f"account IN ({accounts})")
