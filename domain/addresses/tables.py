"""Addresses of shoppers."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, String, Table, Uuid, text

from domain.foundation.tables import id_column, metadata, moment

addresses = Table(
    "addresses",
    metadata,
    id_column(),
    Column("shopper_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("recipient", String(60), nullable=False),
    Column("phone", String(20), nullable=False),
    Column("province", String(40), nullable=False),
    Column("city", String(40), nullable=False),
    Column("district", String(40), nullable=False),
    Column("region_code", String(6), nullable=False),
    Column("street", String(200), nullable=False),
    Column("is_default", Boolean, nullable=False, server_default="false"),
    moment("created_at"),
    moment("updated_at"),
    CheckConstraint("region_code ~ '^[0-9]{6}$'", name="region_code"),
)
Index("addresses_shopper_idx", addresses.c.shopper_id, addresses.c.id.desc())
# A shopper has one address that is taken when none is named.
Index("addresses_default_idx", addresses.c.shopper_id, unique=True, postgresql_where=text("is_default"))
