"""Super users: rules, who they are, milestones and polls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "super_user_rules",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("criteria", postgresql.JSONB(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.UUID(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("super_user_rules_version_check")),
        sa.PrimaryKeyConstraint("version", name=op.f("super_user_rules_pkey")),
    )
    op.create_table(
        "super_users",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("super_users_account_id_fkey")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("super_users_pkey")),
    )
    op.create_index("super_users_since_idx", "super_users", [sa.text("since DESC"), sa.text("account_id DESC")])
    op.create_table(
        "super_user_moves",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("has_become", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("super_user_moves_account_id_fkey")),
        sa.PrimaryKeyConstraint("position", name=op.f("super_user_moves_pkey")),
    )
    op.create_index("super_user_moves_account_idx", "super_user_moves", ["account_id", sa.text("position DESC")])
    op.create_table(
        "core_fan_milestones",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size >= 1", name=op.f("core_fan_milestones_size_check")),
        sa.PrimaryKeyConstraint("size", name=op.f("core_fan_milestones_pkey")),
    )
    op.create_table(
        "product_polls",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.CheckConstraint("opens_at <= closes_at", name=op.f("product_polls_window_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("product_polls_pkey")),
    )
    op.create_index("product_polls_closes_idx", "product_polls", ["closes_at"])
    op.create_table(
        "product_poll_options",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("poll_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["poll_id"], ["product_polls.id"], name=op.f("product_poll_options_poll_id_fkey")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("product_poll_options_product_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("product_poll_options_pkey")),
        sa.UniqueConstraint("poll_id", "id", name=op.f("product_poll_options_poll_id_id_key")),
        sa.UniqueConstraint("poll_id", "position", name=op.f("product_poll_options_poll_id_position_key")),
        sa.UniqueConstraint("poll_id", "product_id", name=op.f("product_poll_options_poll_id_product_id_key")),
    )
    op.create_table(
        "product_poll_votes",
        sa.Column("poll_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("option_id", sa.Uuid(), nullable=False),
        sa.Column("voted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("product_poll_votes_account_id_fkey")),
        sa.ForeignKeyConstraint(
            ["poll_id", "option_id"],
            ["product_poll_options.poll_id", "product_poll_options.id"],
            name=op.f("product_poll_votes_poll_id_option_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("poll_id", "account_id", name=op.f("product_poll_votes_pkey")),
    )
    op.create_index("product_poll_votes_option_idx", "product_poll_votes", ["option_id"])


def downgrade() -> None:
    for table in (
        "product_poll_votes", "product_poll_options", "product_polls", "core_fan_milestones", "super_user_moves", "super_users",
        "super_user_rules",
    ):  # fmt: skip
        op.drop_table(table)
