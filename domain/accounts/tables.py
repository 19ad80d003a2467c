"""Accounts, the roles they were given and the outside identities that lead to them."""

from sqlalchemy import Column, ForeignKey, PrimaryKeyConstraint, String, Table, Uuid

from domain.foundation.tables import id_column, metadata, moment

accounts = Table(
    "accounts",
    metadata,
    id_column(),
    Column("display_name", String(100), nullable=False),
    moment("created_at"),
    moment("disabled_at", nullable=True),
    Column("disabled_by", Uuid),
)

roles = Table(
    "account_roles",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("role", String(20), nullable=False),
    moment("given_at"),
    Column("given_by", Uuid),
    PrimaryKeyConstraint("account_id", "role"),
)

# The door for WeChat, phone and others: one row per provider and its name for the person.
identities = Table(
    "account_identities",
    metadata,
    Column("provider", String(20), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    moment("created_at"),
    PrimaryKeyConstraint("provider", "subject"),
)
