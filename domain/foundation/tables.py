"""The one MetaData that every feature's tables join, and the columns they all share."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, MetaData
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def id_column(name: str = "id", *arguments: Any, **options: Any) -> Column[UUID]:
    """A UUID column; the primary key when it is called `id`."""
    options.setdefault("primary_key", name == "id")
    options.setdefault("nullable", False)
    return Column(name, PG_UUID(as_uuid=True), *arguments, **options)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    """A moment: aware, stored in UTC, to the microsecond."""
    return Column(name, DateTime(timezone=True), nullable=nullable)
