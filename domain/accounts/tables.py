"""Accounts, their roles, the outside identities that lead to them, and the sessions in which they are signed in."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Uuid,
)

from domain.foundation.tables import id_column, metadata, moment

accounts = Table(
    "accounts",
    metadata,
    id_column(),
    Column("display_name", String(100), nullable=False),
    moment("created_at"),
    moment("disabled_at", nullable=True),
    Column("disabled_by", Uuid),
    Column("disabled_why", String(200)),
    # tokens of an earlier moment are refused: set by signing out everywhere, by a ban and by taking a role away
    moment("tokens_valid_from", nullable=True),
)
# What every API process asks each second: whose tokens are refused since a moment ago?
Index(
    "accounts_tokens_valid_from_idx",
    accounts.c.tokens_valid_from,
    postgresql_where=accounts.c.tokens_valid_from.isnot(None),
)
Index("accounts_disabled_at_idx", accounts.c.disabled_at, postgresql_where=accounts.c.disabled_at.isnot(None))

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

# A family of refresh tokens: one device on which somebody is signed in. Each rotation is a generation of them.
sessions = Table(
    "account_sessions",
    metadata,
    id_column(),
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("device", String(100), nullable=False),
    moment("started_at"),
    moment("refreshed_at"),
    Column("generation", Integer, nullable=False),
    moment("ended_at", nullable=True),
    Column("ended_why", String(20)),
    CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended"),
    CheckConstraint("ended_why IN ('signed_out', 'everywhere', 'reused', 'banned')", name="ended_why"),
)
Index("account_sessions_living_idx", sessions.c.account_id, postgresql_where=sessions.c.ended_at.is_(None))
Index("account_sessions_ended_idx", sessions.c.ended_at, postgresql_where=sessions.c.ended_at.isnot(None))

# Only digests: whoever reads this table can sign in as nobody. Those of earlier generations than their session's are used:
# one that comes again ends the session.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("session_id", Uuid, ForeignKey("account_sessions.id", ondelete="CASCADE"), nullable=False),
    Column("generation", Integer, nullable=False),
    moment("expires_at"),
    CheckConstraint("octet_length(digest) = 32", name="digest"),
)
Index("refresh_tokens_expires_at_idx", refresh_tokens.c.expires_at)
Index("refresh_tokens_generation_idx", refresh_tokens.c.session_id, refresh_tokens.c.generation)

# How staff sign in: a name, a password (argon2id) and a second factor (TOTP), sealed with `seal_key`.
staff_credentials = Table(
    "staff_credentials",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("totp_sealed", LargeBinary, nullable=False),
    # the last step of 30 s whose code was taken: no code counts twice
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
    Column("must_change_password", Boolean, nullable=False),
    Column("failures", SmallInteger, nullable=False, server_default="0"),
    moment("locked_until", nullable=True),
    moment("changed_at"),
    CheckConstraint("failures >= 0", name="failures"),
)
