"""the edge."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_sessions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.String(length=20), nullable=True),
        sa.CheckConstraint(
            "ended_why IN ('signed_out', 'everywhere', 'reused', 'banned')",
            name=op.f("account_sessions_ended_why_check"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name=op.f("account_sessions_ended_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("account_sessions_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("account_sessions_pkey")),
    )
    op.create_index(
        "account_sessions_ended_idx",
        "account_sessions",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_index(
        "account_sessions_living_idx",
        "account_sessions",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "staff_credentials",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("failures >= 0", name=op.f("staff_credentials_failures_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("staff_credentials_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("staff_credentials_pkey")),
        sa.UniqueConstraint("username", name=op.f("staff_credentials_username_key")),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("refresh_tokens_digest_check")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["account_sessions.id"], name=op.f("refresh_tokens_session_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("refresh_tokens_pkey")),
    )
    op.create_index("refresh_tokens_expires_at_idx", "refresh_tokens", ["expires_at"], unique=False)
    op.create_index("refresh_tokens_generation_idx", "refresh_tokens", ["session_id", "generation"], unique=False)
    op.add_column("accounts", sa.Column("disabled_why", sa.String(length=200), nullable=True))
    op.add_column("accounts", sa.Column("tokens_valid_from", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "accounts_tokens_valid_from_idx",
        "accounts",
        ["tokens_valid_from"],
        unique=False,
        postgresql_where=sa.text("tokens_valid_from IS NOT NULL"),
    )
    op.create_index(
        "accounts_disabled_at_idx",
        "accounts",
        ["disabled_at"],
        unique=False,
        postgresql_where=sa.text("disabled_at IS NOT NULL"),
    )
    op.add_column("flash_sales", sa.Column("admissions_per_second", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("flash_sales_admissions_per_second_check"), "flash_sales", "admissions_per_second BETWEEN 1 AND 100000"
    )
    op.add_column("outbox_events", sa.Column("traceparent", sa.String(length=55), nullable=True))


def downgrade() -> None:
    op.drop_column("outbox_events", "traceparent")
    op.drop_column("flash_sales", "admissions_per_second")
    op.drop_index(
        "accounts_disabled_at_idx", table_name="accounts", postgresql_where=sa.text("disabled_at IS NOT NULL")
    )
    op.drop_index(
        "accounts_tokens_valid_from_idx",
        table_name="accounts",
        postgresql_where=sa.text("tokens_valid_from IS NOT NULL"),
    )
    op.drop_column("accounts", "tokens_valid_from")
    op.drop_column("accounts", "disabled_why")
    op.drop_index("refresh_tokens_generation_idx", table_name="refresh_tokens")
    op.drop_index("refresh_tokens_expires_at_idx", table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_table("staff_credentials")
    op.drop_index(
        "account_sessions_living_idx", table_name="account_sessions", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_index(
        "account_sessions_ended_idx", table_name="account_sessions", postgresql_where=sa.text("ended_at IS NOT NULL")
    )
    op.drop_table("account_sessions")
