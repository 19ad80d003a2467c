"""Stores."""

from sqlalchemy import Boolean, Column, String, Table, Time

from domain.foundation.tables import id_column, metadata, moment

stores = Table(
    "stores",
    metadata,
    id_column(),
    # what staff call it, unique: "sh-001"
    Column("code", String(40), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("phone", String(20), nullable=False, server_default=""),
    # GB/T 2260 code of the county or district, six digits
    Column("region_code", String(6), nullable=False),
    Column("address", String(300), nullable=False),
    Column("opens_at", Time, nullable=False),
    Column("closes_at", Time, nullable=False),
    # whether new orders may be picked up here
    Column("takes_pickups", Boolean, nullable=False, server_default="true"),
    moment("created_at"),
    moment("updated_at"),
)
