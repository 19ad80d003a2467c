"""Segments and the doors of sales."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "segments",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("has_rule", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("refresh_minutes", sa.Integer(), nullable=True),
        sa.Column("refresh_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("members", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.CheckConstraint(
            "has_rule OR (version = 0 AND generation = 0 AND refresh_minutes IS NULL)", name=op.f("segments_list_check")
        ),
        sa.CheckConstraint("NOT has_rule OR version >= 1", name=op.f("segments_version_check")),
        sa.CheckConstraint("refresh_minutes BETWEEN 5 AND 43200", name=op.f("segments_refresh_minutes_check")),
        sa.CheckConstraint("members >= 0 AND generation >= 0", name=op.f("segments_members_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("segments_pkey")),
        sa.UniqueConstraint("name", name=op.f("segments_name_key")),
    )
    op.create_index(
        "segments_due_idx",
        "segments",
        ["refresh_due_at"],
        unique=False,
        postgresql_where=sa.text("refresh_due_at IS NOT NULL"),
    )
    op.create_table(
        "segment_versions",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.UUID(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("segment_versions_number_check")),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("segment_versions_segment_id_fkey")),
        sa.PrimaryKeyConstraint("segment_id", "number", name=op.f("segment_versions_pkey")),
    )
    op.create_table(
        "segment_refreshes",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("looked_up_to", sa.Uuid(), nullable=True),
        sa.Column("looked_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("found", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "generation >= 1 AND found BETWEEN 0 AND looked_at", name=op.f("segment_refreshes_found_check")
        ),
        sa.ForeignKeyConstraint(
            ["segment_id", "version"],
            ["segment_versions.segment_id", "segment_versions.number"],
            name=op.f("segment_refreshes_segment_id_version_fkey"),
        ),
        sa.PrimaryKeyConstraint("segment_id", "generation", name=op.f("segment_refreshes_pkey")),
    )
    op.create_index(
        "segment_refreshes_open_key",
        "segment_refreshes",
        ["segment_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "segment_members",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("segment_members_segment_id_fkey")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("segment_members_account_id_fkey")),
        sa.PrimaryKeyConstraint("segment_id", "generation", "account_id", name=op.f("segment_members_pkey")),
    )
    op.create_table(
        "sale_entrances",
        sa.Column("sale_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("door", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("opened_at <= first_at AND first_at <= last_at", name=op.f("sale_entrances_moments_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("sale_entrances_account_id_fkey")),
        sa.PrimaryKeyConstraint("sale_id", "account_id", name=op.f("sale_entrances_pkey")),
    )
    for table in ("flash_sales", "group_buy_campaigns"):
        op.add_column(table, sa.Column("doors", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("group_buy_campaigns", sa.Column("begins_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE group_buy_campaigns SET begins_at = opens_at")
    op.alter_column("group_buy_campaigns", "begins_at", nullable=False)
    op.create_check_constraint(
        op.f("group_buy_campaigns_doors_check"),
        "group_buy_campaigns",
        "begins_at <= opens_at AND (doors IS NOT NULL OR begins_at = opens_at)",
    )
    op.drop_index("group_buy_campaigns_product_idx", table_name="group_buy_campaigns")
    op.create_index("group_buy_campaigns_product_idx", "group_buy_campaigns", ["product_id", "begins_at"], unique=False)


def downgrade() -> None:
    op.drop_index("group_buy_campaigns_product_idx", table_name="group_buy_campaigns")
    op.create_index("group_buy_campaigns_product_idx", "group_buy_campaigns", ["product_id", "opens_at"], unique=False)
    op.drop_constraint(op.f("group_buy_campaigns_doors_check"), "group_buy_campaigns")
    op.drop_column("group_buy_campaigns", "begins_at")
    op.drop_column("group_buy_campaigns", "doors")
    op.drop_column("flash_sales", "doors")
    op.drop_table("sale_entrances")
    op.drop_table("segment_members")
    op.drop_index(
        "segment_refreshes_open_key",
        table_name="segment_refreshes",
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.drop_table("segment_refreshes")
    op.drop_table("segment_versions")
    op.drop_index("segments_due_idx", table_name="segments", postgresql_where=sa.text("refresh_due_at IS NOT NULL"))
    op.drop_table("segments")
