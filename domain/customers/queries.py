"""How screens and other features read customers, all as of the last refresh. Never locks."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_

from domain.customers.rules import Customer, Cuts, Value, cuts_of, segment_of
from domain.customers.store import rules
from domain.customers.tables import customers, refresh, standings
from domain.foundation.database import AnyRow, Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor

__all__ = ["by_ids", "highest", "refreshed", "rules", "total", "values_of"]

_c = customers.c
_VALUE = (
    _c.account_id, _c.recent_orders, _c.recent_goods_minor, _c.recent_costed_minor, _c.recent_margin_minor, _c.referred,
    _c.index_permille, _c.value_minor,
)  # fmt: skip
_CUTS = select(standings.c.cuts).order_by(standings.c.day.desc()).limit(1).scalar_subquery()
_AS_OF = select(refresh.c.as_of_day, _CUTS.label("cuts"))


async def values_of(reader: Reader, account_ids: Sequence[UUID]) -> dict[UUID, Value]:
    """What these people are worth, in one statement; whoever never kept anything of a paid order is missing."""
    rows = await reader.rows(select(*_VALUE).where(_c.account_id == func.any(list(account_ids))))
    return {row.account_id: Value(*row) for row in rows}


async def total(reader: Reader) -> int:
    """How many customers there were when all of them were counted last; 0 before the first time."""
    latest = select(standings.c.customers).order_by(standings.c.day.desc()).limit(1)
    return int(await reader.value(latest) or 0)


async def by_ids(db: Database, account_ids: Sequence[UUID]) -> dict[UUID, Customer]:
    """Those of these people who are customers, in two statements."""
    found = await _customers(db, select(*_c).where(_c.account_id == func.any(list(account_ids))))
    return {one.account_id: one for one in found}


async def highest(db: Database, *, first: int, after: str | None = None) -> Page[Customer]:
    """Customers by their value, the highest first; of equal ones, the later id."""
    question = select(*_c).order_by(_c.value_minor.desc(), _c.account_id.desc())
    if after is not None:
        question = question.where(tuple_(_c.value_minor, _c.account_id) < tuple_(*read_cursor(after, int, UUID)))
    found = await _customers(db, question.limit(page_size(first) + 1))
    return page_of(found, first, lambda one: (one.value.value_minor, str(one.account_id)))


async def refreshed(reader: Reader) -> tuple[date, datetime] | None:
    """Up to which day, and when, customers were brought up to date; None before the first time."""
    row = await reader.one(select(refresh.c.as_of_day, refresh.c.refreshed_at))
    return (row.as_of_day, row.refreshed_at) if row and row.refreshed_at else None


async def _customers(db: Database, question: Select[*tuple[Any, ...]]) -> list[Customer]:
    async with db.reading() as reader:
        rows = await reader.rows(question)
        as_of = await reader.one(_AS_OF) if rows else None
    if as_of is None:
        return []
    cuts = cuts_of(as_of.cuts) if as_of.cuts else None
    return [_customer_of(row, as_of.as_of_day, cuts) for row in rows]


def _customer_of(row: AnyRow, as_of: date, cuts: Cuts | None) -> Customer:
    return Customer(
        account_id=row.account_id,
        first_day=row.first_day,
        last_day=row.last_day,
        recency_days=(as_of - row.last_day).days,
        orders=row.orders,
        purchases=row.purchases,
        spend_minor=row.spend_minor,
        refunded_minor=row.refunded_minor,
        goods_minor=row.goods_minor,
        costed_minor=row.costed_minor,
        margin_minor=row.margin_minor,
        recent_purchases=row.recent_purchases,
        recent_spend_minor=row.recent_spend_minor,
        referred_by=row.referred_by,
        value=Value(*(getattr(row, column.name) for column in _VALUE)),
        segment=segment_of(row.last_day, row.recent_purchases, row.recent_spend_minor, cuts)
        if cuts and row.recent_purchases
        else None,
        refreshed_at=row.refreshed_at,
    )
