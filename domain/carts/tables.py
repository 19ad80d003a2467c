"""Carts and their lines."""

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
    Table,
    Uuid,
)

from domain.foundation.tables import id_column, metadata, moment

# A signed-in shopper has one; a guest has one behind a secret token, of which only the hash is kept.
carts = Table(
    "carts",
    metadata,
    id_column(),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), unique=True),
    Column("guest_hash", LargeBinary, unique=True),
    moment("touched_at"),
    # a guest's cart that was merged into a shopper's
    moment("merged_at", nullable=True),
    CheckConstraint("(shopper_id IS NULL) <> (guest_hash IS NULL)", name="owner"),
)
# The chore's question: which guests have not come back for a month?
Index("carts_forgotten_idx", carts.c.touched_at, postgresql_where=carts.c.guest_hash.isnot(None))

cart_lines = Table(
    "cart_lines",
    metadata,
    Column("cart_id", Uuid, ForeignKey("carts.id", ondelete="CASCADE"), nullable=False),
    Column("sku_id", Uuid, ForeignKey("skus.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    # whether it is ticked for checkout
    Column("is_chosen", Boolean, nullable=False, server_default="true"),
    # the price the shopper saw when it was put in: drift is shown against it
    Column("seen_price_minor", BigInteger, nullable=False),
    moment("added_at"),
    PrimaryKeyConstraint("cart_id", "sku_id"),
    CheckConstraint("quantity BETWEEN 1 AND 999", name="quantity"),
)
