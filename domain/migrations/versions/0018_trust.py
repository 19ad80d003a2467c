"""Trust: rules, evidence, tiers, what staff keep about customers, and messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

MOVES_ARE_APPEND_ONLY = """
CREATE TRIGGER trust_moves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trust_moves
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trust_rules",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("trust_rules_version_check")),
        sa.PrimaryKeyConstraint("version", name=op.f("trust_rules_pkey")),
    )
    op.create_table(
        "trust_evidence",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "amount BETWEEN 1 AND 1000 AND (amount = 1 OR kind = 'chat')", name=op.f("trust_evidence_amount_check")
        ),
        sa.CheckConstraint(
            "kind IN ('comment', 'like', 'reservation', 'coupon_claim', 'check_in', 'chat', 'review', 'recommendation', 'share', 'purchase', 'referral', 'super_user', 'complaint', 'opt_out', 'shop_muted', 'silenced')",
            name=op.f("trust_evidence_kind_check"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("trust_evidence_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "kind", "cause", name=op.f("trust_evidence_pkey")),
    )
    op.create_index(
        "trust_evidence_counting_idx",
        "trust_evidence",
        ["account_id", "kind", sa.literal_column("at DESC")],
        unique=False,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "trust_states",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("next_review_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tier BETWEEN 0 AND 5", name=op.f("trust_states_tier_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("trust_states_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("trust_states_pkey")),
    )
    op.create_index(
        "trust_states_due_idx",
        "trust_states",
        ["next_review_at"],
        unique=False,
        postgresql_where=sa.text("next_review_at IS NOT NULL"),
    )
    op.create_index("trust_states_rules_idx", "trust_states", ["rule_version"], unique=False)
    op.create_index("trust_states_tier_idx", "trust_states", ["tier", "account_id"], unique=False)
    op.create_table(
        "trust_moves",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("from_tier", sa.SmallInteger(), nullable=False),
        sa.Column("to_tier", sa.SmallInteger(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "from_tier BETWEEN 0 AND 5 AND to_tier BETWEEN 0 AND 5 AND from_tier <> to_tier",
            name=op.f("trust_moves_tiers_check"),
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("trust_moves_pkey")),
    )
    op.create_index(
        "trust_moves_account_idx", "trust_moves", ["account_id", sa.literal_column("position DESC")], unique=False
    )
    op.create_table(
        "trust_tier_counts",
        sa.Column("tier", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("tier BETWEEN 0 AND 5", name=op.f("trust_tier_counts_tier_check")),
        sa.PrimaryKeyConstraint("tier", name=op.f("trust_tier_counts_pkey")),
    )
    op.create_table(
        "trust_sweeps",
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("swept_to", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("trust_sweeps_pkey")),
    )
    op.create_table(
        "customer_complaints",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("resolution", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolved_by IS NULL) AND (resolved_at IS NULL) = (resolution IS NULL)",
            name=op.f("customer_complaints_resolved_check"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("customer_complaints_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("customer_complaints_pkey")),
        sa.UniqueConstraint("reference", name=op.f("customer_complaints_reference_key")),
    )
    op.create_index(
        "customer_complaints_account_idx",
        "customer_complaints",
        ["account_id", sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "customer_tags",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.String(length=30), nullable=False),
        sa.Column("tagged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tagged_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("customer_tags_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "tag", name=op.f("customer_tags_pkey")),
    )
    op.create_index("customer_tags_tag_idx", "customer_tags", ["tag", "account_id"], unique=False)
    op.create_table(
        "customer_remarks",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("customer_remarks_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("customer_remarks_pkey")),
    )
    op.create_index(
        "customer_remarks_account_idx", "customer_remarks", ["account_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_table(
        "customer_messages",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cap", sa.SmallInteger(), nullable=True),
        sa.Column("cap_days", sa.SmallInteger(), nullable=True),
        sa.Column("sent_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(cap IS NULL) = (purpose IN ('order', 'refund')) AND (cap IS NULL) = (cap_days IS NULL)",
            name=op.f("customer_messages_counted_check"),
        ),
        sa.CheckConstraint(
            "purpose IN ('marketing', 'care', 'order', 'refund')", name=op.f("customer_messages_purpose_check")
        ),
        sa.CheckConstraint(
            "cap BETWEEN 1 AND 100 AND cap_days BETWEEN 1 AND 3650", name=op.f("customer_messages_cap_check")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("customer_messages_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("customer_messages_pkey")),
        sa.UniqueConstraint("account_id", "key", name=op.f("customer_messages_account_id_key_key")),
    )
    op.create_index(
        "customer_messages_counted_idx",
        "customer_messages",
        ["account_id", "sent_at"],
        unique=False,
        postgresql_where=sa.text("cap IS NOT NULL"),
    )
    op.execute(MOVES_ARE_APPEND_ONLY)


def downgrade() -> None:
    op.drop_index(
        "customer_messages_counted_idx", table_name="customer_messages", postgresql_where=sa.text("cap IS NOT NULL")
    )
    op.drop_table("customer_messages")
    op.drop_index("customer_remarks_account_idx", table_name="customer_remarks")
    op.drop_table("customer_remarks")
    op.drop_index("customer_tags_tag_idx", table_name="customer_tags")
    op.drop_table("customer_tags")
    op.drop_index("customer_complaints_account_idx", table_name="customer_complaints")
    op.drop_table("customer_complaints")
    op.drop_table("trust_sweeps")
    op.drop_table("trust_tier_counts")
    op.drop_index("trust_moves_account_idx", table_name="trust_moves")
    op.drop_table("trust_moves")
    op.drop_index("trust_states_tier_idx", table_name="trust_states")
    op.drop_index("trust_states_rules_idx", table_name="trust_states")
    op.drop_index(
        "trust_states_due_idx", table_name="trust_states", postgresql_where=sa.text("next_review_at IS NOT NULL")
    )
    op.drop_table("trust_states")
    op.drop_index(
        "trust_evidence_counting_idx", table_name="trust_evidence", postgresql_where=sa.text("withdrawn_at IS NULL")
    )
    op.drop_table("trust_evidence")
    op.drop_table("trust_rules")
