"""Auto-renewal contracts and their charges."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "renewal_contracts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=10), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("renewal_contracts_ended_check")),
        sa.CheckConstraint(
            "ended_by IN ('member', 'wallet', 'unsigned', 'card', 'staff')", name=op.f("renewal_contracts_enders_check")
        ),
        sa.CheckConstraint("state <> 'signing' OR look_at IS NOT NULL", name=op.f("renewal_contracts_look_check")),
        sa.CheckConstraint(
            "state IN ('signing', 'signed', 'resting', 'ended')", name=op.f("renewal_contracts_state_check")
        ),
        sa.CheckConstraint(
            "state NOT IN ('signed', 'resting') OR (signed_at IS NOT NULL AND reference IS NOT NULL)",
            name=op.f("renewal_contracts_signed_check"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("renewal_contracts_ended_by_check")),
        sa.CheckConstraint("price_minor > 0", name=op.f("renewal_contracts_price_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("renewal_contracts_account_id_fkey")),
        sa.ForeignKeyConstraint(["plan_id"], ["membership_plans.id"], name=op.f("renewal_contracts_plan_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("renewal_contracts_pkey")),
    )
    op.create_index(
        "renewal_contracts_account_idx", "renewal_contracts", ["account_id", sa.literal_column("id DESC")], unique=False
    )
    op.create_index(
        "renewal_contracts_living_key",
        "renewal_contracts",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index(
        "renewal_contracts_look_idx",
        "renewal_contracts",
        ["look_at"],
        unique=False,
        postgresql_where=sa.text("look_at IS NOT NULL"),
    )
    op.create_table(
        "renewal_charges",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("term", sa.SmallInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("purchase_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'open') = (due_at IS NOT NULL)", name=op.f("renewal_charges_due_check")),
        sa.CheckConstraint("(state = 'open') = (settled_at IS NULL)", name=op.f("renewal_charges_settled_check")),
        sa.CheckConstraint("state <> 'paid' OR payment_id IS NOT NULL", name=op.f("renewal_charges_paid_check")),
        sa.CheckConstraint(
            "state IN ('open', 'paid', 'given_up', 'called_off')", name=op.f("renewal_charges_state_check")
        ),
        sa.CheckConstraint(
            "(first_day IS NULL) = (last_day IS NULL) AND first_day <= last_day",
            name=op.f("renewal_charges_days_check"),
        ),
        sa.CheckConstraint("(purchase_id IS NULL) = (payment_id IS NULL)", name=op.f("renewal_charges_purchase_check")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("renewal_charges_amount_check")),
        sa.CheckConstraint("asked_at IS NULL OR payment_id IS NOT NULL", name=op.f("renewal_charges_asked_check")),
        sa.CheckConstraint("term >= 2", name=op.f("renewal_charges_term_check")),
        sa.CheckConstraint("tries BETWEEN 0 AND 3", name=op.f("renewal_charges_tries_check")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["renewal_contracts.id"], name=op.f("renewal_charges_contract_id_fkey")
        ),
        sa.ForeignKeyConstraint(["membership_id"], ["memberships.id"], name=op.f("renewal_charges_membership_id_fkey")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("renewal_charges_payment_id_fkey")),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["membership_purchases.id"], name=op.f("renewal_charges_purchase_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("renewal_charges_pkey")),
        sa.UniqueConstraint("membership_id", "term", name=op.f("renewal_charges_membership_id_term_key")),
        sa.UniqueConstraint("payment_id", name=op.f("renewal_charges_payment_id_key")),
        sa.UniqueConstraint("purchase_id", name=op.f("renewal_charges_purchase_id_key")),
    )
    op.create_index(op.f("renewal_charges_contract_id_idx"), "renewal_charges", ["contract_id"], unique=False)
    op.create_index(
        "renewal_charges_due_idx",
        "renewal_charges",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "renewal_messages",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('week', 'day', 'charge', 'given_up')", name=op.f("renewal_messages_kind_check")),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["memberships.id"], name=op.f("renewal_messages_membership_id_fkey")
        ),
        sa.PrimaryKeyConstraint("membership_id", "ends_at", "kind", name=op.f("renewal_messages_pkey")),
    )
    op.create_index(
        "renewal_messages_unsent_idx",
        "renewal_messages",
        ["made_at"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "renewal_messages_unsent_idx", table_name="renewal_messages", postgresql_where=sa.text("sent_at IS NULL")
    )
    op.drop_table("renewal_messages")
    op.drop_index("renewal_charges_due_idx", table_name="renewal_charges", postgresql_where=sa.text("state = 'open'"))
    op.drop_index(op.f("renewal_charges_contract_id_idx"), table_name="renewal_charges")
    op.drop_table("renewal_charges")
    op.drop_index(
        "renewal_contracts_look_idx", table_name="renewal_contracts", postgresql_where=sa.text("look_at IS NOT NULL")
    )
    op.drop_index(
        "renewal_contracts_living_key", table_name="renewal_contracts", postgresql_where=sa.text("state <> 'ended'")
    )
    op.drop_index("renewal_contracts_account_idx", table_name="renewal_contracts")
    op.drop_table("renewal_contracts")
